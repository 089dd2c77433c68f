"""States of networks and optimizers, as arrays with dotted names."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlsp_sb3.type_aliases import Arrays


def flatten_arrays(**parts: Arrays) -> dict[str, NDArray[Any]]:
    """The arrays of some parts, each with the name of its part before its own."""
    return {
        f"{name}.{key}": value for name, arrays in parts.items() for key, value in arrays.items()
    }


def subtree(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """The arrays of one part, with the names that they had before they were joined."""
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)
    }


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
        raise ValueError(f"these are not the parameters of this network: {error}") from error


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
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _tensor(value: NDArray[Any]) -> torch.Tensor:
    return torch.as_tensor(np.array(value))
