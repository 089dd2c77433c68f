"""Entries that the file of a learner has to have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATHS = frozenset({"checkpoint_dir", "tensorboard_log"})
"""Arguments that say where to write; nobody takes them from a file."""

ENTRIES: dict[str, tuple[type, ...]] = {
    "arguments": (dict,),
    "num_timesteps": (int,),
    "target": (int, type(None)),
    "rng": (dict,),
}

# What comes of taking over what does not fit, such as numbers where there should be text.
_MISFITS = (TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RuntimeError)


@contextmanager
def refusing(path: Any) -> Iterator[None]:
    """Turn an error in taking over entries of a file into one that names the file.

    Raises:
        ValueError: If there is one.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(f"path={str(path)!r} has no entry {error}: it is damaged") from error
    except _MISFITS as error:
        raise ValueError(f"path={str(path)!r} holds what does not fit: {error}") from error


@contextmanager
def naming(path: Any) -> Iterator[None]:
    """Add the name of the file to errors in making a learner with the arguments that are in it.

    Raises:
        TypeError: If an argument, there or given by the caller, has a wrong type.
        ValueError: If one is out of range, or does not fit to the environment.
    """
    try:
        yield
    except TypeError as error:
        if type(error) is not TypeError:  # it says more by its class
            raise
        raise TypeError(f"path={str(path)!r} cannot be loaded: {error}") from error
    except (ValueError, LookupError, AttributeError) as error:
        raise ValueError(f"path={str(path)!r} cannot be loaded: {error}") from error


def check_data(data: dict[str, Any], arguments: Sequence[str]) -> None:
    """Check what a file says beside arrays.

    Args:
        data: The entries by name.
        arguments: The arguments of the learner's constructor, as far as they are no arrays.

    Raises:
        KeyError: If an entry is missing.
        ValueError: If one has another type, or is none of the learner's.
    """
    for name, types in ENTRIES.items():
        value = data[name]
        if not isinstance(value, types) or isinstance(value, bool):
            expected = " or ".join(each.__name__ for each in types)
            raise ValueError(f"{name}={value!r}: expected {expected}")
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name}={value!r}: expected at least 0")
    if unknown := sorted(set(data["arguments"]) - set(arguments)):
        raise ValueError(f"arguments.{unknown[0]}: expected one of {', '.join(arguments)}")
    for name in arguments:
        if name not in data["arguments"] and name not in PATHS:
            raise KeyError(f"arguments.{name}")


def check_entry(name: str, saved: NDArray[Any] | None, own: NDArray[Any] | None) -> None:
    """Check an array of a file against that of the learner that took it over.

    Raises:
        KeyError: If the file has none.
        ValueError: If the learner has none, or one of another shape or type.
    """
    if saved is None:
        raise KeyError(name)
    if own is None:
        raise ValueError(f"{name} is no array of this learner")
    own = np.asarray(own)
    if (saved.shape, saved.dtype) != (own.shape, own.dtype):
        raise ValueError(
            f"{name} has shape {saved.shape} and type {saved.dtype}: expected {own.shape} and "
            f"{own.dtype}"
        )
