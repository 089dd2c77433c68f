"""Arguments of SB3's algorithms that can be written as text: their names, types and values."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any, get_origin

import numpy as np
import stable_baselines3
import yaml
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise

from rlsp_sb3.models.networks import ACTIVATIONS
from rlsp_sb3.utils.arguments import SIMPLE_TYPES, argument_types, arguments_of
from rlsp_sb3.utils.did_you_mean import did_you_mean

SOLVERS: dict[str, type[BaseAlgorithm]] = {
    name: getattr(stable_baselines3, name) for name in ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")
}
POLICY = "MlpPolicy"

# Who sets what this file does not.
ELSEWHERE = {"env": "ENV", "seed": "--seed", "tensorboard_log": "--tensorboard"}
NO_HYPERPARAMETERS = {*ELSEWHERE, "policy", "verbose", "_init_setup_model"}
WRITABLE = {
    **SIMPLE_TYPES,
    str: "text",
    tuple: "a list",
    dict: "a mapping",
    ActionNoise: "a number",
}


def find_sb3_algorithm(name: str) -> type[BaseAlgorithm]:
    """The algorithm of SB3 of a name, in whatever letters.

    Raises:
        ValueError: If there is none.
    """
    if name.upper() not in SOLVERS:
        raise ValueError(
            f"solver={name!r}{did_you_mean(name, SOLVERS)}: expected one of {', '.join(SOLVERS)}"
        )
    return SOLVERS[name.upper()]


def default_solver(action_space: spaces.Space[Any]) -> type[BaseAlgorithm]:
    """SAC for actions that are numbers, and otherwise PPO."""
    return SOLVERS["SAC" if isinstance(action_space, spaces.Box) else "PPO"]


def constructor_arguments(
    chosen: Mapping[str, Any], action_space: spaces.Space[Any]
) -> dict[str, Any]:
    """Hyperparameters as the constructor of the algorithm wants them, if they are not yet.

    Raises:
        ValueError: If there is no activation function of that name.
    """
    arguments = dict(chosen)
    if isinstance(arguments.get("train_freq"), list):
        arguments["train_freq"] = tuple(arguments["train_freq"])
    if isinstance(arguments.get("action_noise"), (int, float)):
        sigma = arguments["action_noise"] * np.ones(action_space.shape or ())
        arguments["action_noise"] = NormalActionNoise(np.zeros_like(sigma), sigma)
    kwargs = arguments.get("policy_kwargs") or {}
    if isinstance(kwargs.get("activation_fn"), str):
        _check_name("there is no activation_fn", kwargs["activation_fn"], ACTIVATIONS)
        activation = ACTIVATIONS[kwargs["activation_fn"]]
        arguments["policy_kwargs"] = {**kwargs, "activation_fn": activation}
    return arguments


def merge(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The first with the entries of the second, also within ``policy_kwargs``."""
    merged = {**base, **other}
    if base.get("policy_kwargs") and other.get("policy_kwargs"):
        merged["policy_kwargs"] = {**base["policy_kwargs"], **other["policy_kwargs"]}
    return merged


def check_hyperparameters(solver: type[BaseAlgorithm], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters, with whole numbers as ints where ints are due.

    Raises:
        ValueError: If one is unknown, or has a value of a wrong type; the message names it.
    """
    allowed = {
        name: types
        for name in arguments_of(solver)
        if name not in NO_HYPERPARAMETERS and (types := _writable_types(solver, name)) - {NoneType}
    }
    checked = {}
    for name, value in chosen.items():
        _check_name(f"{solver.__name__} has no hyperparameter", name, allowed)
        checked[name] = _check_value(name, value, allowed[name])
    if checked.get("policy_kwargs"):
        _check_policy_kwargs(solver, checked["policy_kwargs"])
    return checked


def _writable_types(solver: type[BaseAlgorithm], name: str) -> set[Any]:
    """The types of an argument whose values can be written as text."""
    types = {get_origin(part) or part for part in argument_types(solver, name)}
    return types & set(WRITABLE)


def _check_name(complaint: str, name: Any, allowed: Iterable[str]) -> None:
    allowed = list(allowed)
    if name not in allowed:
        raise ValueError(
            f"{complaint} {name!r}{did_you_mean(str(name), allowed)}: expected one of "
            f"{', '.join(allowed)}"
        )


def _check_value(name: str, value: Any, types: set[Any]) -> Any:
    """A value, if it is of one of some types."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and types & {float, ActionNoise}:
        return value
    if number and int in types and float(value).is_integer():
        return int(value)
    if isinstance(value, list) and tuple in types:
        return value
    if not number and type(value) in types:
        return value
    expected = " or ".join(words for kind, words in WRITABLE.items() if kind in types)
    raise ValueError(f"{name}={value!r}: expected {expected}")


def _check_policy_kwargs(solver: type[BaseAlgorithm], kwargs: Mapping[str, Any]) -> None:
    policy = solver.policy_aliases[POLICY]
    given = {"observation_space", "action_space", "lr_schedule", "use_sde"}
    allowed = [
        name
        for name in inspect.signature(policy).parameters
        if name not in given and not name.endswith("_class")
    ]
    for name in kwargs:
        _check_name("policy_kwargs has no entry", name, allowed)
    if "activation_fn" in kwargs:
        _check_name("there is no activation_fn", kwargs["activation_fn"], ACTIVATIONS)


def yaml_value(text: str) -> Any:
    """A value in YAML, but 1e-3 is a number and None is none.

    Raises:
        ValueError: If it is no YAML.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"expected a value in YAML ({' '.join(str(error).split())})") from error
    if isinstance(value, str):
        if value.lower() == "none":
            return None
        try:
            return float(value)
        except ValueError:
            return value
    return value
