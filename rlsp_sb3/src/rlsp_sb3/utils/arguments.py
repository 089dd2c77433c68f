"""Arguments of a learner's constructor, as text or from a file."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from rlsp_sb3.utils.settings import (
    merged,
    nested,
    split_assignment,
    unknown_name,
    validated,
    yaml_value,
)

_OPTIONS_OF_LEARN = {"env": "ENV", "seed": "--seed", "tensorboard_log": "--out"}
ARRAYS = {"observed_states", "demonstrations"}
PER_RUN = {"env", "seed", "tensorboard_log", "checkpoint_dir", "verbose", "device"}
"""Arguments that differ from run to run, or decide nothing about the result."""

SHORT = {"encoder": "name"}
"""Arguments where text may stand for a mapping with nothing but it, and how it is called there."""


def arguments_of(learner: type[Any]) -> dict[str, inspect.Parameter]:
    """The arguments of a learner's constructor by name, without the environment."""
    return {
        name: parameter
        for name, parameter in inspect.signature(learner).parameters.items()
        if name != "env" and parameter.kind is not parameter.VAR_KEYWORD
    }


def inherited_arguments(made: type[Any]) -> list[str]:
    """The names of the arguments of a constructor, and of those that its ``**kwargs`` go to."""
    names: list[str] = []
    for each in inspect.getmro(made):
        if "__init__" in vars(each):
            parameters = inspect.signature(each).parameters.values()
            names += [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
    return list(dict.fromkeys(names))


def parse_settings(learner: type[Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Read arguments of a learner's constructor.

    Args:
        learner: The class of the learner.
        assignments: Texts like "horizon=7" or "hyperparameters.solver.n_steps=20000", with values
            in YAML, of the type that the argument is annotated with.

    Raises:
        ValueError: If one is no assignment, names no argument, or has a value of another type.
    """
    allowed = [
        name
        for name in arguments_of(learner)
        if name not in {*_OPTIONS_OF_LEARN, "observed_states"}  # --states
    ]
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name = assignment.partition("=")[0].partition(".")[0].strip().replace("-", "_")
        if name in _OPTIONS_OF_LEARN:
            raise ValueError(f"--set {assignment}: use {_OPTIONS_OF_LEARN[name]} instead")
        if name not in allowed:
            error = unknown_name(learner.__name__, name, allowed, "argument")
            raise ValueError(f"--set {assignment}: {error}")
        path, text = split_assignment(assignment)
        try:
            kind = Any if len(path) > 1 else argument_type(learner, name)
            if name in ARRAYS:
                kind = str  # the path of a file
            value = nested(path, _value(kind, text, name))
        except (TypeError, ValueError) as error:
            raise ValueError(f"--set {assignment}: {error}") from None
        settings = merged(settings, value, SHORT)
    return settings


def _value(kind: Any, text: str, name: str) -> Any:
    """The value in YAML that a text stands for, or else the text, if either is of a type."""
    value = yaml_value(text)
    try:
        found = validated(kind, value, name)
    except (TypeError, ValueError):
        if isinstance(value, str):
            raise
        try:
            return validated(kind, text, name)  # a name that is a word of YAML
        except (TypeError, ValueError):
            pass
        raise
    return value if isinstance(value, (list, Mapping)) else found


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
            raise unknown_name(
                f"{name}: {learner.__name__} in a configuration", str(argument), allowed, "argument"
            )
        validated(argument_type(learner, argument), value, f"{name}.{argument}")


def argument_type(learner: type[Any], name: str) -> Any:
    """The type that an argument is annotated with, or else that of its default."""
    try:
        argument = inspect.signature(learner, eval_str=True).parameters[name]
    except NameError:  # an annotation has a name that was imported for type checkers only
        argument = inspect.signature(learner).parameters[name]
        argument = argument.replace(annotation=argument.empty)
    if argument.annotation is not argument.empty:
        return argument.annotation
    if argument.default is None or argument.default is argument.empty:
        return int | float | str | None
    return type(argument.default)
