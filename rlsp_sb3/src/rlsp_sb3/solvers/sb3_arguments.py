"""Arguments of SB3's algorithms that can be written as text: their names, types and values."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np
import stable_baselines3
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise

from rlsp_sb3.models.networks import ACTIVATIONS
from rlsp_sb3.solvers.fast_ppo import FastPPO
from rlsp_sb3.utils.arguments import argument_type, arguments_of, inherited_arguments
from rlsp_sb3.utils.checks import check_choice
from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.settings import unknown_name, validated
from rlsp_sb3.utils.type_checks import checks_types

SOLVERS: dict[str, type[BaseAlgorithm]] = {
    **{name: getattr(stable_baselines3, name) for name in ("A2C", "DDPG", "DQN", "PPO", "SAC")},
    "TD3": stable_baselines3.TD3,
    "FastPPO": FastPPO,
}
"""The algorithms that train experts, by name."""
POLICY = "MlpPolicy"

# Who sets what this file does not.
OPTIONS_OF_EXPERT = {"env": "ENV", "seed": "--seed", "tensorboard_log": "--tensorboard"}
NO_HYPERPARAMETERS = {*OPTIONS_OF_EXPERT, "policy", "verbose", "_init_setup_model"}
WRITABLE: dict[Any, Any] = {
    bool: bool,
    int: int,
    float: float,
    str: str,
    type(None): type(None),
    dict: dict[str, Any],
    ActionNoise: float,
}
"""The types of arguments that can be written as text, and the types of what is written."""

SET_BY_LEARNER = {"self", "policy", "env", "seed", "device", "_init_setup_model"}
_ABOVE = np.finfo(np.float64).tiny
_RANGES = {
    **dict.fromkeys(("gamma", "gae_lambda", "tau", "clip_range"), (0, 1)),
    **dict.fromkeys(("learning_rate", "max_grad_norm"), (_ABOVE, np.inf)),
    **dict.fromkeys(("batch_size", "buffer_size", "n_steps", "n_epochs"), (1, np.inf)),
    **dict.fromkeys(("policy_delay", "target_update_interval"), (1, np.inf)),
    **dict.fromkeys(("learning_starts", "ent_coef", "vf_coef", "action_noise"), (0, np.inf)),
    **dict.fromkeys(
        ("exploration_fraction", "exploration_initial_eps", "exploration_final_eps"), (0, 1)
    ),
}
"""The least and the largest number of arguments that mean the same in all algorithms."""


def find_sb3_algorithm(name: str) -> type[BaseAlgorithm]:
    """The algorithm that trains experts of a name, in whatever letters.

    Raises:
        ValueError: If there is none.
    """
    by_letters = {known.upper(): solver for known, solver in SOLVERS.items()}
    if name.upper() not in by_letters:
        raise ValueError(
            f"solver={name!r}{did_you_mean(name, SOLVERS)}: expected one of {', '.join(SOLVERS)}"
        )
    return by_letters[name.upper()]


def default_solver(action_space: spaces.Space[Any]) -> type[BaseAlgorithm]:
    """SAC for actions that are numbers, and otherwise PPO."""
    return SOLVERS["SAC" if isinstance(action_space, spaces.Box) else "PPO"]


@checks_types
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
        check_choice("policy_kwargs.activation_fn", kwargs["activation_fn"], ACTIVATIONS)
        activation = ACTIVATIONS[kwargs["activation_fn"]]
        arguments["policy_kwargs"] = {**kwargs, "activation_fn": activation}
    return arguments


@checks_types
def check_solver_kwargs(
    algorithm: type[BaseAlgorithm],
    kwargs: Mapping[str, Any],
    name: str = "solver_kwargs",
    others: Iterable[str] = (),
) -> dict[str, Any]:
    """Arguments of an algorithm, checked before it learns with them.

    What is no number or text, such as a schedule or a class, is taken as it is.

    Args:
        algorithm: The class of the algorithm.
        kwargs: The arguments.
        name: What they are called in errors.
        others: Names that are allowed, too.

    Returns:
        The arguments, with whole numbers as ints where ints are due.

    Raises:
        TypeError: If one has a wrong type.
        ValueError: If the algorithm has none of that name, or a number is not finite or out of the
            range of its name.
    """
    parameters = inspect.signature(algorithm).parameters
    allowed = [each for each in parameters if each not in SET_BY_LEARNER]
    checked = {}
    for each, value in kwargs.items():
        if each not in {*allowed, *others}:
            raise unknown_name(f"{name} of {algorithm.__name__}", str(each), allowed, "argument")
        full_name = f"{name}[{each!r}]"
        is_plain = value is None or isinstance(value, (bool, int, float, str, np.generic))
        kind = _writable_type(algorithm, each) if each in parameters and is_plain else None
        checked[each] = value if kind is None else _check_type(full_name, value, kind)
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            low, high = _RANGES.get(each, (-np.inf, np.inf))
            if not (np.isfinite(value) and low <= value <= high):
                expected = f"from {low:g} to {high:g}" if each in _RANGES else "finite"
                raise ValueError(f"{full_name}={value!r}: expected a number {expected}")
    return checked


def check_hyperparameters(solver: type[BaseAlgorithm], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters, with whole numbers as ints where ints are due.

    Raises:
        ValueError: If one is unknown, or has a value of a wrong type; the message names it.
    """
    kinds = {
        name: kind
        for name in arguments_of(solver)
        if name not in NO_HYPERPARAMETERS and (kind := _writable_type(solver, name))
    }
    checked = {}
    for name, value in chosen.items():
        if name not in kinds:
            raise unknown_name(solver.__name__, str(name), kinds, "hyperparameter")
        checked[name] = _check_value(name, value, kinds[name])
    if checked.get("policy_kwargs"):
        _check_policy_kwargs(solver, checked["policy_kwargs"])
    return checked


def _writable_type(solver: type[BaseAlgorithm], name: str) -> Any:
    """The type of what can be written for an argument; None if nothing can."""
    kind = argument_type(solver, name)
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    written = [
        part if get_origin(part) is tuple else WRITABLE.get(get_origin(part) or part)
        for part in parts
    ]
    written = [part for part in written if part is not None]
    if set(written) <= {type(None)}:
        return None
    return Union[tuple(written)]  # noqa: UP007 (of types that are not known here)


def _check_value(name: str, value: Any, kind: Any) -> Any:
    """A value, if it is of a type; an int if it is one, however it is written.

    Raises:
        ValueError: If it is of another type.
    """
    try:
        return _check_type(name, value, kind)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _check_type(name: str, value: Any, kind: Any) -> Any:
    """The same, with a TypeError if it is of another type."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():  # 1e6
        with suppress(TypeError, ValueError):
            return validated(kind, int(value), name)
    validated(kind, value, name)
    return value


def _check_policy_kwargs(solver: type[BaseAlgorithm], kwargs: Mapping[str, Any]) -> None:
    policy = solver.policy_aliases[POLICY]
    given = {"observation_space", "action_space", "lr_schedule", "use_sde"}
    allowed = [
        name
        for name in inherited_arguments(policy)
        if name not in given and not name.endswith("_class")
    ]
    for name in kwargs:
        if name not in allowed:
            raise unknown_name("policy_kwargs", str(name), allowed, "entry")
    if "activation_fn" in kwargs:
        check_choice("policy_kwargs.activation_fn", kwargs["activation_fn"], ACTIVATIONS)
