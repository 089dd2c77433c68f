"""Relative reachability: the coverage of states that an agent gives up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rlsp_sb3.type_aliases import FloatArray

BITS = 8
CHUNK = 24  # columns that are worked on at once: few enough to stay in the processor's cache


def lost_coverage(transitions: csr_array, baselines: NDArray[np.int64], horizon: int) -> FloatArray:
    """Loss of coverage of each state against baseline states (relative reachability).

    The coverage C(s, k) is the largest probability, over all policies, to be in state k after
    exactly ``horizon`` steps from s. What a state s lacks against a baseline state b is
    Σ_k max(C(b, k) - C(s, k), 0) (Krakovna et al. 2018, section 2).

    Only states k that can be reached from a baseline state count, so no others are looked at, and
    only states s from which k can be reached cover anything. Where nothing is random, coverage is 0
    or 1 and a byte holds that of eight states.

    Args:
        transitions: P(s' | s, a), (S·A, S).
        baselines: The indices (n,) of the baseline states.
        horizon: The number of steps, at least 1.

    Returns:
        What each state lacks against each baseline state (n, S).
    """
    targets = _reachable(transitions, baselines, horizon)
    is_deterministic = bool((np.diff(transitions.indptr) == 1).all())
    if is_deterministic:
        return _lost_in_sets(transitions, baselines, horizon, targets)
    outcomes, choices = _distinct(transitions)
    lost = np.zeros((len(baselines), transitions.shape[1]))
    for start in range(0, len(targets), CHUNK):
        states, coverage = _coverage(outcomes, choices, horizon, targets[start : start + CHUNK])
        for i, baseline in enumerate(baselines):
            covered = coverage[states == baseline].sum(axis=0)  # one row, or none: zeros
            lost[i] += covered.sum()
            lost[i, states] -= np.minimum(covered, coverage).sum(axis=1)
    return lost


def _reachable(
    transitions: csr_array, starts: NDArray[np.int64], horizon: int
) -> NDArray[np.int64]:
    """The states that can be reached from any of the starts in exactly ``horizon`` steps."""
    n_states = transitions.shape[1]
    n_actions = transitions.shape[0] // n_states
    states = np.unique(starts)
    for _ in range(horizon):
        rows = (states[:, None] * n_actions + np.arange(n_actions)).ravel()
        states = np.unique(transitions[rows].indices)
    return states.astype(np.int64)


def _lost_in_sets(
    transitions: csr_array,
    baselines: NDArray[np.int64],
    horizon: int,
    targets: NDArray[np.int64],
) -> FloatArray:
    """:func:`lost_coverage` where nothing is random, with sets of targets as rows of bits."""
    n_states = transitions.shape[1]
    following = transitions.indices.reshape(n_states, -1)
    membership = np.zeros((n_states, -(-len(targets) // BITS) * BITS), dtype=np.bool_)
    membership[targets, np.arange(len(targets))] = True
    sets = np.packbits(membership, axis=1)
    for _ in range(horizon):
        after = sets[following[:, 0]]
        for column in following.T[1:]:
            after |= sets[column]
        sets = after
    sizes = np.unpackbits(np.arange(2**BITS, dtype=np.uint8)[:, None], axis=1).sum(axis=1)
    missing = [sizes[sets[baseline] & ~sets].sum(axis=1) for baseline in baselines]
    return np.array(missing, dtype=np.float64)


def _distinct(transitions: csr_array) -> tuple[csr_array, NDArray[np.int64]]:
    """The transitions without repetitions.

    Much of what can be done comes to the same, such as to turn where one stands, from any side.

    Args:
        transitions: P(s' | s, a), (S·A, S).

    Returns:
        The distinct rows (R, S), and which of them each action in each state is (S, A).
    """
    numbers: dict[tuple[bytes, bytes], int] = {}
    choices = np.empty(transitions.shape[0], dtype=np.int64)
    for i, (start, end) in enumerate(pairwise(transitions.indptr)):
        row = transitions.indices[start:end].tobytes(), transitions.data[start:end].tobytes()
        choices[i] = numbers.setdefault(row, len(numbers))
    _, first = np.unique(choices, return_index=True)
    return transitions[first], choices.reshape(transitions.shape[1], -1)


def _coverage(
    outcomes: csr_array,
    choices: NDArray[np.int64],
    horizon: int,
    targets: NDArray[np.int64],
) -> tuple[NDArray[np.int64], FloatArray]:
    """C(s, k) for some targets k.

    Returns:
        The states s (n,) from which a target can be reached, and their coverage (n, len(targets)):
        that of all others is 0.
    """
    can_reach = np.zeros((len(choices), 1))
    can_reach[targets] = 1
    for _ in range(horizon):
        can_reach = np.maximum(can_reach, _best(outcomes, choices, can_reach) > 0)
    states = np.flatnonzero(can_reach)
    rows, choices = np.unique(choices[states], return_inverse=True)
    outcomes, choices = outcomes[rows][:, states], choices.reshape(len(states), -1)
    coverage = (states[:, None] == targets).astype(np.float64)
    for _ in range(horizon):
        coverage = _best(outcomes, choices, coverage)
    return states, coverage


def _best(outcomes: csr_array, choices: NDArray[np.int64], values: FloatArray) -> FloatArray:
    """The largest expected values that some action leads to, of states with values (S, n)."""
    expected = outcomes @ values
    best: FloatArray = expected[choices[:, 0]]
    for column in choices.T[1:]:
        np.maximum(best, expected[column], out=best)
    return best
