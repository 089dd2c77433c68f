"""Adaptive importance sampling of a posterior whose prior is the standard Gaussian."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.type_aliases import FloatArray

_FROM_PRIOR = 0.25
"""The share of samples from the prior, by which no region is missed and no weight explodes."""


class AdaptiveSampler:
    """Weighted samples of a posterior, in rounds that go where the last ones were likely.

    Each round draws from the prior or from a Gaussian with the mean and the covariance of all
    weighted samples so far. All samples count together, each with its likelihood and prior over
    the density of drawing it in any of the rounds (Cornuet et al. 2012, "Adaptive multiple
    importance sampling").

    Args:
        n_dimensions: The number D of dimensions.

    Attributes:
        points: The samples (N, D).
        log_likelihoods: Their log likelihoods (N,).
        means: The mean of the Gaussian of each round (R, D).
        covariances: Its covariance (R, D, D).
    """

    def __init__(self, n_dimensions: int) -> None:
        self.points = np.empty((0, n_dimensions))
        self.log_likelihoods = np.empty(0)
        self.means = np.empty((0, n_dimensions))
        self.covariances = np.empty((0, n_dimensions, n_dimensions))

    def draw(self, n_samples: int, rng: np.random.Generator) -> FloatArray:
        """Samples (n, D) of the next round, to be added with their log likelihoods."""
        mean, covariance = self._fit()
        self.means = np.concatenate([self.means, mean[None]])
        self.covariances = np.concatenate([self.covariances, covariance[None]])
        noise = rng.standard_normal((n_samples, len(mean)))
        n_prior = int(np.ceil(_FROM_PRIOR * n_samples))
        scaled = noise[n_prior:] @ np.linalg.cholesky(covariance).T
        return np.concatenate([noise[:n_prior], mean + scaled])

    def add(self, points: FloatArray, log_likelihoods: FloatArray) -> None:
        """Keep samples (n, D) with their log likelihoods (n,)."""
        self.points = np.concatenate([self.points, points])
        self.log_likelihoods = np.concatenate([self.log_likelihoods, log_likelihoods])

    @property
    def log_weights(self) -> FloatArray:
        """The log importance weights (N,), whose mean weight estimates the evidence."""
        n_dimensions = self.points.shape[1]
        prior = _log_density(self.points, np.zeros(n_dimensions), np.eye(n_dimensions))
        rounds = [
            np.logaddexp(
                np.log(_FROM_PRIOR) + prior,
                np.log1p(-_FROM_PRIOR) + _log_density(self.points, mean, covariance),
            )
            for mean, covariance in zip(self.means, self.covariances, strict=True)
        ]
        drawn = np.logaddexp.reduce(rounds) - np.log(len(rounds))
        return np.asarray(self.log_likelihoods + prior - drawn)

    @property
    def weights(self) -> FloatArray:
        """The weights (N,), which add up to 1."""
        log_weights = self.log_weights
        return np.asarray(np.exp(log_weights - np.logaddexp.reduce(log_weights)))

    @property
    def log_evidence(self) -> float:
        """The log of the mean likelihood under the prior."""
        return float(np.logaddexp.reduce(self.log_weights) - np.log(len(self.points)))

    @property
    def effective_size(self) -> float:
        """How many independent samples of the posterior all are worth (Kish 1965)."""
        return float(1 / (self.weights**2).sum())

    def _fit(self) -> tuple[FloatArray, FloatArray]:
        """The mean and the covariance of the samples, with D more that are as the prior has it."""
        n_dimensions = self.points.shape[1]
        if not np.any(np.isfinite(self.log_likelihoods)):
            return np.zeros(n_dimensions), np.eye(n_dimensions)
        weights = self.weights
        share = self.effective_size / (self.effective_size + n_dimensions)
        mean = weights @ self.points
        away = self.points - mean
        covariance = (away * weights[:, None]).T @ away
        return share * mean, share * covariance + (1 - share) * np.eye(n_dimensions)


def _log_density(points: FloatArray, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """The log density (N,) of a Gaussian at points (N, D)."""
    factor = np.linalg.cholesky(covariance)
    z = np.linalg.solve(factor, (points - mean).T)
    log_norm = np.log(np.diag(factor)).sum() + 0.5 * len(mean) * np.log(2 * np.pi)
    return np.asarray(-0.5 * (z**2).sum(axis=0) - log_norm)
