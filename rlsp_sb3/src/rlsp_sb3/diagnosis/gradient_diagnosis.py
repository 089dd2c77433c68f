"""Diagnosis of a gradient: that of simulated pasts beside that of the expert's real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.diagnosis.expert_states import ExpertStates
from rlsp_sb3.diagnosis.inverse_dynamics_errors import (
    inverse_dynamics_error,
    random_actions,
    transitions_of,
)
from rlsp_sb3.diagnosis.real_past_estimator import RealPastEstimator
from rlsp_sb3.diagnosis.real_pasts import RealPasts
from rlsp_sb3.diagnosis.simulated_pasts import SimulatedPast, simulated_pasts
from rlsp_sb3.rlsp.continuous_estimator import ContinuousGradientEstimator
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate, GradientEstimator
from rlsp_sb3.solvers.base import seeded_globally
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.timer import Timer

LENGTHS = (2, 3, 5, 8, 12, 20, 30, 50, 100, 200, 500, 1_000)
"""The numbers of states of pasts that are looked at, as far as there are such pasts."""

N_ROLLOUTS = 100
"""Least number of rollouts of the policy for the expectation that real pasts are compared with."""


class DiagnosisRow(NamedTuple):
    """Diagnosis of the gradient of one epoch at one length of pasts.

    Attributes:
        epoch: The epoch, from 1 on.
        timesteps: The timesteps of the learner.
        length: The number of states of the pasts, the observed one included.
        is_used: 1 for the length that the learner's own gradient is of, 0 for others: the horizon
            of pasts that are simulated backward, the mean length of those sampled forward.
        cosine: The cosine of the gradient from simulated pasts with that from the real ones, from
            -1 to 1; NaN if one of them is 0.
        simulated_norm: The norm of the former, per action.
        real_norm: The norm of the latter, per action.
        real_signal: The same in standard errors over what the policy does; near 1 it is noise, and
            the cosine says nothing.
        start_distance: How far simulated pasts start from where the real ones do, as root mean
            square over entries, in standard deviations of the expert's states; √2 is the distance
            of any other of its states.
        support: The share of simulated pasts that start in the support of the expert's states,
            which has .95 of its states.
        error_expert: The error of a step of the inverse dynamics on the expert's transitions; 1 for
            who says that nothing changes; NaN where there are no inverse dynamics.
        error_in_loop: The same on the transitions of the policy.
        error_random: The same on transitions of random actions.
    """

    epoch: int
    timesteps: int
    length: int
    is_used: int
    cosine: float
    simulated_norm: float
    real_norm: float
    real_signal: float
    start_distance: float
    support: float
    error_expert: float
    error_in_loop: float
    error_random: float

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics that are logged, by name."""
        figures = {
            "oracle_cosine": self.cosine,
            "oracle_norm": self.real_norm,
            "oracle_signal_to_noise": self.real_signal,
            "oracle_length": self.length,
            "start_distance": self.start_distance,
            "start_support": self.support,
            "inverse_dynamics_error_expert": self.error_expert,
            "inverse_dynamics_error_in_loop": self.error_in_loop,
            "inverse_dynamics_error_random": self.error_random,
        }
        return {name: figure for name, figure in figures.items() if np.isfinite(figure)}


class GradientDiagnosis:
    """Diagnosis of the gradients of an estimator, with an expert's episodes.

    Args:
        estimator: The estimator, of pasts that are sampled forward or backward by networks.
        episodes: Episodes of the expert that left the observed states; each state is in one.

    Raises:
        TypeError: If the estimator is another one, or episodes are none.
        ValueError: If an observed state is in no episode or has no past.
    """

    def __init__(self, estimator: GradientEstimator, episodes: Sequence[Episode]) -> None:
        self._estimator = estimator
        self._simulated = simulated_pasts(estimator)
        self._pasts = RealPasts(episodes, estimator.observed)
        self._simulator = self._simulated.simulator
        self._expert = ExpertStates(episodes, self._simulator.observation_space)
        self._transitions = Transitions.from_episodes(episodes)
        self._real = RealPastEstimator(estimator, self._simulator, self._pasts)
        self._real.problem = replace(estimator.problem, n_trajectories=N_ROLLOUTS)

    def rows(
        self,
        estimate: GradientEstimate,
        horizon: int,
        seed: int | None,
        *,
        epoch: int,
        timesteps: int,
    ) -> list[DiagnosisRow]:
        """Diagnose a gradient at the policy that it was estimated for; nothing else changes.

        Args:
            estimate: The gradient.
            horizon: The horizon that it was estimated at.
            seed: Seeds what is random here; None for an unpredictable seed.
            epoch: The epoch, from 1 on.
            timesteps: The timesteps of the learner.

        Returns:
            A row for each length, in ascending order; none where pasts have no action.
        """
        longest = min(self._estimator.problem.horizon, self._pasts.longest)
        used = min(self._simulated.used_length(estimate, horizon), longest)
        lengths = sorted({used, *(length for length in LENGTHS if length <= longest)} - {0, 1})
        with self._apart(seed) as rng:
            expert, in_loop, random = self._inverse_dynamics_errors(rng)
            simulated = self._simulated.of_lengths(lengths, estimate, horizon, rng)
            rows = []
            for length, past in simulated.items():
                real = self._real.estimate(length, rng, Timer())
                distance, support = self._starts(past, length)
                rows.append(
                    DiagnosisRow(
                        epoch=epoch,
                        timesteps=timesteps,
                        length=length,
                        is_used=int(length == used),
                        cosine=cosine(past.gradient, real.gradient),
                        simulated_norm=past.norm,
                        real_norm=float(np.linalg.norm(real.gradient)),
                        real_signal=real.signal_to_noise,
                        start_distance=distance,
                        support=support,
                        error_expert=expert,
                        error_in_loop=in_loop,
                        error_random=random,
                    )
                )
        return rows

    def _starts(self, past: SimulatedPast, length: int) -> tuple[float, float]:
        """The distance of simulated from real starts, and the share in the expert's support."""
        real = self._pasts.of_length(length).observations[0]
        squared = self._expert.squared_distances(past.starts, real[past.ends])
        supported = self._expert.supports(past.starts)
        return float(np.sqrt(past.weights @ squared)), float(past.weights @ supported)

    def _inverse_dynamics_errors(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """The errors on transitions of the expert, of the policy and of random actions."""
        if not isinstance(self._estimator, ContinuousGradientEstimator):
            return np.nan, np.nan, np.nan
        model, simulator = self._estimator.inverse_dynamics, self._simulator
        seen = self._transitions
        chosen = rng.permutation(len(seen.actions))
        expert = Transitions(*(each[chosen] for each in seen[:3] if each is not None))
        in_loop = transitions_of(simulator, self._estimator.solver.act)
        random = transitions_of(simulator, random_actions(simulator, rng))
        first, second, third = (
            inverse_dynamics_error(model, each, self._expert, rng)
            for each in (expert, in_loop, random)
        )
        return first, second, third

    @contextmanager
    def _apart(self, seed: int | None) -> Iterator[np.random.Generator]:
        """Random numbers apart from those of the learner, which goes on as if nothing had been."""
        rng, before = np.random.default_rng(seed), self._simulator.rng
        self._simulator.rng = rng
        try:
            with seeded_globally(rng):
                yield rng
        finally:
            self._simulator.rng = before


def cosine(first: FloatArray, second: FloatArray) -> float:
    """Cosine of two vectors (F,); NaN if one of them is 0."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths > 0 else float("nan")
