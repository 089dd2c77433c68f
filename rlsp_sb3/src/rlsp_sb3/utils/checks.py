"""Checks of arguments, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.utils.did_you_mean import did_you_mean

if TYPE_CHECKING:
    import torch


def check_positive(name: str, value: Any, *, zero: bool = False) -> None:
    """Raise a TypeError or ValueError unless the value is a finite number above 0.

    Args:
        name: The name of the argument.
        value: Its value.
        zero: Whether 0 is allowed too.
    """
    expected = "a number of at least 0" if zero else "a number above 0"
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}={value!r}: expected {expected}")
    if not (np.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise ValueError(f"{name}={value!r}: expected {expected}")


def check_int(name: str, value: Any, minimum: int) -> None:
    """Raise a TypeError or ValueError unless the value is an int of at least the minimum."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}={value!r}: expected an int of at least {minimum}")
    if value < minimum:
        raise ValueError(f"{name}={value!r}: expected at least {minimum}")


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raise a ValueError unless the value is one of the choices."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        hint = did_you_mean(str(value), choices)
        raise ValueError(f"{name}={value!r}{hint}: expected one of {choices}")


def check_vector(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """The value as an array (size,) of finite numbers.

    Raises:
        ValueError: If it is none.
    """
    try:
        vector = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}={value!r}: expected {size} numbers") from error
    if vector.shape != (size,):
        raise ValueError(f"{name} has shape {vector.shape}: expected ({size},)")
    if not np.all(np.isfinite(vector)):
        raise ValueError(f"{name}={value!r}: expected finite numbers")
    return vector


def check_device(device: torch.device | str) -> torch.device:
    """The device of a name; "auto" is a GPU if there is one.

    Raises:
        ValueError: If there is none of that name.
    """
    # Takes seconds, which what checks other arguments, in a new process, would wait for.
    from stable_baselines3.common.utils import get_device

    try:
        return get_device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f'device={device!r}: expected "auto", "cpu", "cuda" or a torch.device'
        ) from error


def check_mdp(mdp: Any, feature_names: tuple[str, ...]) -> None:
    """Raise a ValueError unless an MDP's arrays fit together and its rows are distributions.

    Args:
        mdp: A :class:`~rlsp_sb3.protocols.TabularMDP`.
        feature_names: The names of its features.
    """
    n_rows, n_states = mdp.transitions.shape
    shapes = {
        "features": (n_states, len(feature_names)),
        "initial_distribution": (n_states,),
    }
    for name, shape in shapes.items():
        if getattr(mdp, name).shape != shape:
            raise ValueError(
                f"mdp.{name} has shape {getattr(mdp, name).shape}: expected {shape}, for the "
                f"{n_states} columns of mdp.transitions and {len(feature_names)} feature_names"
            )
    if n_rows == 0 or n_rows % n_states:
        raise ValueError(
            f"mdp.transitions has shape {mdp.transitions.shape}: expected (S·A, S), a row for each "
            "state and action"
        )
    sums = {
        "each row of mdp.transitions": np.asarray(mdp.transitions.sum(axis=1)).ravel(),
        "mdp.initial_distribution": np.sum(mdp.initial_distribution, keepdims=True),
    }
    for name, total in sums.items():
        worst = total[np.argmax(np.abs(total - 1))]
        if not np.isclose(worst, 1):
            raise ValueError(f"{name} must sum to 1: one sums to {worst}")
