"""The posterior of reward weights: its evidence and samples, by adaptive importance sampling."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_t

from rlsp_sb3.rewards.priors import Prior, UniformPrior
from rlsp_sb3.tabular_rlsp.likelihood import StateLikelihood
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_int

FEWEST_EFFECTIVE = 50
_DEGREES = 5  # of freedom of proposals, whose tails are to be heavier than those of the posterior
_N_ROUNDS = 4
_STEP = 1e-4  # of finite differences, in widths of the prior


class RewardPosterior(NamedTuple):
    """The posterior distribution of reward weights θ.

    Attributes:
        samples: Weights (n, F) that are equally likely.
        mean: The mean (F,). A robot that plans for it has the largest expected return, since the
            reward is linear in θ.
        covariance: The covariance (F, F).
        log_evidence: The log probability of the observed states, with θ integrated over the prior.
        effective_sample_size: How many independent samples the mean is worth.
    """

    samples: FloatArray
    mean: FloatArray
    covariance: FloatArray
    log_evidence: float
    effective_sample_size: float


def laplace_covariance(
    likelihood: StateLikelihood, mode: FloatArray, prior_std: float
) -> FloatArray:
    """The covariance (F, F) of the Laplace approximation of the posterior at its mode.

    The inverse of the Hessian, by central differences of the exact gradient. Where the likelihood
    is not concave, it is as wide as the prior.
    """
    step = _STEP * prior_std
    differences = [
        likelihood.gradient(mode + step * axis) - likelihood.gradient(mode - step * axis)
        for axis in np.eye(len(mode))
    ]
    hessian = -np.array(differences) / (2 * step)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    precisions = np.maximum(values, 0) + prior_std**-2
    return np.asarray((vectors / precisions) @ vectors.T)


def sample_posterior(
    likelihood: StateLikelihood,
    prior: Prior,
    mode: FloatArray,
    n_samples: int,
) -> RewardPosterior:
    """Sample the posterior by importance sampling, from the Laplace approximation on.

    The Laplace approximation is far off where a choice is certain, and larger weights change
    nothing. So each round draws half of its proposals from a Student t distribution with the mean
    and covariance that the round before has found, and half from one around the prior.

    Args:
        likelihood: The likelihood of the observed states.
        prior: The prior, which must be proper.
        mode: The weights (F,) at the maximum of the posterior.
        n_samples: How many proposals each round draws, and how many samples are returned, at least
            100. A warning says if they are worth fewer than 50.

    Raises:
        ValueError: If there are fewer, or the prior is improper.
    """
    check_int("n_samples", n_samples, 100, 10**7)
    if isinstance(prior, UniformPrior):
        raise ValueError(
            'prior="uniform" leaves no posterior that integrates to 1: expected "gaussian" or '
            '"laplace"'
        )
    rng = np.random.default_rng(0)
    around_prior = (prior.mean, prior.std**2 * np.eye(len(mode)))
    around = (mode, laplace_covariance(likelihood, mode, prior.std))
    for _ in range(_N_ROUNDS):
        proposals = [multivariate_t(*each, df=_DEGREES) for each in (around, around_prior)]
        is_first = rng.random(n_samples) < 0.5  # q(θ) = ½ t(θ; found) + ½ t(θ; prior)
        counts = (int(is_first.sum()), int((~is_first).sum()))
        thetas = np.concatenate(
            [
                np.reshape(each.rvs(count, random_state=rng), (count, len(mode)))
                for each, count in zip(proposals, counts, strict=True)
            ]
        )
        log_q = logsumexp([each.logpdf(thetas) for each in proposals], axis=0) - np.log(2)
        log_prior = np.array([prior.log_prob(theta) for theta in thetas])
        log_weights = likelihood.log_likelihoods(thetas) + log_prior - log_q
        total = logsumexp(log_weights)
        weights = np.exp(log_weights - total)
        mean = weights @ thetas
        covariance = np.einsum("n,ni,nj->ij", weights, thetas - mean, thetas - mean)
        # Not narrower in any direction than what a few samples can tell.
        around = (mean, covariance + 1e-3 * around_prior[1])
    size = float(1 / np.sum(weights**2))
    if size < FEWEST_EFFECTIVE:
        warnings.warn(
            f"n_samples={n_samples}: they are worth only {size:.0f} independent ones: pass more "
            "of them, or compare with rlsp_baselines.RewardSampling",
            stacklevel=3,
        )
    # Systematic resampling: each of n equal parts of the total weight takes one.
    places = (rng.random() + np.arange(n_samples)) / n_samples
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), places), n_samples - 1)
    return RewardPosterior(
        samples=rng.permutation(thetas[chosen]),
        mean=mean,
        covariance=covariance,
        log_evidence=float(total - np.log(n_samples)),
        effective_sample_size=size,
    )
