"""Categorical codes of observations whose entries take few values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlsp_sb3.models.networks import one_hot

MAX_VALUES = 64


class CategoricalCodec:
    """Categorical codes of observations: a symbol for each value of each entry.

    Entries that never vary are left out of the codes. A value that was not there when the
    codec was made counts as the nearest one that was.

    Args:
        observations: Observations (n, *observation_shape) of all kinds.

    Raises:
        ValueError: If an entry takes more than 64 values, so that it does not look discrete.
    """

    def __init__(self, observations: NDArray[np.generic]) -> None:
        flat = observations.reshape(len(observations), -1)
        self.shape = observations.shape[1:]
        self.constant = flat[0].copy()
        values = [np.unique(column) for column in flat.T]
        largest = max(map(len, values))
        if largest > MAX_VALUES:
            raise ValueError(
                f"an entry of the observations takes {largest} values or more: expected "
                f"observations that look discrete, with at most {MAX_VALUES} values an entry"
            )
        self.entries = np.array([i for i, known in enumerate(values) if len(known) > 1], dtype=int)
        self.values = [values[i] for i in self.entries]
        self.sizes = [len(known) for known in self.values]
        self.offsets = np.concatenate([[0], np.cumsum(self.sizes)])
        self.scales = np.array([max(np.abs(known).max(), 1) for known in self.values])

    @property
    def n_symbols(self) -> int:
        """Number of values of all entries together."""
        return int(self.offsets[-1])

    @property
    def membership(self) -> torch.Tensor:
        """Indicator of the entry that each symbol is of, (n_symbols, entries)."""
        entries = np.repeat(np.eye(len(self.sizes), dtype=np.float32), self.sizes, axis=0)
        return torch.as_tensor(entries)

    def encode(self, observations: NDArray[np.generic]) -> torch.Tensor:
        """The symbol of each entry of N observations, (N, entries)."""
        flat = observations.reshape(len(observations), -1)[:, self.entries]
        codes = np.empty(flat.shape, dtype=np.int64)
        for i, known in enumerate(self.values):
            middles = (known[1:].astype(np.float64) + known[:-1]) / 2
            codes[:, i] = self.offsets[i] + np.searchsorted(middles, flat[:, i])
        return torch.as_tensor(codes)

    def decode(self, codes: torch.Tensor) -> NDArray[np.generic]:
        """The observations (N, *observation_shape) of symbols (N, entries)."""
        flat = np.repeat(self.constant[None], len(codes), axis=0)
        for i, (entry, known) in enumerate(zip(self.entries, self.values, strict=True)):
            flat[:, entry] = known[codes[:, i].numpy() - self.offsets[i]]
        return flat.reshape(len(codes), *self.shape)

    def inputs(self, observations: NDArray[np.generic]) -> torch.Tensor:
        """The entries that vary, scaled to about [-1, 1], as input of a network (N, entries)."""
        flat = observations.reshape(len(observations), -1)[:, self.entries]
        return torch.as_tensor(flat / self.scales, dtype=torch.float32)


class ImageCodec(CategoricalCodec):
    """A symbol for each state, for observations with too many entries to look at each.

    States are given by their numbers. One that was not there when the codec was made counts
    as the one with the next larger number.

    Args:
        states: The numbers (n,) of states of all kinds.
    """

    def __init__(self, states: NDArray[np.generic]) -> None:
        self.known = np.unique(states)
        self.entries = np.zeros(len(self.known), dtype=int)  # inputs are one-hot
        self.sizes = [len(self.known)]
        self.offsets = np.array([0, len(self.known)])

    def encode(self, observations: NDArray[np.generic]) -> torch.Tensor:
        """The symbols (N, 1) of N states (N,)."""
        positions = np.searchsorted(self.known, observations)
        return torch.as_tensor(np.minimum(positions, len(self.known) - 1)[:, None])

    def decode(self, codes: torch.Tensor) -> NDArray[np.generic]:
        """The states (N,) of symbols (N, 1)."""
        return np.asarray(self.known[codes[:, 0].numpy()])

    def inputs(self, observations: NDArray[np.generic]) -> torch.Tensor:
        """The symbols of N states (N,) as input of a network (N, size)."""
        return one_hot(self.encode(observations)[:, 0].numpy(), len(self.known))


class StateIndexCodec(CategoricalCodec):
    """The same codes for states that are given by their numbers.

    The codes of a state are worked out once, and remembered.

    Args:
        states: The numbers (n,) of states of all kinds.
        n_states: How many states there are.
        observe: Tells the observations (N, *observation_shape) of N states.
        state_indices: Tells the states (N,) of observations, also of some that show none.

    Raises:
        ValueError: If an entry of the observations takes more than 64 values.
    """

    def __init__(
        self,
        states: NDArray[np.generic],
        n_states: int,
        observe: Callable[[NDArray[np.int64]], NDArray[Any]],
        state_indices: Callable[[NDArray[Any]], NDArray[np.int64]],
    ) -> None:
        super().__init__(observe(np.unique(states).astype(np.int64)))
        self._observe = observe
        self._state_indices = state_indices
        # Rows that are never written take no memory.
        self._codes = torch.empty((n_states, len(self.entries)), dtype=torch.int64)
        self._inputs = torch.empty((n_states, len(self.entries)))
        self._is_known = np.zeros(n_states, dtype=np.bool_)

    def encode(self, observations: NDArray[np.generic]) -> torch.Tensor:
        """The symbols (N, entries) of N states (N,)."""
        return self._codes[self._remembered(observations)]

    def decode(self, codes: torch.Tensor) -> NDArray[np.generic]:
        """The states (N,) that symbols (N, entries) resemble most."""
        return self._state_indices(super().decode(codes))

    def inputs(self, observations: NDArray[np.generic]) -> torch.Tensor:
        """The entries that vary of N states (N,), as input of a network (N, entries)."""
        return self._inputs[self._remembered(observations)]

    def _remembered(self, states: NDArray[np.generic]) -> torch.Tensor:
        """The states (N,) as an index, once what to know of them is in the tables."""
        numbers = np.asarray(states, dtype=np.int64)
        new = numbers[~self._is_known[numbers]]
        if len(new):
            new = np.unique(new)
            observations = self._observe(new)
            rows = torch.as_tensor(new)
            self._codes[rows] = super().encode(observations)
            self._inputs[rows] = super().inputs(observations)
            self._is_known[new] = True
        return torch.as_tensor(numbers)
