"""Checks of arguments, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    if value not in choices:
        raise ValueError(f"{name}={value!r}: expected one of {choices}")


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
