"""States with named fields, numbered without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]

State = dict[str, Any]
"""One state: the value of each field, an int or a tuple of ints."""

States = dict[str, NDArray[np.int16]]
"""A batch of N states: for each field an array of shape (N,) or (N, k)."""

MAX_COMBINATIONS = 2**27  # a table of that many takes half a gigabyte
CHUNK = 2**20
MAX_WORD = 2**62  # what an int64 can count


class TooManyStatesError(ValueError, MemoryError):
    """There are more states than fit into memory."""


class StateSpace:
    """The valid combinations of some small integer variables.

    Args:
        fields: The size of each field by name: an int n for a variable with values 0 … n - 1, or
            a tuple of such sizes for a field that is a vector. Fields that come first vary slowest
            with the index.
        is_valid: Maps a batch of N states to a boolean array (N,); combinations for which it is
            false are no states and get no index.

    Raises:
        TypeError: If the fields are no mapping, or ``is_valid`` is no function.
        ValueError: If a size is no int of at least 1.
    """

    def __init__(
        self,
        fields: Mapping[str, int | tuple[int, ...]],
        is_valid: Callable[[States], BoolArray],
    ) -> None:
        if not isinstance(fields, Mapping):
            raise TypeError(f"fields={fields!r}: expected the size of each field by its name")
        for name, field in fields.items():
            values = np.atleast_1d(np.asarray(field))
            is_int = values.dtype.kind in "iu" or not values.size
            if values.ndim != 1 or not is_int or (values < 1).any():
                raise ValueError(f"fields[{name!r}]={field!r}: expected ints of at least 1")
        if not callable(is_valid):
            raise TypeError(f"is_valid={is_valid!r}: expected a function of a batch of states")
        self.fields = dict(fields)
        self._is_valid = is_valid
        self._sizes = [size for field in fields.values() for size in np.atleast_1d(field).tolist()]
        # A combination is a number of as many digits as there are columns, the last one varying
        # fastest, that is cut into words. Each column is a digit of a word.
        digits, word, stride = [], 0, 1
        for size in reversed(self._sizes):
            if stride * size > MAX_WORD:
                word, stride = word + 1, 1
            digits.append((word, stride))
            stride *= size
        self._digits = digits[::-1]
        self._n_words = word + 1

    def __len__(self) -> int:
        """The number of valid states."""
        return len(self._numbers)

    def index(self, state: Mapping[str, Any]) -> int:
        """The index of one state.

        Raises:
            ValueError: If a field is missing, unknown or out of range, or the state is impossible.
        """
        return int(self.encode(self.batch(state))[0])

    def state(self, index: int) -> State:
        """The state of an index in [0, len(self)).

        Raises:
            IndexError: If there is no such state.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"index={index} is no state: expected 0 to {len(self) - 1}")
        return self.single(self.decode([index]))

    def encode(self, states: States) -> NDArray[np.int64]:
        """The indices (N,) of a batch of N valid states; -1 for invalid ones."""
        indices: NDArray[np.int64] = self._ranks[self.codes(states)].astype(np.int64)
        return indices

    def decode(self, indices: ArrayLike) -> States:
        """The states of an array (N,) of indices."""
        return self.states_of_codes(self._numbers[np.asarray(indices, dtype=np.int64)])

    def batch(self, state: Mapping[str, Any]) -> States:
        """One state as a batch of one, checked.

        Raises:
            ValueError: If a field is missing, unknown or out of range, or the state is impossible.
        """
        if set(state) != set(self.fields):
            raise ValueError(
                f"state={dict(state)} has other fields than expected: {sorted(self.fields)}"
            )
        for name, size in self.fields.items():
            values = np.asarray(state[name])
            if values.shape != np.shape(size) or (values.dtype.kind not in "biu" and values.size):
                raise ValueError(
                    f"state[{name!r}]={state[name]!r}: expected "
                    + ("an int" if isinstance(size, int) else f"{len(size)} ints")
                )
            if np.any(values < 0) or np.any(values >= size):
                raise ValueError(
                    f"state[{name!r}]={state[name]!r} is out of range: expected at least 0 and "
                    f"less than {size}"
                )
        states = {name: np.asarray(state[name], dtype=np.int16)[None] for name in self.fields}
        if not self._is_valid(states)[0]:
            raise ValueError(f"state={dict(state)} is impossible in this environment")
        return states

    def single(self, states: States) -> State:
        """The first state of a batch."""
        return {
            name: int(values[0]) if values.ndim == 1 else tuple(values[0].tolist())
            for name, values in states.items()
        }

    def pack(self, states: States) -> NDArray[np.int16]:
        """The fields of N states side by side, an array (N, D)."""
        columns = np.column_stack([states[name] for name in self.fields])
        return columns.astype(np.int16, copy=False)

    def unpack(self, rows: NDArray[np.int16]) -> States:
        """The states whose fields lie side by side in an array (N, D), as views of it."""
        states: States = {}
        start = 0
        for name, size in self.fields.items():
            if isinstance(size, int):
                states[name] = rows[:, start]
                start += 1
            else:
                states[name] = rows[:, start : start + len(size)]
                start += len(size)
        return states

    def keys(self, states: States) -> list[bytes]:
        """Bytes that identify each of N states, in spaces of any size."""
        return [row.tobytes() for row in self.pack(states)]

    def state_of_key(self, key: bytes) -> States:
        """The state that a key identifies, as a batch of one that cannot be written to."""
        return self.unpack(np.frombuffer(key, dtype=np.int16)[None])

    def codes(self, states: States) -> NDArray[Any]:
        """Values (N,) that tell N states apart, valid or not, and can be sorted.

        They are the numbers of combinations; bytes where there are too many for 64 bits.
        """
        columns = (
            column
            for name in self.fields
            for column in (states[name].T if states[name].ndim == 2 else [states[name]])
        )
        first = next(iter(states.values()))
        words = np.zeros((len(first), self._n_words), dtype=np.int64)
        for column, (word, stride) in zip(columns, self._digits, strict=True):
            words[:, word] += column.astype(np.int64) * stride
        codes: NDArray[Any] = words.view(f"S{8 * self._n_words}" if self._n_words > 1 else np.int64)
        return codes[:, 0]

    def states_of_codes(self, codes: NDArray[Any]) -> States:
        """The states (N of them) of codes (N,)."""
        words = codes.view(np.int64).reshape(len(codes), self._n_words)
        columns = np.empty((len(codes), len(self._sizes)), dtype=np.int16, order="F")
        for i, ((word, stride), size) in enumerate(zip(self._digits, self._sizes, strict=True)):
            columns[:, i] = words[:, word] // stride % size
        return self.unpack(columns)

    def _chunks(self, total: int) -> Iterator[NDArray[np.int64]]:
        for start in range(0, total, CHUNK):
            yield np.arange(start, min(start + CHUNK, total))

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        """The combination number (S,) of each index, ascending."""
        total = prod(self._sizes)
        if total > MAX_COMBINATIONS:
            raise TooManyStatesError(
                f"this environment has {total:.1e} combinations of state variables, more than the "
                f"{MAX_COMBINATIONS:.1e} that can be tabulated: use fewer objects"
            )
        valid = [
            chunk[self._is_valid(self.states_of_codes(chunk))] for chunk in self._chunks(total)
        ]
        return np.concatenate(valid)

    @cached_property
    def _ranks(self) -> NDArray[np.int32]:
        """The index of each combination, -1 where it is no state."""
        numbers = self._numbers
        ranks = np.full(prod(self._sizes), -1, dtype=np.int32)
        ranks[numbers] = np.arange(len(numbers), dtype=np.int32)
        return ranks
