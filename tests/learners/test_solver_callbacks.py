"""SB3's callbacks with learners whose policy an algorithm of SB3 trains, as with the algorithm."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CheckpointCallback,
    EvalCallback,
    EveryNTimesteps,
    StopTrainingOnMaxEpisodes,
)

from rlsp_baselines import AverageFeatures, Deviation, RelativeReachability, TaskReward, Waypoints
from rlsp_sb3 import RLSP, RewardLearner

from helpers.deep_learner import ENV, STATES, make_learner

N_ENVS, EPOCH = 2, 100  # of the helper
PPO = {"solver": "PPO", "solver_kwargs": {"n_steps": 25, "batch_size": 50, "n_epochs": 1}}


class Note(BaseCallback):
    """Notes when it is called and what it is told."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.stop_at = stop_at
        self.steps: list[int] = []
        self.events: list[str] = []

    def _on_rollout_start(self) -> None:
        self.events.append("start")

    def _on_rollout_end(self) -> None:
        self.events.append("end")

    def _on_step(self) -> bool:
        assert self.num_timesteps == self.model.num_timesteps
        self.steps.append(self.num_timesteps)
        self.told = dict(self.locals)
        return self.num_timesteps != self.stop_at


def make(learner_class: type[RewardLearner], **arguments: Any) -> Any:
    if learner_class is RLSP:
        return make_learner(**arguments)
    small = {"n_transitions": 300, "solver": {"n_envs": N_ENVS, "n_steps": EPOCH, "hidden": [16]}}
    return learner_class(ENV, STATES, seed=0, hyperparameters=small, **arguments)


@pytest.mark.parametrize("learner_class", [RLSP, AverageFeatures, Waypoints])
@pytest.mark.parametrize("arguments", [{"solver": "FastSAC"}, PPO])
def test_called_at_every_step_as_by_the_algorithm(
    learner_class: type[RewardLearner], arguments: dict[str, Any]
) -> None:
    note = Note()
    learner = make(learner_class, **arguments).learn(3 * EPOCH, callback=note)
    assert note.steps == list(range(N_ENVS, 3 * EPOCH + 1, N_ENVS))
    assert note.n_calls == len(note.steps)
    assert note.model is learner
    assert learner.num_timesteps == 3 * EPOCH
    # What SB3's algorithms tell in the same place.
    theirs = Note()
    algorithm = SAC if arguments["solver"] == "FastSAC" else "PPO"
    if algorithm is SAC:
        SAC("MlpPolicy", ENV, learning_starts=5).learn(10, callback=theirs)
        assert {"infos", "dones", "rewards", "new_obs", "self"} <= set(theirs.told)
    assert {"infos", "dones", "rewards", "new_obs", "self"} <= set(note.told)
    assert note.told["dones"].shape == (N_ENVS,)
    assert note.events[:3] == ["start", "end", "start"]
    assert note.events.count("start") == note.events.count("end")


def test_checkpoints_and_evaluations_come_when_they_are_asked_for(tmp_path: Any) -> None:
    evaluation = EvalCallback(
        gym.make(ENV, max_episode_steps=20), n_eval_episodes=1, eval_freq=30, log_path=str(tmp_path)
    )
    every = Note()
    callbacks = [CheckpointCallback(40, tmp_path), evaluation, EveryNTimesteps(70, every)]
    make_learner(**PPO).learn(2 * EPOCH, callback=callbacks)
    steps = [40 * N_ENVS, 80 * N_ENVS]
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == sorted(
        f"rl_model_{each}_steps.zip" for each in steps
    )
    np.testing.assert_array_equal(evaluation.evaluations_timesteps, [60, 120, 180])
    assert every.steps == [70, 140]


def test_stopping_within_an_epoch_keeps_what_was_learned() -> None:
    learner = make_learner(**PPO)
    note = Note(stop_at=EPOCH + 50)
    learner.learn(callback=note)
    assert learner.num_timesteps == EPOCH + 50
    np.testing.assert_array_equal(learner.theta, make_learner(**PPO).learn(EPOCH).theta)
    learner.learn(EPOCH, reset_num_timesteps=False)
    assert learner.num_timesteps == 2 * EPOCH + 50
    assert np.isfinite(learner.theta).all()


def test_stopping_after_some_episodes() -> None:
    class Episodes(BaseCallback):
        n_ended = 0

        def _on_step(self) -> bool:
            self.n_ended += int(self.locals["dones"].sum())
            return True

    episodes = Episodes()
    learner = make_learner(**PPO).learn(callback=[episodes, StopTrainingOnMaxEpisodes(2)])
    assert episodes.n_ended == 2
    assert learner.num_timesteps < 6 * EPOCH


@pytest.mark.parametrize("at", [EPOCH + 20, 2 * EPOCH, 3 * EPOCH - N_ENVS])
def test_what_is_saved_within_an_epoch_goes_on_from_its_beginning(tmp_path: Any, at: int) -> None:
    class SaveAt(BaseCallback):
        def _on_step(self) -> bool:
            if self.num_timesteps == at:
                self.model.save(tmp_path / "learner")
            return True

    whole = make_learner(**PPO).learn(callback=SaveAt())
    loaded = RLSP.load(tmp_path / "learner", ENV)
    assert loaded.num_timesteps == (at - 1) // EPOCH * EPOCH
    loaded.learn(reset_num_timesteps=False)
    assert loaded.num_timesteps == whole.num_timesteps
    np.testing.assert_array_equal(loaded.theta, whole.theta)
    np.testing.assert_array_equal(
        loaded.predict(STATES, deterministic=True)[0], whole.predict(STATES, deterministic=True)[0]
    )


@pytest.mark.parametrize("kind", [Deviation, TaskReward, RelativeReachability, AverageFeatures])
def test_learners_that_only_plan_call_once(kind: Any) -> None:
    note = Note()
    learner = kind("RoomDefault-v0", seed=0).learn(callback=note)
    assert note.steps == [1]
    assert learner.num_timesteps == 1
    assert note.model is learner
    learner.learn(callback=note)
    assert note.steps == [1, 1]


# A schedule that is over.


@pytest.mark.parametrize("arguments", [PPO, {"solver": "FastSAC"}])
def test_learning_again_changes_the_reward(arguments: dict[str, Any]) -> None:
    learner = make_learner(**arguments, learning_rate=0.5).learn()
    first = learner.theta
    learner.learn()
    assert np.linalg.norm(learner.theta - first) > 0.01 * np.linalg.norm(first)


def test_more_timesteps_than_configured_are_all_used() -> None:
    learner, thetas = make_learner(**PPO), []

    class Follow(BaseCallback):
        def _on_step(self) -> bool:
            thetas.append(self.model.theta)
            return True

    learner.learn(10 * EPOCH, callback=Follow())  # six are configured
    per_epoch = [*thetas[:: EPOCH // N_ENVS], learner.theta]
    changes = [np.linalg.norm(after - before) for before, after in pairwise(per_epoch)]
    assert len(changes) == 10
    assert min(changes) > 0


def test_gridworlds_learn_again_too() -> None:
    learner = RLSP("RoomDefault-v0", seed=0, n_epochs=3).learn()
    first = learner.theta
    assert (learner.learn(2).theta != first).all()
