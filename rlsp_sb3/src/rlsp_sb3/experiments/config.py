"""Configurations of experiments: those of the package, and the settings that a user changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import resources
from typing import Any

import yaml

from rlsp_sb3.learners import registry
from rlsp_sb3.presets import find_budget
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.solvers.sb3_arguments import yaml_value
from rlsp_sb3.utils.arguments import check_arguments
from rlsp_sb3.utils.checks import check_choice, check_int
from rlsp_sb3.utils.did_you_mean import did_you_mean

PRESET_NAMES = ("paper", "fast", "smoke")
DEFAULT = "default.yaml"
SHORT = {"budget": "base", "encoder": "name"}
"""Entries whose name may stand for a mapping with nothing but that name, and how that is called."""


@dataclass(frozen=True)
class Config:
    """Configuration of a method in an environment.

    Args:
        rlsp: Arguments of the constructor of RLSP, as JSON can hold them.
        retrain_timesteps: For how many environment steps a policy is retrained, at least 1.
        gail: Arguments of the constructor of GAIL, as JSON can hold them.
        gail_timesteps: For how many environment steps its generator is trained, at least 1.
        episodes: In how many episodes a policy's return is measured, at least 1.
        transitions: How many transitions of each of three policies (random, expert, learned)
            rewards are compared on, at least 2.

    Raises:
        TypeError: If an entry has a wrong type.
        ValueError: If an argument is unknown, or a number out of range.
    """

    rlsp: dict[str, Any]
    retrain_timesteps: int
    gail: dict[str, Any]
    gail_timesteps: int
    episodes: int
    transitions: int

    def __post_init__(self) -> None:
        """Check all entries."""
        check_int("retrain_timesteps", self.retrain_timesteps, 1)
        check_int("gail_timesteps", self.gail_timesteps, 1)
        check_int("episodes", self.episodes, 1)
        check_int("transitions", self.transitions, 2)
        check_arguments("rlsp", RLSP, self.rlsp)
        find_budget(self.rlsp.get("budget", "fast"), is_tabular=False)
        if "gail" in registry.learner_names():
            check_arguments("gail", registry.load_learner("gail"), self.gail)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)


def load_config(env_id: str, preset: str = "fast", assignments: Iterable[str] = ()) -> Config:
    """The configuration for an environment.

    Args:
        env_id: The id of the environment.
        preset: "paper", "fast" or "smoke".
        assignments: What is to be other than shipped, as texts like "retrain_timesteps=1000",
            "rlsp.horizon=10" or "rlsp.budget.n_epochs=3", with values in YAML.

    Raises:
        TypeError: If an entry has a wrong type.
        ValueError: If there is no such preset, or an assignment is none or names nothing.
    """
    check_choice("preset", preset, PRESET_NAMES)
    file = _file_of(env_id)
    # A copy: what is shipped is read once.
    chosen = deepcopy(_merged(_shipped()[DEFAULT][preset], _shipped()[file][preset]))
    config = _checked(f"{file}, {preset}", chosen)
    for assignment in assignments:
        chosen = _merged(chosen, _parse(assignment))
        config = _checked(f"--set {assignment}", chosen)
    return config


def _checked(where: str, entries: Mapping[str, Any]) -> Config:
    """A configuration, or an error that says where it is wrong."""
    names = [field.name for field in fields(Config)]
    for name in entries:
        if name not in names:
            raise ValueError(
                f"{where}: there is no entry {name!r}{did_you_mean(str(name), names)}: expected "
                f"some of {', '.join(names)}"
            )
    if missing := [name for name in names if name not in entries]:
        raise ValueError(f"{where}: {', '.join(missing)} is missing")
    try:
        return Config(**entries)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from error


def _parse(assignment: str) -> dict[str, Any]:
    """The nested mapping that an assignment such as "rlsp.horizon=10" stands for."""
    path, equals, text = assignment.partition("=")
    if not equals:
        raise ValueError(f"--set {assignment}: expected NAME=VALUE, such as rlsp.horizon=10")
    try:
        value = yaml_value(text.strip())
    except ValueError as error:
        raise ValueError(f"--set {assignment}: {error}") from error
    for name in reversed(path.strip().replace("-", "_").split(".")):
        value = {name: value}
    return dict(value)


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of both; of mappings in both, the entries of both again."""
    merged = dict(first)
    for name, value in second.items():
        before = merged.get(name)
        if isinstance(value, dict) and isinstance(before, str) and name in SHORT:
            before = {SHORT[name]: before}
        both = isinstance(value, dict) and isinstance(before, dict)
        merged[name] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged


def _file_of(env_id: str) -> str:
    """The name of the file that serves an environment."""
    name = env_id.rpartition(":")[2]
    found = (file for file, content in _shipped().items() if name in content["envs"])
    return next(found, DEFAULT)


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    """The files of the package by name, each a mapping of "envs" and the names of budgets."""
    folder = resources.files("rlsp_sb3.experiments").joinpath("configs")
    files = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return {file.name: _read(file.name, file.read_text(encoding="utf-8")) for file in files}


def _read(name: str, text: str) -> dict[str, Any]:
    """A file, if it has all the entries on its first level and no others."""
    content = yaml.safe_load(text)
    expected = {"envs", *PRESET_NAMES}
    if not isinstance(content, dict) or set(content) != expected:
        raise ValueError(f"{name} has {content!r}: expected a mapping of {sorted(expected)}")
    return content
