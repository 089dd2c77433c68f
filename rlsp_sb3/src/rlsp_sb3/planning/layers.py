"""States by the time at which trajectories can pass through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


class Layer(NamedTuple):
    """The states that can be passed through at one time, and the step to the next ones.

    Attributes:
        states: The indices of the n states, ascending.
        transitions: P(s' | s, a) from them to the n' states of the next layer, (n·A, n'); of the
            last layer, without rows.
    """

    states: NDArray[np.int64]
    transitions: csr_array


def make_layers(
    transitions: csr_array, starts: Sequence[NDArray[np.int64]], horizon: int
) -> list[Layer]:
    """The T layers of the states that can be passed through from some states on.

    Args:
        transitions: P(s' | s, a), (S·A, S).
        starts: The indices (n,), ascending, of the states to start from at each time; after the
            last entry nobody starts. There is one at the first time.
        horizon: T, at least 1.
    """
    n_states = transitions.shape[1]
    n_actions = transitions.shape[0] // n_states
    layers, states = [], starts[0]
    position = np.empty(n_states, dtype=np.int64)
    for time in range(1, horizon):
        rows = transitions[(states[:, None] * n_actions + np.arange(n_actions)).ravel()]
        following = np.unique(rows.indices)
        if time < len(starts):
            following = np.union1d(following, starts[time])
        position[following] = np.arange(len(following))
        shape = (rows.shape[0], len(following))
        step = csr_array((rows.data, position[rows.indices], rows.indptr), shape=shape)
        layers.append(Layer(states, step))
        states = following
    layers.append(Layer(states, csr_array((0, 0))))
    return layers
