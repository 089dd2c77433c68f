"""Policies of Stable-Baselines 2, which nobody can run any more, as policies of SB3."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import GymEnv
from torch import nn

from rlsp_sb3.env_util import as_vec_env
from rlsp_sb3.io.archive import open_archive, read_member
from rlsp_sb3.io.npz import DAMAGED_ARCHIVE_ERRORS, read_npz
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.type_checks import checks_types

_KNOWN_POLICIES = (
    "stable_baselines.sac.policies.MlpPolicy",
    "deep_rlsp.solvers.CustomSACPolicy",  # of the published experts: two layers of 256, ReLU
)
"""The classes of policies that are made of ReLU layers."""


class DenseLayer(NamedTuple):
    """A dense layer.

    Attributes:
        kernel: Its weights (inputs, outputs).
        bias: Its biases (outputs,).
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def copy_to(self, linear: nn.Linear) -> None:
        """Give a layer of PyTorch these parameters."""
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(self.kernel.T.copy()))
            linear.bias.copy_(torch.as_tensor(self.bias))


@checks_types
def import_sb2_sac(
    path: str | Path, env: GymEnv | str, inputs: Sequence[int] | None = None, **kwargs: Any
) -> SAC:
    """Turn a SAC policy of Stable-Baselines 2 into one of SB3, which acts the same.

    The file is a zip of ``data`` (JSON), ``parameters`` (npz) and ``parameter_list`` (JSON). No
    code in it is run: what ``data`` holds as pickles is left alone, and arrays are read without
    pickles.

    The policy, of any number of hidden ReLU layers of any sizes, is taken over exactly. Both
    critics are too, with the target critics set to them (Stable-Baselines 2 had a target for its
    value function instead, which SB3 has not), if they are in the file, take the environment's
    observations and actions, and have the same hidden layers as each other; otherwise all four are
    fresh. So are γ, τ and the coefficient of the entropy, where the file has them as numbers.
    Other settings are SB3's defaults, and optimizers start anew.

    Args:
        path: The file.
        env: The environment in which the policy is to act, a vector environment of SB3, or an id.
        inputs: Which of the numbers of the observations that the policy was trained on are in the
            observations of this environment, in their order; None if all are. The others are taken
            to be 0. (The published ant had 84 contact forces that were always 0: for observations
            without them, pass ``[*range(27), 111]``.)
        **kwargs: Further arguments of ``SAC``, such as ``device``, ``seed`` and ``buffer_size``.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the environment is none.
        ValueError: If it is not such a file, if the policy is of a class that is not known or not
            made of ReLU layers only, or if it does not fit to the observations and actions of the
            environment.
    """
    vec_env = as_vec_env(env)
    if inputs is not None:
        if not len(inputs):
            raise ValueError("inputs is empty: expected some of the policy's observations, or None")
        for entry in inputs:
            check_int("inputs", entry, 0)
    settings, parameters = _read(path)
    actor = _layers(path, parameters, "model/pi", "dense")
    log_std = _layer(path, parameters, "model/pi/dense_1", len(actor[-1].kernel))
    actor = [_select(path, actor[0], inputs), *actor[1:]]
    n_observation, n_action = _check_spaces(path, vec_env, actor, log_std)

    critics = _critics(path, parameters, inputs, n_observation, n_action)
    hidden = [len(layer.bias) for layer in actor[:-1]]
    critic_hidden = [len(layer.bias) for layer in critics[0][:-1]] if critics else hidden
    policy_kwargs = {
        **(kwargs.pop("policy_kwargs", None) or {}),
        "net_arch": {"pi": hidden, "qf": critic_hidden},
        "activation_fn": nn.ReLU,
    }
    arguments = {**_settings(settings), **kwargs, "policy_kwargs": policy_kwargs}
    model = SAC("MlpPolicy", vec_env, **arguments)
    _copy(actor[:-1], model.actor.latent_pi)
    actor[-1].copy_to(_linear(model.actor.mu))
    log_std.copy_to(_linear(model.actor.log_std))
    for layers, q_network in zip(critics, model.critic.q_networks, strict=False):
        _copy(layers, q_network)
    model.critic_target.load_state_dict(model.critic.state_dict())
    log_coefficient = parameters.get("model/log_ent_coef:0")
    if log_coefficient is not None and model.log_ent_coef is not None:
        with torch.no_grad():
            model.log_ent_coef.fill_(float(log_coefficient.squeeze()))
    return model


def sb2_file_error(path: str | Path) -> ValueError:
    """The error where a file of SB3 is expected and this is one of Stable-Baselines 2.

    Args:
        path: The file.

    Raises:
        ValueError: If it is no such file.
    """
    name = _class_name(_read_settings(path).get("policy"))
    where = f"path={str(path)!r} is from Stable-Baselines 2, a policy of the class {name}"
    if name in _KNOWN_POLICIES:
        return ValueError(
            f"{where}: make a policy of SB3 of it by `rlsp import-expert {path} --env ENV --out "
            "expert.zip`, and use that"
        )
    return ValueError(
        f"{where}, which cannot be imported (only SAC's MlpPolicy can): train an expert anew, by "
        "`rlsp expert ENV --timesteps N --out expert.zip` or in SB3"
    )


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The settings and the parameters in a file."""
    settings = _read_settings(path)
    parameters: dict[str, NDArray[Any]] = _read_part(path, "parameters", read_npz)
    for name, array in parameters.items():
        if array.dtype.kind != "f" or not np.all(np.isfinite(array)):
            raise ValueError(f"path={str(path)!r}: {name} is not made of finite numbers")
    policy_kwargs = settings.get("policy_kwargs")
    if isinstance(policy_kwargs, dict) and "act_fun" in policy_kwargs:
        raise ValueError(
            f"path={str(path)!r} has an activation function of its own (act_fun): only ReLU, the "
            "default, can be imported"
        )
    _check_policy_class(path, settings.get("policy"))
    return settings, parameters


def _read_settings(path: str | Path) -> dict[str, Any]:
    settings = _read_part(path, "data", json.loads)
    if not isinstance(settings, dict):
        raise ValueError(f"path={str(path)!r} has 'data' that are not those of an algorithm")
    return settings


def _read_part(path: str | Path, name: str, read: Callable[[bytes], Any]) -> Any:
    """The content of a member of the file."""
    try:
        with open_archive(Path(path).read_bytes()) as archive:
            return read(read_member(archive, name))
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise ValueError(
            f"path={str(path)!r} is not a file of Stable-Baselines 2, a zip of 'data', "
            f"'parameters' and 'parameter_list': {error}"
        ) from error


def _check_policy_class(path: str | Path, policy: Any) -> None:
    """Raise a ValueError unless a policy is of a class that is known to be made of ReLU layers.

    The parameters of another one do not tell what it does between them.
    """
    name = _class_name(policy)
    if name not in _KNOWN_POLICIES:
        raise ValueError(
            f"path={str(path)!r} has a policy of the class {name}, and what that does is not known "
            f"from the file: expected one of {', '.join(_KNOWN_POLICIES)}"
        )


def _class_name(policy: Any) -> str:
    """The name of the class of a policy, as far as the settings tell."""
    policy = policy if isinstance(policy, dict) else {}
    found = re.match(r"<function (\w+)\.__init__", str(policy.get("__init__")))
    return f"{policy.get('__module__')}.{found[1] if found else '?'}"


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments of SB3's SAC that are in the file as what they are."""
    found: dict[str, Any] = {
        name: float(settings[name]) for name in ("gamma", "tau") if _fraction(settings.get(name))
    }
    if _fraction(settings.get("ent_coef")):
        found["ent_coef"] = float(settings["ent_coef"])
    return found


def _fraction(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1


def _layer(
    path: str | Path, parameters: dict[str, NDArray[Any]], name: str, n_inputs: int | None
) -> DenseLayer:
    """The layer of some name, which must take so many inputs, or any number if None."""
    try:
        kernel, bias = (parameters[f"{name}/{part}:0"] for part in ("kernel", "bias"))
    except KeyError as error:
        raise ValueError(
            f"path={str(path)!r} has no parameter {error}: expected a SAC policy (MlpPolicy), and "
            f"it has {sorted(parameters)[:4]}, …"
        ) from error
    if kernel.ndim != 2 or bias.shape != kernel.shape[1:]:
        raise ValueError(
            f"path={str(path)!r}: {name} has a kernel of shape {kernel.shape} and a bias of shape "
            f"{bias.shape}, which make no layer"
        )
    if n_inputs is not None and len(kernel) != n_inputs:
        raise ValueError(
            f"path={str(path)!r}: {name} takes {len(kernel)} inputs, and the layer before has "
            f"{n_inputs} outputs"
        )
    return DenseLayer(kernel.astype(np.float32), bias.astype(np.float32))


def _layers(
    path: str | Path, parameters: dict[str, NDArray[Any]], network: str, last: str
) -> list[DenseLayer]:
    """The layers of a network: fc0, fc1, … and the last one."""
    prefix = f"{network}/"
    names = {
        name.removeprefix(prefix).split("/")[0] for name in parameters if name.startswith(prefix)
    }
    hidden = [f"fc{i}" for i in range(len(names))]
    hidden = hidden[: next((i for i, name in enumerate(hidden) if name not in names), None)]
    unknown = names - {*hidden, last, "dense_1"}
    if unknown:
        raise ValueError(
            f"path={str(path)!r}: {network} has {sorted(unknown)}, and only plain networks of ReLU "
            "layers can be imported (MlpPolicy without layer normalization)"
        )
    layers: list[DenseLayer] = []
    for name in [*hidden, last]:
        n_inputs = len(layers[-1].bias) if layers else None
        layers.append(_layer(path, parameters, f"{network}/{name}", n_inputs))
    return layers


def _select(
    path: str | Path, first: DenseLayer, inputs: Sequence[int] | None, n_rest: int = 0
) -> DenseLayer:
    """A first layer without the inputs left out; the last ``n_rest`` are not of the observation."""
    if inputs is None:
        return first
    n = len(first.kernel) - n_rest
    for index in inputs:
        if index >= n:
            raise ValueError(
                f"inputs={index}: expected indices below {n}, the length of the observations that "
                f"the policy in {str(path)!r} was trained on"
            )
    if len(set(inputs)) != len(inputs):
        raise ValueError(f"inputs={list(inputs)}: expected no index twice")
    return DenseLayer(first.kernel[[*inputs, *range(n, n + n_rest)]], first.bias)


def _check_spaces(
    path: str | Path, env: Any, actor: list[DenseLayer], log_std: DenseLayer
) -> tuple[int, int]:
    """The lengths of observations and actions, if the policy fits to them."""
    expected = {
        "observation_space": len(actor[0].kernel),
        "action_space": len(actor[-1].bias),
    }
    for name, size in expected.items():
        space = getattr(env, name)
        if not isinstance(space, spaces.Box) or int(np.prod(space.shape)) != size:
            n = int(np.prod(space.shape)) if isinstance(space, spaces.Box) else size
            hint = ""
            if name == "observation_space" and n == size - 1:
                hint = (
                    ", perhaps with the remaining time 1 - t/limit at the end of each observation"
                )
            elif name == "observation_space" and n < size:
                hint = ", or say which of them it observes (inputs)"
            shown = f"Box{space.shape}" if isinstance(space, spaces.Box) else space
            raise ValueError(
                f"env has the {name} {shown}: expected a Box of {size} numbers, for which the "
                f"policy in {str(path)!r} was trained; use the environment that it is for{hint}"
            )
    if log_std.bias.shape != actor[-1].bias.shape:
        raise ValueError(
            f"path={str(path)!r}: the policy has {len(actor[-1].bias)} means and "
            f"{len(log_std.bias)} standard deviations"
        )
    return expected["observation_space"], expected["action_space"]


def _critics(
    path: str | Path,
    parameters: dict[str, NDArray[Any]],
    inputs: Sequence[int] | None,
    n_observation: int,
    n_action: int,
) -> list[list[DenseLayer]]:
    """The layers of both critics; none if they are not there or do not fit."""
    try:
        critics = [
            _layers(path, parameters, f"model/values_fn/{name}", name) for name in ("qf1", "qf2")
        ]
        critics = [[_select(path, layers[0], inputs, n_action), *layers[1:]] for layers in critics]
    except ValueError:
        return []
    shapes = [[layer.kernel.shape for layer in layers] for layers in critics]
    fits = shapes[0] == shapes[1] and shapes[0][0][0] == n_observation + n_action
    return critics if fits and shapes[0][-1][1] == 1 else []


def _copy(layers: Sequence[DenseLayer], network: nn.Module) -> None:
    """Give a network of PyTorch the parameters of as many layers."""
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    for layer, linear in zip(layers, linears, strict=True):
        layer.copy_to(linear)


def _linear(module: object) -> nn.Linear:
    if not isinstance(module, nn.Linear):
        raise TypeError(f"{module!r}: expected a linear layer, so SAC must not use gSDE (use_sde)")
    return module
