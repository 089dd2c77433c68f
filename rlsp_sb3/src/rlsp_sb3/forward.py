"""Simulating forward from where simulated pasts began."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.past import Observations, Past
from rlsp_sb3.simulate import BatchPolicy, Simulator, rollout

Features = Callable[[Observations], NDArray[np.float64]]


def simulate_forward(past: Past, policy: BatchPolicy, simulator: Simulator) -> Observations:
    """What a policy would have done from the first states of pasts on.

    Args:
        past: N trajectories of T states.
        policy: Maps observations and the time to actions.
        simulator: What follows from them.

    Returns:
        Observations (T, N, *observation_shape), the first ones those of the past; NaN from where a
        trajectory became unstable.
    """
    return rollout(simulator, policy, past.observations[0], len(past.actions)).observations


def feature_counts(features: Features, observations: Observations) -> NDArray[np.float64]:
    """The sum of the features of each trajectory.

    Args:
        features: Maps observations (N, *observation_shape) to features (N, F).
        observations: N trajectories of T states (T, N, *observation_shape).

    Returns:
        Feature counts (N, F); NaN where an observation is.
    """
    n_times, n = observations.shape[:2]
    flat = observations.reshape(n_times * n, *observations.shape[2:])
    finite = np.isfinite(flat).reshape(len(flat), -1).all(axis=1)
    values = features(np.where(finite.reshape(-1, *[1] * (flat.ndim - 1)), flat, 0))
    values = np.where(finite[:, None], values, np.nan)
    return np.asarray(values.reshape(n_times, n, -1).sum(axis=0))
