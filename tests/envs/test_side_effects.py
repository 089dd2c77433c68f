"""Environments whose observed states show side effects: their entries by hand, and their states."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from gymnasium.wrappers import RescaleAction
from stable_baselines3.common.env_checker import check_env as check_with_sb3

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_envs.registration import SIDE_EFFECTS
from rlsp_envs.wrappers import Drift, FuelGauge

pytest.importorskip("mujoco")

every_id = pytest.mark.parametrize("env_id", list(SIDE_EFFECTS))
CHEETAH, PENDULUM = "HalfCheetahFuel-v0", "InvertedPendulumDrift-v0"


def actions_of(env: gym.Env, n: int, seed: int = 0) -> np.ndarray:
    space: Any = env.action_space
    return np.random.default_rng(seed).uniform(-0.1, 0.1, (n, *space.shape)).astype(np.float32)


# Entries.


def test_fuel_is_used_by_the_mean_square_of_actions() -> None:
    env = gym.make(CHEETAH)
    assert env.reset(seed=0)[0][-1] == 1
    halves = np.full(6, 0.5, np.float32)
    assert env.step(halves)[0][-1] == pytest.approx(1 - 0.25 / 1000, abs=1e-15)
    one_leg = np.array([0, 0, 0, 0, 0, -1], np.float32)
    assert env.step(one_leg)[0][-1] == pytest.approx(1 - 0.25 / 1000 - 1 / 6000, abs=1e-15)
    assert env.step(np.zeros(6, np.float32))[0][-1] == env.step(np.zeros(6, np.float32))[0][-1]
    assert env.reset()[0][-1] == 1


def test_the_tank_lasts_for_its_endurance_and_stays_empty() -> None:
    env = FuelGauge(gym.make(PENDULUM).unwrapped, endurance=4)
    env.reset(seed=0)
    gauges = [env.step(sign * np.full(1, 3, np.float32))[0][-1] for sign in (1, -1) * 3]
    assert gauges == [0.75, 0.5, 0.25, 0, 0, 0]


def test_drift_goes_on_whatever_is_done() -> None:
    env = gym.make(PENDULUM)
    starts = [env.reset(seed=seed)[0][-1] for seed in range(200)]
    assert 0 <= min(starts) < 0.01
    assert 0.09 < max(starts) <= 0.1
    for actions in (actions_of(env, 9, seed=1), actions_of(env, 9, seed=2)):
        start = env.reset(seed=3)[0][-1]
        shown = [env.step(action)[0][-1] for action in actions]
        steps = np.arange(1, 10)
        np.testing.assert_allclose(shown, 1 - (1 - start) * 0.995**steps, rtol=1e-14)


@every_id
def test_the_entry_changes_nothing_else(env_id: str) -> None:
    with_entry = gym.make(env_id)
    without: Any = type(with_entry.unwrapped)()
    shown, _ = with_entry.reset(seed=4)
    np.testing.assert_array_equal(shown[:-1], without.reset(seed=4)[0])
    for action in actions_of(with_entry, 5):
        shown, *rest = with_entry.step(action)
        expected, *others = without.step(action)
        np.testing.assert_array_equal(shown[:-1], expected)
        assert rest == others


def test_the_pendulum_is_rewarded_while_it_stands() -> None:
    env = gym.make(PENDULUM)
    env.reset(seed=0)
    terminated, rewards = False, []
    while not terminated:
        _, reward, terminated, _, info = env.step(np.ones(1, np.float32))
        rewards.append(reward)
        assert info == {"reward_survive": reward}
    assert rewards == [1] * (len(rewards) - 1) + [0]


# States.


@every_id
def test_a_step_from_a_restored_state_is_the_step(env_id: str) -> None:
    env, again = gym.make(env_id), gym.make(env_id)
    shown, _ = env.reset(seed=0)
    for action in actions_of(env, 12):
        again.reset(seed=9)
        again.get_wrapper_attr("set_state_from_observation")(shown)
        before, (shown, *_) = shown, env.step(action)
        np.testing.assert_allclose(again.step(action)[0], shown, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(again.reset(options={"observation": before})[0], before)
        np.testing.assert_allclose(again.step(action)[0], shown, rtol=0, atol=1e-9)


@every_id
def test_what_cannot_be_restored(env_id: str) -> None:
    env = gym.make(env_id)
    with pytest.raises(ValueError, match=r"last entry being that of a (FuelGauge|Drift)"):
        env.reset(options={"observation": np.zeros(3)})


@every_id
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_the_same(env_id: str, copied: Any) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    first, second = actions_of(env, 2)
    env.step(first)
    twin = copied(env)
    np.testing.assert_array_equal(twin.step(second)[0], env.step(second)[0])
    np.testing.assert_array_equal(twin.reset()[0], env.reset()[0])


# Checkers and specs.


@every_id
def test_checkers_accept_it(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*different from the unwrapped version.*")
        warnings.filterwarnings("ignore", ".*env.seed to get variables from other wrappers.*")
        warnings.filterwarnings("ignore", ".*observation space m(in|ax)imum value is.*infinity.*")
        warnings.filterwarnings("ignore", ".*For Box action spaces, we recommend.*")
        check_with_gymnasium(gym.make(env_id, disable_env_checker=True), skip_render_check=True)
        warnings.filterwarnings("ignore", ".*symmetric and normalized.*")  # ±3, as Gymnasium has it
        check_with_sb3(gym.make(env_id))


@every_id
def test_specs_can_be_written_and_read(env_id: str) -> None:
    spec = gym.make(env_id).spec
    assert spec is not None
    assert EnvSpec.from_json(spec.to_json()) == spec
    assert spec.max_episode_steps == 1000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda env: FuelGauge(env, endurance=0), "endurance=0: expected more than 0"),
        (lambda env: FuelGauge(env, endurance=float("nan")), "endurance=nan: expected"),
        (
            lambda env: FuelGauge(RescaleAction(env, np.float32(-1), np.float32(2))),
            "bounds -a_max and a_max",
        ),
        (lambda env: Drift(env, rate=0), "rate=0: expected more than 0 and at most 1"),
        (lambda env: Drift(env, rate=1.5), "rate=1.5"),
        (lambda env: Drift(gym.make("FrozenLake-v1")), "FlattenObservation"),
        (lambda env: FuelGauge(gym.make("CartPole-v1")), "action space Discrete"),
    ],
)
def test_a_wrong_argument_is_refused(make: Any, message: str) -> None:
    env = gym.make(PENDULUM).unwrapped
    assert isinstance(env.action_space, spaces.Box)
    with pytest.raises(ValueError, match=message):
        make(env)
