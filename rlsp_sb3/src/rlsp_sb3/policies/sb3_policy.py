"""Policies of SB3, made anew from the parameters in a file and what it says of them."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.common.vec_env import VecEnv, VecTransposeImage
from torch import nn

from rlsp_sb3.models.networks import ACTIVATIONS
from rlsp_sb3.policies.policy_families import Family, Network, find_family
from rlsp_sb3.policies.sb3_file import SavedModel, text_of
from rlsp_sb3.policies.vec_normalize import ObservationStatistics
from rlsp_sb3.utils.arguments import inherited_arguments

# Arguments of a policy on which its actions depend, but for the networks and the noise.
SWITCHES = (
    *("full_std", "use_expln", "squash_output", "normalize_images"),
    "share_features_extractor",
)
KNOWN_CLASSES = [str(each) for each in (FlattenExtractor, NatureCNN)]


def make_sb3_policy(
    path: Path,
    saved: SavedModel,
    env: VecEnv,
    device: torch.device | str,
    statistics: ObservationStatistics | None = None,
) -> BasePolicy:
    """Make the policy of an algorithm for the spaces of an environment.

    Args:
        path: The file, for errors.
        saved: What is in it.
        env: The environment.
        device: Where the policy runs.
        statistics: Those by which observations are normalized before the policy sees them; None if
            they are not.

    Raises:
        ImportError: If the class of the policy is in a package that is not installed.
        ValueError: If the policy is of another kind, or does not fit to the environment.
    """
    parameters = saved.states["policy"]
    family = find_family(path, saved)
    policy_class = family.policy_class()
    _check_spaces(path, saved.settings, env)
    arguments = _arguments(path, saved, family, env.action_space)
    known = inherited_arguments(policy_class)
    try:
        policy = policy_class(
            _trained_space(saved.settings, env.observation_space, statistics),
            env.action_space,
            lr_schedule=lambda _: 0.0,
            **{name: value for name, value in arguments.items() if name in known},
        )
    except AssertionError as error:  # SB3 asserts what it wants of images
        raise ValueError(
            f"the policy in {str(path)!r} cannot be made for env, with the observations "
            f"{_short(env.observation_space)}: {error}"
        ) from error
    _check_parameters(path, env, policy.state_dict(), parameters)
    policy.load_state_dict(parameters)
    policy.set_training_mode(False)
    if saved.settings.get("use_sde") is True:
        policy.reset_noise()  # type: ignore[operator]
    return policy.to(device)


def _arguments(
    path: Path, saved: SavedModel, family: Family, action_space: spaces.Space[Any]
) -> dict[str, Any]:
    """The arguments with which a policy was made, as far as its actions depend on them.

    Some are of other kinds of policies.
    """
    parameters = saved.states["policy"]
    stored = saved.settings.get("policy_kwargs")
    stored = stored if isinstance(stored, dict) else {}
    extractor = text_of(stored, "features_extractor_class")
    if extractor and extractor not in KNOWN_CLASSES:
        raise ValueError(
            f"path={str(path)!r} has a features extractor of a class of its own ({extractor}), "
            "which cannot be made without running code from the file: expected an MlpPolicy or a "
            "CnnPolicy"
        )
    sizes = {network.name: _layer_sizes(parameters, network) for network in family.networks}
    hidden = {
        network.name: sizes[network.name][: -1 if network.has_output else None]
        for network in family.networks
    }
    n_values = int(action_space.n) if isinstance(action_space, spaces.Discrete) else 1
    arguments: dict[str, Any] = {
        **{name: stored[name] for name in SWITCHES if isinstance(stored.get(name), bool)},
        "net_arch": hidden.get("", hidden),
        "use_sde": saved.settings.get("use_sde") is True,
        "n_critics": sum(f"critic.qf{i}.0.weight" in parameters for i in range(len(parameters))),
        "n_quantiles": sum(sizes[family.networks[-1].name][-1:]) // n_values,
        **_lstm_arguments(parameters),
    }
    convolutions = [name for name in parameters if name.endswith("extractor.linear.0.bias")]
    if convolutions:
        features_dim = len(parameters[convolutions[0]])
        arguments["features_extractor_class"] = NatureCNN
        arguments["features_extractor_kwargs"] = {"features_dim": features_dim}
    if isinstance(stored.get("clip_mean"), (int, float)):
        arguments["clip_mean"] = float(stored["clip_mean"])
    if activation := text_of(stored, "activation_fn"):
        arguments["activation_fn"] = _activation(path, activation)
    return arguments


def _lstm_arguments(parameters: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The arguments for the recurrent networks of a policy; none if it has no such network."""
    layers = [name for name in parameters if name.startswith("lstm_actor.weight_hh_l")]
    if not layers:
        return {}
    has_lstm = any(name.startswith("lstm_critic.") for name in parameters)
    return {
        "lstm_hidden_size": parameters[layers[0]].shape[-1],
        "n_lstm_layers": len(layers),
        "enable_critic_lstm": has_lstm,
        "shared_lstm": not has_lstm and "critic.weight" not in parameters,
    }


def _trained_space(
    settings: dict[str, Any],
    space: spaces.Space[Any],
    statistics: ObservationStatistics | None,
) -> spaces.Space[Any]:
    """The observation space that a policy was made for: that of an environment, or another one.

    SB3 trains on images whose channels come first; the policy turns others at use. Images that are
    normalized are images no longer.
    """
    if statistics is not None and is_image_space(space):
        return spaces.Box(-statistics.clip, statistics.clip, space.shape, np.float32)
    if not is_image_space(space) or is_image_space_channels_first(space):  # type: ignore[arg-type]
        return space
    stored = settings.get("observation_space")
    shape = stored.get("_shape") if isinstance(stored, dict) else None
    return space if shape == list(space.shape or ()) else VecTransposeImage.transpose_space(space)  # type: ignore[arg-type]


def _activation(path: Path, text: str) -> type[nn.Module]:
    """The activation function that SB3 describes as "<class '…'>"."""
    found = re.fullmatch(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>", text)
    if found is None or found[1] not in ACTIVATIONS:
        raise ValueError(
            f"path={str(path)!r} has the activation function {text}: expected one of PyTorch's, "
            f"{', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[found[1]]


def _layer_sizes(parameters: dict[str, torch.Tensor], network: Network) -> list[int]:
    """The sizes of the layers of a network, from the shapes of its parameters."""
    layer = re.compile(re.escape(network.prefix) + r"\.(\d+)\.weight")
    sizes = {
        int(found[1]): len(tensor)
        for name, tensor in parameters.items()
        if (found := layer.fullmatch(name)) and tensor.ndim == 2
    }
    return [sizes[index] for index in sorted(sizes)]


def _check_spaces(path: Path, settings: dict[str, Any], env: VecEnv) -> None:
    """Raise a ValueError if the spaces cannot be those with which the policy was trained."""
    space = env.action_space
    stored_type = re.search(r"(\w+)'>$", text_of(settings.get("action_space"), ":type:"))
    if stored_type is None or stored_type[1] != type(space).__name__:
        raise ValueError(
            f"env has the action space {_short(space)}: expected "
            f"{stored_type[1] if stored_type else 'a known one'}, for which the policy in "
            f"{str(path)!r} was trained"
        )
    if isinstance(env.observation_space, spaces.Dict):
        raise ValueError(
            f"env has the observation space {_short(env.observation_space)}: expected one of "
            "arrays; flatten it by a wrapper such as gymnasium.wrappers.FlattenObservation"
        )
    for name in ("low", "high") if isinstance(space, spaces.Box) else ():
        stored = _numbers(text_of(settings.get("action_space"), name))
        actual = np.ravel(getattr(space, name))
        if stored.shape == actual.shape and not np.allclose(stored, actual, rtol=1e-4):
            raise ValueError(
                f"env has actions with {name} {actual}: expected {stored}, with which the policy "
                f"in {str(path)!r} was trained"
            )


def _numbers(text: str) -> NDArray[np.float64]:
    """The numbers of an array that was printed; none if some are left out."""
    with suppress(ValueError):
        return np.array([float(word) for word in re.sub(r"[\[\]]", " ", text).split()])
    return np.zeros(0)


def _check_parameters(
    path: Path,
    env: VecEnv,
    expected: dict[str, torch.Tensor],
    found: dict[str, torch.Tensor],
) -> None:
    """Raise a ValueError if the parameters are not those of a policy for an environment."""
    differing = sorted(set(expected) ^ set(found))
    if differing:
        raise ValueError(
            f"path={str(path)!r} has a policy with other parameters than an MlpPolicy or a "
            "CnnPolicy: "
            f"{', '.join(differing[:4])}, …"
        )
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"the policy in {str(path)!r} does not fit to env, with the observations "
                f"{_short(env.observation_space)} and the actions {_short(env.action_space)}: its "
                f"{name} has the shape {tuple(tensor.shape)}, and {tuple(expected[name].shape)} "
                "would fit; use the environment for which it was trained"
            )


def _short(space: spaces.Space[Any]) -> str:
    """A space without its bounds, which fill lines."""
    return f"Box{space.shape}" if isinstance(space, spaces.Box) else str(space)
