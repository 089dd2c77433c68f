"""Prior distributions of reward weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np

from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array, check_positive
from rlsp_sb3.utils.type_checks import checks_types


class Prior(ABC):
    """Prior distribution of independent reward weights.

    Args:
        mean: The center (F,).
        std: The width, above 0: the standard deviation of the Gaussian, the scale of the Laplace
            distribution.
    """

    has_kink: bool = False
    """True if the density has a kink at the center, where it has no gradient."""

    @checks_types
    def __init__(self, mean: FloatArray, std: float) -> None:
        check_positive("std", std)
        self.mean = check_array("mean", mean, ("F",))
        self.std = std

    def log_prob(self, theta: FloatArray) -> float:
        """The log density of weights (F,).

        Raises:
            TypeError: If they are no numbers.
            ValueError: If they have another shape, or are not all finite.
        """
        return self._log_prob(self._checked("theta", theta))

    def gradient(self, theta: FloatArray) -> FloatArray:
        """The gradient (F,) of the log density; 0 where there is a kink."""
        return self._gradient(self._checked("theta", theta))

    def posterior_gradient(self, theta: FloatArray, likelihood_gradient: FloatArray) -> FloatArray:
        """The gradient (F,) of the log posterior; at a kink, the slope of the steepest way up."""
        theta = self._checked("theta", theta)
        likelihood_gradient = self._checked("likelihood_gradient", likelihood_gradient)
        return self._posterior_gradient(theta, likelihood_gradient)

    def _checked(self, name: str, values: FloatArray) -> FloatArray:
        return check_array(name, values, self.mean.shape)

    @abstractmethod
    def _log_prob(self, theta: FloatArray) -> float: ...

    @abstractmethod
    def _gradient(self, theta: FloatArray) -> FloatArray: ...

    def _posterior_gradient(self, theta: FloatArray, likelihood_gradient: FloatArray) -> FloatArray:
        return likelihood_gradient + self._gradient(theta)


class GaussianPrior(Prior):
    """Gaussian prior of reward weights."""

    def _log_prob(self, theta: FloatArray) -> float:
        # -½ Σ ((θ - m) / σ)² - F log(σ √(2π))
        z = (theta - self.mean) / self.std
        return float(-0.5 * z @ z - len(z) * np.log(self.std * np.sqrt(2 * np.pi)))

    def _gradient(self, theta: FloatArray) -> FloatArray:
        return (self.mean - theta) / self.std**2


class LaplacePrior(Prior):
    """Laplace prior of reward weights, which makes them sparse."""

    has_kink = True

    def _log_prob(self, theta: FloatArray) -> float:
        # -Σ |θ - m| / b - F log(2b)
        distance = np.abs(theta - self.mean).sum()
        return float(-distance / self.std - len(theta) * np.log(2 * self.std))

    def _gradient(self, theta: FloatArray) -> FloatArray:
        return np.sign(self.mean - theta) / self.std

    def _posterior_gradient(self, theta: FloatArray, likelihood_gradient: FloatArray) -> FloatArray:
        slope = super()._posterior_gradient(theta, likelihood_gradient)
        # On either side of the kink, the prior takes 1 / b off.
        uphill = np.sign(slope) * np.maximum(np.abs(slope) - 1 / self.std, 0)
        return np.where(theta == self.mean, uphill, slope)


class UniformPrior(Prior):
    """Uniform (improper) prior of reward weights: the log density is 0 everywhere."""

    def _log_prob(self, theta: FloatArray) -> float:
        return 0.0

    def _gradient(self, theta: FloatArray) -> FloatArray:
        return np.zeros_like(theta)


PriorName = Literal["gaussian", "laplace", "uniform"]
PRIORS: dict[str, type[Prior]] = {
    "gaussian": GaussianPrior,
    "laplace": LaplacePrior,
    "uniform": UniformPrior,
}
"""The priors by their names."""
