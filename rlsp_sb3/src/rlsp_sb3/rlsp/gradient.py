"""Gradient of the log likelihood from simulated past trajectories."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories, same_observations
from rlsp_sb3.simulators.base import Simulator
from rlsp_sb3.simulators.rollout import BatchPolicy, rollout_simulator

Features = Callable[[Observations], NDArray[np.float64]]


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
    n_times, n = observations.shape[:2]
    flat = observations.reshape(n_times * n, *observations.shape[2:])
    finite = np.isfinite(flat).reshape(len(flat), -1).all(axis=1)
    values = features(np.where(finite.reshape(-1, *[1] * (flat.ndim - 1)), flat, 0))
    values = np.where(finite[:, None], values, np.nan)
    return np.asarray(values.reshape(n_times, n, -1).sum(axis=0))


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
