"""AverageFeatures and Waypoints: the formulas, and the same surface as RLSP."""

import copy
import inspect

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AverageFeatures, Waypoints
from rlsp_baselines.waypoint_reward import WaypointReward
from rlsp_sb3 import RLSP
from rlsp_sb3.data.transitions import collect
from rlsp_sb3.learners.callbacks import checkpoints
from rlsp_sb3.learners.registry import load_learner
from rlsp_sb3.presets import FAST

from helpers.point import TINY as POINT_TINY
from helpers.point import Point, distance_from_one

LEARNERS = [AverageFeatures, Waypoints]
ENV = "InvertedPendulum-v5" if "InvertedPendulum-v5" in gym.registry else "InvertedPendulum-v4"
STATES = np.array([[0.0, 0.02, 0.1, 0.0], [0.1, -0.01, 0.0, 0.3], [-0.2, 0.0, 0.0, 0.0]])
QUICK = {"n_updates": 5, "batch_size": 64, "learning_rate": 1e-3}
TINY = FAST.updated(
    {
        "n_transitions": 200,
        "episode_length": 20,
        "n_trajectories": 10,
        "n_epochs": 4,
        "encoder": {"fit": QUICK},
        "dynamics": {"fit": QUICK, "refit": None},
        "inverse_policy": {"first_fit": QUICK, "fit": QUICK, "n_rollouts": 10},
        "solver": {"n_envs": 2, "n_steps": 100, "hidden": [16, 16]},
    }
)


def make_learner(learner_class, env=ENV, states=STATES, **arguments):
    return learner_class(env, states, **{"seed": 0, "hyperparameters": TINY, **arguments})


def actions(learner, n=5):
    env = gym.make(ENV)
    observations = np.array([env.reset(seed=seed)[0] for seed in range(n)])
    return learner.predict(observations, deterministic=True)[0]


def brute_force(learner_class, encoder, observed, observations):
    """The published formulas, a state and a feature at a time."""
    phi_observed = [encoder(state[None])[0] for state in observed]
    rewards = []
    for observation in observations:
        phi = encoder(observation[None])[0]
        if learner_class is AverageFeatures:
            total = [sum(feature) for feature in zip(*phi_observed, strict=True)]
            norm = sum(x**2 for x in total) ** 0.5
            rewards.append(sum(x * y / norm for x, y in zip(phi, total, strict=True)))
        else:
            rewards.append(max(phi @ each / np.sqrt(each @ each) for each in phi_observed))
    return np.array(rewards)


@pytest.mark.parametrize("learner_class", LEARNERS)
@pytest.mark.parametrize("encoder", ["fourier", "vae", "identity"])
def test_reward_is_the_published_formula(learner_class, encoder):
    learner = make_learner(learner_class, encoder=encoder).learn(100)
    seen = collect(gym.make(ENV), 40, np.random.default_rng(1)).next_observations
    expected = brute_force(learner_class, learner.encoder, STATES, seen)
    np.testing.assert_allclose(learner.reward.of_states(seen), expected, atol=1e-4)  # of float32
    nothing = np.zeros(len(seen))
    np.testing.assert_array_equal(
        learner.reward(seen[::-1], nothing, seen, nothing), learner.reward.of_states(seen)
    )


@pytest.mark.parametrize("learner_class", LEARNERS)
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0"])
def test_gridworlds_are_planned_in_with_nothing_to_learn(learner_class, env_id):
    env = gym.make(env_id).unwrapped
    observed = env.observations([3, 17, 20])
    learner = learner_class(env_id, observed, inferred_weight=2, seed=0).learn()
    assert learner.num_timesteps == 1
    everywhere = env.observations(np.arange(len(env.mdp.features)))
    expected = brute_force(learner_class, env.features, observed, everywhere)
    np.testing.assert_allclose(learner.inferred_rewards, expected)
    np.testing.assert_allclose(
        learner.planned_rewards, env.mdp.features @ env.task_reward + 2 * expected
    )
    assert np.isfinite(evaluate_policy(learner, learner.get_env(), n_eval_episodes=1)[0])


def test_several_states_are_no_waypoint_between_them():
    features = np.array([[1.0, 0.0], [0.0, 2.0]])
    reward = WaypointReward(features)
    np.testing.assert_allclose(reward.of_states([[3.0, 1.0], [1.0, 3.0], [-1.0, -2.0]]), [3, 3, -1])


def test_features_that_are_all_zero_have_no_direction():
    np.testing.assert_array_equal(WaypointReward([[0.0, 0.0]]).of_states([[3.0, 1.0]]), [0])
    learner = AverageFeatures(
        Point(), [[1.0], [-1.0]], encoder=np.asarray, hyperparameters=POINT_TINY
    )
    np.testing.assert_array_equal(learner.theta, [0])


def test_average_features_are_what_rlsp_begins_with():
    rlsp = RLSP(ENV, STATES, horizon=3, seed=0, hyperparameters=TINY, sampling="backward").learn(
        100
    )
    learner = make_learner(AverageFeatures, encoder=rlsp.encoder)
    np.testing.assert_allclose(learner.theta, rlsp.gradient_estimator.initial_theta(rlsp.theta))


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_parts_of_rlsp_are_used_as_they_are(learner_class):
    rlsp = RLSP(ENV, STATES, horizon=3, seed=0, hyperparameters=TINY).learn(100)
    learner = make_learner(learner_class, states=rlsp.observed_states, encoder=rlsp.encoder)
    learner.reward  # known already  # noqa: B018
    mean = rlsp.encoder.normalizer.mean.copy()
    learner.learn(100)
    assert learner.encoder is rlsp.encoder
    np.testing.assert_array_equal(rlsp.encoder.normalizer.mean, mean)


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_the_encoder_is_fitted_to_random_transitions(learner_class):
    learner = make_learner(learner_class)
    seen = collect(gym.make(ENV), TINY.n_transitions, copy.deepcopy(learner.rng))
    learner.learn(100)
    mean = seen.observations.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(learner.encoder.normalizer.mean, mean)


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_takes_the_arguments_of_rlsp(learner_class):
    ours = inspect.signature(learner_class).parameters
    theirs = inspect.signature(RLSP).parameters
    assert set(ours) <= set(theirs)
    for name, parameter in ours.items():
        assert parameter.default == theirs[name].default, name


def test_command_finds_them():
    assert load_learner("average-features") is AverageFeatures
    assert load_learner("waypoints") is Waypoints


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_same_seed_same_bits(learner_class):
    first, second, other = (make_learner(learner_class, seed=seed).learn() for seed in (3, 3, 4))
    np.testing.assert_array_equal(actions(first), actions(second))
    assert (actions(first) != actions(other)).any()
    np.testing.assert_array_equal(first.observed_features, second.observed_features)


@pytest.mark.parametrize("learner_class", LEARNERS)
@pytest.mark.parametrize("solver", ["FastSAC", "PPO"])
@pytest.mark.parametrize("forward_model", ["simulator", "learned"])
def test_resumed_from_a_checkpoint_is_never_stopped(learner_class, solver, forward_model, tmp_path):
    arguments = {"solver": solver, "forward_model": forward_model, "encoder": "vae"}
    written = {"checkpoint_dir": tmp_path, "checkpoint_interval": 1}
    whole = make_learner(learner_class, **arguments, **written).learn()
    resumed = learner_class.load(checkpoints(tmp_path)[0], ENV)
    assert resumed.num_timesteps < whole.num_timesteps
    np.testing.assert_array_equal(resumed.reward.of_states(STATES), whole.reward.of_states(STATES))
    resumed.learn(reset_num_timesteps=False)
    assert resumed.num_timesteps == whole.num_timesteps
    np.testing.assert_array_equal(actions(resumed), actions(whole))


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_saved_before_learning_is_as_new(learner_class, tmp_path):
    make_learner(learner_class).save(tmp_path / "new")
    loaded = learner_class.load(tmp_path / "new", ENV)
    with pytest.raises(RuntimeError, match="call learn"):
        loaded.reward  # noqa: B018
    expected = make_learner(learner_class).learn()
    np.testing.assert_array_equal(actions(loaded.learn()), actions(expected))


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_every_argument_comes_back(learner_class, tmp_path):
    arguments = {
        "encoder": {"name": "fourier", "n_features": 8},
        "solver": SAC,
        "solver_kwargs": {"gamma": 0.5},
        "n_epochs": 3,
        "forward_model": "learned",
        "keep_termination": True,
        "inferred_weight": 0.5,
        "eval_interval": 2,
        "checkpoint_dir": tmp_path / "checkpoints",
        "checkpoint_interval": 3,
        "seed": 11,
        "verbose": 1,
    }
    make_learner(learner_class, **arguments).save(tmp_path / "learner")
    loaded = learner_class.load(tmp_path / "learner", ENV)
    assert loaded.encoder.n_features == 8
    assert loaded.solver == "SAC"
    assert loaded.hyperparameters == TINY
    assert loaded.checkpoint_dir is None  # nothing is written to a folder that a file names
    for name in set(arguments) - {"encoder", "solver", "checkpoint_dir"}:
        assert str(getattr(loaded, name)) == str(arguments[name]), name


@pytest.mark.parametrize("learner_class", [*LEARNERS, RLSP])
def test_arguments_that_files_cannot_hold_are_an_error_before_there_is_a_file(
    learner_class, tmp_path
):
    chosen = {"solver": "SAC", "solver_kwargs": {"replay_buffer_class": ReplayBuffer}}
    message = "solver_kwargs=.*cannot be saved: JSON cannot hold .*ReplayBuffer"
    learner = make_learner(learner_class, **chosen)
    with pytest.raises(TypeError, match=message):
        learner.save(tmp_path / "folder" / "learner")
    with pytest.raises(TypeError, match=message):
        make_learner(learner_class, **chosen, checkpoint_dir=tmp_path / "folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("learner_class", [*LEARNERS, RLSP])
def test_another_environment_needs_another_learner(learner_class, tmp_path):
    learner = make_learner(learner_class)
    before = learner.get_env()
    with pytest.raises(ValueError, match=rf"get_env\(\).*{learner_class.__name__}\.load\("):
        learner.set_env(gym.make(ENV))
    assert learner.get_env() is before
    learner.set_env(before)
    learner.save(tmp_path / "learner")
    other = gym.make(ENV)
    loaded = learner_class.load(tmp_path / "learner", other).learn(50)
    assert loaded.get_env().envs[0].unwrapped is other.unwrapped


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_planned_learner_is_saved(learner_class, tmp_path):
    learner = learner_class("RoomDefault-v0", seed=0).learn()
    learner.save(tmp_path / "room")
    loaded = learner_class.load(tmp_path / "room", "RoomDefault-v0")
    np.testing.assert_array_equal(loaded.policy.table, learner.policy.table)


def test_function_as_encoder_has_to_be_given_again(tmp_path):
    learner = AverageFeatures(
        Point(),
        [[1.0]],
        encoder=lambda x: distance_from_one(x) + 1,
        hyperparameters=POINT_TINY,
    ).learn(50)
    learner.save(tmp_path / "point")
    with pytest.raises(ValueError, match="give it again"):
        AverageFeatures.load(tmp_path / "point", Point())
    loaded = AverageFeatures.load(tmp_path / "point", Point(), encoder=distance_from_one)
    np.testing.assert_array_equal(loaded.theta, learner.theta)


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_steps_chunks_callbacks_and_log(learner_class, tmp_path):
    learner = make_learner(
        learner_class,
        solver="FastSAC",
        eval_interval=2,
        checkpoint_dir=tmp_path / "checkpoints",
        checkpoint_interval=1,
    )
    logger = configure(str(tmp_path), ["csv"])
    learner.set_logger(logger)
    seen = []
    callbacks = [CheckpointCallback(100, tmp_path / "sb3")]
    learner.learn(250, callbacks, progress_bar=True)
    assert learner.num_timesteps == 250  # as asked, the last time fewer
    learner.learn(
        100,
        lambda local, _: seen.append(local["self"].num_timesteps) or True,
        reset_num_timesteps=False,
    )
    assert seen == list(range(252, 351, 2))
    logger.close()
    header = (tmp_path / "progress.csv").read_text().splitlines()[0].split(",")
    assert {"train/epoch", "time/solver", "eval/true_return", "eval/inferred_return"} <= set(header)
    assert [path.name for path in (tmp_path / "sb3").iterdir()] == ["rl_model_200_steps.zip"]
    newest = checkpoints(tmp_path / "checkpoints")[-1]
    assert learner_class.load(newest, ENV).num_timesteps == 350


def test_a_solver_of_rollouts_ends_with_a_whole_one():
    assert make_learner(AverageFeatures, solver="FastPPO").learn(250).num_timesteps == 300


def test_default_is_as_many_steps_as_rlsp_takes():
    learner = make_learner(AverageFeatures).learn()
    assert learner.num_timesteps == TINY.n_epochs * TINY.solver.n_steps
    assert make_learner(AverageFeatures, n_epochs=2).learn().num_timesteps == 200


def test_interruption_keeps_what_was_learned():
    def interrupt(local, _):
        if local["self"].num_timesteps == 200:
            raise KeyboardInterrupt
        return True

    learner = make_learner(AverageFeatures)
    with pytest.warns(UserWarning, match="interrupted after 200 of 400 timesteps"):
        learner.learn(callback=interrupt)
    assert learner.learn(reset_num_timesteps=False).num_timesteps == 400


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_policy_goes_where_the_person_was(learner_class):
    learner = learner_class(
        Point(),
        [[1.0]],
        encoder={"name": "fourier", "bandwidth": 0.3},
        hyperparameters=POINT_TINY.updated({"n_epochs": 4, "solver": {"n_steps": 500}}),
        solver_kwargs={"policy_kwargs": {"net_arch": [32]}},
        seed=0,
    ).learn()
    observation, _ = learner.unwrapped_env.reset(seed=0)
    for _ in range(20):
        action, _ = learner.predict(observation, deterministic=True)
        observation = learner.unwrapped_env.step(action)[0]
    assert abs(observation[0] - 1) < 0.5


def test_algorithm_that_exists_already_and_discrete_actions():
    model = PPO("MlpPolicy", gym.make("CartPole-v1"), n_steps=50, batch_size=50, seed=0)
    learner = make_learner(Waypoints, "CartPole-v1", np.zeros((1, 4)), solver=model).learn(100)
    assert learner.policy is model.policy
    assert learner.num_timesteps == 100


def test_gridworld_where_an_algorithm_is_trained():
    learner = AverageFeatures("RoomDefault-v0", solver="PPO", hyperparameters=TINY, seed=0).learn()
    assert learner.num_timesteps == 400
    assert np.isfinite(evaluate_policy(learner, learner.get_env(), n_eval_episodes=1)[0])


@pytest.mark.parametrize("learner_class", LEARNERS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"forward_model": "none"}, ValueError, "forward_model='none'"),
        ({"solver": "SACC"}, ValueError, "solver='SACC'.*SAC"),
        ({"solver": "planning"}, ValueError, "tabular"),
        ({"preset": "slow"}, ValueError, "preset='slow'"),
        ({"hyperparameters": {"n_epoch": 1}}, ValueError, "'n_epoch'.*'n_epochs'"),
        ({"n_epochs": 0}, ValueError, "n_epochs=0"),
        ({"eval_interval": -1}, ValueError, "eval_interval=-1"),
        ({"checkpoint_interval": 0}, ValueError, "checkpoint_interval=0"),
        ({"inferred_weight": -1}, ValueError, "inferred_weight=-1"),
        ({"encoder": "features"}, TypeError, "offers no features"),
        ({"encoder": lambda x: x * np.nan}, ValueError, "finite"),
        ({"keep_termination": True, "forward_model": "simulator"}, ValueError, "keep_termination"),
        ({"states": [[np.nan] * 4]}, ValueError, "observed_states"),
    ],
)
def test_bad_input_is_an_error_at_construction(learner_class, arguments, error, message):
    with pytest.raises(error, match=message):
        make_learner(learner_class, **arguments)


@pytest.mark.parametrize("waypoints", [[1.0, 2.0], np.zeros((0, 3)), [[np.nan]]])
def test_waypoints_are_a_table_of_numbers(waypoints):
    with pytest.raises(ValueError, match="waypoints"):
        WaypointReward(waypoints)


def test_features_fit_to_the_waypoints():
    with pytest.raises(ValueError, match=r"\(2, 3\): expected \(N, 1\)"):
        WaypointReward([[1.0]]).of_states(np.zeros((2, 3)))
