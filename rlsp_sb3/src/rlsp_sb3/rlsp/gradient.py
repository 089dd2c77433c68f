"""Gradient of the log likelihood from simulated past trajectories."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories, same_observations
from rlsp_sb3.rlsp.trajectory_weights import NoPastError, effective_sample_size
from rlsp_sb3.simulators.base import Simulator
from rlsp_sb3.simulators.rollout import BatchPolicy, rollout_simulator

Features = Callable[[Observations], NDArray[np.float64]]
MAX_GRADIENT_NORM = 10.0


class WeightedMean(NamedTuple):
    """A mean over past trajectories.

    Attributes:
        value: The mean (F,).
        effective_size: As how many trajectories of equal weight those count that are in it.
        noise: The standard error of the mean, as a norm; NaN for a single trajectory.
    """

    value: NDArray[np.float64]
    effective_size: float
    noise: float

    @property
    def signal_to_noise(self) -> float:
        """The norm of the mean in standard errors; 0 where nothing is known of the error.

        About 1 where the trajectories say nothing, whose mean is then as long as its error.
        """
        length = float(np.linalg.norm(self.value))
        if length == 0 or np.isnan(self.noise):
            return 0.0
        return length / max(self.noise, float(np.finfo(np.float64).tiny))


def weighted_mean(weights: NDArray[np.float64], values: NDArray[np.float64]) -> WeightedMean:
    """The mean of what past trajectories say of the gradient, by their weights.

    Args:
        weights: The weights (N,); negative ones count against.
        values: What each trajectory says (N, F); NaN where the simulator became unstable.

    Raises:
        NoPastError: If no trajectory with a weight has finite values.
    """
    known = np.isfinite(values).all(axis=1) & (weights != 0)
    if not known.any():
        raise NoPastError(
            "no simulated past can be compared with the policy: wherever they begin, the "
            "simulator becomes unstable; simulate for a shorter horizon"
        )
    used = weights[known] / np.abs(weights[known]).sum()
    mean = np.asarray(used @ values[known])
    size = effective_sample_size(np.abs(used))
    # Var Σ wᵢ xᵢ = Σ wᵢ² σ², and Σ wᵢ (xᵢ - mean)² underestimates σ² by the factor 1 - Σ wᵢ².
    squares = np.square(np.sign(used)[:, None] * values[known] - mean).sum(axis=1)
    noise = np.sqrt(used**2 @ squares / (1 - 1 / size)) if size > 1.5 else np.nan
    return WeightedMean(mean, size, float(noise))


def clip_norm(
    gradient: NDArray[np.float64], max_norm: float = MAX_GRADIENT_NORM
) -> NDArray[np.float64]:
    """A gradient (F,), made shorter if its norm is larger (Lindner et al. 2021, appendix)."""
    norm = float(np.linalg.norm(gradient))
    return gradient * min(1.0, max_norm / max(norm, 1e-12))


def simulate_forward(
    past: PastTrajectories, policy: BatchPolicy, simulator: Simulator
) -> Observations:
    """Simulate a policy forward from the first states of past trajectories.

    Args:
        past: N trajectories of T states.
        policy: Maps observations and the time to actions.
        simulator: What follows from them.

    Returns:
        Observations (T, N, *observation_shape), the first ones those of the past; NaN from where a
        trajectory became unstable.
    """
    return rollout_simulator(
        simulator, policy, past.observations[0], len(past.actions)
    ).observations


def feature_counts(features: Features, observations: Observations) -> NDArray[np.float64]:
    """Feature counts Σ_t φ(s_t) of each trajectory.

    Args:
        features: Maps observations (N, *observation_shape) to features (N, F).
        observations: N trajectories of T states (T, N, *observation_shape).

    Returns:
        Feature counts (N, F); NaN where an observation is.
    """
    return np.asarray(features_of(features, observations).sum(axis=0))


def features_of(features: Features, observations: Observations) -> NDArray[np.float64]:
    """Features φ(s_t) of each state of trajectories.

    Args:
        features: Maps observations (N, *observation_shape) to features (N, F).
        observations: N trajectories of T states (T, N, *observation_shape).

    Returns:
        Features (T, N, F); NaN where an observation is.
    """
    n_times, n = observations.shape[:2]
    flat = observations.reshape(n_times * n, *observations.shape[2:])
    finite = np.isfinite(flat).reshape(len(flat), -1).all(axis=1)
    values = features(np.where(finite.reshape(-1, *[1] * (flat.ndim - 1)), flat, 0))
    values = np.where(finite[:, None], values, np.nan)
    return np.asarray(values.reshape(n_times, n, -1))


def feature_advantages(
    past: PastTrajectories,
    policy: BatchPolicy,
    simulator: Simulator,
    features: Callable[[Observations], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Gradient of the log likelihood by the reward weights, as each past trajectory estimates it.

    Let Q_t(s, a) be the features that the policy collects from time t on, in expectation, if its
    first action is a, and V_t(s) those that it collects if it chooses that, too. For a
    Boltzmann-rational policy the gradient of log π_t(a | s) is Q_t(s, a) - V_t(s), and that of the
    log probability of the observed state is the mean of Σ_t Q_t(s_t, a_t) - V_t(s_t) over the pasts
    that lead there.

    With s'_t+1 drawn anew from what follows a_t in s_t, Q_t(s_t, a_t) is the mean of
    φ(s_t) + V_t+1(s'_t+1), and the sum is that of

        φ(s_0) + … + φ(s_T-1) - V_0(s_0) + Σ_t V_t+1(s'_t+1) - V_t+1(s_t+1).

    Before the last sum it is the gradient of Lindner et al. (2021, equation 5): the features of
    the past minus those of the policy from the same start. The last sum takes away what is luck,
    and is 0 where nothing is random. Each V is estimated by one simulation, and only from where
    s' differs from s.

    Args:
        past: N trajectories of T states.
        policy: Maps observations and the time to actions.
        simulator: What happens then.
        features: Maps observations (…, *observation_shape) to features (…, F).

    Returns:
        An estimate for each trajectory (N, F).
    """
    last = len(past.actions)

    def collected(starts: Observations, time: int) -> NDArray[np.float64]:
        def act(states: Observations, steps: int) -> NDArray[np.int64]:
            return np.asarray(policy(states, time + steps))

        states = rollout_simulator(simulator, act, starts, last - time).observations
        return np.asarray(features(states).sum(axis=0))

    # Σ_t φ(s_t) - V_0(s_0)
    total = features(past.observations).sum(axis=0) - collected(past.observations[0], 0)
    if simulator.is_deterministic:
        return np.asarray(total)
    for t, actions in enumerate(past.actions):
        # + V_t+1(s'_t+1) - V_t+1(s_t+1)
        happened = past.observations[t + 1]
        could_have = simulator.step(past.observations[t], actions)
        rows = np.flatnonzero(~same_observations(could_have, happened))
        if len(rows):
            total[rows] += collected(could_have[rows], t + 1) - collected(happened[rows], t + 1)
    return np.asarray(total)
