"""Scores of actions where dynamics are random, by branching in a simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.rlsp.gradient import Features, features_of
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.rollout import BatchPolicy, Trajectories
from rlsp_sb3.solvers.base import seeded_globally
from rlsp_sb3.type_aliases import Array, FloatArray

BRANCHES_PER_TRAJECTORY = 2
"""Pairs of branches for each trajectory, in the mean."""


def branched_scores(
    trajectories: Trajectories,
    weights: FloatArray,
    simulator: Simulator,
    policy: BatchPolicy,
    features: Features,
    rng: np.random.Generator,
) -> FloatArray:
    """Weighted scores of the actions on the way to each state, by trajectory.

    Let Q_kt(s, a) be the expected features of the policy from time k to t after the action a in the
    state s, and V_kt(s) those without it. The score of the way to s_t is Σ_{k<t} Q_kt(s_k, a_k) -
    V_kt(s_k), which luck has no part in. Some pairs (k, i) are drawn, with probabilities in
    proportion to the absolute weight of all that follows on them. From s_k two branches go on: one
    with the same action a_k and one with another of the policy, both with fresh and the same random
    numbers. How their features differ is an estimate of Q - V without bias, whatever the number of
    branches, and where an action changes nothing it is 0 rather than 0 in the mean.

    Args:
        trajectories: N trajectories of T states, without NaN.
        weights: How much the way to each state but the first counts (T - 1, N); negative ones
            count against.
        simulator: What follows from actions. Its random numbers are as before afterwards.
        policy: Maps observations and the time to actions, by the global generators.
        features: Maps observations (N, *observation_shape) to features (N, F).
        rng: Draws pairs, and seeds the branches.

    Returns:
        Terms (N, F), whose sum estimates Σ_{t, i} w_ti Σ_{k<t} Q_kt(s_ki, a_ki) - V_kt(s_ki). A
        pair one of whose branches becomes unstable does not count.
    """
    to_come = weights[::-1].cumsum(axis=0)[::-1]
    n = to_come.shape[1]
    magnitudes = np.abs(weights)[::-1].cumsum(axis=0)[::-1]
    times, rows, n_times = _drawn_pairs(magnitudes, BRANCHES_PER_TRAJECTORY * n, rng)
    starts = trajectories.observations[times, rows]
    seed = int(rng.integers(2**31))

    def collected(choose: Callable[[Array], Array]) -> FloatArray:
        """The weighted features after an action, which is chosen when the policy has drawn one."""
        total: FloatArray = np.zeros(1)
        with _seeded(simulator, seed):
            states, shown = simulator.states(starts), starts
            for step in range(len(to_come)):
                # Pairs are in the order of their times, so that those that go on come first.
                n_left = int(np.searchsorted(times, len(to_come) - step))
                shown = shown[:n_left]
                drawn = np.asarray(policy(shown, step))
                actions = drawn if step else choose(drawn)
                states, following = simulator.advance(states[:n_left], actions)
                values = features_of(features, following[None])[0]
                values *= to_come[times[:n_left] + step, rows[:n_left], None]
                total = total + np.pad(values, ((0, len(starts) - n_left), (0, 0)))
                known = finite(following).reshape(-1, *[1] * (shown.ndim - 1))
                shown = np.where(known, following, shown)
        return total

    same = collected(lambda drawn: trajectories.actions[times, rows])
    difference = np.nan_to_num(same - collected(lambda drawn: drawn))
    terms = np.zeros((n, difference.shape[1]))
    np.add.at(terms, rows, difference * n_times[:, None])
    return terms


def _drawn_pairs(
    magnitudes: FloatArray, n_pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Draw pairs of a time and a trajectory in proportion to values (T - 1, N), systematically.

    Returns:
        Times in ascending order, trajectories, and how many pairs each stands for, all (n_pairs,).
    """
    cumulative = magnitudes.ravel().cumsum()
    points = (np.arange(n_pairs) + rng.random()) / n_pairs * cumulative[-1]
    last = int(np.flatnonzero(magnitudes)[-1])  # a point may be rounded up to the end
    pairs = np.minimum(np.searchsorted(cumulative, points, side="right"), last)
    times, rows = np.divmod(pairs, magnitudes.shape[1])
    return times, rows, cumulative[-1] / (n_pairs * magnitudes.ravel()[pairs])


@contextmanager
def _seeded(simulator: Simulator, seed: int) -> Iterator[Any]:
    """Seed a simulator and the global generators for a while."""
    own = simulator.rng
    try:
        simulator.seed(seed)
        with seeded_globally(np.random.default_rng(seed)):
            yield
    finally:
        simulator.rng = own
