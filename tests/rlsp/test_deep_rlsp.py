"""RLSP where an algorithm of SB3 finds the policy: in environments that are not tabular."""

import csv
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure

from rlsp_sb3 import RLSP
from rlsp_sb3.encoders.fourier_features import RandomFourierFeatures
from rlsp_sb3.encoders.vae import StateVAE
from rlsp_sb3.evaluation.returns import measure_returns
from rlsp_sb3.io.save_util import read_archive, write_archive
from rlsp_sb3.learners.callbacks import checkpoints
from rlsp_sb3.presets import PAPER
from rlsp_sb3.rlsp.trajectory_weights import uniform_weights, without_outside

from helpers.deep_learner import ENV, STATES, TINY, make_learner
from helpers.waiting import is_alive


def test_same_seed_same_bits_whatever_the_global_generators():
    first = make_learner().learn(300)
    np.random.rand(3)  # noqa: NPY002
    second, other = make_learner().learn(300), make_learner(seed=1).learn(300)
    np.testing.assert_array_equal(first.theta, second.theta)
    assert (first.theta != other.theta).any()
    observation = gym.make(ENV).reset(seed=0)[0]
    np.testing.assert_array_equal(
        first.predict(observation, deterministic=True)[0],
        second.predict(observation, deterministic=True)[0],
    )


def test_learning_leaves_observed_states_as_they_are():
    states = STATES.copy()
    make_learner(states=states).learn()
    np.testing.assert_array_equal(states, STATES)


def test_what_is_unusual_about_observed_states_stands_out():
    learner = make_learner(encoder="identity").learn(100)
    position, speed = learner.encoder(STATES)[0]
    # At random the car stays near -.5, and would not if it started where it was left.
    assert position > 5 * abs(speed)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_hyperparameter_says_how_many_episodes_start_in_the_past(share):
    learner = make_learner(
        hyperparameters=TINY.updated({"solver": {"past_start_fraction": share}})
    ).learn(100)
    env = learner.gradient_estimator.solver.model.get_env()
    env.starts = np.full((1, 2), 0.3, np.float32)
    starts = env._start(400)
    assert (starts[:, 0] == np.float32(0.3)).mean() == pytest.approx(share, abs=0.1)


def test_wrappers_may_add_to_observations():
    env = gym.wrappers.TimeAwareObservation(gym.make(ENV))
    learner = RLSP(env, [[0.45, 0.0, 10]], encoder="identity", forward_model="learned", seed=0)
    assert learner.feature_names == ("observation_0", "observation_1", "observation_2")


@pytest.mark.parametrize(
    ("solver", "forward_model"),
    [(solver, model) for solver in ("FastSAC", "PPO") for model in ("simulator", "learned")]
    + [(SAC, "simulator")],  # slow; nothing of it depends on where transitions come from
)
def test_resumed_from_a_checkpoint_is_never_stopped(solver, forward_model, tmp_path):
    # Inverse dynamics are fitted again in the epoch after which it is written.
    arguments = {"solver": solver, "forward_model": forward_model, "n_epochs": 4}
    whole = make_learner(**arguments, checkpoint_dir=tmp_path, checkpoint_interval=2).learn()
    resumed = RLSP.load(checkpoints(tmp_path)[0], ENV)
    assert resumed.num_timesteps == whole.num_timesteps / 2
    resumed.learn(reset_num_timesteps=False)
    assert resumed.num_timesteps == whole.num_timesteps
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    observations = np.array([gym.make(ENV).reset(seed=seed)[0] for seed in range(5)])
    np.testing.assert_array_equal(
        resumed.predict(observations, deterministic=True)[0],
        whole.predict(observations, deterministic=True)[0],
    )


def kill_and_resume(folder, n_kills, n_epochs, rng):
    """Let processes learn, and kill them at random moments, until one is done."""
    command = [sys.executable, "-m", "helpers.kill_me", str(folder), str(n_epochs)]
    killed = 0
    with subprocess.Popen(
        command,
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        while not (folder / "done.zip").exists():
            before = checkpoints(folder)[-1:]
            print(file=starter.stdin, flush=True)
            pid = int(starter.stdout.readline())
            if killed < n_kills:
                # After one more checkpoint at least, or else it would never get anywhere.
                while is_alive(pid) and checkpoints(folder)[-1:] == before:
                    time.sleep(0.01)
                time.sleep(rng.uniform(0, 0.1))
                with suppress(ProcessLookupError):  # it is done
                    os.kill(pid, signal.SIGKILL)
            status = int(starter.stdout.readline())
            assert status in (0, -signal.SIGKILL)
            killed += status != 0
        starter.stdin.close()
    return killed


@pytest.mark.parametrize(
    ("n_kills", "n_epochs"),
    [(5, 12), pytest.param(50, 120, marks=pytest.mark.expensive)],
)
def test_killed_at_any_moment_and_resumed_is_never_stopped(n_kills, n_epochs, tmp_path):
    killed = kill_and_resume(tmp_path, n_kills, n_epochs, np.random.default_rng(0))
    assert killed >= n_kills // 2
    whole = make_learner(n_epochs=n_epochs).learn()
    resumed = RLSP.load(tmp_path / "done.zip", ENV)
    np.testing.assert_array_equal(resumed.theta, whole.theta)


# What was seen, of any number and of the types of the environment.
LOOSE = (
    "observed_states",
    "gradient_estimator.past.",
    "gradient_estimator.transitions.",
    "curriculum.gradients",
)


def test_checkpoints_keep_the_newest_two(tmp_path):
    make_learner(checkpoint_dir=tmp_path, checkpoint_interval=1).learn()
    found = checkpoints(tmp_path)
    assert len(found) == 2
    assert RLSP.load(found[-1], ENV).num_timesteps == 600


def test_folder_of_checkpoints_is_tried_first(tmp_path):
    (tmp_path / "file").write_text("")
    learner = make_learner(checkpoint_dir=tmp_path / "file" / "folder", checkpoint_interval=1)
    with pytest.raises(OSError, match=r"checkpoint_dir=.* cannot be written to \(Not a directory"):
        learner.learn()
    assert learner.num_timesteps == 0


def test_checkpoints_of_others_stay(tmp_path):
    """Learning on after ``load`` deleted what was in the folder that the file named."""
    make_learner(checkpoint_dir=tmp_path / "theirs", checkpoint_interval=1).learn()
    theirs = checkpoints(tmp_path / "theirs")
    before = [path.read_bytes() for path in theirs]
    for folder in (None, tmp_path / "mine"):
        own = {} if folder is None else {"checkpoint_dir": folder}
        learner = RLSP.load(theirs[-1], ENV, **own)
        assert learner.checkpoint_dir == folder
        assert learner.checkpoint_interval == 1
        learner.learn(100)
        assert [path.read_bytes() for path in checkpoints(tmp_path / "theirs")] == before
    assert len(checkpoints(tmp_path / "mine")) == 1


@pytest.mark.parametrize(
    ("encoder", "forward_model"), [("fourier", "learned"), ("vae", "simulator")]
)
def test_every_array_of_a_file_is_needed_as_it_is(encoder, forward_model, tmp_path):
    learner = make_learner(encoder=encoder, forward_model=forward_model).learn(100)
    learner.save(tmp_path / "learner", include_replay=True)
    data, arrays = read_archive(tmp_path / "learner")
    believed = []
    optional = {
        "gradient_estimator.past.n_clipped",
        "gradient_estimator.past.n_outside",
        "gradient_estimator.transitions.dones",
    }
    needed = set(arrays) - optional
    for i, name in enumerate(sorted(needed)):
        array = arrays[name]
        others = {key: other for key, other in arrays.items() if key != name}
        spoiled = [
            others,
            {**others, name: array.astype(np.int8)},
            {**others, name: np.concatenate([array.ravel()] * 2)},
        ]
        kind = 0 if name.startswith(LOOSE) else i % len(spoiled)
        write_archive(tmp_path / "spoiled", data, spoiled[kind])
        try:
            RLSP.load(tmp_path / "spoiled", ENV)
        except ValueError as error:
            assert "spoiled" in str(error)  # noqa: PT017
        else:
            believed.append((name, kind))
    assert not believed, believed


@pytest.mark.parametrize("encoder", ["fourier", "vae", "identity"])
def test_the_arrays_of_an_encoder_are_not_all_missing(encoder, tmp_path):
    learner = make_learner(encoder=encoder).learn(100)
    learner.save(tmp_path / "learner")
    data, arrays = read_archive(tmp_path / "learner")
    content = {name: array for name, array in arrays.items() if not name.startswith("encoder.")}
    write_archive(tmp_path / "learner", data, content)
    with pytest.raises(ValueError, match=r"path='.*learner\.zip'.*encoder: the arrays of a fitted"):
        RLSP.load(tmp_path / "learner", ENV)


@pytest.mark.parametrize(
    "name",
    [
        *("transitions.dones", "past.n_clipped", "past.n_outside"),
        *("past.actions", "transitions.observations"),
    ],
)
def test_no_array_of_the_past_may_be_missing(name, tmp_path):
    make_learner(sampling="backward").learn(100).save(tmp_path / "learner")
    data, arrays = read_archive(tmp_path / "learner")
    del arrays[f"gradient_estimator.{name}"]
    write_archive(tmp_path / "learner", data, arrays)
    with pytest.raises(ValueError, match=rf"path='.*learner\.zip'.*{name}"):
        RLSP.load(tmp_path / "learner", ENV)


def test_interruption_keeps_what_was_learned():
    def interrupt(local, _):
        if local["self"].num_timesteps == 202:
            raise KeyboardInterrupt
        return True

    learner = make_learner()
    with pytest.warns(UserWarning, match="interrupted after 202 of 600 timesteps"):
        learner.learn(callback=interrupt)
    assert learner.num_timesteps == 202
    # The epoch that it was in is begun again.
    assert learner.learn(reset_num_timesteps=False).num_timesteps == 602


def test_stops_at_a_number_of_environment_steps_and_goes_on():
    learner = make_learner().learn(250)
    assert learner.num_timesteps == 300  # a whole number of epochs
    assert learner.learn(100, reset_num_timesteps=False).num_timesteps == 400


def test_every_part_is_logged(tmp_path):
    learner = make_learner(eval_interval=1, sampling="backward")
    learner.set_logger(configure(str(tmp_path), ["csv"]))
    learner.learn(200)
    with open(tmp_path / "progress.csv", newline="") as file:
        row = list(csv.DictReader(file))[-1]
    assert {
        *("rlsp/epoch", "rlsp/horizon", "rlsp/gradient_norm", "rlsp/reward_norm"),
        *("rlsp/features_backward", "rlsp/features_forward", "rlsp/effective_pasts"),
        *("rlsp/clipped_observations", "losses/inverse_policy_loss"),
        *("losses/inverse_dynamics_loss", "eval/true_return", "eval/inferred_return"),
        *("eval/reward_correlation", "time/solver", "time/past", "time/gradient"),
    } <= set(row)


def test_an_encoder_is_fitted_once_and_handed_on():
    first = make_learner().learn(100)
    second = make_learner(encoder=first.encoder, seed=5)
    mean = first.encoder.normalizer.mean.copy()
    second.learn(100)
    assert second.encoder is first.encoder
    np.testing.assert_array_equal(second.encoder.normalizer.mean, mean)


@pytest.mark.parametrize(
    "encoder",
    [
        "vae",
        "identity",
        {"name": "fourier", "n_features": 8},
        RandomFourierFeatures((2,), 8),
        lambda observations: np.hstack([observations, observations**2]),
    ],
)
def test_any_encoder(encoder, tmp_path):
    learner = make_learner(encoder=encoder).learn(100)
    assert len(learner.theta) == len(learner.feature_names)
    learner.save(tmp_path / "learner")
    again = {"encoder": encoder} if callable(encoder) and not hasattr(encoder, "fit") else {}
    loaded = RLSP.load(tmp_path / "learner", ENV, **again)
    expected, found = (each.reward.of_states(STATES) for each in (learner, loaded))
    np.testing.assert_array_equal(found, expected)


def test_a_preset_says_what_is_not_given():
    paper = RLSP(ENV, STATES, preset="paper", seed=0)
    assert isinstance(paper.encoder, StateVAE)
    assert not paper.encoder.scale_latents
    assert paper.trajectory_weights == "cosine"
    assert paper.hyperparameters is PAPER
    mine = RLSP(
        ENV, STATES, preset="paper", encoder="fourier", trajectory_weights="initial", prior_std=2.0
    )
    assert isinstance(mine.encoder, RandomFourierFeatures)
    assert (mine.trajectory_weights, mine.prior, mine.prior_std) == ("initial", "gaussian", 2.0)


@pytest.mark.parametrize("hyperparameters", [TINY, {"n_epochs": 7, "solver": {"n_steps": 100}}])
def test_hyperparameters_come_back_from_a_file(hyperparameters, tmp_path):
    learner = RLSP(
        ENV, STATES, preset="smoke", hyperparameters=hyperparameters, prior="laplace", seed=0
    )
    learner.save(tmp_path / "learner")
    loaded = RLSP.load(tmp_path / "learner", ENV)
    assert loaded.hyperparameters == learner.hyperparameters
    names = ("preset", "n_epochs", "learning_rate", "n_trajectories", "trajectory_weights")
    for name in (*names, "prior", "prior_std"):
        assert getattr(loaded, name) == getattr(learner, name)


def test_algorithm_that_exists_already():
    model = PPO("MlpPolicy", gym.make(ENV), n_steps=50, batch_size=50, seed=0)
    learner = make_learner(solver=model).learn(100)
    assert learner.num_timesteps >= 100
    assert learner.policy is model.policy


class Doubled(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        space = env.observation_space
        self.observation_space = gym.spaces.Box(2 * space.low, 2 * space.high)

    def observation(self, observation):
        return 2 * observation


def test_discrete_actions_and_an_environment_behind_a_wrapper():
    env = Doubled(gym.make("MountainCar-v0"))
    learner = make_learner(env, np.zeros((1, 2))).learn(100)
    assert learner.gradient_estimator.is_learned
    assert evaluate_policy(learner, learner.get_env(), n_eval_episodes=1)[0] <= 0


@pytest.mark.parametrize("value", [100, np.nan])
def test_an_epoch_whose_pasts_are_all_outside_has_no_gradient(value):
    learner = make_learner(sampling="backward").learn(100)
    learner.gradient_estimator.inverse_dynamics.sample = lambda after, *_: np.full(
        after.shape, value, after.dtype
    )
    before, past = learner.theta, learner.gradient_estimator.past
    with pytest.warns(UserWarning, match="this epoch has no gradient: all 10 simulated pasts"):
        learner.learn(100)
    change = learner.theta - before  # the prior still pulls to 0
    np.testing.assert_allclose(change, change @ before / (before @ before) * before, atol=1e-12)
    assert learner.gradient_estimator.past is past


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"trajectory_weights": "best"}, ValueError, "trajectory_weights='best'"),
        ({"solver": "SACC"}, ValueError, "solver='SACC'.*SAC"),
        ({"solver": "DQN"}, ValueError, "action_space"),
        ({"solver": "planning"}, ValueError, "tabular"),
        ({"solver": 3}, TypeError, "solver=3"),
        ({"preset": "slow"}, ValueError, "preset='slow'"),
        ({"hyperparameters": 3}, TypeError, "hyperparameters=3: expected a mapping"),
        ({"hyperparameters": {"solver": {"n_step": 1}}}, ValueError, "solver has no .*'n_steps'"),
        ({"prior": "gausian"}, ValueError, "prior='gausian'.*gaussian"),
        ({"prior_std": 0}, ValueError, "prior_std=0"),
        ({"encoder": "features"}, TypeError, "offers no features"),
        ({"encoder": "fourrier"}, ValueError, "fourier"),
        ({"horizon": 0}, ValueError, "horizon=0"),
        ({"learning_rate": -1}, ValueError, "learning_rate=-1"),
        ({"keep_termination": True, "forward_model": "simulator"}, ValueError, "keep_termination"),
        ({"states": [[np.nan, 0]]}, ValueError, "observed_states"),
    ],
)
def test_bad_input_is_an_error_at_construction(arguments, error, message):
    with pytest.raises(error, match=message):
        make_learner(**arguments)


@pytest.mark.expensive
@pytest.mark.parametrize("forward_model", ["simulator", "learned"])
def test_holds_the_pendulum(forward_model):
    learner = RLSP(
        "InvertedPendulum-v5", np.zeros((1, 4)), seed=0, forward_model=forward_model
    ).learn()
    assert measure_returns(learner, "InvertedPendulum-v5", 5, seed=0).mean >= 950


@pytest.mark.parametrize(
    "states",
    [
        ((0, 0),),
        np.zeros((1, 2), np.int8),
        np.zeros((1, 2), np.float16),
        np.asfortranarray(np.zeros((1, 2))),
        torch.zeros((1, 2), dtype=torch.bfloat16, requires_grad=True),
        [torch.zeros(2, requires_grad=True)],
        [[torch.tensor(0), torch.tensor(0.0)]],
    ],
    ids=lambda states: str(getattr(states, "dtype", type(states).__name__)),
)
def test_observed_states_have_the_type_of_the_space(states):
    observed = make_learner(states=states).observed_states
    assert observed.dtype == np.float32
    assert observed.flags.c_contiguous
    np.testing.assert_array_equal(observed, np.zeros((1, 2)))


@pytest.mark.parametrize("horizon", [13, 30])
def test_pasts_of_an_upright_pendulum_are_not_dropped_for_rounding_noise(horizon, monkeypatch):
    learner = make_learner(
        "Pendulum-v1", [[1, 0, 0]], horizon=horizon, n_trajectories=100, sampling="backward"
    )
    estimator = learner.gradient_estimator
    estimator.setup(learner.rng)
    size = 1.7e-4

    def barely_moves(after, actions, times, rng):
        shift = rng.normal(0, size, after.shape)
        if len(times) and times[0] == 0:
            shift[0, 0] += 1  # this one is wrong
        return after + shift

    monkeypatch.setattr(estimator.inverse_dynamics, "sample", barely_moves)
    past = estimator.simulate_past(horizon, learner.rng)
    assert past.observations[..., 0].max() == 1
    assert (past.n_clipped > 0).mean() > 0.7  # 1 - C(12, 6) / 2^12 at horizon 13
    np.testing.assert_array_equal(past.n_outside, np.arange(100) == 0)
    weights = without_outside(uniform_weights(100), past)
    np.testing.assert_array_equal(weights > 0, np.arange(100) > 0)


@pytest.mark.parametrize("forward_model", ["simulator", "learned"])
def test_the_past_of_observed_ints_is_that_of_floats_to_the_bit(forward_model):
    floats, ints = (
        make_learner(states=states, forward_model=forward_model, sampling="backward").learn(200)
        for states in ([[0.0, 0.0]], [[0, 0]])
    )
    assert ints.gradient_estimator.past.observations.dtype == np.float32
    assert len(np.unique(ints.gradient_estimator.past.observations)) > 10
    np.testing.assert_array_equal(
        ints.gradient_estimator.past.observations, floats.gradient_estimator.past.observations
    )
    np.testing.assert_array_equal(ints.theta, floats.theta)


def test_observed_states_that_single_precision_does_not_hold_are_refused():
    with pytest.raises(ValueError, match=r"observed_states\[0\] is not in the observation space"):
        make_learner("CartPole-v1", [[0.0, 1e300, 0.0, 0.0]])
