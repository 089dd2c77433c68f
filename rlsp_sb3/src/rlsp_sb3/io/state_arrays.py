"""States of networks and optimizers, as arrays with dotted names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import DTypeLike, NDArray
from torch import nn

from rlsp_sb3.type_aliases import Arrays

Scalar = TypeVar("Scalar", bool, int, float)

_NONE = np.zeros(0, dtype=np.bool_)
"""Stands for None in files."""

_STEP = np.zeros((), dtype=np.float32)
"""Like the number of steps that optimizers of PyTorch count, whatever the type of parameters."""


def flatten_arrays(**parts: Arrays) -> dict[str, NDArray[Any]]:
    """The arrays of some parts, each with the name of its part before its own."""
    return {
        f"{name}.{key}": value for name, arrays in parts.items() for key, value in arrays.items()
    }


class _Part(dict[str, NDArray[Any]]):
    """Arrays of a part, which knows by what name each is in the whole, for errors."""

    def __init__(self, name: str, arrays: Arrays) -> None:
        super().__init__(arrays)
        self.name = name

    def __missing__(self, key: str) -> NDArray[Any]:
        raise KeyError(full_name(self, key))


def full_name(arrays: Arrays, name: str) -> str:
    """The name that an array of a part has in the whole."""
    return f"{arrays.name}.{name}" if isinstance(arrays, _Part) else name


def subtree(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """The arrays of one part, with the names that they had before they were joined."""
    prefix = f"{name}."
    part = {
        key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)
    }
    return _Part(full_name(arrays, name), part)


def array_like(own: NDArray[Any], arrays: Arrays, name: str) -> NDArray[Any]:
    """A copy of a saved array, which has to have the shape and type of the one that it replaces.

    Raises:
        KeyError: If there is none of that name.
        ValueError: If it is another kind of array.
    """
    return read_array(arrays, name, own.dtype, own.shape)


def read_array(
    arrays: Arrays, name: str, dtype: DTypeLike, shape: Sequence[int | None]
) -> NDArray[Any]:
    """A copy of a saved array.

    Args:
        arrays: The arrays that were saved.
        name: The name of one.
        dtype: The type that it has to have.
        shape: The shape that it has to have; None for any length of an axis.

    Raises:
        KeyError: If there is none of that name.
        ValueError: If it is another kind of array.
    """
    saved, dtype = arrays[name], np.dtype(dtype)
    fits = len(saved.shape) == len(shape) and all(
        expected in (None, length) for length, expected in zip(saved.shape, shape, strict=True)
    )
    if not fits or saved.dtype != dtype:
        lengths = ", ".join("any" if length is None else str(length) for length in shape)
        raise ValueError(
            f"{full_name(arrays, name)} has shape {saved.shape} and type {saved.dtype}: expected "
            f"shape ({lengths}) and type {dtype}"
        )
    return np.array(saved)


def read_elements(
    arrays: Arrays, name: str, space: spaces.Space[Any], *leading: int | None
) -> NDArray[Any]:
    """A copy of saved elements of a space (*leading, *shape); see :func:`read_array`."""
    return read_array(arrays, name, cast(DTypeLike, space.dtype), (*leading, *(space.shape or ())))


def read_scalar(arrays: Arrays, name: str, kind: type[Scalar]) -> Scalar:
    """A saved number, or True or False.

    Raises:
        KeyError: If there is none of that name.
        ValueError: If it is another kind of array.
    """
    return kind(read_array(arrays, name, np.array(kind()).dtype, ()))


def optional_arrays(values: Mapping[str, NDArray[Any] | None]) -> Arrays:
    """Arrays to be saved, some of which are None, so that one that is missing is noticed."""
    return {name: _NONE if value is None else value for name, value in values.items()}


def read_optional(
    arrays: Arrays, name: str, dtype: DTypeLike, shape: Sequence[int | None]
) -> NDArray[Any] | None:
    """An array, or None, of which :func:`optional_arrays` made an array; see :func:`read_array`."""
    saved = arrays[name]
    is_none = saved.shape == _NONE.shape and saved.dtype == _NONE.dtype
    return None if is_none else read_array(arrays, name, dtype, shape)


def module_arrays(module: nn.Module) -> dict[str, NDArray[Any]]:
    """The parameters and buffers of a network."""
    return {name: value.cpu().numpy().copy() for name, value in module.state_dict().items()}


def load_module(module: nn.Module, arrays: Arrays) -> None:
    """Give a network the parameters that :func:`module_arrays` returned.

    Raises:
        KeyError: If one is missing.
        ValueError: If one is not that of such a network.
    """
    own = module_arrays(module)
    if unknown := sorted(set(arrays) - set(own)):
        raise ValueError(f"{full_name(arrays, unknown[0])} is no parameter of this network")
    module.load_state_dict({name: _tensor(array_like(own[name], arrays, name)) for name in own})


def optimizer_arrays(optimizer: torch.optim.Optimizer) -> dict[str, NDArray[Any]]:
    """State of an optimizer for each parameter, by its number."""
    return {
        f"{i}.{key}": value.cpu().numpy().copy()
        for i, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if isinstance(value, torch.Tensor)
    }


def load_optimizer(optimizer: torch.optim.Optimizer, arrays: Arrays) -> None:
    """Let an optimizer remember what :func:`optimizer_arrays` returned.

    Raises:
        KeyError: If something is missing of what is remembered of another parameter.
        ValueError: If it is not the state of such an optimizer.
    """
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    blanks = {str(i): each.detach().cpu().numpy() for i, each in enumerate(parameters)}
    names = [name.partition(".") for name in arrays]
    if unknown := [f"{i}.{key}" for i, _, key in names if i not in blanks]:
        raise ValueError(f"{full_name(arrays, unknown[0])} is of no parameter that is optimized")
    keys = sorted({key for _, _, key in names})
    state = {}
    for i in sorted({i for i, _, _ in names}, key=int):
        saved = subtree(arrays, i)
        own = {key: _STEP if key == "step" else blanks[i] for key in keys}
        state[int(i)] = {key: _tensor(array_like(own[key], saved, key)) for key in keys}
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _tensor(value: NDArray[Any]) -> torch.Tensor:
    return torch.as_tensor(np.array(value))
