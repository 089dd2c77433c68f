"""Files of actors: what a policy of FastPPO acts by, and nothing else, as an npz of arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from rlsp_sb3.io.npz import read_npz, write_npz
from rlsp_sb3.solvers.normalized_policy import NormalizedActorCriticPolicy

_HIDDEN = re.compile(r"mlp_extractor\.policy_net\.(\d+)\.weight")
_ACTOR = re.compile(
    r"features_extractor\.(mean|variance)|mlp_extractor\.policy_net\..*|action_net\..*|log_std"
)
_SHARED = ("pi_features_extractor", "vf_features_extractor")
"""Other names of the features extractor, of which there is but one."""

MARK = "action_net.weight.npy"
"""The member of every actor's file."""


def write_actor(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write the actor of a policy of FastPPO, without the critic, in single precision.

    Args:
        path: The file, an npz.
        state: The state dictionary of the policy.

    Raises:
        ValueError: If it is none of such a policy.
    """
    arrays = {
        name: tensor.detach().cpu().numpy().astype(np.float32)
        for name, tensor in state.items()
        if _ACTOR.fullmatch(name)
    }
    missing = {"features_extractor.mean", "action_net.weight"} - set(arrays)
    if missing:
        raise ValueError(
            f"state has no {', '.join(sorted(missing))}: expected that of a policy of FastPPO"
        )
    write_npz(path, arrays)


def make_actor(path: Path, env: VecEnv, device: torch.device | str) -> NormalizedActorCriticPolicy:
    """Make the policy that an actor's file is of; its values are 0.

    Args:
        path: The file.
        env: The environment in which it is to act.
        device: Where it runs.

    Raises:
        ValueError: If it is no such file, or does not fit to the environment.
    """
    try:
        arrays = read_npz(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"path={str(path)!r} is not an actor's file: {error}") from error
    sizes = {int(found[1]): len(arrays[name]) for name in arrays if (found := _HIDDEN.match(name))}
    policy = NormalizedActorCriticPolicy(
        env.observation_space,
        env.action_space,
        lambda _: 0.0,
        net_arch={"pi": [sizes[index] for index in sorted(sizes)], "vf": []},
    )
    state = policy.state_dict()
    _check(path, env, state, arrays)
    for name, array in arrays.items():
        state[name] = torch.as_tensor(array, dtype=state[name].dtype)
    for part in ("mean", "variance"):
        for shared in _SHARED:
            state[f"{shared}.{part}"] = state[f"features_extractor.{part}"]
    for name in ("value_net.weight", "value_net.bias"):
        state[name] = torch.zeros_like(state[name])
    policy.load_state_dict(state)
    policy.set_training_mode(False)
    return policy.to(device)


def _check(
    path: Path, env: VecEnv, state: Mapping[str, Tensor], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Raise a ValueError unless arrays are the actor of a policy."""
    expected = {name: tuple(value.shape) for name, value in state.items() if _ACTOR.fullmatch(name)}
    found = {name: array.shape for name, array in arrays.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"the actor in {str(path)!r} does not fit to env, with the observations "
                f"{env.observation_space} and the actions {env.action_space}: its {name} has the "
                f"shape {found.get(name)}, and {expected.get(name)} would fit; use the environment "
                "for which it was trained"
            )
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError(f"path={str(path)!r}: {name} is not made of finite numbers")
