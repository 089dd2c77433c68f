"""Importance weights of past trajectories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.models.normalization import Normalizer
from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories, same_observations
from rlsp_sb3.simulators.base import Simulator

KernelName = Literal["gaussian", "cauchy"]
"""Kernels that say how near a trajectory ends to an observed state."""

LEAST = -1e9  # of a log weight, whose power 0 has to be 1
MAX_BETA = 1e3  # of kernels: where trajectories hardly differ
SMALLEST_STD = 1e-3  # of where a person may have been, in standard deviations of all observations
SMALLEST_SPREAD = 1e-8  # of an entry on all trajectories: where it is always the same


class NoPastError(FloatingPointError):
    """No simulated past counts, so that there is nothing to compare with the policy."""


def initial_weights(
    reached: Observations,
    expected: Observations,
    normalizer: Normalizer,
    min_effective_size: float,
) -> NDArray[np.float64]:
    """Importance weights by the density of trajectories' starts among the person's own.

    The weights are a Gaussian density with the mean and standard deviations of where the person can
    have been at that time, to a power of at most 1 that keeps the effective sample size above a
    floor.

    Args:
        reached: Where N trajectories begin (N, *observation_shape).
        expected: Where a person acting from an initial state is at that time
            (n, *observation_shape).
        normalizer: The scale of observations.
        min_effective_size: The floor of the effective sample size, at most N.

    Returns:
        Weights (N,) that sum to 1.

    Raises:
        ValueError: If it is not known where the person can have been.
    """
    if not len(expected):
        raise ValueError(
            "expected has no rows: expected observations of where the person can have been at that "
            "time; if the simulator becomes unstable on the way, simulate for a shorter horizon"
        )
    here, there = (normalizer.scale(each).numpy() for each in (reached, expected))
    std = np.maximum(there.std(axis=0), SMALLEST_STD)
    squared_scores = (((here - there.mean(axis=0)) / std) ** 2).sum(axis=1)
    return tempered_weights(-0.5 * squared_scores.astype(np.float64), min_effective_size)


def uniform_weights(n: int) -> NDArray[np.float64]:
    """The same weight for each of n trajectories; they sum to 1."""
    return np.full(n, 1 / n)


def cosine_weights(reached: Observations, initial: Observations) -> NDArray[np.float64]:
    """The published weights: the cosine of where a trajectory begins and an initial observation.

    They may be negative (Lindner et al. 2021, and its code).

    Args:
        reached: Where N trajectories begin (N, *observation_shape).
        initial: An initial observation (*observation_shape).

    Returns:
        Weights (N,) whose absolute values sum to 1.
    """
    flat = reached.reshape(len(reached), -1).astype(np.float64)
    other = initial.ravel().astype(np.float64)
    lengths = np.linalg.norm(flat, axis=1) * np.linalg.norm(other)
    cosines = flat @ other / np.maximum(lengths, 1e-12)
    return np.asarray(cosines / max(np.abs(cosines).sum(), 1e-12))


def tempered_weights(
    log_weights: NDArray[np.float64], min_effective_size: float, max_power: float = 1.0
) -> NDArray[np.float64]:
    """Weights to the largest power with an effective sample size that stays above a floor.

    Args:
        log_weights: (N,), up to a constant.
        min_effective_size: The floor, at most N.
        max_power: The largest power, above 0.

    Returns:
        Weights (N,) that sum to 1.
    """
    power = tempering_power(log_weights, min_effective_size, max_power)
    return _to_power(log_weights, power)


def tempering_power(
    log_weights: NDArray[np.float64], min_effective_size: float, max_power: float = 1.0
) -> float:
    """The power that :func:`tempered_weights` raises weights to."""
    low, high = 0.0, max_power
    if effective_sample_size(_to_power(log_weights, high)) >= min_effective_size:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        enough = effective_sample_size(_to_power(log_weights, middle)) >= min_effective_size
        low, high = (middle, high) if enough else (low, middle)
    return low


def _to_power(log_weights: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    unscaled = np.exp(power * np.maximum(log_weights - log_weights.max(), LEAST))
    return np.asarray(unscaled / unscaled.sum())


def kernel_weights(
    squared_scores: NDArray[np.float64], effective_size: float, kernel: KernelName
) -> NDArray[np.float64]:
    """Weights of trajectories by how near they end to an observed state.

    Args:
        squared_scores: The squared differences z² in every entry (N, D), in standard deviations.
        effective_size: The effective sample size, at most N, which decides the width 1 / β.
        kernel: "gaussian", w ∝ exp(-β Σ z²), for which entries that are far away matter most;
            "cauchy", w ∝ Π (1 + z²)^-β, for which they matter little.

    Returns:
        Weights (N,) that sum to 1.
    """
    return tempered_weights(log_kernel(squared_scores, kernel), effective_size, MAX_BETA)


def log_kernel(squared_scores: NDArray[np.float64], kernel: KernelName) -> NDArray[np.float64]:
    """The logarithm of a kernel (N,) at β = 1; see :func:`kernel_weights`."""
    scores = squared_scores if kernel == "gaussian" else np.log1p(squared_scores)
    return np.asarray(-scores.sum(axis=1))


def state_differences(
    states: Observations, observed: Observations, std: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """Differences z of N states from each of n observed ones, in units of std.

    Args:
        states: The states (N, *observation_shape).
        observed: The observed states (n, *observation_shape).
        std: The unit of each of the D entries (D,).

    Yields:
        Those from each observed state (N, D).
    """
    flat = states.reshape(len(states), -1).astype(np.float64)
    for each in observed.reshape(len(observed), -1).astype(np.float64):
        yield (flat - each) / std


def spread(trajectories: Observations) -> NDArray[np.float64]:
    """Standard deviations (D,) of all that trajectories (T, N, *observation_shape) pass."""
    states = trajectories.reshape(*trajectories.shape[:2], -1).astype(np.float64)
    return np.asarray(np.maximum(states.std(axis=(0, 1)), SMALLEST_SPREAD))


def without_outside(weights: NDArray[np.float64], past: PastTrajectories) -> NDArray[np.float64]:
    """Weights (N,) that are 0 for past trajectories that were far outside of their bounds.

    What was clipped because a model is not exact at a bound keeps its weight.

    Raises:
        NoPastError: If all were that have a weight, or if none has one.
    """
    if not weights.any():
        raise NoPastError(
            f"all {len(weights)} simulated pasts have the weight 0: none begins where the person "
            'can have begun; pass trajectory_weights="uniform" to count all the same, simulate for '
            "another horizon, or check observed_states"
        )
    if past.n_outside is None:
        return weights
    outside = past.n_outside > 0
    if not weights[~outside].any():
        n_weighed = np.count_nonzero(weights)
        raise NoPastError(
            f"all {n_weighed} simulated pasts with a weight left the range of observations: the "
            "inverse dynamics are wrong there; let them see more transitions "
            "(hyperparameters.n_transitions), simulate for a shorter horizon, or check "
            "observed_states"
        )
    return np.where(outside, 0.0, weights)


def count_impossible(
    past: PastTrajectories, can_start: NDArray[np.bool_], simulator: Simulator, n_tries: int
) -> NDArray[np.int64]:
    """Count the steps of each trajectory that cannot be reproduced, and its start if that cannot.

    A step counts as impossible if the simulator, put into the state before it, never arrives at
    the state after it in some tries of the same action.

    Args:
        past: The trajectories.
        can_start: Whether each trajectory begins where an episode can (N,).
        simulator: What really happens.
        n_tries: How often each step is tried, unless the simulator says that nothing is random.

    Returns:
        A count for each trajectory (N,), 0 for those that could have happened.
    """
    counts = (~can_start).astype(np.int64)
    if simulator.is_deterministic:
        n_tries = 1
    for t, actions in enumerate(past.actions):
        before, after = past.observations[t], past.observations[t + 1]
        missed = np.arange(len(actions))
        for _ in range(n_tries):
            reached = simulator.step(before[missed], actions[missed])
            missed = missed[~same_observations(reached, after[missed])]
            if not len(missed):
                break
        counts[missed] += 1
    return counts


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Effective sample size 1 / Σ w² of weights (N,) that sum to 1."""
    return float(1 / (weights**2).sum())
