"""The robot arm that reaches past a stack of blocks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from numpy.typing import NDArray
from stable_baselines3.common.env_checker import check_env as check_with_sb3

import rlsp_envs  # noqa: F401
from rlsp_sb3.simulators.rollout import make_simulator
from rlsp_sb3.state_reset import set_state_from_observation

ID = "FetchReachStack-v1"
Array = NDArray[Any]

needs_the_robot = pytest.mark.skipif(
    find_spec("gymnasium_robotics") is None, reason="gymnasium-robotics is not installed"
)
pytestmark = needs_the_robot

# What the last observation of a fixed episode adds up to with weights 1, 2, …, and its reward.
GOLDEN = [170.057523645802, -0.269789066004]


def parts(observation: Array) -> dict[str, Array]:
    names = ["hand", "move", "goal", "low", "middle", "high", "stack"]
    return dict(zip(names, observation.reshape(7, 3), strict=True))


def wave(t: int) -> Array:
    return np.sin(np.arange(3) + 3 * t).astype(np.float32)


def play(env: gym.Env, n: int, seed: int = 0) -> list[list[float]]:
    observation, _ = env.reset(seed=seed)
    steps = [observation.tolist()]
    for t in range(n):
        observation, reward, *_ = env.step(wave(t))
        steps.append([*observation.tolist(), reward])
    return steps


def straight(observation: Array) -> Array:
    """An action that goes straight to the goal."""
    way = parts(observation)["goal"] - parts(observation)["hand"]
    return np.clip(way / 0.05, -1, 1).astype(np.float32)


def over(observation: Array) -> Array:
    """An action that goes up first, then over the stack, then down to the goal."""
    hand, goal = parts(observation)["hand"], parts(observation)["goal"]
    way = goal - hand
    if np.linalg.norm(way[:2]) > 0.03:
        way[2] = 0.7 - hand[2]
        if hand[2] < 0.65:
            way[:2] = 0
    return np.clip(way / 0.05, -1, 1).astype(np.float32)


def test_spaces_and_limit() -> None:
    env = gym.make(ID)
    assert env.observation_space == gym.spaces.Box(-np.inf, np.inf, (21,), np.float64)
    assert env.action_space == gym.spaces.Box(-1, 1, (3,), np.float32)
    assert env.spec.max_episode_steps == 50
    assert env.unwrapped.dt == pytest.approx(0.04)
    assert env.metadata["render_fps"] == 25


def test_the_dynamics_are_the_same_with_every_gymnasium() -> None:
    *observation, reward = play(gym.make(ID), 30)[-1]
    actual = [float(np.array(observation) @ np.arange(1, 22)), reward]
    np.testing.assert_allclose(actual, GOLDEN, rtol=0, atol=1e-9)


def test_where_things_are_at_the_start() -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    quadrants = set()
    for _ in range(40):
        start = parts(env.reset()[0])
        # As Gymnasium-Robotics says of its FetchReach, which has the same robot.
        np.testing.assert_allclose(start["hand"], [1.3419, 0.7491, 0.5347], rtol=0, atol=2e-4)
        assert np.abs(start["move"]).max() < 2e-4
        way = (start["goal"] - start["hand"])[:2]
        assert ((np.abs(way) > 0.15) & (np.abs(way) < 0.2)).all()
        assert start["goal"][2] == pytest.approx(0.45)
        quadrants.add(tuple(np.sign(way)))
        shares = (start["stack"] - start["hand"])[:2] / way
        assert shares[0] == pytest.approx(shares[1])
        assert 0.4 < shares[0] < 0.6
        for name, height in {"low": 0.425, "middle": 0.475, "high": 0.525, "stack": 0.525}.items():
            np.testing.assert_allclose(start[name], [*start["stack"][:2], height], atol=1e-12)
    assert len(quadrants) == 4


def test_the_hand_goes_where_it_is_told() -> None:
    env = gym.make(ID)
    for axis in range(3):
        for sign in (-1, 1):
            first = parts(env.reset(seed=0)[0])["hand"]
            action = np.zeros(3, dtype=np.float32)
            action[axis] = sign
            for _ in range(2):
                last = parts(env.step(action)[0])
            moved = last["hand"] - first
            assert sign * moved[axis] > 0.03
            assert np.abs(np.delete(moved, axis)).max() < 0.02


def test_how_far_the_hand_moves_in_a_step() -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    up = np.array([0, 0, 1], dtype=np.float32)
    seen = [parts(env.step(up)[0]) for _ in range(3)]
    ways = np.diff([step["hand"][2] for step in seen])
    assert seen[1]["move"][2] == pytest.approx(ways.mean(), rel=0.5)


def test_the_fingers_stay_closed() -> None:
    env = gym.make(ID)
    play(env, 20)
    for side in "rl":
        assert env.unwrapped.data.joint(f"robot0:{side}_gripper_finger_joint").qpos[0] == 0


# Rewards.


@pytest.mark.parametrize(("act", "falls"), [(straight, True), (over, False)])
def test_who_goes_straight_to_the_goal_knocks_the_stack_over(act: Any, falls: bool) -> None:
    env = gym.make(ID)
    for seed in range(6):
        observation, _ = env.reset(seed=seed)
        for _ in range(50):
            observation, reward, terminated, truncated, info = env.step(act(observation))
            assert not terminated
        assert truncated
        assert info["is_success"]
        assert info["failed"] == falls
        assert info["task_reward"] == 1
        assert info["true_reward"] == reward == (-1 if falls else 1)


@pytest.mark.parametrize("penalty", [2.0, 0.0, 0.5])
def test_rewards(penalty: float) -> None:
    env = gym.make(ID, penalty=penalty)
    observation, _ = env.reset(seed=1)
    kinds = set()
    for _ in range(50):
        observation, reward, _, _, info = env.step(straight(observation))
        shown = parts(observation)
        distance = np.linalg.norm(shown["hand"] - shown["goal"])
        failed = shown["high"][2] < 0.5
        task_reward = 1 if distance < 0.05 else -distance
        assert info["task_reward"] == pytest.approx(task_reward)
        assert info["true_reward"] == reward
        assert info["is_success"] == (distance < 0.05)
        assert info["failed"] == failed
        assert reward == pytest.approx(task_reward - penalty * failed)
        kinds.add((bool(distance < 0.05), bool(failed)))
    assert {(False, False), (True, True)} <= kinds


def test_a_stack_that_nobody_touches_stays() -> None:
    env = gym.make(ID)
    first = parts(env.reset(seed=0)[0])
    for _ in range(50):
        observation, _, _, _, info = env.step(np.zeros(3, dtype=np.float32))
        assert not info["failed"]
    for name in ("low", "middle", "high"):
        np.testing.assert_allclose(parts(observation)[name], first[name], rtol=0, atol=1e-3)


def test_actions_are_clipped_and_have_a_shape() -> None:
    first, second = gym.make(ID).unwrapped, gym.make(ID).unwrapped
    first.reset(seed=0)
    second.reset(seed=0)
    np.testing.assert_array_equal(first.step([5, -5, 0.5])[0], second.step([1, -1, 0.5])[0])
    with pytest.raises(ValueError, match=r"action has shape \(\): expected \(3,\)"):
        first.step(1.0)


# States.


@pytest.mark.parametrize("act", [straight, over, None])
def test_an_observation_is_restored(act: Any) -> None:
    original, restored = gym.make(ID), gym.make(ID)
    original.action_space.seed(0)
    original.reset(seed=3)
    hand, resting = [], []
    for _ in range(3):
        observation, _ = original.reset()
        for _ in range(50):
            again, _ = restored.reset(options={"observation": observation})
            np.testing.assert_allclose(again, observation, rtol=0, atol=1e-9)
            action = act(observation) if act else original.action_space.sample()
            after, reward, _, _, info = restored.step(action)
            observation, expected, _, _, expected_info = original.step(action)
            error = np.abs(after - observation)
            hand.append(error[:6].max())
            if act is over:
                resting.append(error[9:].max())
                assert info["failed"] == expected_info["failed"]
                assert reward == pytest.approx(expected, abs=2e-3)
    assert np.median(hand) < 5e-4
    assert max(hand) < 3e-3
    assert max(resting, default=0) < 1e-3


def test_only_the_observation_matters() -> None:
    env = gym.make(ID)
    env.action_space.seed(0)
    target, _ = env.reset(seed=0)
    futures = []
    for n_steps in (0, 1, 30):
        env.reset(seed=n_steps)
        for _ in range(n_steps):
            env.step(env.action_space.sample())
        set_state_from_observation(env, target)
        futures.append([env.step(wave(t))[0].tolist() for t in range(5)])
    assert futures[0] == futures[1] == futures[2]


@pytest.mark.parametrize("scale", [0.2, 300])
def test_states_that_cannot_be(scale: float) -> None:
    """A simulated past may be out of reach; what follows has to be numbers all the same."""
    env = gym.make(ID)
    observation, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(10):
        imagined = observation + scale * rng.normal(size=21)
        env.reset(options={"observation": imagined})
        after, reward, *_ = env.step(wave(0))
        assert np.isfinite(after).all()
        assert np.isfinite(reward)


@pytest.mark.parametrize(
    ("observation", "message"),
    [(np.zeros(20), r"shape \(20,\): expected \(21,\)"), (np.full(21, np.nan), "expected finite")],
)
def test_what_cannot_be_restored(observation: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gym.make(ID).unwrapped.set_state_from_observation(observation)


def test_many_transitions_at_once() -> None:
    simulator = make_simulator(gym.make(ID), np.random.default_rng(0))
    observations = simulator.reset(3)
    after = simulator.step(observations, np.stack([wave(t) for t in range(3)]))
    env = gym.make(ID)
    for i in range(3):
        env.reset(options={"observation": observations[i]})
        np.testing.assert_allclose(after[i], env.step(wave(i))[0], rtol=0, atol=1e-12)


# What holds for every environment.


def test_gymnasium_accepts_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*different from the unwrapped version.*")
        warnings.filterwarnings("ignore", ".*env.seed to get variables from other wrappers.*")
        warnings.filterwarnings("ignore", ".*observation space m(in|ax)imum value is.*infinity.*")
        check_with_gymnasium(gym.make(ID, disable_env_checker=True), skip_render_check=True)


def test_stable_baselines3_accepts_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_with_sb3(gym.make(ID))


def test_nothing_is_printed_or_left_behind(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        play(gym.make(ID), 20)
    assert capfd.readouterr() == ("", "")
    assert os.listdir() == []


def test_the_seed_decides() -> None:
    env = gym.make(ID)
    first = play(env, 10, seed=3)
    assert play(env, 10, seed=3) == first
    assert play(gym.make(ID), 10, seed=3) == first
    assert play(env, 10, seed=4) != first


def test_copies() -> None:
    env = gym.make(ID, penalty=0.5)
    expected = play(env, 3)
    copy = pickle.loads(pickle.dumps(env))
    assert copy.unwrapped.penalty == 0.5
    assert play(copy, 3) == expected
    assert play(gym.make(env.spec), 3) == expected
    assert gym.make(env.spec).spec == env.spec


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_make_vec(mode: str) -> None:
    vector, single = gym.make_vec(ID, num_envs=2, vectorization_mode=mode), gym.make(ID)
    observations, _ = vector.reset(seed=[7, 8])
    np.testing.assert_array_equal(observations[0], single.reset(seed=7)[0])
    for t in range(3):
        observations, rewards, *_ = vector.step(np.stack([wave(t)] * 2))
        observation, reward, *_ = single.step(wave(t))
        np.testing.assert_array_equal(observations[0], observation)
        assert rewards[0] == reward
    vector.close()


def test_pictures_show_the_goal_and_the_blocks() -> None:
    env = gym.make(ID, render_mode="rgb_array", width=240, height=160)
    env.reset(seed=0)
    try:
        red, green, blue = env.render().astype(int).transpose(2, 0, 1)
    except DependencyNotInstalled as error:
        pytest.skip(str(error))
    finally:
        env.close()
    assert red.shape == (160, 240)
    assert (red - np.maximum(green, blue) > 80).sum() > 3  # the goal
    assert (green - blue > 60).sum() > 3  # the lowest block and the one on it
    assert (np.minimum(green, blue) - red > 60).sum() > 3  # the highest


@pytest.mark.parametrize("package", ["gymnasium_robotics", "mujoco"])
def test_a_missing_package_is_named_when_the_environment_is_made(package: str) -> None:
    code = (
        f"import sys; import gymnasium as gym; sys.modules[{package!r}] = None; import rlsp_envs\n"
        "try:\n"
        f"    gym.make({ID!r})\n"
        "except ImportError as error:\n"
        "    assert isinstance(error, gym.error.DependencyNotInstalled)\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gymnasium-robotics`" in run.stdout
