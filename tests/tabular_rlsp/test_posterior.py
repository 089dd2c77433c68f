"""The posterior agrees with sums over a grid, and a robot says what it does not settle."""

from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from rlsp_sb3 import TabularRLSP
from rlsp_sb3.rewards.priors import PRIORS
from rlsp_sb3.tabular_rlsp import RewardPosterior, decide
from rlsp_sb3.tabular_rlsp.likelihood import StateLikelihood
from rlsp_sb3.tabular_rlsp.posterior import laplace_covariance, sample_posterior

from helpers.corridor import Corridor
from helpers.textbook import random_world


def by_grid(likelihood: Any, prior: Any, reach: float) -> tuple[float, Any, Any]:
    """Log evidence, mean and covariance of two weights by a sum over 121² places."""
    axis = np.linspace(-reach, reach, 121)
    thetas = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    log_prior = np.array([prior.log_prob(theta) for theta in thetas])
    log_density = likelihood.log_likelihoods(thetas) + log_prior
    total = logsumexp(log_density)
    weights = np.exp(log_density - total)
    mean = weights @ thetas
    covariance = (weights[:, None] * (thetas - mean)).T @ (thetas - mean)
    return float(total + 2 * np.log(axis[1] - axis[0])), mean, covariance


@pytest.mark.parametrize(
    ("name", "std", "reach"),
    [("gaussian", 0.5, 4.0), ("gaussian", 4.0, 24.0), ("laplace", 1.0, 14.0)],
)
def test_agrees_with_brute_force(name: str, std: float, reach: float) -> None:
    world, observed = random_world(3), 1
    likelihood = StateLikelihood(
        world, np.array([observed]), world.initial_distribution, 4, temperature=1.0
    )
    prior = PRIORS[name](np.zeros(2), std)
    evidence, mean, covariance = by_grid(likelihood, prior, reach)
    found = sample_posterior(likelihood, prior, np.zeros(2), 8000)
    assert found.effective_sample_size > 1000
    error = 5 * np.sqrt(np.diag(covariance) / found.effective_sample_size)  # standard errors
    assert found.log_evidence == pytest.approx(evidence, abs=0.05)
    assert np.all(np.abs(found.mean - mean) < error)
    np.testing.assert_allclose(found.covariance, covariance, rtol=0.15, atol=0.05 * std**2)
    np.testing.assert_allclose(found.samples.mean(axis=0), mean, atol=2 * error.max())
    np.testing.assert_allclose(np.cov(found.samples.T), covariance, rtol=0.2, atol=0.1 * std**2)


def test_laplace_covariance_is_that_of_a_narrow_posterior() -> None:
    world = random_world(3)
    likelihood = StateLikelihood(world, np.array([1]), world.initial_distribution, 4, 1.0)
    covariance = laplace_covariance(likelihood, np.zeros(2), 0.1)
    _, _, expected = by_grid(likelihood, PRIORS["gaussian"](np.zeros(2), 0.1), 0.8)
    np.testing.assert_allclose(covariance, expected, rtol=0.02, atol=1e-5)


def test_same_learner_gives_same_samples() -> None:
    learner = TabularRLSP(Corridor(), seed=0).learn()
    first, again = (learner.sample_posterior(200) for _ in range(2))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert isinstance(first, RewardPosterior)
    assert first.samples.shape == (200, 3)
    assert learner.has_converged


@pytest.mark.filterwarnings("ignore:prior=")
def test_refuses_what_has_no_posterior() -> None:
    with pytest.raises(ValueError, match=r"uniform.*gaussian"):
        TabularRLSP(Corridor(), prior="uniform", seed=0).learn().sample_posterior()
    with pytest.raises(ValueError, match="n_samples=99"):
        TabularRLSP(Corridor(), seed=0).sample_posterior(99)


def test_agrees_with_reward_sampling() -> None:
    baselines = pytest.importorskip("rlsp_baselines")
    chains = baselines.RewardSampling(Corridor(), n_samples=3000, burn_in=500, seed=0).learn()
    found = TabularRLSP(Corridor(), seed=0).learn().sample_posterior(4000)
    std = np.sqrt(np.diag(found.covariance))
    assert np.all(np.abs(found.mean - chains.theta) < 0.15 * std)
    np.testing.assert_allclose(chains.samples.std(axis=(0, 1)), std, rtol=0.1)


def test_decides_as_counted_by_hand() -> None:
    """In the corridor's middle, with one action left, left and right are worth their weights."""
    learner = TabularRLSP(Corridor(), seed=0)
    samples = [[0.0, 0.0, 3.0], [0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, 0.0, 2.0]]
    decision = decide(learner, samples, [0.0, 1.0, 0.0], n_actions_left=1)
    assert decision == (1, 0, (3 + 1 - 1 + 2) / 4, 0.75, 0.25)
    assert decision.is_undecided(0.9)
    assert not decision.is_undecided(0.75)
    alike = decide(learner, np.zeros((2, 3)), [0.0, 1.0, 0.0])
    assert (alike.action_share, alike.rival_share, alike.difference) == (0, 0, 0)


def test_action_is_that_of_the_plan_for_the_mean() -> None:
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn()
    found = learner.sample_posterior(300)
    planned = learner.plan(learner.mdp.features @ (learner.task_reward + found.mean))
    observation = learner.observed_states[0]
    decision = decide(learner, np.tile(found.mean, (3, 1)), observation)
    assert decision.action == planned.predict(observation)[0]
    assert decision.rival_share == 0


def test_decide_refuses_other_samples() -> None:
    learner = TabularRLSP(Corridor(), seed=0)
    with pytest.raises(ValueError, match="samples"):
        decide(learner, np.zeros((4, 2)), [0.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="n_actions_left=0"):
        decide(learner, np.zeros((4, 3)), [0.0, 1.0, 0.0], 0)
