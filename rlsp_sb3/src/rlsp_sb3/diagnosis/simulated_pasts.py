"""Simulated pasts of the gradient estimators, by length, to be compared with real ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.rlsp.continuous_estimator import ContinuousGradientEstimator
from rlsp_sb3.rlsp.forward_estimator import ForwardEstimator
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate, GradientEstimator
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.rlsp.trajectory_weights import (
    NoPastError,
    kernel_weights,
    spread,
    state_differences,
    uniform_weights,
)
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.rollout import rollout_simulator
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.timer import Timer
from rlsp_sb3.utils.type_checks import shown


class SimulatedPast(NamedTuple):
    """Simulated pasts of one length.

    Attributes:
        gradient: The gradient (F,) that is made of them.
        norm: Its norm per action, before it is scaled.
        starts: Where they start (N, *observation_shape).
        ends: The numbers of the observed states in which they end (N,).
        weights: How much each counts (N,); at least 0, with the sum 1.
    """

    gradient: FloatArray
    norm: float
    starts: Observations
    ends: NDArray[np.int64]
    weights: FloatArray


class SimulatedPasts(ABC):
    """Simulated pasts of an estimator for its policy as it is now.

    Attributes:
        simulator: What follows from actions.
    """

    simulator: Simulator

    @abstractmethod
    def used_length(self, estimate: GradientEstimate, horizon: int) -> int:
        """The number of states of the pasts that an estimate was made of."""

    @abstractmethod
    def of_lengths(
        self,
        lengths: list[int],
        estimate: GradientEstimate,
        horizon: int,
        rng: np.random.Generator,
    ) -> dict[int, SimulatedPast]:
        """Simulate pasts of different lengths.

        Args:
            lengths: Their numbers of states.
            estimate: The estimate of the gradient, which is kept where it is one of theirs.
            horizon: The horizon that it was estimated at.
            rng: The source of random numbers.

        Returns:
            Pasts by length, without those of which there are none.
        """


class BackwardPasts(SimulatedPasts):
    """Pasts that inverse models simulate: for each length the gradient at that horizon.

    Args:
        estimator: The estimator, whose inverse models are as the last estimate left them.
    """

    def __init__(self, estimator: ContinuousGradientEstimator) -> None:
        self.estimator = estimator
        self.simulator = estimator.simulator

    def used_length(self, estimate: GradientEstimate, horizon: int) -> int:
        """The horizon."""
        return horizon

    def of_lengths(
        self,
        lengths: list[int],
        estimate: GradientEstimate,
        horizon: int,
        rng: np.random.Generator,
    ) -> dict[int, SimulatedPast]:
        """Pasts that are simulated anew for each length."""
        found = {}
        for length in lengths:
            past = self.estimator.simulate_past(length, rng)
            try:
                compared = self.estimator.compare(past, Timer())
            except NoPastError:
                continue
            observed = self.estimator.observed
            same = past.observations[-1][:, None] == observed[None]
            gradient = compared.mean.value / max(length - 1, 1)
            if length == horizon:
                gradient = estimate.gradient
            weights = np.abs(compared.weights)
            found[length] = SimulatedPast(
                gradient,
                float(np.linalg.norm(gradient)),
                past.observations[0],
                same.reshape(*same.shape[:2], -1).all(axis=2).argmax(axis=1),
                weights / weights.sum(),
            )
        return found


class ForwardPasts(SimulatedPasts):
    """Pasts that are sampled forward, drawn by their weights: one gradient for all lengths.

    Args:
        estimator: The estimator.
    """

    def __init__(self, estimator: ForwardEstimator) -> None:
        self.estimator = estimator
        self.simulator = estimator.simulator

    def used_length(self, estimate: GradientEstimate, horizon: int) -> int:
        """The mean number of states on the way to where the trajectories are near."""
        return round(estimate.diagnostics["past_length"]) + 1

    def of_lengths(
        self,
        lengths: list[int],
        estimate: GradientEstimate,
        horizon: int,
        rng: np.random.Generator,
    ) -> dict[int, SimulatedPast]:
        """The last states of pasts; of those that are long enough."""
        problem, simulator = self.estimator.problem, self.simulator
        n = problem.n_trajectories
        trajectories = rollout_simulator(
            simulator, self.estimator.solver.act, simulator.reset(n), problem.horizon - 1
        ).observations
        trajectories = trajectories[:, finite(trajectories[-1])]
        n_known = trajectories.shape[1]
        forward = problem.hyperparameters.forward
        times, rows, ends = [], [], []
        states = trajectories[1:].reshape(-1, *trajectories.shape[2:])
        each = state_differences(states, self.estimator.observed, spread(trajectories))
        for i, differences in enumerate(each):
            weights = kernel_weights(
                differences**2, forward.effective_share * n_known, forward.kernel
            )
            drawn = rng.choice(len(weights), size=n, p=weights / weights.sum())
            times.append(1 + drawn // n_known)
            rows.append(drawn % n_known)
            ends.append(np.full(n, i))
        time, row, end = (np.concatenate(each) for each in (times, rows, ends))
        found = {}
        for length in lengths:
            long = time >= length - 1
            if long.any():
                starts = trajectories[time[long] - (length - 1), row[long]]
                norm = estimate.diagnostics["likelihood_gradient_norm"]
                found[length] = SimulatedPast(
                    estimate.gradient, norm, starts, end[long], uniform_weights(len(starts))
                )
        return found


def simulated_pasts(estimator: GradientEstimator) -> SimulatedPasts:
    """The simulated pasts of an estimator.

    Raises:
        TypeError: If it simulates none that can be compared with those of an expert.
    """
    if isinstance(estimator, ContinuousGradientEstimator):
        return BackwardPasts(estimator)
    if isinstance(estimator, ForwardEstimator):
        return ForwardPasts(estimator)
    raise TypeError(
        f"gradient_estimator={shown(estimator)}: expected one of RLSP in an environment without "
        "mdp, which samples pasts forward or backward; where there is an mdp, compare with the "
        "gradient of TabularRLSP, which is exact"
    )
