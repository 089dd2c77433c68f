"""Sweeps: each method with each of several values of arguments of its learner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import yaml

from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.learners import registry
from rlsp_sb3.utils.arguments import arguments_of, parse_settings


class Sweep(NamedTuple):
    """The values that an argument is to have.

    Attributes:
        argument: The name of the argument.
        values: Its values, as text in YAML.
    """

    argument: str
    values: list[str]


class SweptMethod(NamedTuple):
    """A method with each value of the first argument that is swept over.

    Attributes:
        label: What it is called in figures.
        points: The method with each value, by the value as text; by "" if it has no such argument.
    """

    label: str
    points: dict[str, Method]


def parse_sweeps(texts: Iterable[str]) -> list[Sweep]:
    """Read sweeps such as "horizon=1,2,3" or "horizon=7,[7, 8]", with values in YAML.

    Raises:
        ValueError: If one has no name or no values, or something is given twice.
    """
    sweeps: list[Sweep] = []
    for text in texts:
        name, _, listed = text.partition("=")
        name = name.strip().replace("-", "_")
        try:
            values = [_as_text(value) for value in yaml.safe_load(f"[{listed}]")]
        except yaml.YAMLError as error:
            raise ValueError(
                f"--sweep {text}: expected values in YAML ({' '.join(str(error).split())})"
            ) from error
        if not name or not values:
            raise ValueError(f"--sweep {text}: expected NAME=VALUE,…, such as horizon=5,10,20")
        if len(set(values)) < len(values) or name in [sweep.argument for sweep in sweeps]:
            raise ValueError(f"--sweep {text}: expected each argument and each value once")
        sweeps.append(Sweep(name, values))
    return sweeps


def sweep_methods(methods: Sequence[Method], sweeps: Sequence[Sweep]) -> list[SweptMethod]:
    """Methods with all combinations of values; one whose learner lacks an argument goes without.

    Raises:
        ValueError: If no learner has an argument, or a value is none that it can have.
    """
    arguments = {method.name: arguments_of(_learner(method)) for method in methods}
    for sweep in sweeps:
        if not any(sweep.argument in each for each in arguments.values()):
            raise ValueError(
                f"--sweep {sweep.argument}: none of {', '.join(arguments)} has this argument"
            )
    swept: list[SweptMethod] = []
    for method in methods:
        own = [sweep for sweep in sweeps if sweep.argument in arguments[method.name]]
        axis = own.pop(0).values if own and own[0] is sweeps[0] else [""]
        for values in product(*(sweep.values for sweep in own)):
            fixed = {sweep.argument: value for sweep, value in zip(own, values, strict=True)}
            points = {
                value: _with(method, {sweeps[0].argument: value, **fixed} if value else fixed)
                for value in axis
            }
            swept.append(SweptMethod(_with(method, fixed).label, points))
    return swept


def _with(method: Method, values: Mapping[str, str]) -> Method:
    """A method with arguments, which are part of its name and label."""
    if not values:
        return method
    texts = [f"{name}={value}" for name, value in values.items()]
    try:
        settings = parse_settings(_learner(method), texts)
    except ValueError as error:
        raise ValueError(str(error).replace("--set", "--sweep", 1)) from None
    label = ", ".join([method.label, *(f"{name} {value}" for name, value in values.items())])
    name = " ".join([method.name, *texts])
    return method._replace(name=name, label=label, settings={**method.settings, **settings})


def _learner(method: Method) -> type[Any]:
    return registry.load_learner(method.learner)


def _as_text(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1_000_000)
    return text.removesuffix("\n").removesuffix("\n...")
