"""Policies trained with VecNormalize act as they do in SB3, and its file runs no code."""

import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.data.rollouts import sample_observed_states
from rlsp_sb3.evaluation.returns import measure_returns
from rlsp_sb3.experiments.learner_run import LearnerRun
from rlsp_sb3.experiments.mujoco.plan import plan_mujoco_table
from rlsp_sb3.experiments.mujoco.run_job import run_mujoco_job
from rlsp_sb3.experiments.table_plan import TableOptions
from rlsp_sb3.io.restricted_pickle import RefusedPickleError
from rlsp_sb3.learners.registry import learner_names
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.policies.sb3_file import read_sb3
from rlsp_sb3.policies.vec_normalize import (
    NormalizedPolicy,
    read_vec_normalize,
    was_normalized,
)

from helpers.command import ok, rlsp
from helpers.policy_files import Touch
from helpers.small_table import ENV as PENDULUM

installed = pytest.mark.skipif(
    "waypoints" not in learner_names(),
    reason="learners are found by entry points: pip install -e rlsp_sb3 and rlsp_baselines first",
)
SMALL_PPO = {"n_steps": 32, "batch_size": 16, "n_epochs": 1}
SMALL_DQN = {"buffer_size": 100, "learning_starts": 10}
ENV = "CartPole-v1"
ALGORITHMS = {
    "ppo": (PPO, ENV, SMALL_PPO, {}),
    "ppo-numbers": (PPO, "Pendulum-v1", SMALL_PPO, {"clip_obs": 0.7, "epsilon": 0.1}),
    "sac": (SAC, "Pendulum-v1", {"buffer_size": 100, "learning_starts": 10}, {}),
    "dqn": (DQN, ENV, SMALL_DQN, {"norm_reward": False, "training": True}),
}


def train(algorithm, env, arguments, **kwargs):
    """An algorithm that learned a little in an environment that normalizes, and that."""
    wrapper = VecNormalize(make_vec_env(env, seed=0), **kwargs)
    return algorithm("MlpPolicy", wrapper, seed=0, **arguments).learn(64), wrapper


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The files of a policy and of its VecNormalize, in folders of their own."""
    folder = tmp_path_factory.mktemp("trained")
    model, wrapper = train(PPO, ENV, SMALL_PPO)
    model.save(folder / "model.zip")
    wrapper.save(str(folder / "statistics.pkl"))
    return folder


def observations(env_id, n=200):
    space = gym.make(env_id).observation_space
    return np.random.default_rng(0).uniform(-3, 3, (n, *space.shape)).astype(space.dtype)


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(Path(source).read_bytes())
    return target


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", ALGORITHMS)
def test_acts_as_the_algorithm_with_its_wrapper(name, tmp_path, no_warning):
    algorithm, env, arguments, kwargs = ALGORITHMS[name]
    model, wrapper = train(algorithm, env, arguments, **kwargs)
    model.save(tmp_path / "model.zip")
    wrapper.save(str(tmp_path / "vecnormalize.pkl"))
    theirs = algorithm.load(tmp_path / "model.zip", device="cpu")
    normalize = VecNormalize.load(str(tmp_path / "vecnormalize.pkl"), make_vec_env(env))
    seen = observations(env)
    shown = normalize.normalize_obs(seen)
    expected = theirs.predict(shown, deterministic=True)[0]
    ours = load_policy(tmp_path / "model.zip", env)
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)
    for i in range(20):
        np.testing.assert_array_equal(
            ours.predict(seen[i], deterministic=True)[0],
            theirs.predict(shown[i], deterministic=True)[0],
        )
    bare = theirs.predict(seen, deterministic=True)[0]
    assert name == "dqn" or not np.array_equal(bare, expected)  # the test can tell
    np.testing.assert_array_equal(ours.statistics.normalize(seen), shown)
    if algorithm is not DQN:
        torch.manual_seed(0)
        expected = theirs.predict(shown)[0]
        torch.manual_seed(0)
        np.testing.assert_array_equal(ours.predict(seen)[0], expected)


class Camera(gym.Env):
    """Random pictures."""

    observation_space = spaces.Box(0, 255, (6, 6, 3), np.uint8)
    action_space = spaces.Discrete(5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.integers(256, size=(6, 6, 3), dtype=np.uint8), {}

    def step(self, action):
        return self.reset()[0], 1.0, False, False, {}


def test_images_that_were_normalized(tmp_path):
    model, wrapper = train(A2C, Camera, {})
    model.save(tmp_path / "model.zip")
    wrapper.save(str(tmp_path / "vecnormalize.pkl"))
    ours = load_policy(tmp_path / "model.zip", Camera())
    seen = np.random.default_rng(0).integers(256, size=(100, 6, 6, 3), dtype=np.uint8)
    expected = model.predict(wrapper.normalize_obs(seen), deterministic=True)[0]
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)
    cnn = A2C("CnnPolicy", DummyVecEnv([LargeCamera]))
    cnn.save(tmp_path / "cnn.zip")
    statistics = VecNormalize(DummyVecEnv([LargeCamera]))
    statistics.save(str(tmp_path / "large.pkl"))
    with pytest.raises(ValueError, match=r"cnn\.zip' cannot be made for env, with"):
        load_policy(tmp_path / "cnn.zip", LargeCamera(), vec_normalize=tmp_path / "large.pkl")


class LargeCamera(Camera):
    observation_space = spaces.Box(0, 255, (36, 36, 3), np.uint8)


# Where the file is.


@pytest.mark.parametrize(
    ("policy", "statistics"),
    [
        ("model.zip", "vecnormalize.pkl"),
        ("model.zip", "vec_normalize.pkl"),
        ("best_model.zip", f"{ENV}/vecnormalize.pkl"),
        (f"{ENV}.zip", f"{ENV}/vecnormalize.pkl"),
    ],
)
def test_found_beside_the_policy(policy, statistics, trained, tmp_path, no_warning):
    copy(trained / "model.zip", tmp_path / policy)
    file = copy(trained / "statistics.pkl", tmp_path / statistics)
    ours = load_policy(tmp_path / policy, ENV)
    assert isinstance(ours, NormalizedPolicy)
    assert ours.file == file


def test_found_as_sb3_and_its_callback_write_it(tmp_path, no_warning):
    wrapper = VecNormalize(make_vec_env(ENV, seed=0))
    callback = CheckpointCallback(32, str(tmp_path), save_vecnormalize=True)
    PPO("MlpPolicy", wrapper, **SMALL_PPO).learn(64, callback)
    first = load_policy(tmp_path / "rl_model_32_steps", ENV)
    second = load_policy(tmp_path / "rl_model_64_steps.zip", ENV)
    assert not np.array_equal(first.statistics.mean, second.statistics.mean)
    np.testing.assert_array_equal(second.statistics.mean, wrapper.obs_rms.mean)


def test_given(trained, tmp_path, no_warning):
    ours = load_policy(trained / "model.zip", ENV, vec_normalize=trained / "statistics.pkl")
    assert isinstance(ours, NormalizedPolicy)
    with pytest.raises(FileNotFoundError, match=r"vec_normalize='.*absent\.pkl': there is no such"):
        load_policy(trained / "model.zip", ENV, vec_normalize=tmp_path / "absent.pkl")


def test_missing_files_are_warned_about(trained):
    with pytest.warns(UserWarning, match=r"trained with VecNormalize.*pass the file.*vec_norm"):
        assert not isinstance(load_policy(trained / "model.zip", ENV), NormalizedPolicy)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_there_are_no_warnings_of_others(name, tmp_path, no_warning):
    algorithm, env, arguments, _ = ALGORITHMS[name]
    algorithm("MlpPolicy", env, seed=0, **arguments).learn(64).save(tmp_path / "model.zip")
    assert not isinstance(load_policy(tmp_path / "model.zip", env), NormalizedPolicy)


class Swing(gym.Env):
    """Shows an arm that goes round, in numbers of a type and within bounds."""

    def __init__(self, dtype=np.float32, low=-1.0):
        self.observation_space = spaces.Box(low, -low, (2,), dtype)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.n = 0
        return self.show(), {}

    def step(self, action):
        self.n += 1
        return self.show(), 1.0, False, False, {}

    def show(self):
        shown = [np.sin(self.n), np.cos(self.n)]
        return np.array(shown, self.observation_space.dtype)


OFF_POLICY = (SAC, {"buffer_size": 100, "learning_starts": 10, "policy_kwargs": {"net_arch": [8]}})
ON_POLICY = (PPO, SMALL_PPO)


@pytest.mark.parametrize(
    ("algorithm", "env", "with_wrapper", "without"),
    [
        (ON_POLICY, Swing(), True, False),
        (ON_POLICY, Swing(np.float64), True, False),
        (OFF_POLICY, Swing(), True, None),  # in sight of its bounds
        (OFF_POLICY, Swing(low=-np.inf), None, None),
        (OFF_POLICY, Swing(np.float64), True, False),
    ],
)
def test_what_the_last_observations_tell(algorithm, env, with_wrapper, without, tmp_path):
    solver, arguments = algorithm
    path = tmp_path / "model.zip"
    bare = DummyVecEnv([lambda: env])
    for expected, trained_in in ((with_wrapper, VecNormalize(bare)), (without, bare)):
        solver("MlpPolicy", trained_in, seed=0, **arguments).learn(64).save(path)
        assert was_normalized(read_sb3(path), env.observation_space) is expected
    only_rewards = VecNormalize(DummyVecEnv([lambda: Swing(np.float64)]), norm_obs=False)
    solver("MlpPolicy", only_rewards, seed=0, **arguments).learn(64).save(path)
    assert was_normalized(read_sb3(path), env.observation_space) is False


def test_files_of_other_policies_are_left_alone(trained, tmp_path, no_warning):
    """An expert that was trained without may be in the same folder."""
    PPO("MlpPolicy", ENV, **SMALL_PPO).learn(32).save(tmp_path / "model.zip")
    copy(trained / "statistics.pkl", tmp_path / "vecnormalize.pkl")
    assert not isinstance(load_policy(tmp_path / "model.zip", ENV), NormalizedPolicy)
    PPO("MlpPolicy", ENV, **SMALL_PPO).save(tmp_path / "new.zip")  # which does not say
    assert isinstance(load_policy(tmp_path / "new.zip", ENV), NormalizedPolicy)


def test_only_rewards_were_normalized(tmp_path, no_warning):
    model, wrapper = train(PPO, ENV, SMALL_PPO, norm_obs=False)
    model.save(tmp_path / "model.zip")
    wrapper.save(str(tmp_path / "vecnormalize.pkl"))
    ours = load_policy(tmp_path / "model.zip", ENV)
    seen = observations(ENV)
    np.testing.assert_array_equal(
        ours.predict(seen, deterministic=True)[0], model.predict(seen, deterministic=True)[0]
    )


def test_environments_that_normalize_themselves(trained, no_warning):
    wrapper = VecNormalize.load(str(trained / "statistics.pkl"), make_vec_env(ENV))
    assert not isinstance(load_policy(trained / "model.zip", wrapper), NormalizedPolicy)
    with pytest.raises(ValueError, match="expected None, since env is a VecNormalize"):
        load_policy(trained / "model.zip", wrapper, vec_normalize=trained / "statistics.pkl")


def test_learners_have_no_such_file(trained, tmp_path):
    TabularRLSP("RoomDefault-v0", seed=0).save(tmp_path / "learner")
    with pytest.raises(
        ValueError, match=r"expected None, since path='.*learner\.zip' is a learner"
    ):
        load_policy(
            tmp_path / "learner", "RoomDefault-v0", vec_normalize=trained / "statistics.pkl"
        )


# What is in the file.


def wrapper_with(**changes):
    wrapper = VecNormalize(make_vec_env(ENV))
    for name, value in changes.items():
        setattr(wrapper, name, value)
    return wrapper


def statistics_with(mean, var):
    statistics = RunningMeanStd(shape=(4,))
    statistics.mean, statistics.var = mean, var
    return statistics


ONES = np.ones(4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK", "damaged, or not a pickle"),
        (pickle.dumps([1]), "holds no VecNormalize: expected what its `save` wrote"),
        (pickle.dumps(RunningMeanStd()), "holds no VecNormalize"),
        (wrapper_with(obs_rms={"a": RunningMeanStd()}), r"are dictionaries \(a\): expected those"),
        (wrapper_with(obs_rms=None), "no statistics of observations: obs_rms is no RunningMean"),
        (wrapper_with(obs_rms=statistics_with("a", ONES)), "has no statistics of observations"),
        (wrapper_with(obs_rms=statistics_with(ONES, ONES[:2])), "are no finite numbers"),
        (wrapper_with(obs_rms=statistics_with(ONES, ONES * np.nan)), "are no finite numbers"),
        (wrapper_with(obs_rms=statistics_with(ONES, -ONES)), "variances, epsilon=1e-08 or clip"),
        (wrapper_with(clip_obs=-1.0), r"clip_obs=-1\.0 out of range"),
        (wrapper_with(clip_obs=None), "has no statistics of observations"),
        (wrapper_with(epsilon=-2.0), r"epsilon=-2\.0 or"),
    ],
)
def test_wrong_files(content, message, tmp_path):
    path = tmp_path / "vecnormalize.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    with pytest.raises(ValueError, match=rf"vecnormalize\.pkl'.*{message}"):
        read_vec_normalize(path)


def test_statistics_of_another_environment(trained, tmp_path):
    _, wrapper = train(PPO, "Pendulum-v1", SMALL_PPO)
    wrapper.save(str(tmp_path / "pendulum.pkl"))
    with pytest.raises(ValueError, match=r"of the shape \(3,\), and env has the observation_sp"):
        load_policy(trained / "model.zip", ENV, vec_normalize=tmp_path / "pendulum.pkl")


def test_observations_of_another_shape(trained):
    ours = load_policy(trained / "model.zip", ENV, vec_normalize=trained / "statistics.pkl")
    with pytest.raises(ValueError, match=r"observation has the shape \(3,\): expected \(4,\)"):
        ours.predict(np.zeros(3))
    with pytest.raises(ValueError, match=r"pass the first of both, as in observation, info = env"):
        ours.predict(gym.make(ENV).reset())


def test_code_in_the_file_is_not_run(tmp_path):
    path, trace = tmp_path / "vecnormalize.pkl", tmp_path / "run"
    plain = read_saved(wrapper_with(), path)
    for name in ("reset_infos", "old_obs", "ret_rms", "observation_space"):
        touched = read_saved(wrapper_with(**{name: [Touch(trace)]}), path)
        np.testing.assert_array_equal(touched.mean, plain.mean)
    for changes in (
        {"obs_rms": Touch(trace)},
        {"obs_rms": statistics_with(Touch(trace), ONES)},
        {"clip_obs": Touch(trace)},
    ):
        with pytest.raises(ValueError, match="vecnormalize"):
            read_saved(wrapper_with(**changes), path)
    with pytest.raises(RefusedPickleError, match=r"contains \w+\.open, which is not data"):
        read_saved(wrapper_with(epsilon=Touch(trace)), path)
    assert not trace.exists()
    with pytest.raises(TypeError):  # the traps work
        pickle.loads(path.read_bytes()).epsilon + 1
    assert trace.exists()


def read_saved(wrapper, path):
    wrapper.save(str(path))
    return read_vec_normalize(path)


# On the command line.


def test_commands(trained, tmp_path):
    policy = trained / "model.zip"
    option = ("--vec-normalize", trained / "statistics.pkl")
    ours = load_policy(policy, ENV, vec_normalize=option[1])
    expected = measure_returns(ours, ENV, 5, seed=3).mean
    command = ("evaluate", policy, ENV, "--episodes", 5, "--seed", 3)
    assert f"{expected:,.2f}" in ok(*command, *option).out
    with pytest.warns(UserWarning, match="trained with VecNormalize"):
        assert f"{expected:,.2f}" not in ok(*command).out
    ok("rollout", policy, ENV, "--episodes", 1, "--out", tmp_path / "data.npz", *option)
    missing = rlsp(*command, "--vec-normalize", tmp_path / "absent.pkl")
    assert missing.code == 2
    assert "there is no such file" in missing.err


@installed
def test_states_that_the_policy_leaves(tmp_path):
    room = "RoomDefault-v0"
    model, wrapper = train(PPO, room, SMALL_PPO)
    model.save(tmp_path / "model.zip")
    wrapper.save(str(tmp_path / "statistics.pkl"))
    arguments = {
        "observed_states": tmp_path / "model.zip",
        "n_states": 8,
        "vec_normalize": tmp_path / "statistics.pkl",
    }
    run = LearnerRun(room, "tabular-rlsp", folder=tmp_path / "run", **arguments)
    ours = load_policy(tmp_path / "model.zip", room, vec_normalize=tmp_path / "statistics.pkl")
    expected = sample_observed_states(ours, 8, 0, env=room)
    np.testing.assert_array_equal(run.learner.observed_states, expected)
    assert f"--vec-normalize {tmp_path / 'statistics.pkl'}" in run.config.command
    run.folder.release()


@installed
def test_experts_of_a_table(tmp_path):
    pytest.importorskip("mujoco", reason="needs rlsp-envs[mujoco]")
    wrapper = VecNormalize(make_vec_env(PENDULUM))
    model = SAC("MlpPolicy", wrapper, policy_kwargs={"net_arch": [8]}, learning_starts=5, seed=0)
    model.learn(10).save(tmp_path / f"{PENDULUM}.zip")
    options = TableOptions(n_states=(2,), methods=["waypoints"], n_seeds=1, preset="smoke")
    with pytest.warns(UserWarning, match="trained with VecNormalize"):
        (without, *_) = plan_mujoco_table(tmp_path, [PENDULUM], options).jobs
    (tmp_path / PENDULUM).mkdir()
    wrapper.save(str(tmp_path / PENDULUM / "vecnormalize.pkl"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (job, *_) = plan_mujoco_table(tmp_path, [PENDULUM], options).jobs
    assert job.fingerprint != without.fingerprint
    theirs = measure_returns(load_policy(tmp_path / PENDULUM, PENDULUM), PENDULUM, 2, seed=0)
    ours = run_mujoco_job(lambda *_: None, replace(job, config=replace(job.config, episodes=2)))
    assert ours.figures.in_loop == theirs.mean
