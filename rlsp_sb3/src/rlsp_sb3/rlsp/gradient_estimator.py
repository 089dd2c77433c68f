"""Gradient estimators of Deep RLSP: simulator, inverse models and solver of an environment.

A gradient estimator puts together the parts of Algorithm 1 of Lindner et al. (2021) that differ
where states can be enumerated and where they cannot; :class:`~rlsp_sb3.RLSP` is the algorithm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.rlsp.past_trajectories import (
    InverseDynamics,
    InversePolicy,
    Observations,
    PastTrajectories,
    simulate_past,
)
from rlsp_sb3.solvers.base import Solver
from rlsp_sb3.type_aliases import Arrays, FloatArray

TrajectoryWeights = Literal["uniform", "initial", "cosine"]


@dataclass(frozen=True)
class GradientProblem:
    """Arguments that gradient estimators of all kinds have in common.

    Attributes:
        observed_states: Observations (n, *observation_shape).
        encoder: The features φ; fitted by the estimator if it is not yet.
        horizon: The full horizon, the number T of states of a trajectory.
        n_trajectories: The number of past trajectories that are simulated for each gradient.
        trajectory_weights: The weights of past trajectories.
        hyperparameters: The settings of all models.
    """

    observed_states: Observations
    encoder: Encoder
    horizon: int
    n_trajectories: int
    trajectory_weights: TrajectoryWeights
    hyperparameters: RLSPHyperparameters


class Weighting(NamedTuple):
    """Weights of past trajectories.

    Attributes:
        weights: The weights (N,), whose absolute values sum to 1.
        diagnostics: What to log, by name.
    """

    weights: FloatArray
    diagnostics: dict[str, float]


class FeatureDifferences(NamedTuple):
    """Feature differences: the gradient of the log likelihood that past trajectories estimate.

    Attributes:
        values: An estimate for each trajectory (N, F).
        diagnostics: What to log, by name.
    """

    values: FloatArray
    diagnostics: dict[str, float]


class GradientEstimator(ABC):
    """Base class of estimators of the gradient of the log likelihood, from simulated pasts.

    Args:
        problem: What it is estimated of.

    Attributes:
        problem: The same.
        observed: What pasts end in, (n, *shape): observations, or what stands for them.
        solver: Finds the policy of the person.
        inverse_policy: Draws which action was before.
        inverse_dynamics: Draws what was before.
    """

    observed: Observations
    solver: Solver
    inverse_policy: InversePolicy
    inverse_dynamics: InverseDynamics

    def __init__(self, problem: GradientProblem) -> None:
        self.problem = problem

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Collect and fit what is needed before anything is simulated.

        Returns:
            The losses, by name.
        """
        return {}

    def initial_theta(self, theta: FloatArray) -> FloatArray:
        """The reward weights θ (F,) to start from, given those that a learner begins with."""
        return theta

    @property
    def observation_bounds(self) -> tuple[FloatArray, FloatArray] | None:
        """Bounds (*observation_shape) of the observations of pasts; None for any."""
        return None

    @property
    def observation_tolerance(self) -> FloatArray | float:
        """Distance (*observation_shape) from the bounds that is only an error of the models."""
        return 0.0

    @abstractmethod
    def fit_inverse_models(
        self, past: PastTrajectories | None, rng: np.random.Generator
    ) -> dict[str, float]:
        """Fit the inverse models to the person's policy as it is now.

        Args:
            past: The past trajectories of the last epoch, if there was one.
            rng: The source of random numbers.

        Returns:
            The losses, by name.
        """

    def simulate_past(self, horizon: int, rng: np.random.Generator) -> PastTrajectories:
        """Simulate past trajectories of the observed states by the inverse models."""
        return simulate_past(
            self.observed,
            self.inverse_policy,
            self.inverse_dynamics,
            horizon=horizon,
            n_trajectories=self.problem.n_trajectories,
            rng=rng,
            bounds=self.observation_bounds,
            tolerance=self.observation_tolerance,
        )

    @abstractmethod
    def trajectory_weights(self, past: PastTrajectories) -> Weighting:
        """Importance weights of past trajectories."""

    @abstractmethod
    def feature_differences(self, past: PastTrajectories) -> FeatureDifferences:
        """Features of past trajectories minus those of the policy from the same start."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""

    @abstractmethod
    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
