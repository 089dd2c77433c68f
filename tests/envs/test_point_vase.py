"""A point that goes round a vase: its steps by hand, its states, and batches."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from stable_baselines3.common.env_checker import check_env as check_with_sb3

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_envs.point_vase import PointVaseEnv


def walk(env: gym.Env, actions: Any) -> list[np.ndarray]:
    return [env.step(np.array(action, np.float32))[0] for action in actions]


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        ((0.5, 0.5, 0), (1, -0.5), (0.6, 0.45, 0)),
        ((-0.3, 0, 0), (0.25, 0), (-0.275, 0, 0)),  # just outside of the vase
        ((-0.3, 0, 0), (1, 0), (-0.2, 0, 1)),
        ((-0.2, 0, 1), (-1, 0), (-0.3, 0, 1)),  # it stays broken
        ((1.45, -1.45, 0), (1, -1), (1.5, -1.5, 0)),  # bounds stop the point
    ],
)
def test_a_step_by_hand(before: Any, action: Any, after: Any) -> None:
    env = PointVaseEnv()
    env.set_state_from_observation(before)
    observation, reward, terminated, truncated, info = env.step(np.array(action, np.float32))
    np.testing.assert_allclose(observation, after, atol=1e-7)
    near = np.exp(-((after[0] - 1) ** 2 + after[1] ** 2))
    np.testing.assert_allclose(info["features"], [near, after[2]], atol=1e-6)
    assert reward == pytest.approx(near - after[2], abs=1e-6)
    assert not terminated
    assert not truncated


def test_straight_on_breaks_the_vase_and_a_detour_costs_little() -> None:
    env = gym.make("PointVase-v0")
    env.reset(seed=0)
    straight = walk(env, [(1, 0)] * 20)
    assert straight[-1][2] == 1
    env.reset(seed=0)
    around = walk(env, [*[(1, 0.4)] * 10, *[(1, -0.4)] * 10])
    assert around[-1][2] == 0
    features = env.unwrapped.features(np.array([straight[-1], around[-1]]))
    np.testing.assert_allclose(features[0, 0], features[1, 0], atol=1e-5)


def test_random_steps_seldom_reach_the_vase() -> None:
    """In the time in which the goal is reached: else contrast would find it, too."""
    env, rng = PointVaseEnv(), np.random.default_rng(0)
    states = np.array([env.reset(seed=i)[0] for i in range(2000)])
    for _ in range(40):
        states = env.next_observations(states, rng.uniform(-1, 1, (2000, 2)))
    assert 0 < states[:, 2].mean() < 0.1


def test_episodes_start_beside_a_whole_vase() -> None:
    env = PointVaseEnv()
    starts = np.array([env.reset(seed=i)[0] for i in range(300)])
    np.testing.assert_allclose(starts[:, :2].mean(axis=0), [-1, 0], atol=0.01)
    assert np.abs(starts - [-1, 0, 0]).max() <= 0.05
    assert (starts[:, 2] == 0).all()


def test_a_batch_is_one_step_after_the_other_and_states_are_restored() -> None:
    env, rng = PointVaseEnv(), np.random.default_rng(1)
    states = np.column_stack([rng.uniform(-1.5, 1.5, (200, 2)), rng.integers(0, 2, 200)])
    actions = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    following = env.next_observations(states, actions)
    for state, action, after in zip(states, actions, following, strict=True):
        env.set_state_from_observation(state)
        np.testing.assert_array_equal(env.step(action)[0], after)


def test_checkers_accept_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*no render modes.*")
        check_with_gymnasium(gym.make("PointVase-v0").unwrapped, skip_render_check=True)
        check_with_sb3(gym.make("PointVase-v0"))


def test_the_spec_can_be_written_and_read() -> None:
    spec = gym.make("PointVase-v0").spec
    assert spec is not None
    assert EnvSpec.from_json(spec.to_json()) == spec
    assert spec.max_episode_steps == 100


def test_what_cannot_be_done() -> None:
    env = PointVaseEnv()
    with pytest.raises(ResetNeeded, match="call reset first"):
        env.step(np.zeros(2, np.float32))
    with pytest.raises(ValueError, match=r"shape \(2,\): expected \(3,\)"):
        env.set_state_from_observation([0, 0])
