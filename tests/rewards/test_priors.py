"""Priors are the distributions that they are named after."""

import numpy as np
import pytest
from scipy import stats

from rlsp_sb3.rewards.priors import PRIORS

from helpers.textbook import central_differences

MEAN = np.array([0.0, 1.0, -0.3])
THETAS = np.random.default_rng(0).normal(size=(5, 3))
REFERENCES = {
    "gaussian": lambda theta, std: stats.norm.logpdf(theta, MEAN, std).sum(),
    "laplace": lambda theta, std: stats.laplace.logpdf(theta, MEAN, std).sum(),
    "uniform": lambda theta, std: 0.0,
}


def test_every_prior_is_tested():
    assert set(PRIORS) == set(REFERENCES)


@pytest.mark.parametrize("std", [0.1, 0.5, 3])
@pytest.mark.parametrize("name", PRIORS)
def test_log_density_is_that_of_scipy(name, std):
    prior = PRIORS[name](MEAN, std)
    for theta in THETAS:
        assert prior.log_prob(theta) == pytest.approx(REFERENCES[name](theta, std), rel=1e-12)


@pytest.mark.parametrize("std", [0.1, 0.5, 3])
@pytest.mark.parametrize("name", PRIORS)
def test_gradient_is_that_of_the_log_density(name, std):
    prior = PRIORS[name](MEAN, std)
    for theta in THETAS:
        expected = central_differences(prior.log_prob, theta)
        np.testing.assert_allclose(prior.gradient(theta), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", PRIORS)
def test_gradient_at_the_center_is_zero(name):
    np.testing.assert_array_equal(PRIORS[name](MEAN, 0.5).gradient(MEAN), np.zeros(3))


def test_gradient_of_laplace_is_zero_for_the_weights_at_the_center_alone():
    gradient = PRIORS["laplace"](MEAN, 0.5).gradient(np.array([0.0, 2.0, -0.4]))
    np.testing.assert_allclose(gradient, [0, -2, 2])
