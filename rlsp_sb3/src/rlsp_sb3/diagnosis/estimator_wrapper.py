"""Base class of gradient estimators that change one thing of another."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate, GradientEstimator
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.timer import Timer


class EstimatorWrapper(GradientEstimator):
    """Gradient estimator that does what another one does, but for what a subclass replaces.

    It takes the place of a learner's own: ``learner.gradient_estimator = Wrapper(
    learner.gradient_estimator)``. What is saved is what the other one saves.

    Args:
        inner: The other estimator.

    Attributes:
        inner: The same.
    """

    def __init__(self, inner: GradientEstimator) -> None:
        super().__init__(inner.problem)
        self.inner = inner
        self.observed = inner.observed
        self.solver = inner.solver

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Collect and fit what is needed before anything is simulated."""
        return self.inner.setup(rng)

    def initial_theta(self, theta: FloatArray) -> FloatArray:
        """The reward weights θ (F,) to start from."""
        return self.inner.initial_theta(theta)

    @property
    def starts(self) -> Observations:
        """States (n, *shape) that the policy is needed in besides those where episodes start."""
        return self.inner.starts

    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Estimate the gradient at the solver's policy."""
        return self.inner.estimate(horizon, rng, timer)

    def bounded(self, gradient: FloatArray) -> FloatArray:
        """Bound the norm of a gradient of the log posterior (F,) for a step."""
        return self.inner.bounded(gradient)

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        return self.inner.arrays()

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self.inner.set_arrays(arrays)
