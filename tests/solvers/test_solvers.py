"""What finds policies: planning or SB3, which goes on from its arrays to the bit."""

import sys
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP
from rlsp_sb3.encoders.base import FunctionEncoder
from rlsp_sb3.planning.dynamic_programming import value_iteration
from rlsp_sb3.presets import FAST
from rlsp_sb3.rewards.relabeled_replay_buffer import RelabeledReplayBuffer
from rlsp_sb3.rewards.reward_vec_env import RewardVecEnv
from rlsp_sb3.simulators.rollout import make_simulator
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
from rlsp_sb3.solvers.base import PlanningSolver, SB3Solver, seeded_globally, steps_at_once
from rlsp_sb3.solvers.factory import SolverSpec, find_solver, make_model, solver_name
from rlsp_sb3.solvers.fast_ppo import FastPPO
from rlsp_sb3.solvers.fast_sac import FastSAC

from helpers.corridor import Corridor
from helpers.point import Point

HYPERPARAMETERS = replace(
    FAST.solver,
    n_envs=2,
    n_steps=100,
    hidden=(8,),
    kwargs={
        "learning_rate": 1e-3,
        "batch_size": 16,
        "buffer_size": 150,
        "learning_starts": 20,
        "train_freq": (5, "step"),
        "gradient_steps": 3,
    },
)
BOX = spaces.Box(-1, 1, (1,))
DISCRETE = spaces.Discrete(2)
THETA = np.array([0.5, -1.0])


def features(observations):
    observations = np.asarray(observations, dtype=np.float64)
    return np.stack([observations[:, 0], observations[:, -1] ** 2], axis=1)


ENCODER = FunctionEncoder(features, ["first", "last_squared"])


def make_solver(algorithm, env_id="Pendulum-v1", seed=0, n_steps=100, rng_seed=0, **kwargs):
    """A solver, and the generator that everything is drawn from."""
    rng = np.random.default_rng(rng_seed)
    simulator = make_simulator(gym.make(env_id), rng)

    def reward(observations):
        return ENCODER(observations) @ THETA

    env = SimulatorVecEnv(simulator, HYPERPARAMETERS.n_envs, 10, reward, rng)
    spec = SolverSpec(algorithm, replace(HYPERPARAMETERS, n_steps=n_steps), kwargs, "cpu")
    model = make_model(spec, env, ENCODER, THETA, seed)
    return SB3Solver(model, ENCODER, n_steps), rng


def starts_of(solver):
    observations = solver.model.observation_space.sample()[None]
    return np.clip(observations, -1, 1)


def parameters(solver):
    return {name: value.clone() for name, value in solver.model.policy.state_dict().items()}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


# Planning.


def test_planning_finds_the_boltzmann_rational_policy():
    env = Corridor()
    solver = PlanningSolver(env, lambda: env.mdp.features, 3, np.random.default_rng(0))
    theta = np.array([0.0, -1.0, 2.0])
    assert solver.n_steps == solver.train(theta, env.observed_states, np.random.default_rng(0)) == 1
    plan = value_iteration(env.mdp.transitions, env.mdp.features @ theta, 3)
    observations = np.repeat(np.eye(3, dtype=np.float32), 20_000, axis=0)
    for time in (0, 1):
        actions = solver.act(observations, time).reshape(3, -1)
        right = plan.policy[time, :, 1]
        np.testing.assert_allclose(actions.mean(axis=1), right, atol=0.02)
    assert solver.arrays() == solver.replay_arrays() == {}
    assert solver.transitions(5, np.random.default_rng(0)) is None


def test_there_is_no_policy_before_the_first_plan():
    env = Corridor()
    solver = PlanningSolver(env, lambda: env.mdp.features, 3, np.random.default_rng(0))
    with pytest.raises(RuntimeError, match="call train first"):
        solver.act(np.eye(3), 0)


# SB3.

ALGORITHMS = [
    (FastSAC, "Pendulum-v1", {}),
    (SAC, "Pendulum-v1", {}),
    (SAC, "Pendulum-v1", {"ent_coef": 0.1}),
    (TD3, "Pendulum-v1", {}),
    (PPO, "CartPole-v1", {"batch_size": 50, "n_epochs": 2}),
    (FastPPO, "Pendulum-v1", {"batch_size": 50, "n_epochs": 2}),
    (FastPPO, "CartPole-v1", {"batch_size": 50, "temperature": 0.1}),
    (DQN, "CartPole-v1", {"target_update_interval": 64}),
]
IDS = [
    "FastSAC",
    "SAC",
    "SAC-fixed-entropy",
    "TD3",
    "PPO",
    "FastPPO",
    "FastPPO-soft",
    "DQN",
]


@pytest.mark.parametrize(("algorithm", "env_id", "kwargs"), ALGORITHMS, ids=IDS)
def test_saved_and_resumed_is_never_stopped(algorithm, env_id, kwargs):
    thetas = np.array([[0.5, -1.0], [1.0, 0.3], [-0.2, 0.1]])
    whole, rng = make_solver(algorithm, env_id, **kwargs)
    starts = starts_of(whole)
    for theta in thetas[:2]:
        assert whole.train(theta, starts, rng) == whole.n_steps == 100
    saved = {name: array.copy() for name, array in whole.arrays().items()}
    replay = {name: array.copy() for name, array in whole.replay_arrays().items()}
    state = rng.bit_generator.state
    whole.train(thetas[2], starts, rng)

    resumed, rng = make_solver(algorithm, env_id, seed=9, rng_seed=9, **kwargs)
    resumed.train(thetas[1], starts, rng)  # what it learned is forgotten
    resumed.set_arrays(saved)
    resumed.set_replay_arrays(replay)
    assert_equal(saved, resumed.arrays())
    rng.bit_generator.state = state
    np.random.seed(4)  # noqa: NPY002 (the global generators play no part)
    torch.manual_seed(4)
    resumed.train(thetas[2], starts, rng)
    assert_equal(parameters(whole), parameters(resumed))
    assert_equal(whole.arrays(), resumed.arrays())
    assert_equal(whole.replay_arrays(), resumed.replay_arrays())
    assert whole.model.num_timesteps == resumed.model.num_timesteps == 300


@pytest.mark.parametrize(("algorithm", "env_id", "kwargs"), ALGORITHMS, ids=IDS)
def test_transitions_that_were_seen_are_those_of_the_environment(algorithm, env_id, kwargs):
    solver, rng = make_solver(algorithm, env_id, **kwargs)
    assert solver.transitions(5, rng) is None
    solver.train(THETA, starts_of(solver), rng)
    seen = solver.transitions(60, rng)
    assert seen.actions.shape == (60, *solver.model.action_space.shape)
    simulator = make_simulator(gym.make(env_id), rng)
    expected = simulator.step(seen.observations, seen.actions.astype(simulator.action_space.dtype))
    np.testing.assert_allclose(seen.next_observations, expected, atol=1e-4)
    assert np.abs(seen.actions).max() > 0.5 or env_id == "CartPole-v1"  # not in [-1, 1] by chance
    assert len(np.unique(seen.observations, axis=0)) > 20


def test_rewards_follow_the_weights_also_of_what_was_seen_before():
    solver, rng = make_solver(SAC)
    solver.train(THETA, starts_of(solver), rng)
    replay = solver.model.replay_buffer
    before = replay.rewards[: replay.pos].copy()
    new = np.array([2.0, 5.0])
    solver.train(new, starts_of(solver), rng)
    assert not np.array_equal(replay.rewards[: len(before)], before)
    size = replay.size()
    wanted = features(replay.next_observations[:size].reshape(size * 2, -1)) @ new
    np.testing.assert_allclose(replay.rewards[:size].ravel(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_training_starts_episodes_at_given_states(algorithm):
    solver, rng = make_solver(algorithm, **({"batch_size": 50} if algorithm is PPO else {}))
    shown = []
    env = solver.model.get_env()
    start = env._start
    env._start = lambda n: shown.append(start(n)) or shown[-1]
    far = np.array([[1.0, 0.0, 7.5]], np.float32)
    solver.train(THETA, far, rng)
    first = np.concatenate(shown)
    assert 0 < np.mean(first[:, 2] == 7.5) < 0.6


def test_training_finds_a_better_policy():
    rng = np.random.default_rng(0)
    wanted = FunctionEncoder(lambda obs: -np.abs(np.asarray(obs) - 1.0), ["near_one"])
    theta = np.ones(1)
    env = SimulatorVecEnv(make_simulator(Point(), rng), 4, 10, lambda o: wanted(o) @ theta, rng)
    hyperparameters = replace(
        HYPERPARAMETERS, hidden=(32,), kwargs={**HYPERPARAMETERS.kwargs, "buffer_size": 10_000}
    )
    spec = SolverSpec(FastSAC, hyperparameters, {"learning_rate": 5e-3}, "cpu")
    model = make_model(spec, env, wanted, theta, 0)
    solver = SB3Solver(model, wanted, 2000)

    def distance():
        x = np.zeros((50, 1), np.float32)
        for time in range(10):
            x = env.simulator.step(x, solver.act(x, time))
        return np.abs(x - 1).mean()

    before = distance()
    solver.train(theta, np.zeros((1, 1), np.float32), rng)
    assert distance() < 0.3 < before


def test_actions_are_drawn_for_many_observations_at_once():
    solver, _ = make_solver(FastSAC)
    actions = solver.act(np.zeros((300, 3), np.float32), 0)
    assert actions.shape == (300, 1)
    assert actions.std() > 0  # not the most probable one
    assert np.abs(actions).max() <= 2


def test_steps_are_rounded_up_to_what_is_taken_at_once():
    assert steps_at_once(make_solver(PPO, batch_size=50)[0].model) == 100
    assert make_solver(FastSAC, n_steps=93)[0].n_steps == 100  # 2 copies, 5 steps each
    solver, rng = make_solver(PPO, n_steps=7, batch_size=2)  # 3 steps of 2 copies at once
    assert solver.n_steps == 12
    assert solver.train(THETA, starts_of(solver), rng) == 12


def test_a_solver_needs_the_environment_that_it_was_made_in():
    solver, rng = make_solver(SAC)
    solver.model.set_env(DummyVecEnv([lambda: gym.make("Pendulum-v1")] * 2))
    with pytest.raises(TypeError, match="expected the environment that it was made in"):
        solver.train(THETA, np.zeros((1, 3)), rng)


@pytest.mark.parametrize("n_steps", [0, -5])
def test_a_solver_takes_at_least_one_step(n_steps):
    model = make_solver(FastSAC)[0].model
    with pytest.raises(ValueError, match=f"n_steps={n_steps}"):
        SB3Solver(model, ENCODER, n_steps)


def test_seeded_puts_the_global_generators_back():
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002
    drawn = []
    for _ in range(2):
        with seeded_globally(np.random.default_rng(3)) as seed:
            drawn.append((seed, torch.rand(1).item(), np.random.rand()))  # noqa: NPY002
    assert drawn[0] == drawn[1]

    def fail():
        with seeded_globally(np.random.default_rng(3)):
            torch.rand(1), np.random.rand()  # noqa: NPY002
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
    assert np.random.get_state()[2] == numpy_state[2]  # noqa: NPY002


def test_training_and_making_leave_the_global_generators_alone():
    solver, rng = make_solver(SAC)
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002
    solver.train(THETA, starts_of(solver), rng)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002


# Which solver.


@pytest.mark.parametrize(
    ("solver", "space", "can_plan", "expected"),
    [
        ("auto", BOX, True, None),
        ("auto", BOX, False, FastSAC),
        ("auto", DISCRETE, False, PPO),
        ("auto", spaces.MultiDiscrete([2, 3]), False, PPO),
        ("planning", DISCRETE, True, None),
        ("fastsac", BOX, False, FastSAC),
        ("PPO", BOX, True, PPO),
        ("dqn", DISCRETE, False, DQN),
        (A2C, DISCRETE, False, A2C),
    ],
)
def test_solvers_are_found(solver, space, can_plan, expected):
    assert find_solver(solver, BOX, space, can_plan) is expected


@pytest.mark.parametrize("space", [BOX, DISCRETE, spaces.MultiDiscrete([2, 3])])
def test_many_copies_are_for_fast_ppo(space):
    assert find_solver("auto", BOX, space, can_plan=False, many_copies=True) is FastPPO
    assert find_solver("auto", BOX, space, can_plan=True, many_copies=True) is None
    assert find_solver("PPO", BOX, space, can_plan=False, many_copies=True) is PPO


def test_an_algorithm_is_a_solver():
    model = SAC("MlpPolicy", "Pendulum-v1", device="cpu")
    assert find_solver(model, BOX, model.action_space, False) is model


@pytest.mark.parametrize(
    ("solver", "space", "error", "message"),
    [
        ("PP0", DISCRETE, ValueError, "solver='PP0'.*PPO"),
        ("planing", DISCRETE, ValueError, "planing.*mean.*planning"),
        ("planning", DISCRETE, ValueError, "not tabular"),
        ("nowhere:SAC", BOX, ValueError, "solver='nowhere:SAC'"),
        ("FastSAC", DISCRETE, ValueError, 'solver=FastSAC.*use "PPO"'),
        (SAC, DISCRETE, ValueError, 'solver=SAC.*use "PPO"'),
        (TD3, DISCRETE, ValueError, 'solver=TD3.*use "PPO"'),
        ("DQN", BOX, ValueError, "solver=DQN.*use"),
        (7, BOX, TypeError, "solver=7"),
        (dict, BOX, TypeError, "solver=<class 'dict'>"),
    ],
)
def test_errors_name_what_is_wrong_with_a_solver(solver, space, error, message):
    with pytest.raises(error, match=message):
        find_solver(solver, BOX, space, can_plan=False)


@pytest.mark.parametrize(
    ("solver", "package"), [("sbx:SAC", "sbx-rl"), ("sb3_contrib:TQC", "sb3-contrib")]
)
def test_a_missing_package_is_named_with_what_installs_it(solver, package, monkeypatch):
    monkeypatch.setitem(sys.modules, solver.partition(":")[0], None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        find_solver(solver, BOX, BOX, can_plan=False)


def test_algorithms_of_other_packages_are_found_by_name(monkeypatch):
    class TQC(SAC):
        __module__ = "sb3_contrib.tqc.tqc"

    package = type(sys)("sb3_contrib")
    package.TQC = TQC
    monkeypatch.setitem(sys.modules, "sb3_contrib", package)
    assert find_solver("sb3_contrib:TQC", BOX, BOX, can_plan=False) is TQC
    assert solver_name(TQC) == "sb3_contrib:TQC"
    with pytest.raises(ValueError, match="sb3_contrib has no 'TCQ'"):
        find_solver("sb3_contrib:TCQ", BOX, BOX, can_plan=False)


def test_names_of_solvers_find_them_again():
    for solver, space in ((PPO, BOX), (FastSAC, BOX), (DQN, DISCRETE)):
        assert find_solver(solver_name(solver), BOX, space, can_plan=False) is solver
    assert solver_name("auto") == "auto"

    class Mine(SAC):
        pass

    assert solver_name(Mine) is None
    assert solver_name(SAC("MlpPolicy", "Pendulum-v1", device="cpu")) is None


# Setting one up.


def test_a_class_is_set_up_by_the_hyperparameters_and_by_what_was_chosen():
    chosen = {"gamma": 0.5, "policy_kwargs": {"activation_fn": torch.nn.Tanh}}
    solver, _ = make_solver(FastSAC, **chosen)
    model = solver.model
    assert (model.batch_size, model.gamma, model.buffer_size) == (16, 0.5, 150)
    assert isinstance(model.replay_buffer, RelabeledReplayBuffer)
    assert model.replay_buffer.standardize == HYPERPARAMETERS.standardize_rewards
    layers = [each for each in model.actor.latent_pi if isinstance(each, torch.nn.Linear)]
    assert [each.out_features for each in layers] == [8]
    assert model.policy.activation_fn is torch.nn.Tanh


def test_an_on_policy_class_takes_the_hyperparameters_steps_at_once():
    model = make_solver(PPO, batch_size=50)[0].model
    assert model.n_steps * model.n_envs == 100
    assert make_solver(A2C, n_steps=1)[0].model.n_steps == 2


def test_arguments_may_be_those_of_the_class_or_as_in_the_hyperparameter_files():
    noise = NormalActionNoise(np.zeros(1), np.full(1, 0.3))
    for given in (noise, 0.3):
        model = make_solver(TD3, action_noise=given)[0].model
        model.action_noise = getattr(model.action_noise, "noises", [model.action_noise])[0]
        np.testing.assert_array_equal(model.action_noise._sigma, 0.3)
    for given in (torch.nn.Tanh, "Tanh"):
        model = make_solver(SAC, policy_kwargs={"activation_fn": given})[0].model
        assert model.policy.activation_fn is torch.nn.Tanh


def test_an_unknown_activation_function_is_an_error():
    with pytest.raises(ValueError, match=r"'tanh'.*Tanh"):
        make_solver(SAC, policy_kwargs={"activation_fn": "tanh"})


def test_a_replay_buffer_of_ones_own_is_kept():
    model = make_solver(SAC, replay_buffer_class=ReplayBuffer)[0].model
    assert type(model.replay_buffer) is ReplayBuffer
    assert SB3Solver(model, ENCODER, 10).replay_arrays() == {}


def test_an_unknown_argument_is_an_error():
    with pytest.raises(ValueError, match=r"SAC.* 'gama' \(did you mean 'gamma'\?\)"):
        make_solver(SAC, gama=0.5)
    hyperparameters = {"solver": {"kwargs": {"gama": 0.5}}}
    with pytest.raises(ValueError, match=r"hyperparameters.solver.kwargs.*'gama' \(did you mean"):
        RLSP("Pendulum-v1", [[1.0, 0, 0]], hyperparameters=hyperparameters)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"gamma": "hello"}, TypeError, r"solver_kwargs\['gamma'\]='hello'"),
        ({"gamma": 1.5}, ValueError, r"\['gamma'\]=1.5: expected a number from 0 to 1"),
        ({"gamma": np.nan}, ValueError, r"\['gamma'\]=nan"),
        ({"learning_rate": 0}, ValueError, r"\['learning_rate'\]=0"),
        ({"batch_size": 2.5}, TypeError, r"\['batch_size'\]=2.5"),
        ({"batch_size": True}, TypeError, r"\['batch_size'\]=True"),
        ({"buffer_size": -1}, ValueError, r"\['buffer_size'\]=-1"),
        ({"target_entropy": np.inf}, ValueError, r"\['target_entropy'\]=inf"),
        ({"env": None}, ValueError, "'env'"),
        ({"seed": 3}, ValueError, "'seed'"),
    ],
)
@pytest.mark.parametrize("algorithm", [SAC, "FastSAC"])
def test_wrong_values_of_arguments_are_refused_at_construction(algorithm, kwargs, error, message):
    with pytest.raises(error, match=message):
        RLSP("Pendulum-v1", [[1.0, 0, 0]], solver=algorithm, solver_kwargs=kwargs)


def test_what_is_no_number_is_left_to_the_algorithm():
    kwargs = {"learning_rate": lambda progress: 1e-3 * progress, "batch_size": 64.0}
    model = make_solver(SAC, **kwargs)[0].model
    assert model.batch_size == 64
    assert isinstance(model.batch_size, int)
    assert make_solver(SAC, ent_coef="auto_0.1")[0].model.ent_coef == "auto_0.1"


def test_an_algorithm_is_put_into_the_environment_with_a_buffer_that_relabels():
    venv = DummyVecEnv([lambda: gym.make("Pendulum-v1")])
    env = RewardVecEnv(venv, lambda observations: features(observations) @ THETA)
    given = SAC("MlpPolicy", "Pendulum-v1", buffer_size=77, learning_starts=5, device="cpu")
    spec = SolverSpec(given, HYPERPARAMETERS, {}, "cpu")
    model = make_model(spec, env, ENCODER, THETA, 0)
    assert model is given
    assert isinstance(model.replay_buffer, RelabeledReplayBuffer)
    assert model.replay_buffer.buffer_size == 77
    solver, rng = SB3Solver(model, ENCODER, 20), np.random.default_rng(0)
    solver.train(np.array([3.0, 0.0]), np.zeros((1, 3)), rng)
    size = model.replay_buffer.size()
    assert size == 20
    expected = 3 * model.replay_buffer.next_observations[:size, :, 0]
    np.testing.assert_allclose(model.replay_buffer.rewards[:size], expected, rtol=1e-5)
