"""Horizons: for how many states the person may have acted, as probabilities of each number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.protocols import TabularMDP
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_HORIZON, check_choice, check_int

Horizon = int | Sequence[int] | Literal["auto"]
"""A number T of states, several that are equally likely, or "auto" for any."""

LONGEST = 2
"""Longest past that "auto" takes for possible, in shortest ways to the observed state."""


def check_horizon(horizon: Any) -> Horizon:
    """A horizon as it can be saved: what is not one number is a list.

    Raises:
        TypeError: If it is no int, or not several.
        ValueError: If one is out of range, or there are none.
    """
    if isinstance(horizon, str):
        check_choice("horizon", horizon, ["auto"])
        return "auto"
    if not isinstance(horizon, (Sequence, np.ndarray)):
        check_int("horizon", horizon, 1, MAX_HORIZON)
        return int(horizon)
    if len(horizon) == 0:
        raise ValueError('horizon=[]: expected an int, at least one of several, or "auto"')
    for each in horizon:
        check_int("horizon", each, 1, MAX_HORIZON)
    return [int(each) for each in horizon]


def equally_likely(horizons: Sequence[int]) -> FloatArray:
    """The probability (n,) of each horizon from 1 on; what is there twice is twice as likely."""
    counts: FloatArray = np.bincount(horizons)[1:] / len(horizons)
    return counts


def scale_free(
    mdp: TabularMDP, observed: NDArray[np.int64], initial_distribution: FloatArray
) -> FloatArray:
    """The probability (n,) of each horizon T from 1 on that is proportional to 1 / T.

    It is the same for every unit of time, and ends at twice the shortest way.

    Args:
        mdp: The environment.
        observed: The indices (n,) of the observed states.
        initial_distribution: The probability of each state at the start (S,).
    """
    n_states = len(initial_distribution)
    n_actions = mdp.transitions.shape[0] // n_states
    reached = passed = initial_distribution > 0
    shortest = 1
    while not passed[observed].all():
        reached = mdp.transitions.T @ np.repeat(reached, n_actions).astype(np.float64) > 0
        if not np.any(reached & ~passed):
            break  # there is no way, which the likelihood says
        passed = passed | reached
        shortest += 1
    weights = 1 / np.arange(1, LONGEST * shortest + 1)
    return np.asarray(weights / weights.sum())
