"""Networks, optimizers and counters of algorithms of SB3 and sbx, as arrays."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import recursive_getattr

from rlsp_sb3.io.state_arrays import (
    array_like,
    flatten_arrays,
    load_module,
    load_optimizer,
    module_arrays,
    optimizer_arrays,
    subtree,
)
from rlsp_sb3.type_aliases import Arrays

COUNTERS = (
    "num_timesteps",
    "_n_updates",
    "_episode_num",
    "_n_calls",  # of DQN
    "exploration_rate",  # of DQN
    "step_scale",  # of FastPPO
    "temperature",  # of FastPPO, whose exploration starts anew where there is none any more
)
"""Counters and schedules of algorithms."""


def model_arrays(model: BaseAlgorithm) -> Arrays:
    """The networks, optimizers and counters of an algorithm, to be saved.

    Raises:
        TypeError: If they are neither PyTorch's nor JAX's.
    """
    parts: dict[str, Arrays] = {}
    state_dicts, variables = model._get_torch_save_params()
    for name in state_dicts:
        attribute = recursive_getattr(model, name)
        is_optimizer = isinstance(attribute, torch.optim.Optimizer)
        parts[name] = optimizer_arrays(attribute) if is_optimizer else module_arrays(attribute)
    for name in variables or []:
        value = recursive_getattr(model, name)
        parts[name] = {"value": value.detach().cpu().numpy().copy()}
    parts |= {name: state.arrays() for name, state in _jax_states(model).items()}
    if not parts:
        raise TypeError(
            f"the solver {type(model).__name__} cannot be saved, because it keeps its parameters "
            "elsewhere than in PyTorch or JAX; use one of SB3, such as FastSAC"
        )
    counters = {name: np.array(getattr(model, name)) for name in COUNTERS if hasattr(model, name)}
    return flatten_arrays(counters=counters, **parts)


def set_model_arrays(model: BaseAlgorithm, arrays: Arrays) -> None:
    """Give an algorithm what :func:`model_arrays` returned of one that was made alike.

    Raises:
        KeyError: If something is missing.
        ValueError: If an array has another shape or type than the algorithm's own.
    """
    state_dicts, variables = model._get_torch_save_params()
    for name in state_dicts:
        attribute, saved = recursive_getattr(model, name), subtree(arrays, name)
        if isinstance(attribute, torch.optim.Optimizer):
            load_optimizer(attribute, saved)
        else:
            own = {key: saved[key] for key in attribute.state_dict()}
            load_module(attribute, own)
    for name in variables or []:
        variable = recursive_getattr(model, name)
        value = variable.detach().cpu().numpy()
        variable.data[...] = torch.as_tensor(array_like(value, subtree(arrays, name), "value"))
    for name, state in _jax_states(model).items():
        state.set_arrays(subtree(arrays, name))
    counters = subtree(arrays, "counters")
    for name in COUNTERS:
        if hasattr(model, name):
            value = np.array(getattr(model, name))
            setattr(model, name, array_like(value, counters, name).item())


class _JaxState(NamedTuple):
    """Attribute of sbx that changes in training: a train state, or a key of random numbers."""

    name: str
    owner: Any
    value: Any

    def arrays(self) -> Arrays:
        import jax

        leaves = map(jax.numpy.asarray, jax.tree_util.tree_leaves(self.value))
        return {str(i): np.array(leaf) for i, leaf in enumerate(leaves)}

    def set_arrays(self, arrays: Arrays) -> None:
        import jax

        own, structure = self.arrays(), jax.tree_util.tree_structure(self.value)
        leaves = [jax.numpy.asarray(array_like(own[i], arrays, i)) for i in own]
        setattr(self.owner, self.name, jax.tree_util.tree_unflatten(structure, leaves))


def _jax_states(model: BaseAlgorithm) -> dict[str, _JaxState]:
    """Train states of sbx, by name."""
    if "flax" not in sys.modules:  # nor is there anything of sbx, then
        return {}
    import jax
    from flax.training.train_state import TrainState

    return {
        f"{where}.{name}": _JaxState(name, owner, value)
        for where, owner in (("model", model), ("policy", model.policy))
        for name, value in vars(owner).items()
        if isinstance(value, (TrainState, jax.Array))
    }
