"""Real pasts of observed states, and the gradient that they say."""

import numpy as np
import pytest

from rlsp_sb3.diagnosis import RealPastEstimator, RealPasts
from rlsp_sb3.diagnosis.estimator_wrapper import EstimatorWrapper
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimator
from rlsp_sb3.utils.timer import Timer

from helpers.walk import episode, walker


def test_pasts_are_what_led_to_each_observed_state():
    up, down = episode(0, 1, 2, 1), episode(0, -1, -2, -3, -4)
    pasts = RealPasts([up, down], [[2], [-3]])
    assert pasts.longest == 3
    past = pasts.of_length(3)
    np.testing.assert_array_equal(past.observations[..., 0].T, [[0, 1, 2], [-1, -2, -3]])
    np.testing.assert_array_equal(past.actions.T, [[1, 1], [0, 0]])
    assert pasts.of_length(1).actions.shape == (0, 2)


def test_of_several_visits_the_latest_counts():
    assert RealPasts([episode(0, 1, 0, 1), episode(0, 1)], [[1.0]]).longest == 4
    assert RealPasts([episode(0, 1), episode(0, 1, 0, 1)], [[1.0]]).longest == 4


@pytest.mark.parametrize(
    ("episodes", "states", "message"),
    [
        ([], [[1]], "episodes is empty"),
        ([episode(0, 1)], [[1, 1]], r"observed_states has shape \(1, 2\): expected \(n, 1\)"),
        ([episode(0, 1)], [[1], [5]], r"observed_states\[1\] is in none .* 4 away"),
        ([episode(0, 1)], [[0]], "first state of an episode"),
    ],
)
def test_states_without_a_past_are_refused(episodes, states, message):
    with pytest.raises(ValueError, match=message):
        RealPasts(episodes, np.array(states, np.float32))


@pytest.mark.parametrize("length", [0, 4, 10])
def test_a_past_that_is_too_long_is_refused(length):
    with pytest.raises(ValueError, match=f"length={length}: expected at "):
        RealPasts([episode(0, 1, 2)], [[2]]).of_length(length)


@pytest.mark.parametrize("length", [2, 3, 5])
def test_the_gradient_is_that_of_the_real_past(length):
    pasts = RealPasts([episode(0, 1, 2, 3, 4), episode(1, 0, -1, -2, -3)], [[4], [-3]])
    inner = walker([4, -3])
    estimator = RealPastEstimator(inner, inner.simulator, pasts)
    found = estimator.estimate(length, np.random.default_rng(0), Timer())
    expected = []
    for path in ([0, 1, 2, 3, 4], [1, 0, -1, -2, -3]):
        real = np.array(path[-length:], dtype=float)
        # A coin moves a point nowhere, and spreads it by 1 a step: E[x²] = x_0² + t.
        coin = length * real[0], length * real[0] ** 2 + length * (length - 1) / 2
        expected.append((np.array([real.sum(), (real**2).sum()]) - coin) / (length - 1))
    np.testing.assert_allclose(found.gradient, np.mean(expected, axis=0), atol=0.05)
    assert found.signal_to_noise > 3


def test_a_longer_past_than_there_is_ends_where_the_episode_began():
    inner = walker([2], n=10)
    pasts = RealPasts([episode(0, 1, 2)], [[2]])
    estimator = RealPastEstimator(inner, inner.simulator, pasts)
    found = estimator.estimate(5, np.random.default_rng(0), Timer())
    assert found.diagnostics["past_length"] == 2
    np.testing.assert_array_equal(estimator.starts, [[0], [1], [2]])


def test_a_wrapper_does_what_is_in_it_does():
    inner = walker([2], n=100)
    wrapper = EstimatorWrapper(inner)
    assert wrapper.solver is inner.solver
    np.testing.assert_array_equal(wrapper.starts, inner.starts)
    theta = np.ones(2)
    np.testing.assert_array_equal(wrapper.initial_theta(theta), theta)
    assert wrapper.setup(np.random.default_rng(0)) == {}
    gradient = np.array([0.3, 0.4])
    np.testing.assert_array_equal(wrapper.bounded(gradient), inner.bounded(gradient))


def test_a_wrapper_leaves_out_nothing_that_estimators_do():
    public = {name for name in vars(GradientEstimator) if not name.startswith("_")}
    assert public <= set(vars(EstimatorWrapper))
