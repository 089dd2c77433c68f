"""A simulator put into the state of an observation goes on as it did when that was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

import rlsp_envs  # noqa: F401
from rlsp_sb3.state_reset import can_set_state, mujoco_state, set_state_from_observation

mujoco = pytest.importorskip("mujoco")

OLD_GYMNASIUM = gym.__version__.startswith("0.")

# Gymnasium's environments, and how many positions their observations leave out.
LEFT_OUT = {
    "InvertedPendulum": 0,
    "InvertedDoublePendulum": 0,
    "HalfCheetah": 1,
    "Hopper": 1,
    "Walker2d": 1,
    "Swimmer": 2,
    "Reacher": 0,
    "Ant": 2,
    "Humanoid": 2,
    "HumanoidStandup": 2,
}
STOCK = [f"{n}-{v}" for n in LEFT_OUT for v in (["v4"] if OLD_GYMNASIUM else ["v4", "v5"])]
OURS = [
    "HalfCheetah-FW-v2",
    "HalfCheetah-BW-v2",
    "HalfCheetah-QPOS-v2",
    "HalfCheetah-Plot-v2",
    "Hopper-FW-v2",
    "Hopper-FW-Penalty-v2",
    "Ant-FW-v2",
    "Swimmer-FW-v2",
]
MUJOCO = [*STOCK, *OURS]
CLIPPED = ("InvertedDoublePendulum", "Hopper", "Walker2d")  # velocities to ±10
CLASSIC = [
    "CartPole-v1",
    "Pendulum-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "Acrobot-v1",
]
TOY_TEXT = [
    max(env_id for env_id in gym.registry if env_id.startswith(f"{name}-v"))
    for name in ("FrozenLake", "CliffWalking", "Taxi")
]

# Gymnasium says that v4 is out of date.
pytestmark = pytest.mark.filterwarnings("ignore:.*out of date.*")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep MuJoCo from reporting, in a file too, what it thinks of Gymnasium's models."""
    handler = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda text: None)
    yield
    mujoco.set_mju_user_warning(handler)


def make(env_id: str, **kwargs: Any) -> gym.Env:
    if OLD_GYMNASIUM and env_id == "Swimmer-v4":
        pytest.skip("Gymnasium 0.29's Swimmer-v4 does not load in MuJoCo 3")
    if OLD_GYMNASIUM and env_id == "Acrobot-v1" and np.__version__ >= "2":
        pytest.skip("Gymnasium 0.29's Acrobot-v1 does not run with NumPy 2")
    return gym.make(env_id, **kwargs)


def errors(env_id: str, n_steps: int = 300) -> NDArray[np.float64]:
    """How far what follows a restored observation (n, D) is from what followed originally.

    Where the hopper, the walker or the double pendulum is too fast to see, nothing is compared.
    """
    original, restored = make(env_id), make(env_id)
    original.action_space.seed(0)
    observation, _ = original.reset(seed=0)
    restored.reset(seed=1)
    differences = []
    for _ in range(n_steps):
        action = original.action_space.sample()
        set_state_from_observation(restored, observation)
        again, _, terminated_again, _, _ = restored.step(action)
        clipped = env_id.startswith(CLIPPED) and (np.abs(observation) == 10).any()
        observation, _, terminated, truncated, _ = original.step(action)
        if not clipped:
            assert terminated_again == terminated
            differences.append(np.abs(np.asarray(again, dtype=np.float64) - observation))
        if terminated or truncated:
            observation, _ = original.reset()
    assert len(differences) > 50
    return np.array(differences)


@pytest.mark.parametrize("env_id", [i for i in MUJOCO if not i.startswith("Humanoid")])
def test_mujoco_goes_on(env_id: str) -> None:
    """The ant's contact forces follow from its state, so that the next ones are right as well."""
    assert errors(env_id).max() < 1e-9


@pytest.mark.parametrize("env_id", [i for i in STOCK if i.startswith("Humanoid")])
def test_the_humanoid_goes_on(env_id: str) -> None:
    """Its solver stops before it converges, so that it matters where it started from."""
    model = make(env_id).unwrapped.model
    differences = errors(env_id)[:, : model.nq - 2 + model.nv]
    assert np.median(differences) < 1e-6
    assert differences.max() < 1e-4


@pytest.mark.parametrize("env_id", CLASSIC)
def test_classic_control_goes_on(env_id: str) -> None:
    """Its observations are of single precision."""
    assert errors(env_id).max() < 2e-6


@pytest.mark.parametrize("env_id", TOY_TEXT)
def test_numbers_of_states_are_set(env_id: str) -> None:
    env = make(env_id, **({"is_slippery": False} if env_id.startswith("FrozenLake") else {}))
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    for _ in range(30):
        action = env.action_space.sample()
        after, *_ = env.step(action)
        env.reset()
        set_state_from_observation(env, observation)
        observation, _, terminated, truncated, _ = env.step(action)
        assert observation == after
        if terminated or truncated:
            observation, _ = env.reset()
    for none in (-1, 1000, 1.5):
        with pytest.raises(ValueError, match="expected the number of a state"):
            set_state_from_observation(env, none)


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0", "ApplesDefault-v0"])
def test_gridworlds_go_on(env_id: str) -> None:
    """But for chance: the apples grow at random."""
    env = gym.make(env_id)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(15):
        observation, *_ = env.step(env.action_space.sample())
    other = gym.make(env_id)
    other.reset(seed=0)
    set_state_from_observation(other, observation)
    assert {**other.unwrapped.state} == {**env.unwrapped.state}


@pytest.mark.parametrize("env_id", MUJOCO)
def test_nothing_else_of_the_past_matters(env_id: str) -> None:
    env = make(env_id)
    env.action_space.seed(0)
    target, _ = env.reset(seed=0)
    action = env.action_space.sample()
    futures = []
    for n_steps in (0, 1, 40):
        env.reset(seed=n_steps)
        for _ in range(n_steps):
            env.step(env.action_space.sample())
        set_state_from_observation(env, target)
        assert env.unwrapped.data.time == 0
        futures.append([env.step(action)[0].tolist() for _ in range(5)])
    assert futures[0] == futures[1] == futures[2]


def shown_state(env_id: str, left_out: int, **kwargs: Any) -> None:
    """Compare the state that some observations show, and the simulator's."""
    env = make(env_id, **kwargs).unwrapped
    env.action_space.seed(0)
    env.reset(seed=0)
    observations, positions, velocities = [], [], []
    for _ in range(4):
        observation, *_ = env.step(env.action_space.sample())
        observations.append(observation)
        positions.append(env.data.qpos.copy())
        velocities.append(env.data.qvel.copy())
    qpos, qvel = mujoco_state(env, np.array(observations).reshape(2, 2, -1))
    assert qpos.shape == (2, 2, env.model.nq)
    assert qvel.shape == (2, 2, env.model.nv)
    expected = np.array(positions)
    expected[:, :left_out] = 0
    np.testing.assert_allclose(qpos.reshape(4, -1), expected, rtol=0, atol=1e-12)
    limit = 10 if env_id.startswith(CLIPPED) else np.inf
    np.testing.assert_array_equal(qvel.reshape(4, -1), np.clip(velocities, -limit, limit))


@pytest.mark.parametrize("env_id", STOCK)
def test_the_states_of_many_observations(env_id: str) -> None:
    shown_state(env_id, LEFT_OUT[env_id.split("-")[0]])


@pytest.mark.parametrize(
    "env_id", [i for i in STOCK if LEFT_OUT[i.split("-")[0]] and i != "HumanoidStandup-v4"]
)
def test_the_states_where_nothing_is_left_out(env_id: str) -> None:
    shown_state(env_id, 0, exclude_current_positions_from_observation=False)


def test_the_states_where_contact_forces_are_shown_too() -> None:
    shown_state("Ant-v4", 2, use_contact_forces=True)


@pytest.mark.parametrize("env_id", ["HalfCheetah-FW-v2", STOCK[-1]])
def test_asking_changes_nothing(env_id: str) -> None:
    env, untouched = make(env_id), make(env_id)
    env.reset(seed=0)
    untouched.reset(seed=0)
    action = np.ones(env.action_space.shape, dtype=np.float32)
    for _ in range(3):
        assert can_set_state(env)
        np.testing.assert_array_equal(env.step(action)[0], untouched.step(action)[0])


def test_a_restored_episode_can_end_again() -> None:
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=0)
    terminated = False
    while not terminated:
        _, _, terminated, _, _ = env.step(0)
    set_state_from_observation(env, observation)
    rewards = [env.step(0)[1] for _ in range(3)]
    assert rewards == [1, 1, 1]


def test_the_time_limit_goes_on_and_the_clock_is_set() -> None:
    env = gym.make("HalfCheetah-FW-v2", max_episode_steps=5)
    observation, _ = env.reset(seed=0)
    action = np.zeros(6, dtype=np.float32)
    observation[-1] = 0.5
    truncations, features = [], []
    for _ in range(5):
        set_state_from_observation(env, observation)
        after, _, _, truncated, _ = env.step(action)
        truncations.append(truncated)
        features.append(after[-1])
    assert truncations == [False] * 4 + [True]
    assert features == [0.499] * 5


# Other environments.


class Counter(gym.Env):
    """Shows a number and cannot be set."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
    action_space = gym.spaces.Discrete(2)
    number = 0.0


class SettableCounter(Counter):
    def set_state_from_observation(self, observation: NDArray[np.float64]) -> None:
        self.number = float(observation[0])


class Doubled(gym.ObservationWrapper):
    """Shows twice the number, and says so in its space."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Box(-1, 1, (1,), np.float64)


class SettableDoubled(Doubled):
    def set_state_from_observation(self, observation: NDArray[np.float64]) -> None:
        self.env.set_state_from_observation(observation / 2)


class Plain(gym.Wrapper):
    """Changes nothing."""


def test_the_outermost_method_is_used() -> None:
    counter = SettableCounter()
    set_state_from_observation(Plain(counter), np.array([3.0]))
    assert counter.number == 3
    set_state_from_observation(Plain(SettableDoubled(counter)), np.array([3.0]))
    assert counter.number == 1.5


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (Counter(), "put Counter into .* method set_state_from_observation"),
        (Plain(Counter()), "put Counter into .* method set_state_from_observation"),
        (Doubled(SettableCounter()), "wrapper Doubled, which changes observations"),
        ("HalfCheetah-v4", "env='HalfCheetah-v4': expected a Gymnasium environment"),
    ],
)
def test_what_cannot_be_set(env: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        set_state_from_observation(env, np.zeros(1))
    assert not can_set_state(env)


def test_observations_that_show_something_else() -> None:
    from gymnasium.envs.mujoco.inverted_pendulum_v4 import InvertedPendulumEnv

    class Halved(InvertedPendulumEnv):
        def _get_obs(self) -> Any:
            return super()._get_obs() / 2

    env = Halved()
    assert not can_set_state(env)
    with pytest.raises(TypeError, match="put Halved into the state of an observation"):
        mujoco_state(env, np.zeros(4))


@pytest.mark.parametrize("shape", [(3,), (), (2, 20)])
def test_observations_that_are_too_small(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    env = make("InvertedDoublePendulum-v4").unwrapped
    monkeypatch.setattr(env, "_get_obs", lambda: np.zeros(shape))
    assert not can_set_state(env)


@pytest.mark.parametrize("env_id", [STOCK[0], "CartPole-v1"])
def test_observations_that_are_none(env_id: str) -> None:
    env = make(env_id)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"shape \(3,\): expected \(4,\)"):
        set_state_from_observation(env, np.zeros(3))
    with pytest.raises(ValueError, match="expected finite numbers"):
        set_state_from_observation(env, [0, 0, np.nan, 0])
