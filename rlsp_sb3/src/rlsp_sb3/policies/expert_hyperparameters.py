"""Hyperparameters with which experts are trained: those of the package, and those of a user."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

import yaml
from stable_baselines3.common.base_class import BaseAlgorithm

from rlsp_sb3.solvers.sb3_arguments import OPTIONS_OF_EXPERT, SOLVERS, check_hyperparameters
from rlsp_sb3.utils.checks import check_names
from rlsp_sb3.utils.settings import (
    merged,
    nested,
    split_assignment,
    unknown_name,
    yaml_value,
)
from rlsp_sb3.utils.type_checks import checks_types

_FILE = "expert_hyperparameters.yaml"


@checks_types
def find_expert_hyperparameters(
    solver: type[BaseAlgorithm], env_id: str, assignments: Iterable[str] = ()
) -> dict[str, Any]:
    """The arguments for an algorithm in an environment, as JSON can hold them.

    Args:
        solver: The algorithm.
        env_id: The id of the environment.
        assignments: What is to be other than shipped, as texts like "gamma=0.9" or
            "policy_kwargs={net_arch: [64, 64]}", with values in YAML.

    Raises:
        ValueError: If an assignment is none, names no hyperparameter, or has a wrong value.
    """
    sections = _shipped()[solver.__name__]
    chosen = merged(sections["default"], sections.get(env_id, {}))
    for assignment in check_names("assignments", assignments):
        path, text = split_assignment(assignment)
        if path[0] in OPTIONS_OF_EXPERT:
            raise ValueError(f"--set {assignment}: use {OPTIONS_OF_EXPERT[path[0]]} instead")
        try:
            checked = check_hyperparameters(solver, nested(path, yaml_value(text)))
        except ValueError as error:
            raise ValueError(f"--set {assignment}: {error}") from error
        chosen = merged(chosen, checked)
    return chosen


@cache
def _shipped() -> dict[str, dict[str, dict[str, Any]]]:
    """The sections of the file by solver and id; each solver has a section "default"."""
    text = resources.files("rlsp_sb3.policies").joinpath(_FILE).read_text(encoding="utf-8")
    return read_expert_hyperparameters(text)


def read_expert_hyperparameters(text: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Read and check a file of hyperparameters.

    Args:
        text: YAML: for each solver a mapping from "default" and ids of environments to
            hyperparameters.

    Returns:
        The hyperparameters by solver and by id or "default", which each solver has.

    Raises:
        ValueError: If a solver or a hyperparameter is unknown, or a value has a wrong type.
    """
    checked: dict[str, dict[str, dict[str, Any]]] = {name: {"default": {}} for name in SOLVERS}
    for name, sections in _mapping("the file", yaml.safe_load(text)).items():
        if name not in SOLVERS:
            raise unknown_name("", str(name), SOLVERS, "solver")
        for env_id, chosen in _mapping(name, sections).items():
            try:
                section = check_hyperparameters(SOLVERS[name], _mapping(env_id, chosen))
                checked[name][env_id] = section
            except ValueError as error:
                raise ValueError(f"{name}, {env_id}: {error}") from error
    return checked


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r}: expected a mapping")
    return value
