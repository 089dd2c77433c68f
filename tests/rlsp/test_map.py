"""The reward that is learned: the most probable one, given the prior."""

import gymnasium as gym
import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate

from helpers.point import Point

LIKELIEST = np.array([1.5, -0.8])


def both(observations):
    x = np.asarray(observations, dtype=np.float64)[:, :1]
    return np.hstack([x, x**2])


@pytest.mark.parametrize("prior_std", [0.5, 2.0])
@pytest.mark.parametrize("information", [0.3, 30.0])
def test_theta_is_the_maximum_of_the_posterior(information, prior_std, monkeypatch):
    """Where the log likelihood is -information ‖θ - θ*‖² / 2, so that the maximum is known."""
    learner = RLSP(
        gym.wrappers.TimeLimit(Point(), 10),
        np.array([[1.0]], np.float32),
        encoder=both,
        preset="smoke",
        sampling="forward",
        horizon=6,
        n_epochs=120,
        learning_rate=0.3,
        prior_std=prior_std,
        eval_interval=0,
        seed=0,
    )

    def exact(horizon, rng, timer):
        gradient = information * (LIKELIEST - learner.theta) / (horizon - 1)
        nothing = {"log_likelihood_gain": 1.0, "log_likelihood_gain_error": 0.1}
        return GradientEstimate(gradient, 10.0, {}, nothing)

    monkeypatch.setattr(learner.gradient_estimator, "estimate", exact)
    learner.learn()
    precision = 1 / prior_std**2
    expected = information / (information + precision) * LIKELIEST
    np.testing.assert_allclose(learner.theta, expected, atol=0.02)
