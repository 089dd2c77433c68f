"""Policies from files, read without running code from them."""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import VecEnv, VecTransposeImage
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import nn

from rlsp_sb3.env_util import as_vec_env
from rlsp_sb3.io.save_util import read_archive, with_suffix
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.models.networks import ACTIVATIONS
from rlsp_sb3.policies.sb2_import import sb2_file_error
from rlsp_sb3.policies.sb3_file import SavedModel, member_names, read_sb3
from rlsp_sb3.protocols import Policy
from rlsp_sb3.utils.errors import PluginError
from rlsp_sb3.utils.type_checks import checks_types

# Arguments of a policy on which its actions depend, but for the networks and the noise.
SWITCHES = (
    *("full_std", "use_expln", "squash_output", "normalize_images"),
    "share_features_extractor",
)
KNOWN_CLASSES = [str(each) for each in (FlattenExtractor, NatureCNN)]


class Network(NamedTuple):
    """A network of a policy.

    Attributes:
        name: What SB3 calls it in ``net_arch``; "" if the policy has but one.
        prefix: What the names of its parameters begin with.
        has_output: Whether its last layer is the output, and not a hidden layer.
    """

    name: str
    prefix: str
    has_output: bool


class Family(NamedTuple):
    """The algorithms that have a kind of policy in common.

    Attributes:
        policy: The class.
        mark: What the name of a parameter begins with that no kind after it in the list has.
        networks: Its networks.
    """

    policy: type[BasePolicy]
    mark: str
    networks: tuple[Network, ...]


QF = Network("qf", "critic.qf0", has_output=True)
FAMILIES = (
    Family(  # PPO and A2C
        ActorCriticPolicy,
        "action_net.",
        (
            Network("pi", "mlp_extractor.policy_net", has_output=False),
            Network("vf", "mlp_extractor.value_net", has_output=False),
        ),
    ),
    Family(
        SACPolicy,
        "actor.log_std",
        (Network("pi", "actor.latent_pi", has_output=False), QF),
    ),
    Family(  # TD3 and DDPG
        TD3Policy,
        "actor.mu.",
        (Network("pi", "actor.mu", has_output=True), QF),
    ),
    Family(
        DQNPolicy,
        "q_net.q_net.",
        (Network("", "q_net.q_net", has_output=True),),
    ),
)


@checks_types
def load_policy(path: str | Path, env: GymEnv | str, device: torch.device | str = "cpu") -> Policy:
    """Load a policy that acts, from the file of an algorithm of SB3 or of a learner.

    No code in the file is run, other than by SB3's ``load``: what SB3 pickled is left alone. The
    sizes of the networks are read off their parameters, and the activation function from its name.
    So it works for the policies ``"MlpPolicy"`` and ``"CnnPolicy"`` of A2C, DDPG, DQN, PPO, SAC and
    TD3, with any hidden layers and the activation functions of PyTorch, and not for one's own
    classes. Images are turned to channels first where SB3 did so in training.

    It acts as the algorithm's ``predict`` does, but that of DQN is always greedy: the random
    actions that DQN explores with are not its policy's.

    Args:
        path: The file; ".zip" may be left out.
        env: The environment in which it is to act, a vector environment of SB3, or an id.
        device: Where it runs.

    Returns:
        The policy of an algorithm, or a learner.

    Raises:
        FileNotFoundError: If there is no such file.
        RefusedPickleError: If parameters are not made of tensors only.
        TypeError: If the environment is none.
        ValueError: If it is no such file, if the policy is of another kind, or if it does not fit
            to the observations and actions of the environment.
    """
    path = Path(path) if Path(path).is_file() else with_suffix(path)
    names = member_names(path)
    if "data.json" in names:
        return _load_learner(path, env, device)
    if "policy.pth" in names:
        return _sb3_policy(path, read_sb3(path, device), as_vec_env(env), device)
    if {"data", "parameters"} <= names:
        raise sb2_file_error(path)
    raise ValueError(
        f"path={str(path)!r} holds no policy: expected what `save` of an algorithm of SB3 or of a "
        "learner wrote"
    )


def _load_learner(path: Path, env: GymEnv | str, device: torch.device | str) -> RewardLearner:
    wanted = read_archive(path)[0]["class"]
    for name in registry.learner_names():
        with suppress(PluginError):
            learner_class = registry.load_learner(name)
            if learner_class.__name__ == wanted:
                return learner_class.load(path, env, device)
    raise ValueError(
        f"path={str(path)!r} holds a learner of the class {wanted}, and no installed package "
        f"offers one: installed are {', '.join(registry.learner_names()) or 'none'}"
    )


def _sb3_policy(
    path: Path, saved: SavedModel, env: VecEnv, device: torch.device | str
) -> BasePolicy:
    """The policy of an algorithm for the spaces of an environment."""
    parameters = saved.states["policy"]
    family = next(
        (family for family in FAMILIES if any(name.startswith(family.mark) for name in parameters)),
        None,
    )
    if family is None:
        raise ValueError(
            f"path={str(path)!r} has a policy of an unknown kind: expected one of A2C, DDPG, DQN, "
            "PPO, SAC or TD3"
        )
    _check_spaces(path, saved.settings, env)
    observation_space = _trained_space(saved.settings, env.observation_space)
    policy = family.policy(
        observation_space,
        env.action_space,
        lr_schedule=lambda _: 0.0,
        **_arguments(path, saved, family),
    )
    _check_parameters(path, env, policy.state_dict(), parameters)
    policy.load_state_dict(parameters)
    policy.set_training_mode(False)
    if saved.settings.get("use_sde") is True:
        policy.reset_noise()  # type: ignore[operator]
    return policy.to(device)


def _arguments(path: Path, saved: SavedModel, family: Family) -> dict[str, Any]:
    """The arguments with which the policy was made, as far as its actions depend on them."""
    parameters = saved.states["policy"]
    stored = saved.settings.get("policy_kwargs")
    stored = stored if isinstance(stored, dict) else {}
    own_class = _text(saved.settings.get("policy_class"), "__module__")
    if own_class in ("", family.policy.__module__):
        own_class = _text(stored, "features_extractor_class")
    if own_class and own_class not in KNOWN_CLASSES:
        raise ValueError(
            f"path={str(path)!r} has a policy of a class of its own ({own_class}), which cannot be "
            "made without running code from the file: expected an MlpPolicy or a CnnPolicy"
        )
    hidden = {network.name: _hidden_layers(parameters, network) for network in family.networks}
    arguments: dict[str, Any] = {
        **{name: stored[name] for name in SWITCHES if isinstance(stored.get(name), bool)},
        "net_arch": hidden.get("", hidden),
        "use_sde": saved.settings.get("use_sde") is True,
        "n_critics": sum(f"critic.qf{i}.0.weight" in parameters for i in range(len(parameters))),
    }
    convolutions = [name for name in parameters if name.endswith("extractor.linear.0.bias")]
    if convolutions:
        features_dim = len(parameters[convolutions[0]])
        arguments["features_extractor_class"] = NatureCNN
        arguments["features_extractor_kwargs"] = {"features_dim": features_dim}
    if isinstance(stored.get("clip_mean"), (int, float)):
        arguments["clip_mean"] = float(stored["clip_mean"])
    if activation := _text(stored, "activation_fn"):
        arguments["activation_fn"] = _activation(path, activation)
    known = inspect.signature(family.policy).parameters
    return {name: value for name, value in arguments.items() if name in known}


def _trained_space(settings: dict[str, Any], space: spaces.Space[Any]) -> spaces.Space[Any]:
    """The observation space that a policy was made for: that of an environment, or transposed.

    SB3 trains on images whose channels come first; the policy turns others at use.
    """
    if not is_image_space(space) or is_image_space_channels_first(space):  # type: ignore[arg-type]
        return space
    stored = settings.get("observation_space")
    shape = stored.get("_shape") if isinstance(stored, dict) else None
    return space if shape == list(space.shape or ()) else VecTransposeImage.transpose_space(space)  # type: ignore[arg-type]


def _text(settings: Any, name: str) -> str:
    value = settings.get(name) if isinstance(settings, dict) else None
    return value if isinstance(value, str) else ""


def _activation(path: Path, text: str) -> type[nn.Module]:
    """The activation function that SB3 describes as "<class '…'>"."""
    found = re.fullmatch(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>", text)
    if found is None or found[1] not in ACTIVATIONS:
        raise ValueError(
            f"path={str(path)!r} has the activation function {text}: expected one of PyTorch's, "
            f"{', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[found[1]]


def _hidden_layers(parameters: dict[str, torch.Tensor], network: Network) -> list[int]:
    """The sizes of the hidden layers of a network, from the shapes of its parameters."""
    layer = re.compile(re.escape(network.prefix) + r"\.(\d+)\.weight")
    sizes = {
        int(found[1]): len(tensor)
        for name, tensor in parameters.items()
        if (found := layer.fullmatch(name)) and tensor.ndim == 2
    }
    in_order = [sizes[index] for index in sorted(sizes)]
    return in_order[:-1] if network.has_output else in_order


def _check_spaces(path: Path, settings: dict[str, Any], env: VecEnv) -> None:
    """Raise a ValueError if the spaces cannot be those with which the policy was trained."""
    space = env.action_space
    stored_type = re.search(r"(\w+)'>$", _text(settings.get("action_space"), ":type:"))
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
        stored = _numbers(_text(settings.get("action_space"), name))
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
