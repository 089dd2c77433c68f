"""What a wrapper does is seen by trying, whatever it says of its spaces."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control import PendulumEnv
from gymnasium.wrappers import RescaleAction, TimeLimit
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecCheckNan,
    VecEnvWrapper,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

import rlsp_envs  # noqa: F401
from rlsp_baselines import (
    AttainableUtility,
    AverageFeatures,
    Contrast,
    Deviation,
    RelativeReachability,
    RewardSampling,
    TaskReward,
    Waypoints,
)
from rlsp_sb3 import RLSP, TabularRLSP
from rlsp_sb3.simulators import make_simulator
from rlsp_sb3.simulators.trials import (
    can_restore,
    check_restores,
    interfering_wrapper,
    looks_deterministic,
)

PENDULUM = "Pendulum-v1"


class Halved(gym.ObservationWrapper):
    """Shows half of what is there, and says nothing."""

    def observation(self, observation: Any) -> Any:
        return (observation / 2).astype(observation.dtype)


class HalvedBack(Halved):
    """Knows how to undo it."""

    def set_state_from_observation(self, observation: Any) -> None:
        from rlsp_sb3.state_reset import set_state_from_observation

        set_state_from_observation(self.env, 2 * np.asarray(observation))


class Twice(gym.Wrapper):
    """Does every action twice."""

    def step(self, action: Any) -> Any:
        self.env.step(action)
        return self.env.step(action)


class OtherAction(gym.ActionWrapper):
    """Does another action of a Discrete space."""

    def action(self, action: Any) -> Any:
        return (action + 1) % self.action_space.n  # type: ignore[attr-defined]


class OtherReward(gym.RewardWrapper):
    """Pays something else, which is nobody's business here."""

    def reward(self, reward: Any) -> Any:
        return -reward


class Turned(PendulumEnv):
    """Shows the angle the other way round."""

    def _get_obs(self) -> Any:
        return super()._get_obs() * np.array([-1, -1, 1], dtype=np.float32)


class VecHalved(VecEnvWrapper):
    """As Halved, of a vector environment."""

    def reset(self) -> Any:
        return self.venv.reset() // 2

    def step_wait(self) -> Any:
        observations, *rest = self.venv.step_wait()
        return observations // 2, *rest


class VecPaid(VecEnvWrapper):
    """As OtherReward, of a vector environment."""

    def reset(self) -> Any:
        return self.venv.reset()

    def step_wait(self) -> Any:
        observations, rewards, dones, infos = self.venv.step_wait()
        return observations, -rewards, dones, infos


def room(**kwargs: Any) -> gym.Env:
    return gym.make("RoomDefault-v0", **kwargs)


HARMLESS = [
    room,
    lambda: Monitor(room()),
    lambda: TimeLimit(room(), 3),
    lambda: OtherReward(room()),
    lambda: DummyVecEnv([room, room]),
    lambda: VecMonitor(VecCheckNan(DummyVecEnv([lambda: Monitor(room())]))),
    lambda: VecNormalize(DummyVecEnv([room]), norm_obs=False),
    lambda: VecPaid(DummyVecEnv([room])),
]
HARMFUL = {
    "Twice": lambda: Twice(room()),
    "OtherAction": lambda: OtherReward(OtherAction(room())),
    "Halved": lambda: Monitor(Halved(room())),
    "VecNormalize": lambda: VecNormalize(DummyVecEnv([room])),
    "VecFrameStack": lambda: VecFrameStack(DummyVecEnv([room]), 2),
    "VecHalved": lambda: VecMonitor(VecHalved(DummyVecEnv([room]))),
}
PLANNERS = [
    TabularRLSP,
    RLSP,
    Deviation,
    RelativeReachability,
    TaskReward,
    RewardSampling,
    AverageFeatures,
    Waypoints,
    Contrast,
    AttainableUtility,
]


@pytest.mark.parametrize("make", HARMLESS)
def test_what_hands_on_everything(make: Any) -> None:
    env = make()
    assert interfering_wrapper(env) is None
    assert TabularRLSP(env, seed=0).learn(2).num_timesteps == 2


@pytest.mark.parametrize("name", HARMFUL)
def test_planners_name_the_wrapper(name: str) -> None:
    assert interfering_wrapper(HARMFUL[name]()) == name
    states = room().unwrapped.observed_states
    for planner in PLANNERS:
        env = HARMFUL[name]()
        if env.observation_space.shape != room().observation_space.shape:
            states = np.zeros((1, *env.observation_space.shape), dtype=env.observation_space.dtype)
        with pytest.raises(TypeError, match=f"env has the wrapper {name}, which changes"):
            planner(env, states, seed=0)


def test_an_environment_that_is_refused_changes_nothing(tmp_path: Any) -> None:
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(2)
    before = learner.get_env()
    with pytest.raises(TypeError, match="the wrapper Twice"):
        learner.set_env(Twice(room()))
    assert learner.get_env() is before
    learner.save(tmp_path / "learner")
    with pytest.raises(TypeError, match="the wrapper OtherAction"):
        TabularRLSP.load(tmp_path / "learner", OtherAction(room()))


def test_a_trial_leaves_methods_and_random_numbers_alone() -> None:
    env = OtherReward(room())
    interfering_wrapper(env)
    assert not {"step", "reset"} & set(vars(env.unwrapped))
    first, second = OtherReward(gym.make(PENDULUM)), gym.make(PENDULUM)
    check_restores(first)
    np.testing.assert_array_equal(first.reset(seed=3)[0], second.reset(seed=3)[0])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Halved(gym.make(PENDULUM)), "the wrapper Halved"),
        (lambda: OtherReward(Monitor(Halved(gym.make("CartPole-v1")))), "the wrapper Halved"),
        (lambda: TimeLimit(Turned(), 200), "the class Turned"),
    ],
)
def test_states_that_are_not_restored(make: Any, name: str) -> None:
    assert not can_restore(make())
    with pytest.raises(TypeError, match=f"env has {name}, whose observations are not"):
        make_simulator(make(), np.random.default_rng(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: HalvedBack(gym.make(PENDULUM)),
        lambda: Twice(gym.make(PENDULUM)),
        lambda: RescaleAction(gym.make(PENDULUM), np.float32(-1), np.float32(1)),
        lambda: gym.make("CartPole-v1"),
        lambda: gym.make("MountainCar-v0"),
    ],
)
def test_states_that_are_restored(make: Any) -> None:
    check_restores(make())
    make_simulator(make(), np.random.default_rng(0))


def test_deep_rlsp_learns_a_model_where_states_are_not_restored() -> None:
    def make(**arguments: Any) -> RLSP:
        return RLSP(Halved(gym.make(PENDULUM)), [[0.5, 0, 0]], preset="smoke", **arguments)

    assert type(make().gradient_estimator.simulator).__name__ == "LearnedSimulator"
    with pytest.raises(TypeError, match="the wrapper Halved"):
        make(forward_model="simulator")


@pytest.mark.parametrize(
    ("env_id", "kwargs", "expected"),
    [
        *(("CartPole-v1", {}, True), ("Pendulum-v1", {}, True), ("HalfCheetah-FW-v2", {}, True)),
        ("FrozenLake-v1", {"is_slippery": False}, True),
        ("FrozenLake-v1", {"is_slippery": True}, False),
    ],
)
def test_random_steps_are_seen_by_taking_them_again(env_id, kwargs, expected):
    assert looks_deterministic(gym.make(env_id, **kwargs)) is expected
