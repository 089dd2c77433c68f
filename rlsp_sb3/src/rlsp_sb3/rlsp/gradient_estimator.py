"""Gradient estimators of Deep RLSP: simulator, inverse models and solver of an environment.

An estimator puts together the parts of Algorithm 1 of Lindner et al. (2021) that depend on what an
environment is like; :class:`~rlsp_sb3.RLSP` is the algorithm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np

from rlsp_sb3.rlsp.past_trajectories import (
    InverseDynamics,
    InversePolicy,
    Observations,
    PastTrajectories,
)
from rlsp_sb3.solvers.base import Solver
from rlsp_sb3.type_aliases import Arrays, FloatArray

TrajectoryWeights = Literal["none", "initial", "cosine"]


class GradientEstimator(ABC):
    """Base class of estimators of the gradient of the log likelihood, from simulated pasts.

    Attributes:
        observed: What pasts end in, (n, *shape): observations, or what stands for them.
        solver: Finds the policy of the person.
        inverse_policy: Draws which action was before.
        inverse_dynamics: Draws what was before.
    """

    observed: Observations
    solver: Solver
    inverse_policy: InversePolicy
    inverse_dynamics: InverseDynamics

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Do what has to be done once before anything is simulated.

        Returns:
            What to log.
        """
        return {}

    def initial_theta(self, theta: FloatArray) -> FloatArray:
        """The weights (F,) to start from, given those that a learner has from the beginning."""
        return theta

    @property
    def observation_bounds(self) -> tuple[FloatArray, FloatArray] | None:
        """Bounds (*observation_shape) of the observations of pasts; None for any."""
        return None

    @abstractmethod
    def fit_inverse_models(
        self, past: PastTrajectories | None, rng: np.random.Generator
    ) -> dict[str, float]:
        """Fit the inverse models to the person's policy as it is now.

        Args:
            past: The last pasts that were simulated, if there are any.
            rng: The source of random numbers.

        Returns:
            What to log.
        """

    @abstractmethod
    def trajectory_weights(self, past: PastTrajectories) -> tuple[FloatArray, dict[str, float]]:
        """Importance weights of past trajectories (N,), and values to log."""

    @abstractmethod
    def feature_differences(self, past: PastTrajectories) -> tuple[FloatArray, dict[str, float]]:
        """Gradient of the log likelihood (N, F) that each past estimates, and values to log."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""

    @abstractmethod
    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
