"""States of networks and optimizers, as arrays with dotted names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlsp_sb3.type_aliases import Arrays

_NONE = np.zeros(0, dtype=np.bool_)
"""Stands for None in files."""


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
    saved = arrays[name]
    if saved.shape != own.shape or saved.dtype != own.dtype:
        raise ValueError(
            f"{full_name(arrays, name)} has shape {saved.shape} and type {saved.dtype}: expected "
            f"{own.shape} and {own.dtype}"
        )
    return np.array(saved)


def optional_arrays(values: Mapping[str, NDArray[Any] | None]) -> Arrays:
    """Arrays to be saved, some of which are None, so that one that is missing is noticed."""
    return {name: _NONE if value is None else value for name, value in values.items()}


def read_optional(arrays: Arrays, names: Iterable[str]) -> dict[str, Any]:
    """The arrays, or None, of which :func:`optional_arrays` made arrays.

    Raises:
        KeyError: If there is none of a name.
    """
    return {name: None if arrays[name].shape == _NONE.shape else arrays[name] for name in names}


def module_arrays(module: nn.Module) -> dict[str, NDArray[Any]]:
    """The parameters and buffers of a network."""
    return {name: value.cpu().numpy().copy() for name, value in module.state_dict().items()}


def load_module(module: nn.Module, arrays: Arrays) -> None:
    """Give a network the parameters that :func:`module_arrays` returned.

    Raises:
        ValueError: If they are not those of such a network.
    """
    try:
        module.load_state_dict({name: _tensor(value) for name, value in arrays.items()})
    except RuntimeError as error:
        name = full_name(arrays, "*")
        raise ValueError(f"{name} are not the parameters of this network: {error}") from error


def optimizer_arrays(optimizer: torch.optim.Optimizer) -> dict[str, NDArray[Any]]:
    """State of an optimizer for each parameter, by its number."""
    return {
        f"{i}.{key}": value.cpu().numpy().copy()
        for i, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if isinstance(value, torch.Tensor)
    }


def load_optimizer(optimizer: torch.optim.Optimizer, arrays: Arrays) -> None:
    """Let an optimizer remember what :func:`optimizer_arrays` returned."""
    numbers = {int(name.partition(".")[0]) for name in arrays}
    state = {
        i: {key: _tensor(value) for key, value in subtree(arrays, str(i)).items()} for i in numbers
    }
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    names = {frozenset(each) for each in state.values()}
    if len(names) > 1 or not numbers <= set(range(len(parameters))):
        raise ValueError(f"{full_name(arrays, '*')} are not the state of this optimizer")
    for i, each in state.items():
        for key, value in each.items():
            if value.ndim and value.shape != parameters[i].shape:
                raise ValueError(
                    f"{full_name(arrays, f'{i}.{key}')} has shape {tuple(value.shape)}: expected "
                    f"{tuple(parameters[i].shape)}"
                )
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _tensor(value: NDArray[Any]) -> torch.Tensor:
    return torch.as_tensor(np.array(value))
