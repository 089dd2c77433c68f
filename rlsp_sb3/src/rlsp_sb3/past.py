"""Simulating the past of observed states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.simulate import BatchPolicy, Simulator, rollout

Observations = NDArray[np.generic]


class InversePolicy(Protocol):
    """What draws the actions that led to observations."""

    def sample(
        self, after: Observations, times: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """The actions (N,) at some times that led to N observations."""


class InverseDynamics(Protocol):
    """What draws the observations before actions."""

    def sample(
        self,
        after: Observations,
        actions: NDArray[np.int64],
        times: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Observations:
        """The observations (N, *observation_shape) before N actions."""


class Past(NamedTuple):
    """N simulated trajectories that end in observed states.

    Attributes:
        observations: (T, N, *observation_shape), the observed states last.
        actions: The actions between them (T - 1, N, *action_shape).
        n_clipped: How many observations of each trajectory had to be clipped (N,), None if there
            are no limits.
    """

    observations: Observations
    actions: NDArray[Any]
    n_clipped: NDArray[np.int64] | None = None

    @property
    def states(self) -> Observations:
        """All observations (T·N, *observation_shape)."""
        return self.observations.reshape(-1, *self.observations.shape[2:])


def simulate_past(
    observed_states: Observations,
    inverse_policy: InversePolicy,
    inverse_dynamics: InverseDynamics,
    horizon: int,
    n_trajectories: int,
    rng: np.random.Generator,
    limits: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Past:
    """Draw trajectories backward from observed states (Lindner et al. 2021, Algorithm 1).

    Args:
        observed_states: Where they end, (n, *observation_shape); each trajectory in any of them.
        inverse_policy: Draws an action given what followed.
        inverse_dynamics: Draws what was before, given that and the action.
        horizon: The number T of states of a trajectory.
        n_trajectories: The number N of trajectories.
        rng: The source of random numbers.
        limits: Between which observations (*observation_shape) they are clipped; what is not a
            number becomes the lower limit.
    """
    ends = rng.integers(len(observed_states), size=n_trajectories)
    observations, actions = [observed_states[ends]], []
    n_clipped = None if limits is None else np.zeros(n_trajectories, dtype=np.int64)
    for t in reversed(range(horizon - 1)):
        times = np.full(n_trajectories, t)
        actions.append(inverse_policy.sample(observations[-1], times, rng))
        before: Any = inverse_dynamics.sample(observations[-1], actions[-1], times, rng)
        if limits is not None and n_clipped is not None:
            inside = (before >= limits[0]) & (before <= limits[1])
            n_clipped += ~inside.reshape(n_trajectories, -1).all(axis=1)
            before = np.clip(np.where(np.isnan(before), limits[0], before), *limits)
            before = before.astype(observed_states.dtype)
        observations.append(before)
    return Past(
        np.stack(observations[::-1]),
        np.stack(actions[::-1]) if actions else np.empty((0, n_trajectories), dtype=np.int64),
        n_clipped,
    )


def count_impossible(past: Past, simulator: Simulator, n_tries: int) -> NDArray[np.int64]:
    """How many steps of each trajectory could not be reproduced, and whether its start could not.

    A step counts as impossible if the simulator, put into the state before it, never arrives at
    the state after it in some tries of the same action; a start if no reset leads there.

    Args:
        past: The trajectories.
        simulator: What really happens.
        n_tries: How often each step is tried, unless the simulator says that nothing is random.

    Returns:
        A count for each trajectory (N,), 0 for those that could have happened.
    """
    starts = np.unique(simulator.reset(n_tries), axis=0)
    counts = np.ones(past.observations.shape[1], dtype=np.int64)
    for start in starts:
        counts[same(past.observations[0], start)] = 0
    if simulator.is_deterministic:
        n_tries = 1
    for t, actions in enumerate(past.actions):
        before, after = past.observations[t], past.observations[t + 1]
        missed = np.arange(len(actions))
        for _ in range(n_tries):
            reached = simulator.step(before[missed], actions[missed])
            missed = missed[~same(reached, after[missed])]
            if not len(missed):
                break
        counts[missed] += 1
    return counts


def same(observations: Observations, others: Observations) -> NDArray[np.bool_]:
    """Which of N observations (N, *observation_shape) are the same as others, or another (N,)."""
    if observations.dtype.kind in "iu":
        close = np.asarray(observations == others)
    else:
        close = np.isclose(observations, others, atol=1e-4)
    return np.asarray(close.reshape(len(close), -1).all(axis=1))


def weigh(impossible: NDArray[np.int64], smallest_size: float) -> NDArray[np.float64]:
    """Weights of trajectories that favour those with few impossible steps.

    Weights fall off exponentially with the number of impossible steps, as fast as possible with
    an effective sample size that stays above a floor: if there are enough trajectories without
    any, the others count nothing.

    Args:
        impossible: The number of impossible steps of each trajectory (N,).
        smallest_size: The floor of the effective sample size, at most N.

    Returns:
        Weights (N,) that sum to 1.
    """
    excess = impossible - impossible.min()

    def weights(rate: float) -> NDArray[np.float64]:
        unscaled = np.exp(-rate * excess)
        return np.asarray(unscaled / unscaled.sum())

    low, high = 0.0, 50.0
    if effective_sample_size(weights(high)) >= smallest_size:
        return weights(high)
    for _ in range(40):
        middle = (low + high) / 2
        enough = effective_sample_size(weights(middle)) >= smallest_size
        low, high = (middle, high) if enough else (low, middle)
    return weights(low)


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """As how many trajectories of equal weight some with weights (N,) that sum to 1 count."""
    return float(1 / (weights**2).sum())


def feature_advantages(
    past: Past,
    policy: BatchPolicy,
    simulator: Simulator,
    features: Callable[[Observations], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """What each trajectory says of the gradient of the log likelihood by the reward weights.

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

        states = rollout(simulator, act, starts, last - time).observations
        return np.asarray(features(states).sum(axis=0))

    total = features(past.observations).sum(axis=0) - collected(past.observations[0], 0)
    if simulator.is_deterministic:
        return np.asarray(total)
    for t, actions in enumerate(past.actions):
        happened = past.observations[t + 1]
        could_have = simulator.step(past.observations[t], actions)
        rows = np.flatnonzero(~same(could_have, happened))
        if len(rows):
            total[rows] += collected(could_have[rows], t + 1) - collected(happened[rows], t + 1)
    return np.asarray(total)
