"""Gradient estimators of Deep RLSP: what the observed states say of the reward.

A gradient estimator is what differs between ways to simulate the past and between kinds of
environments; :class:`~rlsp_sb3.RLSP` is the algorithm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.rlsp.gradient import clip_norm
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.solvers.base import Solver
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.timer import Timer

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


class GradientEstimate(NamedTuple):
    """Estimate of the gradient of the log likelihood of the observed states, per action.

    Attributes:
        gradient: The gradient (F,), divided by the number of actions T - 1.
        signal_to_noise: Its length in standard errors over the trajectories.
        losses: The losses of what was fitted for it, by name.
        diagnostics: What to log, by name.
    """

    gradient: FloatArray
    signal_to_noise: float
    losses: dict[str, float]
    diagnostics: dict[str, float]


class GradientEstimator(ABC):
    """Base class of estimators of the gradient of the log likelihood of the observed states.

    Args:
        problem: What it is estimated of.

    Attributes:
        problem: The same.
        observed: The observed states (n, *shape), or what stands for them.
        solver: Finds the policy of the person.
    """

    observed: Observations
    solver: Solver

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
    def starts(self) -> Observations:
        """States (n, *shape) that the policy is needed in besides those where episodes start."""
        return self.observed

    @abstractmethod
    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Estimate the gradient at the solver's policy.

        Args:
            horizon: The number T of states of a trajectory.
            rng: The source of random numbers.
            timer: Takes the time of each part.
        """

    def bounded(self, gradient: FloatArray) -> FloatArray:
        """Bound the norm of a gradient of the log posterior (F,), per action, for a step."""
        return clip_norm(gradient)

    @abstractmethod
    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""

    @abstractmethod
    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
