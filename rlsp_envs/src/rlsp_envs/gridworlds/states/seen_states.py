"""Bounded memory of the states that an environment was in, for steps to be look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.states.state_space import States

MAX_BYTES = 2**26
STATE_BYTES = 1000  # of Python's objects for a state, beside what its arrays hold
SUCCESSOR_BYTES = 300
TOLERANCE = 1e-8  # for sums of probabilities


class Successors(NamedTuple):
    """The K states that may follow from an action.

    Attributes:
        keys: Their keys, see :meth:`StateSpace.keys` (K).
        cumulative: Their cumulative probabilities (K).
    """

    keys: list[bytes]
    cumulative: list[float]

    @classmethod
    def of(cls, keys: list[bytes], probabilities: list[float]) -> Successors:
        """Successors by their keys (K) and probabilities (K).

        Raises:
            ValueError: If the probabilities do not sum to 1.
        """
        cumulative = list(accumulate(probabilities))
        total = cumulative[-1]
        if abs(total - 1) > TOLERANCE:
            raise ValueError(
                f"outcomes have the probabilities {probabilities}: expected a sum of 1"
            )
        return cls(keys, [part / total for part in cumulative])


@dataclass(slots=True, eq=False)
class SeenState:
    """A state that an environment was in, and what was computed of it.

    Attributes:
        states: The state, as a batch of one.
        observation: Its observation (*observation_shape).
        features: Its features (F,).
        reward: What ``step`` returns when it leads there.
        task_reward: Its task reward.
        true_reward: Its true reward.
        successors: What may follow from each action (A); None if that was not computed yet.
    """

    states: States
    observation: NDArray[Any]
    features: NDArray[np.float64]
    reward: float
    task_reward: float
    true_reward: float
    successors: list[Successors] | None = None


class SeenStates(dict[bytes, SeenState]):
    """States by their keys, of which all are forgotten when they take too much memory.

    A copy, or what is read from a pickle, starts empty: it is soon full again.

    Args:
        max_bytes: How much they may take, about.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        super().__init__()
        self.max_bytes = max_bytes
        self._n_bytes = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.max_bytes,)

    def add(self, key: bytes, state: SeenState) -> None:
        """Remember a state."""
        self._make_room(
            STATE_BYTES + 2 * len(key) + state.observation.nbytes + state.features.nbytes
        )
        self[key] = state

    def add_successors(self, state: SeenState, successors: list[Successors]) -> None:
        """Remember what may follow from each action in a state."""
        keys = [key for following in successors for key in following.keys]
        self._make_room(sum(SUCCESSOR_BYTES + len(key) for key in keys))
        state.successors = successors

    def clear(self) -> None:
        """Forget all states."""
        super().clear()
        self._n_bytes = 0

    def _make_room(self, n_bytes: int) -> None:
        if self._n_bytes + n_bytes > self.max_bytes:
            self.clear()
        self._n_bytes += n_bytes
