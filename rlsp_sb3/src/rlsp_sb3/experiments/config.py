"""Configurations of experiments: those of the package, and the settings that a user changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any

import yaml
from annotated_types import Ge

from rlsp_sb3.learners import registry
from rlsp_sb3.presets import PRESETS, find_preset
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.utils.arguments import SHORT, check_arguments
from rlsp_sb3.utils.checks import check_choice, check_names
from rlsp_sb3.utils.settings import (
    Settings,
    merged,
    nested,
    split_assignment,
    unknown_name,
    validated,
    yaml_value,
)
from rlsp_sb3.utils.type_checks import checks_types

DEFAULT = "default"
"""The configuration from which all others inherit."""

SUFFIX = ".yaml"


@dataclass(frozen=True)
class Config(Settings):
    """Configuration of a method in an environment.

    Attributes:
        rlsp: Arguments of the constructor of RLSP, as JSON can hold them.
        retrain_timesteps: For how many environment steps a policy is retrained, at least 1.
        gail: Arguments of the constructor of GAIL, as JSON can hold them.
        gail_timesteps: For how many environment steps its generator is trained, at least 1.
        episodes: In how many episodes a policy's return is measured, at least 1.
        transitions: How many transitions of each of three policies (random, expert, learned)
            rewards are compared on, at least 2.
    """

    rlsp: dict[str, Any]
    retrain_timesteps: Annotated[int, Ge(1)]
    gail: dict[str, Any]
    gail_timesteps: Annotated[int, Ge(1)]
    episodes: Annotated[int, Ge(1)]
    transitions: Annotated[int, Ge(2)]

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)


@checks_types
def load_config(env_id: str, preset: str = "fast", assignments: Iterable[str] = ()) -> Config:
    """The configuration for an environment.

    Args:
        env_id: The id of the environment.
        preset: "paper", "fast" or "smoke".
        assignments: What is to be other than shipped, as texts like "retrain_timesteps=1000",
            "rlsp.horizon=10" or "rlsp.hyperparameters.solver.n_steps=20000", with values in YAML.

    Raises:
        TypeError: If an entry has a wrong type.
        ValueError: If there is no such preset, or an assignment is none or names nothing.
    """
    check_choice("preset", preset, PRESETS)
    name = _file_of(env_id)
    chosen: dict[str, Any] = {}
    for each in lineage(name, _shipped()):
        chosen = merged(chosen, _shipped()[each].get(preset, {}), SHORT)
    config = _checked(f"{name}, {preset}", chosen)
    for assignment in check_names("assignments", assignments):
        path, text = split_assignment(assignment, "rlsp.horizon=10")
        try:
            value = yaml_value(text)
        except ValueError as error:
            raise ValueError(f"--set {assignment}: {error}") from error
        chosen = merged(chosen, nested(path, value), SHORT)
        config = _checked(f"--set {assignment}", chosen)
    return config


def lineage(name: str, files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A configuration and those that it inherits from, the farthest first.

    Args:
        name: The name of the configuration.
        files: The contents of all; "inherits" is the name of the one that it differs from, which is
            "default" for all others than that.

    Raises:
        ValueError: If there is none of a name, or one inherits from itself.
    """
    names = [name]
    while names[-1] != DEFAULT:
        parent = files[names[-1]].get("inherits", DEFAULT)
        if not isinstance(parent, str) or parent not in files:
            error = unknown_name("the folder", str(parent), files, "configuration")
            raise ValueError(f"{names[-1]}: inherits={parent!r}: {error}")
        if parent in names:
            circle = " from ".join([*names[names.index(parent) :], parent])
            raise ValueError(f"{names[-1]}: inherits={parent!r}: {circle} is a circle")
        names.append(parent)
    return names[::-1]


def _checked(where: str, entries: Mapping[str, Any]) -> Config:
    """A configuration, or an error that says where it is wrong."""
    try:
        config: Config = validated(Config, entries)
        check_arguments("rlsp", RLSP, config.rlsp)
        preset = config.rlsp.get("preset", "fast")
        find_preset(preset, config.rlsp.get("hyperparameters"), prefix="rlsp.")
        if "gail" in registry.learner_names():
            check_arguments("gail", registry.load_learner("gail"), config.gail)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from error
    return config


def _file_of(env_id: str) -> str:
    """The name of the configuration that serves an environment."""
    name = env_id.rpartition(":")[2]
    found = (file for file, content in _shipped().items() if name in content.get("envs", ()))
    return next(found, DEFAULT)


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    """The files of the package by name, each a mapping of "envs" and the names of presets."""
    folder = resources.files("rlsp_sb3.experiments").joinpath("configs")
    files = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return {
        file.name.removesuffix(SUFFIX): _read(file.name, file.read_text(encoding="utf-8"))
        for file in files
    }


def _read(name: str, text: str) -> dict[str, Any]:
    """A file, if it has no entries on its first level but those that there are."""
    content = yaml.safe_load(text)
    expected = ["envs", "inherits", *PRESETS]
    if not isinstance(content, dict) or not set(content) <= set(expected):
        raise ValueError(f"{name} has {content!r}: expected a mapping of some of {expected}")
    return content
