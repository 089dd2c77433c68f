"""States numbered as they were found, in spaces that are too large to be enumerated."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_envs.gridworlds.states.state_space import States, StateSpace


class ReachedStates(StateSpace):
    """Some states of a space, with indices of their own.

    Args:
        space: The whole space.
        codes: The codes (n,) of the states, each once, see :meth:`StateSpace.codes`.
    """

    def __init__(self, space: StateSpace, codes: NDArray[Any]) -> None:
        super().__init__(space.fields, space._is_valid)
        self._codes = codes

    def __len__(self) -> int:
        """The number n of states."""
        return len(self._codes)

    def encode(self, states: States) -> NDArray[np.int64]:
        """The indices (N,) of a batch of N states; -1 for others than these."""
        codes = self.codes(states)
        places = np.searchsorted(self._codes, codes, sorter=self._order)
        nearest = self._order[np.minimum(places, len(self) - 1)]
        return np.where(self._codes[nearest] == codes, nearest, -1)

    def decode(self, indices: ArrayLike) -> States:
        """The states of an array (N,) of indices."""
        return self.states_of_codes(self._codes[np.asarray(indices, dtype=np.int64)])

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self._codes)
