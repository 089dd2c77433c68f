"""Outcomes of actions: next states and their probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.states.state_space import IntArray, States


class Outcome(NamedTuple):
    """One thing that may happen to each of some states when each takes an action.

    Attributes:
        rows: Which of the N states it can happen to: their positions (n,).
        probability: How likely it is for each of them (n,).
        states: The states that follow (n of them).
    """

    rows: IntArray
    probability: NDArray[np.float64]
    states: States


def surely(states: States) -> Outcome:
    """The one outcome of a deterministic step that leads to N states."""
    n = len(next(iter(states.values())))
    return Outcome(np.arange(n), np.ones(n), states)
