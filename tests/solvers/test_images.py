"""Policies of images: SB3 turns them, for their channels to come first, and nobody else notices."""

import numpy as np
import pytest

from rlsp_baselines import AverageFeatures, Waypoints
from rlsp_sb3 import RLSP

from helpers.lamp import NUMBERS, Lamp


def red(shape):
    """The mean of the red part, from 0 to 1, as the only feature."""
    axes = (1, 2)

    def features(pictures):
        assert pictures.shape[1:] == shape
        part = pictures[:, 0] if shape[0] == 3 else pictures[..., 0]
        return part.mean(axis=axes)[:, None] / 255

    return features


TINY = {
    "n_transitions": 200,
    "n_trajectories": 10,
    "n_epochs": 2,
    "encoder": {"fit": {"n_updates": 3}},
    "dynamics": {"fit": {"n_updates": 300}, "refit": {"n_updates": 2}, "hidden": [16]},
    "inverse_policy": {"first_fit": {"n_updates": 3}, "fit": {"n_updates": 3}, "hidden": [16]},
    "solver": {"n_envs": 2, "n_steps": 60, "hidden": [16]},
}


def bright(shape):
    lamp = Lamp(shape)
    lamp.brightness = 180
    return lamp._picture()[None]


@pytest.mark.parametrize("shape", [(8, 8, 3), (3, 8, 8), (3, 3, 3)])
@pytest.mark.parametrize("solver", ["PPO", "DQN", "FastSAC", "SAC"])
@pytest.mark.parametrize("learner_class", [RLSP, AverageFeatures, Waypoints])
def test_learners_serve_images(learner_class, solver, shape):
    if learner_class is not RLSP and (solver in ("SAC", "DQN") or shape == (3, 3, 3)):
        return  # the solver is the same
    action_space = NUMBERS if "SAC" in solver else None
    env = Lamp(shape, action_space)
    horizon = {"horizon": 3} if learner_class is RLSP else {}
    learner = learner_class(
        env,
        bright(shape),
        encoder=red(shape),
        solver=solver,
        solver_kwargs={} if solver == "PPO" else {"buffer_size": 500},
        hyperparameters=TINY,
        eval_interval=0,
        seed=0,
        **horizon,
    ).learn(120)
    action, _ = learner.predict(env.reset(seed=0)[0])
    assert env.action_space.contains(action[()] if action.shape == () else action)
    if learner_class is RLSP and solver != "PPO":
        kept = learner.gradient_estimator.solver.transitions(20, np.random.default_rng(0))
        assert kept.observations.shape == (20, *shape)
        reds = kept.next_observations[:, 0] if shape[0] == 3 else kept.next_observations[..., 0]
        assert len(np.unique(reds)) > 1
        others = kept.next_observations.sum() - reds.sum()
        assert others == 20 * 2 * reds.size


@pytest.mark.parametrize("shape", [(8, 8, 3), (3, 8, 8)])
def test_kept_rewards_are_those_of_the_pictures(shape):
    learner = AverageFeatures(
        Lamp(shape),
        bright(shape),
        encoder=red(shape),
        solver="DQN",
        solver_kwargs={"buffer_size": 500},
        hyperparameters=TINY,
        eval_interval=0,
        seed=0,
    ).learn(60)
    replay = learner._solver.model.replay_buffer
    kept = replay.next_observations[: replay.size()].reshape(-1, 3, 8, 8)
    brightness = kept[:, 0].mean(axis=(1, 2)) / 255
    rewards = replay.rewards[: replay.size()].ravel()
    factor = rewards[brightness.argmax()] / brightness.max()
    assert factor > 0
    np.testing.assert_allclose(rewards, factor * brightness, rtol=1e-4, atol=1e-6)


def test_the_lamp_is_turned_up():
    learner = AverageFeatures(
        Lamp(),
        bright((8, 8, 3)),
        encoder=red((8, 8, 3)),
        solver="PPO",
        solver_kwargs={"learning_rate": 3e-3},
        hyperparameters={"solver": {"n_envs": 8, "n_steps": 512, "hidden": [32]}},
        n_epochs=4,
        eval_interval=0,
        seed=0,
    ).learn()
    picture = Lamp().reset(seed=1)[0]
    assert learner.predict(picture, deterministic=True)[0] == 1
