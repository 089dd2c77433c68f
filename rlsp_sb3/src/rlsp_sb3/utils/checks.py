"""Checks of arguments, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.type_checks import shown

if TYPE_CHECKING:
    import torch


MAX_COUNT = 10**9
"""The largest number of things that can be meant: no memory holds more, no run gets through."""

MAX_HORIZON = 10**5
"""The largest number of states of a trajectory, which are in memory together."""


def check_positive(name: str, value: Any, *, zero: bool = False) -> None:
    """Raise a TypeError or ValueError unless the value is a finite number above 0.

    Args:
        name: The name of the argument.
        value: Its value.
        zero: Whether 0 is allowed too.
    """
    expected = "a number of at least 0" if zero else "a number above 0"
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}={shown(value)}: expected {expected}")
    if not (np.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise ValueError(f"{name}={value!r}: expected {expected}")


def check_int(name: str, value: Any, minimum: int, maximum: int | None = None) -> None:
    """Raise a TypeError or ValueError unless the value is an int within limits.

    Args:
        name: The name of the argument.
        value: Its value.
        minimum: The least value that is allowed.
        maximum: The largest one; None for any. :data:`MAX_COUNT` is for what is allocated or done
            so many times.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}={shown(value)}: expected an int of at least {minimum}")
    if value < minimum:
        raise ValueError(f"{name}={value!r}: expected at least {minimum}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name}={value!r}: expected at most {maximum:,}")


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raise a TypeError or ValueError unless the value is a number from low to high."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}={shown(value)}: expected a number from {low} to {high}")
    if not low <= value <= high:
        raise ValueError(f"{name}={value!r}: expected a number from {low} to {high}")


def check_sizes(name: str, value: Any) -> tuple[int, ...]:
    """The sizes of layers or axes as a tuple.

    Raises:
        TypeError: If they are no ints.
        ValueError: If one is below 1, or far too large.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name}={shown(value)}: expected a list of ints of at least 1")
    sizes = tuple(value)
    for i, size in enumerate(sizes):
        check_int(f"{name}[{i}]", size, 1, MAX_COUNT)
    return tuple(map(int, sizes))


def check_names(name: str, value: Any) -> tuple[str, ...]:
    """Names as a tuple.

    Raises:
        TypeError: If they are no list of texts.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name}={shown(value)}: expected a list of names")
    names = tuple(value)
    if not all(isinstance(each, str) for each in names):
        raise TypeError(f"{name}={shown(value)}: expected a list of names")
    return names


def check_seed(name: str, seed: Any) -> np.random.Generator:
    """The generator that is given, or one that a seed starts; None for an unpredictable seed.

    Raises:
        TypeError: If it is something else.
        ValueError: If the seed is below 0.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if seed is not None:
        check_int(name, seed, 0)
    return np.random.default_rng(seed)


def check_array(
    name: str,
    value: ArrayLike,
    *shapes: tuple[int | str, ...],
    finite: bool = True,
    empty: bool = False,
) -> NDArray[np.float64]:
    """The value as an array of numbers.

    Args:
        name: The name of the argument.
        value: Its value.
        *shapes: The shapes that it may have; a text stands for any size.
        finite: Whether they have to be finite.
        empty: Whether there may be none.

    Raises:
        TypeError: If it is no array of numbers.
        ValueError: If it has another shape, or a number is not finite.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}={shown(value)}: expected an array of numbers") from error
    has_shape = any(_has_shape(array, shape) for shape in shapes)
    if not has_shape or not (array.size or empty):
        expected = " or ".join(str(shape).replace("'", "") for shape in shapes)
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    if finite and not np.all(np.isfinite(array)):
        raise ValueError(f"{name} is not all finite: expected numbers without NaN")
    return array


def _has_shape(array: NDArray[Any], shape: tuple[int | str, ...]) -> bool:
    return len(shape) == array.ndim and all(
        isinstance(expected, str) or size == expected
        for size, expected in zip(array.shape, shape, strict=True)
    )


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raise a ValueError unless the value is one of the choices."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        hint = did_you_mean(str(value), choices)
        raise ValueError(f"{name}={shown(value)}{hint}: expected one of {choices}")


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


def check_distribution(name: str, value: ArrayLike, largest: int) -> NDArray[np.float64]:
    """The value as an array (n,) of at most so many probabilities that add up to 1.

    Raises:
        TypeError: If it is no array of numbers.
        ValueError: If it is no distribution.
    """
    probabilities = check_array(name, value, ("n",))
    if len(probabilities) > largest:
        raise ValueError(f"{name} has {len(probabilities):,} entries: expected at most {largest:,}")
    if probabilities.min() < 0 or not np.isclose(probabilities.sum(), 1):
        raise ValueError(
            f"{name}={shown(value)}: expected probabilities, which are at least 0 and add up to 1"
        )
    return probabilities


def check_policy(name: str, policy: Any) -> None:
    """Raise a TypeError unless an argument is a policy, as far as one can see."""
    if not callable(getattr(policy, "predict", None)):
        raise TypeError(f"{name}={shown(policy)}: expected an object with a method predict")


def check_device(device: torch.device | str) -> torch.device:
    """The device of a name; "auto" is a GPU if there is one.

    Raises:
        ValueError: If there is none of that name.
    """
    # Takes seconds, which what checks other arguments, in a new process, would wait for.
    import torch
    from stable_baselines3.common.utils import get_device

    try:
        if not isinstance(device, (str, torch.device)):
            raise TypeError(f"{type(device).__name__} is no device")
        return get_device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f'device={shown(device)}: expected "auto", "cpu", "cuda" or a torch.device'
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
