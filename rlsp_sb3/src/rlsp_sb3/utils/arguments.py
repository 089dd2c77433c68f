"""Arguments of a learner's constructor, written as NAME=VALUE."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from rlsp_sb3.utils.did_you_mean import did_you_mean

SIMPLE_TYPES = {bool: "True or False", int: "an int", float: "a number", type(None): "None"}
ELSEWHERE = {"env": "ENV", "seed": "--seed", "tensorboard_log": "--out"}
ARRAYS = {"observed_states", "demonstrations", "transitions", "inverse_dynamics"}
PER_RUN = {"env", "seed", "tensorboard_log", "checkpoint_dir", "verbose", "device"}
"""Arguments that differ from run to run, or decide nothing about the result."""


def arguments_of(learner: type[Any]) -> dict[str, inspect.Parameter]:
    """The arguments of a learner's constructor by name, without the environment."""
    return {
        name: parameter
        for name, parameter in inspect.signature(learner).parameters.items()
        if name != "env" and parameter.kind is not parameter.VAR_KEYWORD
    }


def parse_settings(learner: type[Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Read arguments of a learner's constructor.

    Args:
        learner: The class of the learner.
        assignments: Texts like "horizon=7", each value of the type that the argument is annotated
            with: bool, int, float, None, or a string.

    Raises:
        ValueError: If one is no assignment, names no argument, or has a value of another type.
    """
    arguments = arguments_of(learner)
    allowed = [name for name in arguments if name not in ELSEWHERE and name not in ARRAYS]
    settings = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip().replace("-", "_")
        if name in ELSEWHERE:
            raise ValueError(f"--set {assignment}: use {ELSEWHERE[name]} instead")
        if name not in allowed:
            raise ValueError(
                f"--set {assignment}: {learner.__name__} has no argument {name!r}"
                f"{did_you_mean(name, allowed)}: expected one of {', '.join(allowed)}"
            )
        if not equals:
            raise ValueError(f"--set {assignment}: expected NAME=VALUE")
        types = argument_types(learner, name)
        try:
            settings[name] = _parse(text.strip(), types)
        except ValueError as error:
            raise ValueError(f"--set {assignment}: {error}") from None
    return settings


def check_arguments(name: str, learner: type[Any], given: Any) -> None:
    """Check arguments of a learner's constructor that come from YAML.

    Args:
        name: What they are called in errors.
        learner: The class of the learner.
        given: The arguments by name.

    Raises:
        TypeError: If they are no mapping, or one has a type that the argument cannot have.
        ValueError: If one is none of the learner's, or belongs to a run and not to a configuration.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"{name}={given!r}: expected a mapping of arguments of {learner.__name__}")
    allowed = [each for each in arguments_of(learner) if each not in PER_RUN | ARRAYS]
    for argument, value in given.items():
        if argument not in allowed:
            raise ValueError(
                f"{name}.{argument}: {learner.__name__} takes no such argument from a "
                f"configuration{did_you_mean(str(argument), allowed)}: expected some of "
                f"{', '.join(allowed)}"
            )
        types = {get_origin(part) or part for part in argument_types(learner, argument)}
        if float in types:
            types.add(int)
        if types & {tuple, Sequence}:
            types.add(list)
        if Any not in types and type(value) not in types:
            words = [getattr(part, "__name__", str(part)) for part in types]
            raise TypeError(f"{name}.{argument}={value!r}: expected {' or '.join(sorted(words))}")


def _parse(text: str, types: set[Any]) -> Any:
    if type(None) in types and text.lower() == "none":
        return None
    if bool in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        if number in types:
            with suppress(ValueError):
                return number(text)
    if text.startswith("{"):
        return _mapping(text)
    if types <= set(SIMPLE_TYPES):
        expected = [words for simple, words in SIMPLE_TYPES.items() if simple in types]
        raise ValueError(f"expected {' or '.join(expected)}")
    return text


def _mapping(text: str) -> dict[str, Any]:
    """A mapping in YAML, such as {name: fourier, bandwidth: 0.5}."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"expected a mapping in YAML ({' '.join(str(error).split())})") from error
    if not isinstance(value, dict):
        raise ValueError("expected a mapping in YAML")
    return value


def argument_types(learner: type[Any], name: str) -> set[Any]:
    """The types that an argument may have; for a choice of values, their types."""
    try:
        argument = inspect.signature(learner, eval_str=True).parameters[name]
    except NameError:  # an annotation has a name that was imported for type checkers only
        argument = inspect.signature(learner).parameters[name]
        argument = argument.replace(annotation=argument.empty)
    hint, default = argument.annotation, argument.default
    if hint is argument.empty:
        if default is None or default is argument.empty:
            return {int, float, str, type(None)}
        hint = type(default)
    types = set()
    for part in get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,):
        values = get_args(part) if get_origin(part) is Literal else ()
        types |= {type(value) for value in values} or {part}
    return types
