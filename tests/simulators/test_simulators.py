"""Many transitions at once are what one environment does, one at a time."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation, RescaleAction
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor

import rlsp_envs  # noqa: F401
from rlsp_sb3.planning.planned_policy import PlannedPolicy
from rlsp_sb3.simulators import base
from rlsp_sb3.simulators.base import ResetSimulator, Simulator, TabularSimulator
from rlsp_sb3.simulators.batch import BatchSimulator
from rlsp_sb3.simulators.rollout import (
    Trajectories,
    act_with,
    make_simulator,
    rollout_simulator,
)
from rlsp_sb3.state_reset import set_state_from_observation

from helpers.corridor import Corridor
from helpers.point import STEP, Point

OLD_GYMNASIUM = gym.__version__.startswith("0.")
VERSION = "v4" if OLD_GYMNASIUM else "v5"

GRIDWORLDS = ["RoomDefault-v0", "RoomDefaultPixel-v0", "TrainDefault-v0", "BatteriesEasy-v0"]
CLASSIC = [
    "CartPole-v1",
    "Pendulum-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
]
if not OLD_GYMNASIUM:  # whose acrobot does not step with NumPy 2
    CLASSIC.append("Acrobot-v1")
MUJOCO = [
    "HalfCheetah-FW-v2",
    "HalfCheetah-QPOS-v2",
    "HalfCheetah-Plot-v2",
    "Hopper-FW-v2",
    "Hopper-FW-Penalty-v2",
    "Ant-FW-v2",
    "Swimmer-FW-v2",
    "HalfCheetahFuel-v0",
    "InvertedPendulumDrift-v0",
    f"InvertedPendulum-{VERSION}",
    f"HalfCheetah-{VERSION}",
    f"Hopper-{VERSION}",
    f"Walker2d-{VERSION}",
    f"InvertedDoublePendulum-{VERSION}",
    f"Reacher-{VERSION}",
    f"Ant-{VERSION}",
    f"Humanoid-{VERSION}",
    f"HumanoidStandup-{VERSION}",
]

# Gymnasium says that v4 is out of date.
pytestmark = pytest.mark.filterwarnings("ignore:.*out of date.*")


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep MuJoCo from reporting, in a file too, what it thinks of Gymnasium's models."""
    mujoco = pytest.importorskip("mujoco")
    monkeypatch.chdir(tmp_path)
    handler = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda text: None)
    yield
    mujoco.set_mju_user_warning(handler)


def make(env: str | gym.Env, seed: int = 0, **kwargs: Any) -> Any:
    env = gym.make(env) if isinstance(env, str) else env
    return make_simulator(env, np.random.default_rng(seed), **kwargs)


def random_actions(simulator: Simulator, n: int, seed: int = 0) -> NDArray[Any]:
    space: Any = simulator.action_space
    rng = np.random.default_rng(seed)
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.n, size=n)
    return rng.uniform(space.low, space.high, (n, *space.shape)).astype(space.dtype)


def some_transitions(simulator: Simulator, n: int = 40) -> tuple[NDArray[Any], NDArray[Any]]:
    """Observations after 0 to 4 random steps, and actions there."""

    def act(observations: NDArray[Any], t: int) -> NDArray[Any]:
        return random_actions(simulator, len(observations), t)

    observations = rollout_simulator(simulator, act, simulator.reset(n), 4).observations
    observations = observations.reshape(-1, *observations.shape[2:])
    return observations, random_actions(simulator, len(observations), 9)


def one_at_a_time(env_id: str, observations: Any, actions: Any) -> NDArray[Any]:
    env = gym.make(env_id)
    env.reset(seed=0)
    following = []
    for observation, action in zip(observations, actions, strict=True):
        set_state_from_observation(env, observation)
        following.append(env.step(action)[0])
    return np.array(following)


# One transition.


@pytest.mark.parametrize("env_id", CLASSIC)
def test_the_same_as_classic_control(env_id: str) -> None:
    simulator = make(env_id)
    assert type(simulator).__name__ == "ClassicControlSimulator"
    observations, actions = some_transitions(simulator, 200)
    following = simulator.step(observations, actions)
    assert following.dtype == simulator.observation_space.dtype
    expected = one_at_a_time(env_id, observations, actions)
    np.testing.assert_allclose(following, expected, rtol=1e-6, atol=1e-8)


def test_the_same_as_equations_that_an_environment_offers() -> None:
    simulator = make("PointVase-v0")
    assert type(simulator).__name__ == "BatchSimulator"
    assert simulator.is_deterministic
    observations, actions = some_transitions(simulator, 200)
    following = simulator.step(observations, actions)
    np.testing.assert_array_equal(following, one_at_a_time("PointVase-v0", observations, actions))


class Wrong(Point):
    """Offers equations that are not those of its steps."""

    def next_observations(self, observations: Any, actions: Any) -> Any:
        return observations + 0.9 * STEP * actions


@pytest.mark.parametrize(
    "wrap",
    [lambda env: Wrong(), lambda env: RescaleAction(env, np.float32(-2), np.float32(2))],
)
def test_equations_that_are_not_the_steps_are_left_out(wrap: Any) -> None:
    assert type(make(wrap(gym.make("PointVase-v0")))) is ResetSimulator


def test_a_batch_simulator_needs_equations() -> None:
    with pytest.raises(TypeError, match="offers no next_observations"):
        BatchSimulator(Point(), np.random.default_rng(0))


@pytest.mark.filterwarnings("ignore:.*already returned terminated.*")
@pytest.mark.parametrize("env_id", CLASSIC)
def test_classic_control_goes_on_where_it_is(env_id: str) -> None:
    """States are in double precision, and can be where an episode would have ended."""
    simulator, n_steps = make(env_id), 100
    states = simulator.states(simulator.reset(20))
    env = gym.make(env_id, max_episode_steps=10**6)
    env.reset(seed=0)
    unwrapped: Any = env.unwrapped
    after = states
    for t in range(n_steps):
        after, _ = simulator.advance(after, random_actions(simulator, 20, t))
    for row in (0, 7, 19):
        unwrapped.state = states[row].astype(np.float64)
        for t in range(n_steps):
            unwrapped.step(random_actions(simulator, 20, t)[row])
        # The pendulum stands on its head: rounding errors grow.
        np.testing.assert_allclose(after[row], np.array(unwrapped.state), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("change", [{"force_mag": 5.0}, {"kinematics_integrator": "semi-implicit"}])
def test_changed_constants_of_classic_control(change: dict[str, Any]) -> None:
    env: Any = gym.make("CartPole-v1")
    for name, value in change.items():
        setattr(env.unwrapped, name, value)
    simulator = make(env)
    assert type(simulator).__name__ == "ClassicControlSimulator"
    usual = make("CartPole-v1")
    observations, actions = some_transitions(usual)
    assert not np.allclose(
        simulator.step(observations, actions), usual.step(observations, actions), atol=1e-5
    )


@pytest.mark.parametrize("env_id", GRIDWORLDS)
def test_the_same_as_one_environment(env_id: str) -> None:
    simulator = make(env_id)
    assert type(simulator) is TabularSimulator
    observations, actions = some_transitions(simulator)
    following = simulator.step(observations, actions)
    assert following.dtype == simulator.observation_space.dtype
    np.testing.assert_array_equal(following, one_at_a_time(env_id, observations, actions))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("env_id", MUJOCO)
def test_the_same_as_one_mujoco_environment(env_id: str) -> None:
    simulator = make(env_id)
    assert type(simulator).__name__ == "MujocoSimulator"
    observations, actions = some_transitions(simulator)
    following = simulator.step(observations, actions)
    np.testing.assert_array_equal(following, one_at_a_time(env_id, observations, actions))


@pytest.mark.usefixtures("quiet")
def test_fast_hoppers_are_clipped_and_quaternions_of_any_length() -> None:
    for env_id in ("Hopper-FW-v2", "Ant-FW-v2"):
        simulator = make(env_id)
        observations = simulator.reset(50)
        noise = np.random.default_rng(0).normal(size=observations.shape)
        observations[:, :-1] += noise[:, :-1] * np.linspace(0, 4, 50)[:, None]
        actions = random_actions(simulator, 50)
        following = simulator.step(observations, actions)
        expected = one_at_a_time(env_id, observations, actions)
        np.testing.assert_allclose(following, expected, rtol=1e-9, atol=1e-9)
    hopper = make("Hopper-FW-v2").step(np.full((1, 12), 9.9), np.ones((1, 3)))
    assert np.abs(hopper[0, 5:11]).max() == 10


@pytest.mark.parametrize("env_id", ["ApplesDefault-v0", "Pendulum-v1", "CartPole-v1"])
def test_initial_observations(env_id: str) -> None:
    simulator = make(env_id)
    env = gym.make(env_id)
    expected = np.array([env.reset(seed=i)[0] for i in range(400)])
    starts = simulator.reset(400)
    assert starts.shape == expected.shape
    assert starts.dtype == env.observation_space.dtype
    error = np.sqrt((starts.var(axis=0) + expected.var(axis=0)) / 400)
    assert (np.abs(starts.mean(axis=0) - expected.mean(axis=0)) <= 4 * error).all()


def test_chance_has_the_right_probabilities() -> None:
    """Apples grow again: z-tests of how often each entry of the next observation is set."""
    simulator, env = make("ApplesDefault-v0"), gym.make("ApplesDefault-v0")
    env.reset(seed=1)
    mdp = env.unwrapped.mdp
    random_rows = np.flatnonzero(np.diff(mdp.transitions.indptr) > 1)
    states, actions = np.divmod(random_rows[:: len(random_rows) // 8], env.action_space.n)
    observations = env.unwrapped.observations(states)
    n, n_expected, random_entries = 4000, 400, 0
    for observation, action in zip(observations, actions, strict=True):
        batch = simulator.step(np.repeat(observation[None], n, axis=0), np.repeat(action, n))
        expected = []
        for _ in range(n_expected):
            set_state_from_observation(env, observation)
            expected.append(env.step(action)[0])
        mean, expected_mean = batch.mean(axis=0), np.mean(expected, axis=0)
        error = np.sqrt(batch.var(axis=0) / n + np.var(expected, axis=0) / n_expected)
        assert (np.abs(mean - expected_mean) <= 4 * error + 1e-6).all()
        random_entries += int((error > 0).sum())
    assert random_entries > 5


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_of_one_state(seed: int) -> None:
    """And z-tests beside the tables themselves."""
    env: Any = gym.make("ApplesDefault-v0").unwrapped
    transitions, n = env.mdp.transitions, 20_000
    row = np.flatnonzero(np.diff(transitions.indptr) > 4)[1000 * (seed + 1)]
    state, action = divmod(int(row), int(env.action_space.n))
    observations = np.repeat(env.observations([state]), n, axis=0)
    following = make("ApplesDefault-v0", seed).step(observations, np.full(n, action))
    counts = np.bincount(env.state_indices(following), minlength=len(env.mdp.features))
    p = transitions[[row]].toarray()[0]
    assert (np.abs(counts - n * p) <= 4 * np.sqrt(n * p * (1 - p))).all()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("env_id", ["HalfCheetah-FW-v2", "Ant-FW-v2"])
def test_the_number_of_threads_changes_nothing(env_id: str) -> None:
    one, many = make(env_id, n_threads=1), make(env_id, n_threads=3)
    observations, actions = some_transitions(one)
    np.testing.assert_array_equal(one.step(observations, actions), many.step(observations, actions))


@pytest.mark.usefixtures("quiet")
def test_the_clock() -> None:
    simulator = make("HalfCheetah-FW-v2")
    observations = simulator.reset(6)
    assert (observations[:, -1] == 1).all()
    observations[:, -1] = [1, 0.5, 0.0013, 0.001, 0, -3]
    actions = random_actions(simulator, 6)
    following = simulator.step(observations, actions)
    np.testing.assert_allclose(following[:, -1], [0.999, 0.499, 0, 0, 0, 0], atol=1e-15)
    expected = one_at_a_time("HalfCheetah-FW-v2", observations, actions)
    np.testing.assert_array_equal(following[:, -1], expected[:, -1])


def test_a_table_that_is_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make("ApplesDefault-v0")
    observations, actions = some_transitions(expected)
    expected.seed(1)
    monkeypatch.setattr(base, "_MAX_TABLE_BYTES", 1000)
    simulator = make("ApplesDefault-v0", 1)
    assert simulator._observations is None
    np.testing.assert_array_equal(
        simulator.step(observations, actions), expected.step(observations, actions)
    )


# Random numbers.


class Noisy(gym.Env):
    """A number that random numbers are added to."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
    action_space = spaces.Discrete(2)
    number = 0.0

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.number = self.np_random.normal()
        return np.array([self.number]), {}

    def step(self, action: Any) -> Any:
        self.number += self.np_random.normal() + action
        if self.number > 50:
            self.number = np.inf
        return np.array([self.number]), 0.0, self.number > 1, False, {}

    def set_state_from_observation(self, observation: Any) -> None:
        self.number = float(observation[0])


@pytest.mark.parametrize("env", ["ApplesDefault-v0", "Pendulum-v1", Noisy()])
def test_the_same_seed_gives_the_same_bits(env: Any) -> None:
    def play(simulator: Simulator) -> bytes:
        observations, actions = some_transitions(simulator)
        return simulator.step(observations, actions).tobytes()

    first, again = make(env, 5), make(env, 5)
    bits = play(first)
    assert play(again) == bits
    assert play(first) != bits
    first.seed(5)
    assert play(first) == bits
    state = first.rng.bit_generator.state  # what a checkpoint has to hold
    bits = play(first)
    play(first)
    first.rng.bit_generator.state = state
    assert play(first) == bits


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("env_id", ["HalfCheetah-FW-v2", "Ant-FW-v2"])
def test_what_was_simulated_before_changes_nothing(env_id: str) -> None:
    simulator = make(env_id)
    observations, actions = some_transitions(simulator)
    bits = simulator.step(observations, actions).tobytes()
    for scale in (10, 1e12):
        assert np.isnan(simulator.step(scale * observations, actions)).any() == (scale > 1e6)
        order = np.random.default_rng(0).permutation(len(observations))
        shuffled = np.empty_like(observations)
        shuffled[order] = simulator.step(observations[order], actions[order])
        assert shuffled.tobytes() == bits
        assert make(env_id).step(observations, actions).tobytes() == bits


@pytest.mark.usefixtures("quiet")
def test_the_same_seed_gives_the_same_cheetah() -> None:
    bits = [some_transitions(make("HalfCheetah-FW-v2", seed))[0].tobytes() for seed in (1, 1, 2)]
    assert bits[0] == bits[1] != bits[2]


# What is chosen.


class Sticky(gym.Wrapper):
    """Does every action twice and does not say so."""

    def step(self, action: Any) -> Any:
        self.env.step(action)
        return self.env.step(action)


class HalfClock(gym.ObservationWrapper):
    """Says that it is a clock, but is none."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        inner: Any = env.observation_space
        self.observation_space = spaces.Box(-np.inf, np.inf, (inner.shape[0] + 1,), np.float64)

    def observation(self, observation: Any) -> Any:
        return np.append(observation, 0.5)

    def next_entries(self, entries: Any, actions: Any) -> Any:
        return entries - 0.1

    def set_state_from_observation(self, observation: Any) -> None:
        set_state_from_observation(self.env, observation[:-1])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("wrap", "expected"),
    [
        (Monitor, "MujocoSimulator"),
        (Sticky, "MujocoResetSimulator"),
        (HalfClock, "MujocoResetSimulator"),
        (lambda env: RescaleAction(env, np.float32(-2), np.float32(2)), "MujocoResetSimulator"),
    ],
)
def test_wrappers_are_not_left_out(
    wrap: Any, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    env_id = f"InvertedPendulum-{VERSION}"
    with caplog.at_level(logging.INFO, logger="rlsp_sb3"):
        simulator = make(wrap(gym.make(env_id)))
    assert type(simulator).__name__ == expected
    assert f"is simulated by a {expected}" in caplog.text
    assert ("is simulated one step at a time: " in caplog.text) == (expected != "MujocoSimulator")
    env = wrap(gym.make(env_id))
    env.reset(seed=0)
    observations, actions = some_transitions(simulator, n=3)
    for i, after in enumerate(simulator.step(observations, actions)):
        env.reset()  # Monitor does not step past the end of an episode
        set_state_from_observation(env, observations[i])
        np.testing.assert_allclose(env.step(actions[i])[0], after, rtol=0, atol=1e-9)


def test_wrappers_of_gridworlds() -> None:
    assert type(make(Monitor(gym.make("RoomDefault-v0")))) is TabularSimulator
    with pytest.raises(TypeError, match="wrapper FlattenObservation, which changes observations"):
        make(FlattenObservation(gym.make("RoomDefaultPixel-v0")))


def test_too_many_states_for_tables(caplog: pytest.LogCaptureFixture) -> None:
    layout = "A" + "V" * 9 + ("\n" + "V" * 10) * 4
    env = gym.make("Room-v0", layout=layout)
    with caplog.at_level(logging.INFO, logger="rlsp_sb3"):
        simulator = make(env)
    assert type(simulator) is ResetSimulator
    assert "is not simulated by tables: " in caplog.text
    starts = simulator.reset(3)
    np.testing.assert_array_equal(simulator.step(starts, [4, 4, 4]), starts)


def test_tables_that_do_not_fit_the_actions() -> None:
    env = gym.make("RoomDefault-v0")
    env.unwrapped.action_space = spaces.Discrete(3)
    with pytest.raises(ValueError, match="expected one for each of 29 states and each action"):
        TabularSimulator(env, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (Corridor(), r"put Corridor into .* give it a method set_state_from_observation"),
        ("RoomDefault-v0", "env='RoomDefault-v0': expected a Gymnasium environment"),
    ],
)
def test_environments_that_cannot_be_set(env: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make_simulator(env, np.random.default_rng(0))


@pytest.mark.usefixtures("quiet")
def test_mujoco_environments_that_cannot_be_set() -> None:
    from gymnasium.envs.mujoco.inverted_pendulum_v4 import InvertedPendulumEnv

    class Halved(InvertedPendulumEnv):
        def _get_obs(self) -> Any:
            return super()._get_obs() / 2

    with pytest.raises(TypeError, match="put Halved into the state of an observation"):
        make(Halved())


class WithDict(Noisy):
    observation_space = spaces.Dict({"number": Noisy.observation_space})


def test_observations_have_to_be_arrays() -> None:
    with pytest.raises(TypeError, match="env has the observation_space Dict"):
        make(WithDict())


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (1.5, TypeError)])
def test_numbers_of_threads(n: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="n_threads="):
        make("RoomDefault-v0", n_threads=n)


def test_without_mujoco() -> None:
    code = (
        "import sys; import gymnasium as gym, numpy as np; sys.modules['mujoco'] = None; "
        "from rlsp_sb3.simulators.rollout import make_simulator; "
        "print(make_simulator(gym.make('CartPole-v1'), np.random.default_rng(0)).reset(2).shape)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "(2, 4)\n"


# Wrong arguments.


@pytest.mark.parametrize(
    ("observations", "actions", "error", "message"),
    [
        (np.zeros(4), [0], ValueError, r"observations has shape \(4,\): expected \(N, 4\)"),
        (np.zeros((2, 3)), [0, 0], ValueError, r"shape \(2, 3\): expected \(N, 4\)"),
        ([[0, 0, 0, 0], [0]], [0, 0], ValueError, r"is no array of shape \(N, 4\)"),
        ([["a"] * 4], [0], TypeError, "observations has the dtype <U1: expected numbers"),
        (np.zeros((2, 4)), 0, ValueError, r"actions has shape \(\): expected \(N,\)"),
        (np.zeros((2, 4)), [[0], [1]], ValueError, r"shape \(2, 1\): expected \(N,\)"),
        (np.zeros((2, 4)), [0], ValueError, "actions has 1 rows: expected one for each of 2"),
        (np.zeros((2, 4)), [0.0, 1.0], TypeError, "dtype float64: expected ints"),
        (np.zeros((2, 4)), [0, 2], ValueError, r"actions\[1\]=2: expected .* Discrete\(2\)$"),
        (np.zeros((2, 4)), [-1, 0], ValueError, r"actions\[0\]=-1: expected actions in"),
    ],
)
def test_wrong_batches(
    observations: Any, actions: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make("CartPole-v1").step(observations, actions)


@pytest.mark.parametrize("action", [[2.1], [np.nan], [-np.inf]])
def test_wrong_actions_of_a_box(action: list[float]) -> None:
    with pytest.raises(ValueError, match=r"actions\[1\]=.*: expected .* Box\(.*; clip them first"):
        make("Pendulum-v1").step([[1, 0, 0], [1, 0, 0]], [[0], action])


class Switches(Noisy):
    action_space = spaces.MultiBinary(2)

    def step(self, action: Any) -> Any:
        return super().step(int(action.sum()))


def test_other_action_spaces() -> None:
    simulator = make(Switches())
    actions = np.array([[1, 0], [1, 1]], dtype=np.int8)
    assert simulator.step([[0], [1]], actions).shape == (2, 1)
    with pytest.raises(ValueError, match=r"actions\[1\]=\[1 2\]: expected .* MultiBinary\(2\)$"):
        simulator.step([[0], [1]], [[1, 0], [1, 2]])


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "CartPole-v1"])
def test_no_transitions(env_id: str) -> None:
    simulator = make(env_id)
    shape = (0, *simulator.observation_space.shape)
    assert simulator.step(np.zeros(shape), np.zeros(0, dtype=int)).shape == shape
    with pytest.raises(ValueError, match="n=0: expected at least 1"):
        simulator.reset(0)


# Instability.


@pytest.mark.parametrize("env_id", ["HalfCheetah-FW-v2", f"InvertedDoublePendulum-{VERSION}"])
def test_unstable_transitions_are_nan(
    env_id: str,
    quiet: None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    simulator = make(env_id)
    observations = simulator.reset(5)
    observations[1, -8:-1] = 1e30
    observations[2, -8:-1] = -1e9
    observations[3, 0] = np.nan
    actions = random_actions(simulator, 5)
    with caplog.at_level(logging.INFO, logger="rlsp_sb3"):
        following = simulator.step(observations, actions)
    assert "2 of 5 transitions were unstable" in caplog.text
    assert np.isnan(following[1:4]).all()
    expected = one_at_a_time(env_id, observations[[0, 4]], actions[[0, 4]])
    np.testing.assert_allclose(following[[0, 4]], expected, rtol=0, atol=1e-9)
    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path) == []


def test_what_is_not_finite_is_nan(caplog: pytest.LogCaptureFixture) -> None:
    simulator = make(Noisy())
    with caplog.at_level(logging.INFO, logger="rlsp_sb3"):
        following = simulator.step([[0.0], [100.0], [np.inf]], [0, 0, 0])
    assert np.isfinite(following[:, 0]).tolist() == [True, False, False]
    assert np.isnan(following[1:]).all()
    assert "1 of 3 transitions were unstable" in caplog.text


def test_images_are_never_nan() -> None:
    simulator = make("RoomDefaultPixel-v0")
    images = simulator.reset(2).astype(float)
    images[1, 0] = np.nan
    with pytest.raises(ValueError, match="not all finite: expected values of uint8"):
        simulator.step(images, [0, 0])


# Rollouts.


def episode(env_id: str, start: NDArray[Any], actions: NDArray[Any]) -> list[NDArray[Any]]:
    env = gym.make(env_id)
    env.reset(seed=0)
    set_state_from_observation(env, start)
    return [start] + [env.step(action)[0] for action in actions]


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "HalfCheetah-FW-v2"])
def test_trajectories(env_id: str, request: pytest.FixtureRequest) -> None:
    if "Cheetah" in env_id:
        request.getfixturevalue("quiet")
    simulator = make(env_id)
    starts, times = simulator.reset(3), []

    def act(observations: NDArray[Any], t: int) -> NDArray[Any]:
        assert observations.shape == starts.shape
        times.append(t)
        return random_actions(simulator, 3, t)

    trajectories = rollout_simulator(simulator, act, starts, 6)
    assert isinstance(trajectories, Trajectories)
    observations, actions = trajectories
    assert times == list(range(6))
    assert observations.shape == (7, *starts.shape)
    assert actions.shape == (6, *random_actions(simulator, 3).shape)
    assert actions.dtype == simulator.action_space.dtype
    for i in range(3):
        expected = episode(env_id, starts[i], actions[:, i])
        np.testing.assert_array_equal(observations[:, i], expected)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("env_id", MUJOCO)
def test_mujoco_trajectories_go_on_where_they_are(env_id: str) -> None:
    """What observations do not show, such as clipped velocities, is kept from step to step."""
    simulator = make(env_id)
    starts, n_steps = simulator.reset(2), 12
    observations, actions = rollout_simulator(
        simulator, lambda o, t: random_actions(simulator, len(o), t), starts, n_steps
    )
    for i in range(2):
        expected = episode(env_id, starts[i], actions[:, i])
        np.testing.assert_array_equal(observations[:, i], expected)


def test_states_are_not_changed_by_going_on() -> None:
    for env_id in ("RoomDefault-v0", "Pendulum-v1", f"InvertedPendulum-{VERSION}"):
        simulator = make(env_id)
        starts = simulator.reset(3)
        states, actions = simulator.states(starts), random_actions(simulator, 3)
        before = starts.copy(), states.copy()
        _, observations = simulator.advance(states, actions)
        observations[...] = 0
        np.testing.assert_array_equal(starts, before[0])
        np.testing.assert_array_equal(states, before[1])


def test_trajectories_without_actions() -> None:
    simulator = make("Pendulum-v1")
    starts = simulator.reset(2)
    observations, actions = rollout_simulator(simulator, lambda o, t: None, starts, 0)
    np.testing.assert_array_equal(observations, starts[None])
    assert actions.shape == (0, 2, 1)


def test_unstable_trajectories_stay_nan() -> None:
    simulator = make(Noisy())
    shown = []

    def act(observations: NDArray[Any], t: int) -> NDArray[Any]:
        shown.append(observations.copy())
        return np.ones(len(observations), dtype=int)

    observations, _ = rollout_simulator(simulator, act, [[0.0], [47.0]], 20)
    lost = np.isnan(observations[:, 1, 0])
    first = int(lost.argmax())
    assert 0 < first < 20
    assert lost[first:].all()
    assert np.isfinite(observations[:, 0]).all()
    assert np.isfinite(shown).all()
    assert (np.array(shown)[first:, 1] == observations[first - 1, 1]).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"starts": np.zeros(4)}, ValueError, r"starts has shape \(4,\): expected \(N, 4\)"),
        ({"starts": np.full((2, 4), np.nan)}, ValueError, "starts are not all finite"),
        ({"n_steps": -1}, ValueError, "n_steps=-1: expected at least 0"),
        ({"n_steps": 2.0}, TypeError, "n_steps=2.0: expected an int"),
        ({"policy": lambda o, t: [0.5, 0.5]}, TypeError, "actions has the dtype float64"),
        ({"policy": lambda o, t: 0}, ValueError, r"actions has shape \(\)"),
    ],
)
def test_wrong_rollouts(change: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments = {"policy": lambda o, t: [0, 0], "starts": np.zeros((2, 4)), "n_steps": 2}
    with pytest.raises(error, match=message):
        rollout_simulator(make("CartPole-v1"), **{**arguments, **change})


def test_acting_with_sb3() -> None:
    simulator = make("Pendulum-v1")
    model = PPO("MlpPolicy", "Pendulum-v1", seed=0, n_steps=8, batch_size=8, device="cpu")
    starts = simulator.reset(4)
    observations, actions = rollout_simulator(
        simulator, act_with(model, deterministic=True), starts, 5
    )
    for t in range(5):
        np.testing.assert_array_equal(
            actions[t], model.predict(observations[t], deterministic=True)[0]
        )
    sampled = rollout_simulator(simulator, act_with(model), starts, 5).actions
    assert (sampled != actions).any()


def test_acting_with_a_policy_that_remembers() -> None:
    """A plan remembers the time, and starts from 0 in each rollout."""
    env: Any = gym.make("RoomDefault-v0").unwrapped
    simulator = make("RoomDefault-v0")
    plan = np.random.default_rng(0).integers(5, size=(4, 29))
    policy = PlannedPolicy(env, np.eye(5)[plan], np.random.default_rng(0))
    act = act_with(policy)
    for _ in range(2):
        observations, actions = rollout_simulator(simulator, act, simulator.reset(3), 4)
        for t in range(4):
            np.testing.assert_array_equal(actions[t], plan[t, env.state_indices(observations[t])])


class Recorder:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> Any:
        self.calls.append((state, episode_start.tolist(), deterministic))
        return np.zeros(len(observation), dtype=int), len(self.calls)


def test_what_a_policy_is_told() -> None:
    recorder, simulator = Recorder(), make("CartPole-v1")
    act = act_with(recorder, deterministic=True)
    rollout_simulator(simulator, act, simulator.reset(2), 2)
    rollout_simulator(simulator, act, simulator.reset(1), 1)
    expected = [(None, [True] * 2, True), (1, [False] * 2, True), (None, [True], True)]
    assert recorder.calls == expected


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", f"InvertedPendulum-{VERSION}"])
def test_ints_are_simulated_as_the_floats_they_are(env_id: str) -> None:
    simulator = make_simulator(gym.make(env_id), np.random.default_rng(0))
    starts = np.zeros((3, *(simulator.observation_space.shape or ())), np.int64)
    starts[:, 0] = 1
    shown: list[Any] = []

    def policy(observations: Any, time: int) -> Any:
        shown.append(observations)
        return [simulator.action_space.sample() * 0 for _ in observations]

    of_ints, of_floats = (
        rollout_simulator(simulator, policy, each, 3)
        for each in (starts, starts.astype(simulator.observation_space.dtype))
    )
    np.testing.assert_array_equal(of_ints.observations, of_floats.observations)
    assert {each.dtype for each in shown} == {simulator.observation_space.dtype}
