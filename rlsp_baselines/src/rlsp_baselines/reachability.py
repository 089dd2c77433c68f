"""Which states can still be reached from which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rlsp_sb3.planning import FloatArray

BITS = 8
CHUNK = 64  # columns that are worked on at once: few enough to stay in the processor's cache


def lost_coverage(transitions: csr_array, baselines: NDArray[np.int64], horizon: int) -> FloatArray:
    """How much less can be reached from each state than from baseline states.

    The coverage C(s, k) is the largest probability, over all policies, to be in state k after
    exactly ``horizon`` steps from s. What a state s lacks against a baseline state b is
    Σ_k max(C(b, k) - C(s, k), 0) (Krakovna et al. 2018, section 2).

    Only states k that can be reached from a baseline state count, so no others are looked at; where
    nothing is random, coverage is 0 or 1 and a byte holds that of eight states.

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
    lost = np.zeros((len(baselines), transitions.shape[1]))
    for start in range(0, len(targets), CHUNK):
        coverage = _coverage(transitions, horizon, targets[start : start + CHUNK])
        for i, baseline in enumerate(baselines):
            lost[i] += np.maximum(coverage[baseline] - coverage, 0).sum(axis=1)
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


def _coverage(transitions: csr_array, horizon: int, targets: NDArray[np.int64]) -> FloatArray:
    """C(s, k) for all states s and some targets k, (S, len(targets))."""
    n_states = transitions.shape[1]
    n_actions = transitions.shape[0] // n_states
    coverage = np.zeros((n_states, len(targets)))
    coverage[targets, np.arange(len(targets))] = 1
    for _ in range(horizon):
        after = (transitions @ coverage).reshape(n_states, n_actions, len(targets))
        coverage = after.max(axis=1)
    return coverage
