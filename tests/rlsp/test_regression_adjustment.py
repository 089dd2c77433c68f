"""Kernel weights for an expectation at the observed state, rather than around it."""

import numpy as np
import pytest

from rlsp_sb3.rlsp.regression_adjustment import adjusted_weights
from rlsp_sb3.rlsp.trajectory_weights import effective_sample_size, kernel_weights

N = 20_000


def wide(differences, share=0.3):
    return kernel_weights(differences**2, share * len(differences), "gaussian")


def sample(observed, rng):
    """Normal z around 0, seen from an observed state, and y = 3 z_0 - z_1 + noise."""
    states = rng.normal(size=(N, 3))
    return states - observed, states @ [3, -1, 0] + rng.normal(size=N)


@pytest.mark.parametrize("observed", [[0.5, 0.2, 0], [1, 0, -1], [0, 0, 0]], ids=str)
def test_an_expectation_that_is_linear_is_exact_however_wide_the_kernel(observed):
    differences, y = sample(observed, np.random.default_rng(0))
    exact = np.dot([3, -1, 0], observed)
    kernel = wide(differences)
    assert adjusted_weights(kernel, differences) @ y == pytest.approx(exact, abs=0.06)
    if any(observed):
        assert abs(kernel @ y - exact) > 0.3  # the control: what the kernel says alone


def test_it_is_the_intercept_of_the_weighted_regression():
    rng = np.random.default_rng(1)
    differences, y = sample([0.5, 0.3, 0.1], rng)
    weights = wide(differences)
    root = np.sqrt(weights)[:, None]
    design = np.hstack([np.ones((N, 1)), differences])
    intercept = np.linalg.lstsq(root * design, root[:, 0] * y)[0][0]
    assert adjusted_weights(weights, differences) @ y == pytest.approx(intercept, rel=5e-3)


def test_nothing_is_said_of_what_is_far_from_all():
    rng = np.random.default_rng(2)
    differences, _ = sample([40, 0, 0], rng)
    weights = wide(differences)
    adjusted = adjusted_weights(weights, differences)
    before, after = (w @ differences[:, 0] for w in (weights, adjusted))
    deviation = np.sqrt(weights @ (differences[:, 0] - before) ** 2)
    assert after - before == pytest.approx(deviation, rel=0.02)
    assert effective_sample_size(adjusted) > effective_sample_size(weights) / 6


def test_weights_sum_to_one_and_stay_where_the_kernel_is_narrow():
    differences = np.repeat(np.arange(4.0), 50)[:, None]
    only = np.where(differences[:, 0] == 0, 1 / 50, 0)
    np.testing.assert_allclose(adjusted_weights(only, differences), only)
    even = np.full(200, 1 / 200)
    for far in (differences, differences + 7, np.hstack([differences, 0 * differences + 3])):
        assert adjusted_weights(even, far).sum() == pytest.approx(1)


def test_more_coefficients_than_states_are_held_back():
    rng = np.random.default_rng(3)
    differences = rng.normal(size=(50, 400)) + 1
    adjusted = adjusted_weights(np.full(50, 1 / 50), differences)
    assert np.isfinite(adjusted).all()
    assert effective_sample_size(adjusted) > 20
