"""A Markov decision process as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rlsp_envs.gridworlds.states.state_space import State, StateSpace


@dataclass(frozen=True, eq=False)
class TabularMDP:
    """The transitions and features of an environment with S states, A actions and F features.

    Attributes:
        transitions: P(s' | s, a) as a sparse matrix (S·A, S); row s·A + a holds state s, action a.
        features: The features of each state (S, F).
        feature_names: Their F names.
        initial_distribution: The probability of each state at the start (S,).
        default_action: The action that stands for doing nothing.
        states: Translates between states and their indices.
    """

    transitions: csr_array
    features: NDArray[np.float64]
    feature_names: tuple[str, ...]
    initial_distribution: NDArray[np.float64]
    default_action: int
    states: StateSpace

    @property
    def n_states(self) -> int:
        """The number S of states."""
        return int(self.transitions.shape[1])

    @property
    def n_actions(self) -> int:
        """The number A of actions."""
        return int(self.transitions.shape[0] // self.transitions.shape[1])

    def index(self, state: Mapping[str, Any]) -> int:
        """The index of a state.

        Raises:
            ValueError: If a field is missing, unknown or out of range, or the state is impossible.
        """
        return self.states.index(state)

    def state(self, index: int) -> State:
        """The state of an index in [0, S).

        Raises:
            IndexError: If there is no such state.
        """
        return self.states.state(index)
