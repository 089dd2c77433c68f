"""Contrast: the weights against enumeration and sampling, and the surface of a learner."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AverageFeatures, Contrast
from rlsp_sb3.planning import true_return_fraction
from rlsp_sb3.tabular_rlsp import StateLikelihood

from helpers.corridor import Corridor
from helpers.point import TINY, Point

STATES = np.array([[3.0], [2.0]], np.float32)


def enumerate_random_behavior(env, horizon):
    """E[φ(s_T)] of a deterministic environment, by going through each sequence of actions."""
    following = env.mdp.transitions.toarray().argmax(axis=1)
    start, n_actions = int(env.mdp.initial_distribution.argmax()), env.action_space.n
    total = np.zeros(env.mdp.features.shape[1])
    for actions in product(range(n_actions), repeat=horizon - 1):
        state = start
        for action in actions:
            state = following[n_actions * state + action]
        total += env.mdp.features[state]
    return total / n_actions ** (horizon - 1)


@pytest.mark.parametrize("horizon", [1, 2, 3, 6])
def test_expectation_is_that_over_all_sequences_of_actions(horizon):
    env = Corridor()
    learner = Contrast(env, horizon=horizon).learn()
    expected = enumerate_random_behavior(env, horizon)
    np.testing.assert_allclose(learner.random_features, expected)
    difference = env.features(env.observed_states)[0] - expected
    np.testing.assert_allclose(learner.theta, difference / np.linalg.norm(difference))


def test_expectation_is_that_of_steps_where_things_are_random():
    env = gym.make("rlsp_envs:Apples-v0", layout="T.\nAB", bucket_capacity=2, regrowth=0.5)
    learner = Contrast(env, env.unwrapped.observations([0]), horizon=5).learn()
    rng, found = np.random.default_rng(0), []
    for _ in range(3000):
        env.reset(seed=int(rng.integers(2**31)))
        infos = [env.step(int(rng.integers(6)))[-1] for _ in range(4)]
        found.append(infos[-1]["features"])
    errors = np.std(found, axis=0) / np.sqrt(len(found))
    assert (abs(learner.random_features - np.mean(found, axis=0)) <= 4 * errors + 1e-9).all()
    assert errors.max() > 0.005


def test_at_horizon_2_it_is_the_direction_of_the_gradient_at_0():
    """Of two states the first one is known, so that the past holds no more than the last one."""
    learner = Contrast("RoomDefault-v0", None, horizon=2)
    env = learner.unwrapped_env
    reached = env.mdp.transitions[[env.mdp.initial_distribution.argmax() * 5]].indices
    learner = Contrast("RoomDefault-v0", env.observations(reached), horizon=2).learn()
    known = StateLikelihood(env.mdp, reached, env.mdp.initial_distribution, 2, 1.0)
    gradient = known.gradient(np.zeros(len(env.feature_names)))
    np.testing.assert_allclose(learner.theta, gradient / np.linalg.norm(gradient))


@pytest.mark.parametrize(
    ("env_id", "fraction"),
    [("RoomDefault-v0", 1), ("TrainDefault-v0", 1), ("RoomBad-v0", 0.559)],
)
def test_what_a_robot_gets(env_id, fraction):
    learner = Contrast(env_id).learn()
    env, mdp = learner.unwrapped_env, learner.mdp
    start = mdp.index(env.observed_state)
    got = true_return_fraction(mdp, learner.planned_rewards, mdp.features @ env.true_reward, start)
    assert got == pytest.approx(fraction, abs=5e-4)


def test_elsewhere_it_is_the_mean_over_episodes():
    learner = Contrast(Point(), STATES, horizon=5, encoder=np.asarray, hyperparameters=TINY, seed=0)
    with pytest.raises(RuntimeError, match="call learn"):
        _ = learner.theta
    learner.learn(50)
    standard_error = 0.5 / np.sqrt(3) * np.sqrt(4) / np.sqrt(200)
    assert 0 < abs(learner.random_features[0]) < 4 * standard_error
    np.testing.assert_array_equal(learner.theta, [1])


def test_of_episodes_that_end_before_the_last_state_counts():
    def is_beyond(observations):
        return np.asarray(observations) >= 0.2

    shares = [
        Contrast(Point(wall), STATES, horizon=5, encoder=is_beyond, hyperparameters=TINY, seed=0)
        .learn(50)
        .random_features[0]
        for wall in (np.inf, 0.2)
    ]
    assert shares[1] > shares[0] + 0.1  # who has passed the wall stays there


def test_at_horizon_1_nobody_has_acted():
    learner = Contrast(
        Point(), STATES, horizon=1, encoder=np.asarray, hyperparameters=TINY, seed=0
    ).learn(50)
    assert abs(learner.random_features[0]) < 0.02


def test_no_difference_is_no_reward():
    env = Corridor()
    learner = Contrast(env, np.eye(3)[[0]], horizon=1).learn()
    np.testing.assert_array_equal(learner.theta, np.zeros(3))


def test_horizon_has_to_be_known():
    with pytest.raises(ValueError, match="pass the number of states"):
        Contrast(Point(), STATES)


def test_weight_of_the_inferred_reward():
    assert Contrast("RoomDefault-v0").inferred_weight == 0.5
    assert AverageFeatures("RoomDefault-v0").inferred_weight == 1


@pytest.mark.parametrize("n_steps", [0, 50])
def test_save_load(n_steps, tmp_path):
    arguments = {"horizon": 4, "encoder": "fourier", "hyperparameters": TINY, "seed": 3}
    learner = Contrast(Point(), STATES, **arguments).learn(n_steps)
    learner.save(tmp_path / "learner")
    loaded = Contrast.load(tmp_path / "learner", Point())
    assert loaded.horizon == 4
    np.testing.assert_array_equal(loaded.theta, learner.theta)
    loaded.learn(100)
    np.testing.assert_array_equal(loaded.theta, learner.theta)  # drawn once
