"""Gradient estimator that is told the real pasts."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.diagnosis.estimator_wrapper import EstimatorWrapper
from rlsp_sb3.diagnosis.real_pasts import RealPasts
from rlsp_sb3.rlsp.gradient import feature_counts, simulate_forward, weighted_mean
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate, GradientEstimator
from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories
from rlsp_sb3.rlsp.trajectory_weights import uniform_weights
from rlsp_sb3.simulators.base import Simulator
from rlsp_sb3.utils.timer import Timer


class RealPastEstimator(EstimatorWrapper):
    """Gradient estimator that compares the expert's real pasts with the policy.

    The gradient is the mean over observed states of

        (Σ_t φ(s_t) - E[Σ_t φ | s_0]) / (T - 1),

    where s_0, …, s_T-1 is what really led to the observed state, and the expectation is over what
    the policy does from the same start (Lindner et al. 2021, equation 5, with nothing simulated but
    the policy). It is right where dynamics are deterministic.

    Args:
        inner: The estimator whose place it takes; its encoder, simulator and solver are used.
        simulator: What follows from actions.
        pasts: The real pasts of its observed states.
    """

    def __init__(self, inner: GradientEstimator, simulator: Simulator, pasts: RealPasts) -> None:
        super().__init__(inner)
        self.simulator = simulator
        self.pasts = pasts

    @property
    def starts(self) -> Observations:
        """All states of the real pasts, as long as they are at the full horizon."""
        return self.pasts.of_length(self._length(self.problem.horizon)).states

    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Compare the real pasts, or as much of them as there is, with the policy."""
        length = self._length(horizon)
        with timer("gradient"):
            past = self.pasts.of_length(length)
            n = past.observations.shape[1]
            copies = -(-self.problem.n_trajectories // n)
            repeated = PastTrajectories(
                np.repeat(past.observations, copies, axis=1),
                np.repeat(past.actions, copies, axis=1),
            )
            encoder = self.problem.encoder
            ahead = simulate_forward(repeated, self.solver.act, self.simulator)
            real = np.repeat(feature_counts(encoder, past.observations), copies, axis=0)
            difference = real - feature_counts(encoder, ahead)
            mean = weighted_mean(uniform_weights(len(difference)), difference)
        gradient = mean.value / max(length - 1, 1)
        return GradientEstimate(gradient, mean.signal_to_noise, {}, {"past_length": length - 1.0})

    def _length(self, horizon: int) -> int:
        return min(horizon, self.pasts.longest)
