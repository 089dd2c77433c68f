"""Backward estimators: pasts simulated from the observed states backward, by inverse models."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from rlsp_sb3.io.state_arrays import optional_arrays, read_array, read_elements, read_optional
from rlsp_sb3.rlsp.gradient import WeightedMean, weighted_mean
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate, GradientEstimator
from rlsp_sb3.rlsp.past_trajectories import (
    InverseDynamics,
    InversePolicy,
    Observations,
    PastTrajectories,
    simulate_past,
)
from rlsp_sb3.rlsp.trajectory_weights import NoPastError, without_outside
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.timer import Timer


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


class Comparison(NamedTuple):
    """Comparison of past trajectories with the policy.

    Attributes:
        weights: How much each of them counts (N,).
        mean: The weighted mean of the feature differences (F,).
        diagnostics: What to log, by name.
    """

    weights: FloatArray
    mean: WeightedMean
    diagnostics: dict[str, float]


class BackwardEstimator(GradientEstimator):
    """Base class of estimators that simulate the past backward (Lindner et al. 2021, Algorithm 1).

    An inverse policy (which action led here?) and inverse dynamics (from where?) are fitted to what
    the policy does. They simulate the past of the observed states; the gradient is how its features
    differ from those that the policy collects from where it begins.

    Attributes:
        inverse_policy: Draws which action was before.
        inverse_dynamics: Draws what was before.
        past: The last past trajectories; None before the first.
    """

    inverse_policy: InversePolicy
    inverse_dynamics: InverseDynamics
    action_space: spaces.Space[Any]
    past: PastTrajectories | None = None

    @property
    def starts(self) -> Observations:
        """All states of the last past, or those that were observed."""
        return self.observed if self.past is None else self.past.states

    @property
    def observation_bounds(self) -> tuple[FloatArray, FloatArray] | None:
        """Bounds (*observation_shape) of the observations of pasts; None for any."""
        return None

    @property
    def observation_tolerance(self) -> FloatArray | float:
        """Distance (*observation_shape) from the bounds that is only an error of the models."""
        return 0.0

    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Simulate the past, and compare it with the policy."""
        with timer("inverse_models"):
            losses = self.fit_inverse_models(self.past, rng)
        with timer("past"):
            past = self.simulate_past(horizon, rng)
        try:
            compared = self.compare(past, timer)
        except NoPastError as error:
            warnings.warn(f"this epoch has no gradient: {error}", stacklevel=2)
            zeros = np.zeros(len(self.problem.encoder.feature_names))
            return GradientEstimate(
                zeros, 0.0, losses, {"effective_pasts": 0.0, **past.diagnostics}
            )
        self.past = past
        # Per action, so that a longer horizon does not mean larger steps.
        gradient = compared.mean.value / max(horizon - 1, 1)
        return GradientEstimate(
            gradient, compared.mean.signal_to_noise, losses, compared.diagnostics
        )

    def compare(self, past: PastTrajectories, timer: Timer) -> Comparison:
        """Compare past trajectories with the policy, by their weights.

        Raises:
            NoPastError: If none of them counts.
        """
        with timer("past"):
            weighting = self.trajectory_weights(past)
            weights = without_outside(weighting.weights, past)
        with timer("gradient"):
            differences = self.feature_differences(past)
            mean = weighted_mean(weights, differences.values)
        diagnostics = {
            **past.diagnostics,
            **weighting.diagnostics,
            **differences.diagnostics,
            "effective_pasts": mean.effective_size,
        }
        return Comparison(weights, mean, diagnostics)

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

    def past_arrays(self) -> Arrays:
        """The last past trajectories, to be saved."""
        return {} if self.past is None else optional_arrays(self.past._asdict())

    def set_past_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`past_arrays` returned."""
        if not arrays:
            self.past = None
            return
        shape = (None, None, *self.observed.shape[1:])
        observations = read_array(arrays, "observations", self.observed.dtype, shape)
        length, n = observations.shape[:2]
        self.past = PastTrajectories(
            observations,
            read_elements(arrays, "actions", self.action_space, length - 1, n),
            read_optional(arrays, "n_clipped", np.int64, (n,)),
            read_optional(arrays, "n_outside", np.int64, (n,)),
        )
