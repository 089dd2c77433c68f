"""Every callback and logger of SB3 does its work with a learner."""

import csv
import inspect
import os
from contextlib import nullcontext

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common import callbacks
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    ConvertCallback,
    EvalCallback,
    EventCallback,
    EveryNTimesteps,
    ProgressBarCallback,
    StopTrainingOnMaxEpisodes,
    StopTrainingOnNoModelImprovement,
    StopTrainingOnRewardThreshold,
)
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import rlsp_envs
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.plotting import log_reward_figure
from rlsp_sb3.utils.progress import Stage

from helpers.problems import StartAt

assert rlsp_envs.__version__  # imported to register the environments

TESTS = {  # of every callback that SB3 has
    "BaseCallback": "test_own_callback_is_told_of_everything",
    "CallbackList": "test_list_calls_each",
    "CheckpointCallback": "test_checkpoints_are_learners",
    "ConvertCallback": "test_function_is_called_at_every_step_and_may_stop",
    "EvalCallback": "test_evaluation_sees_the_robot_improve",
    "EventCallback": "test_event_calls_its_child",
    "EveryNTimesteps": "test_every_n_steps_is_every_n_steps",
    "LogEveryNTimesteps": "test_logging_every_n_steps",
    "ProgressBarCallback": "test_progress_bar_reaches_the_end",
    "StopTrainingOnMaxEpisodes": "test_step_counts_as_an_episode",
    "StopTrainingOnNoModelImprovement": "test_learning_stops_without_improvement",
    "StopTrainingOnRewardThreshold": "test_learning_stops_when_good_enough",
}


def make_learner(n_envs=1, **kwargs):
    env = DummyVecEnv([lambda: Monitor(gym.make("RoomDefault-v0"))] * n_envs)
    return TabularRLSP(env, **{"seed": 0, "optimizer": "ascent", **kwargs})  # as many as asked for


def rows(folder):
    with open(folder / "progress.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_callback_of_sb3_is_tested():
    shipped = {
        name
        for name, value in vars(callbacks).items()
        if inspect.isclass(value) and issubclass(value, BaseCallback)
    }
    assert shipped <= set(TESTS)
    assert all(name in globals() for name in TESTS.values())


class Note(BaseCallback):
    """Notes when it is called, and stops at a step if told."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.stop_at = stop_at
        self.events = []

    def _on_training_start(self):
        assert self.training_env.num_envs >= 1
        self.events.append(("start", self.locals["total_timesteps"], self.num_timesteps))

    def _on_step(self):
        self.events.append(self.num_timesteps)
        self.logger.record("own/steps", self.num_timesteps)
        return self.num_timesteps != self.stop_at

    def _on_training_end(self):
        self.events.append("end")


def test_own_callback_is_told_of_everything():
    note, learner = Note(), make_learner()
    learner.learn(3, callback=note)
    assert note.events == [("start", 3, 0), 1, 2, 3, "end"]
    assert note.model is learner
    assert note.locals["self"] is learner
    note.events.clear()
    learner.learn(2, callback=note, reset_num_timesteps=False)
    assert note.events == [("start", 5, 3), 4, 5, "end"]


def test_own_callback_stops_learning():
    note = Note(stop_at=4)
    stopped, whole = make_learner().learn(callback=note), make_learner().learn(4)
    assert note.events[-2:] == [4, "end"]
    assert stopped.num_timesteps == 4
    np.testing.assert_array_equal(stopped.theta, whole.theta)


def test_callback_hears_of_the_end_after_an_error():
    class FailError(Exception):
        pass

    class Fail(Note):
        def _on_step(self):
            raise FailError

    fail = Fail()
    with pytest.raises(FailError):
        make_learner().learn(callback=fail)
    assert fail.events[-1] == "end"


def test_function_is_called_at_every_step_and_may_stop():
    steps = []

    def note(local_variables, global_variables):
        steps.append(local_variables["self"].num_timesteps)
        return len(steps) < 6

    assert make_learner().learn(callback=note).num_timesteps == 6
    assert steps == [1, 2, 3, 4, 5, 6]
    assert make_learner().learn(9, ConvertCallback(note)).num_timesteps == 1


@pytest.mark.parametrize("combine", [list, CallbackList])
def test_list_calls_each(combine):
    first, second = Note(), Note(stop_at=5)
    learner = make_learner().learn(callback=combine([first, second]))
    assert learner.num_timesteps == 5
    assert first.events[1:] == second.events[1:] == [1, 2, 3, 4, 5, "end"]


def test_checkpoints_are_learners(tmp_path):
    callback = CheckpointCallback(
        4, tmp_path, "room", save_replay_buffer=True, save_vecnormalize=True
    )
    make_learner().learn(10, callback)
    assert sorted(os.listdir(tmp_path)) == ["room_4_steps.zip", "room_8_steps.zip"]
    for steps in (4, 8):
        loaded = TabularRLSP.load(tmp_path / f"room_{steps}_steps", "RoomDefault-v0")
        assert loaded.num_timesteps == steps
        np.testing.assert_array_equal(loaded.theta, make_learner().learn(steps).theta)


def test_checkpoints_include_the_normalization_of_the_environment(tmp_path):
    env = VecNormalize(DummyVecEnv([lambda: gym.make("RoomDefault-v0")]), norm_obs=False)
    learner = TabularRLSP(env, seed=0)
    learner.learn(3, CheckpointCallback(3, tmp_path, "room", save_vecnormalize=True))
    assert "room_vecnormalize_3_steps.pkl" in os.listdir(tmp_path)


def evaluation(**kwargs):
    """Evaluates the robot where the person left off, by what the person wants."""
    env = gym.make("RoomDefault-v0", reward="true")
    start = env.unwrapped.state_indices(env.unwrapped.observed_states)[0]
    env = DummyVecEnv([lambda: Monitor(StartAt(env, start))])
    return EvalCallback(env, **{"n_eval_episodes": 2, "eval_freq": 1, "verbose": 0, **kwargs})


def misled_learner():
    """One that takes a while to learn that the vase is to stay whole."""
    learner = make_learner(learning_rate=0.02)
    learner.theta = np.array([1.0, 0, 0, 0])
    return learner


def test_evaluation_sees_the_robot_improve(tmp_path):
    callback = evaluation(log_path=tmp_path, best_model_save_path=tmp_path, eval_freq=2)
    learner = misled_learner()
    learner.set_logger(configure(str(tmp_path), ["csv"]))
    learner.learn(callback=callback)
    with np.load(tmp_path / "evaluations.npz") as file:
        timesteps, returns, lengths = file["timesteps"], file["results"], file["ep_lengths"]
    np.testing.assert_array_equal(timesteps, range(2, 51, 2))
    assert np.all(lengths == 20)
    # First the robot breaks the vase on its way; then it has learned that it is to stay whole.
    assert returns[0].mean() < 0 < returns[-1].mean()
    best = TabularRLSP.load(tmp_path / "best_model", "RoomDefault-v0")
    assert best.num_timesteps == timesteps[returns.mean(axis=1).argmax()]
    logged = [row["eval/mean_reward"] for row in rows(tmp_path) if row["eval/mean_reward"]]
    np.testing.assert_allclose(np.array(logged, float), returns.mean(axis=1))


def test_learning_stops_when_good_enough():
    callback = evaluation(callback_on_new_best=StopTrainingOnRewardThreshold(0.0))
    learner = misled_learner().learn(callback=callback)
    assert 1 < learner.num_timesteps < 50
    assert callback.best_mean_reward > 0
    assert callback.evaluations_results == []  # nothing is kept without a folder for it


def test_learning_stops_without_improvement():
    callback = evaluation(callback_after_eval=StopTrainingOnNoModelImprovement(3, min_evals=20))
    learner = misled_learner().learn(200, callback)
    assert 20 < learner.num_timesteps < 60


def test_event_calls_its_child():
    class EveryThird(EventCallback):
        def _on_step(self):
            return self._on_event() if self.n_calls % 3 == 0 else True

    note = Note(stop_at=9)
    assert make_learner().learn(callback=EveryThird(note)).num_timesteps == 9
    assert note.events == [("start", 50, 0), 3, 6, 9]


def test_every_n_steps_is_every_n_steps():
    note = Note()
    make_learner().learn(20, EveryNTimesteps(6, note))
    assert note.events == [("start", 20, 0), 6, 12, 18]


@pytest.mark.skipif(
    not hasattr(callbacks, "LogEveryNTimesteps"), reason="this version of SB3 has no such callback"
)
def test_logging_every_n_steps(tmp_path):
    learner = make_learner()
    learner.set_logger(configure(str(tmp_path), ["csv"]))
    learner.learn(20, callbacks.LogEveryNTimesteps(6), log_interval=1000)
    logged = rows(tmp_path)
    assert [row["time/total_timesteps"] for row in logged] == ["6", "12", "18"]
    likelihoods = [float(row["rlsp/log_likelihood"]) for row in logged]
    assert likelihoods == sorted(likelihoods)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("max_episodes", [1, 7])
def test_step_counts_as_an_episode(max_episodes, n_envs):
    learner = make_learner(n_envs).learn(callback=StopTrainingOnMaxEpisodes(max_episodes))
    assert learner.num_timesteps == max_episodes


@pytest.mark.parametrize("steps_before", [0, 4])
def test_progress_bar_reaches_the_end(monkeypatch, steps_before):
    bars = []

    class Bar:
        def __init__(self, total):
            self.total, self.n, self.closed = total, 0, False
            bars.append(self)

        def update(self, n):
            self.n += n

        def refresh(self):
            pass

        def close(self):
            self.closed = True

    monkeypatch.setattr(callbacks, "tqdm", Bar)
    learner = make_learner()
    learner.learn(steps_before)
    learner.learn(10, callback=ProgressBarCallback(), reset_num_timesteps=False)
    (bar,) = bars
    assert bar.total == bar.n == 10
    assert bar.closed


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("steps_before", [0, 4])
def test_own_progress_counts_the_steps_of_learn(monkeypatch, n_envs, steps_before):
    stages = []
    monkeypatch.setattr(
        "rlsp_sb3.learners.callbacks.stage",
        lambda *of: nullcontext(stages.append(Stage(*of)) or stages[-1]),
    )
    learner = make_learner(n_envs)
    learner.learn(steps_before)
    learner.learn(10, progress_bar=True, reset_num_timesteps=False)
    (shown,) = stages
    assert shown.done == shown.total == 10


# Loggers.

KEYS = {
    "rlsp/log_likelihood",
    "rlsp/log_posterior",
    "rlsp/gradient_norm",
    "rlsp/reward_norm",
    "time/total_timesteps",
    "time/time_elapsed",
}


def test_log_says_what_happens(tmp_path):
    learner = make_learner(temperature=2.0, prior_std=0.7)
    thetas = [learner.theta]

    def note(local_variables, global_variables):
        thetas.append(learner.theta)
        return True

    learner.set_logger(configure(str(tmp_path), ["csv"]))
    learner.learn(4, note)
    logged = rows(tmp_path)
    assert set(logged[0]) == KEYS
    assert [row["time/total_timesteps"] for row in logged] == ["1", "2", "3", "4"]
    for row, before, after in zip(logged, thetas, thetas[1:], strict=False):
        value = learner.log_likelihood(before)
        density = -before @ before / (2 * 0.7**2) - 4 * np.log(0.7 * np.sqrt(2 * np.pi))
        assert float(row["rlsp/log_likelihood"]) == pytest.approx(value, rel=1e-9)
        assert float(row["rlsp/log_posterior"]) == pytest.approx(value + density, rel=1e-9)
        gradient_norm = np.linalg.norm(after - before) / 0.1
        assert float(row["rlsp/gradient_norm"]) == pytest.approx(gradient_norm, rel=1e-6)
        assert float(row["rlsp/reward_norm"]) == pytest.approx(np.linalg.norm(after), rel=1e-9)
        assert float(row["time/time_elapsed"]) >= 0


def test_log_interval_thins_the_log(tmp_path):
    learner = make_learner()
    learner.set_logger(configure(str(tmp_path), ["csv"]))
    learner.learn(20, log_interval=7)
    assert [row["time/total_timesteps"] for row in rows(tmp_path)] == ["7", "14"]


def test_logger_of_ones_own_is_kept(tmp_path):
    learner, logger = make_learner(tensorboard_log=str(tmp_path / "unused")), configure(None, [])
    learner.set_logger(logger)
    learner.learn(2)
    assert learner.logger is logger
    assert not (tmp_path / "unused").exists()


def test_logs_can_be_written_at_any_time(tmp_path):
    learner = make_learner()
    learner.set_logger(configure(str(tmp_path), ["csv"]))
    learner.logger.record("own/value", 3)
    learner.dump_logs()
    (row,) = rows(tmp_path)
    assert (row["own/value"], row["time/total_timesteps"]) == ("3", "0")


@pytest.mark.parametrize("verbose", [0, 1])
def test_verbose_prints_the_log(capsys, verbose):
    make_learner(verbose=verbose).learn(2)
    output = capsys.readouterr().out
    assert ("log_likelihood" in output) == (verbose == 1)
    assert bool(output) == (verbose == 1)


def scalars(folder):
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_tensorboard_shows_the_scalars(tmp_path):
    learner = make_learner(tensorboard_log=str(tmp_path))
    before = learner.log_likelihood(learner.theta)
    learner.learn(3)
    learner.logger.close()
    logged = scalars(tmp_path / "TabularRLSP_1")
    assert set(logged) == {key for key in KEYS if key.startswith("rlsp/")}
    assert [step for step, _ in logged["rlsp/log_likelihood"]] == [1, 2, 3]
    assert logged["rlsp/log_likelihood"][0][1] == pytest.approx(before, rel=1e-5)


def test_runs_are_numbered_and_named(tmp_path):
    learner = make_learner(tensorboard_log=str(tmp_path))
    learner.learn(1)
    learner.learn(1, reset_num_timesteps=False)  # goes on with the first run
    assert os.listdir(tmp_path) == ["TabularRLSP_1"]
    learner.learn(1)
    learner.learn(1, tb_log_name="mine")
    assert sorted(os.listdir(tmp_path)) == ["TabularRLSP_1", "TabularRLSP_2", "mine_1"]
    learner.logger.close()
    steps = [step for step, _ in scalars(tmp_path / "TabularRLSP_1")["rlsp/log_likelihood"]]
    assert steps == [1, 2]


def test_tensorboard_has_hyperparameters_once_learning_is_over(tmp_path):
    learner = make_learner()
    learner.set_logger(configure(str(tmp_path), ["tensorboard", "csv"]))
    learner.learn(3)
    events = EventAccumulator(str(tmp_path)).Reload()
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    parsed = HParamsPluginData.FromString(content).session_start_info.hparams
    assert parsed["optimizer"].string_value == "ascent"
    assert parsed["seed"].number_value == 0
    assert "verbose" not in parsed
    about = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    metrics = HParamsPluginData.FromString(about).experiment.metric_infos
    tags = {metric.name.tag for metric in metrics}
    assert "rlsp/log_likelihood" in tags
    assert tags <= set(events.Tags()["scalars"])
    assert len(rows(tmp_path)) == 3  # nothing is added elsewhere


def test_tensorboard_shows_the_reward(tmp_path):
    learner = make_learner()
    learner.set_logger(configure(str(tmp_path), ["tensorboard"]))
    learner.learn(3)
    figure = log_reward_figure(learner)
    assert "RoomDefault-v0" in figure.get_suptitle()
    events = EventAccumulator(str(tmp_path)).Reload()
    (image,) = events.Images("rlsp/inferred_reward")
    assert image.step == 3
    assert min(image.width, image.height) > 300
