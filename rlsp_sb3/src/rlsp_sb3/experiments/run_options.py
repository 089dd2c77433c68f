"""Configurations of single runs: the options of ``rlsp learn`` as YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
import yaml
from annotated_types import Ge

from rlsp_sb3 import env_util
from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.experiments.learner_run import (
    DEFAULT_PRESET,
    default_learner,
    preset_option,
    shipped_arguments,
)
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.policies.random_policy import RandomPolicy
from rlsp_sb3.utils.arguments import ARRAYS, PER_RUN, SHORT, arguments_of, check_arguments
from rlsp_sb3.utils.settings import Settings, has_all_entries, merged, validated
from rlsp_sb3.utils.type_checks import checks_types


@dataclass(frozen=True, kw_only=True)
class RunOptions(Settings):
    """Options of ``rlsp learn``; None, or no entry, for its defaults.

    Attributes:
        learner: The name of the learner.
        preset: The preset of Deep RLSP.
        states: What observed states are sampled from.
        n_states: How many.
        vec_normalize: The statistics of a policy that they are sampled from.
        timesteps: For how long to learn.
        seed: The seed.
        log_interval: Every how many timesteps to log.
        arguments: Arguments of the learner's constructor, by name.
    """

    learner: str | None = None
    preset: str | None = None
    states: str | None = None
    n_states: Annotated[int, Ge(1)] | None = None
    vec_normalize: str | None = None
    timesteps: Annotated[int, Ge(1)] | None = None
    seed: Annotated[int, Ge(0)] | None = None
    log_interval: Annotated[int, Ge(1)] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    def updated(self, **changes: Any) -> RunOptions:
        """The same with changes that are not None.

        Raises:
            ValueError: If another preset or learner than that of all hyperparameters is wanted.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        complete = has_all_entries(RLSPHyperparameters, self.arguments.get("hyperparameters"))
        for name in ("learner", "preset"):
            before, after = getattr(self, name), given.get(name)
            if complete and before is not None and after not in (None, before):
                raise ValueError(
                    f"--{name} {after}: the configuration has all hyperparameters of the {name} "
                    f"{before}; print another one by `rlsp config ENV --{name} {after}`, or remove "
                    "them from the file"
                )
        return replace(self, **given)

    def check_arguments(self, learner: type[RewardLearner]) -> None:
        """Raise an error unless a learner has the arguments.

        Raises:
            TypeError: If one has a wrong type.
            ValueError: If one is none of its own, or belongs to a run.
        """
        own = {name: value for name, value in self.arguments.items() if name not in ARRAYS}
        check_arguments("arguments", learner, own)
        for name in ARRAYS & set(self.arguments):  # the path of a file
            validated(str, self.arguments[name], f"arguments.{name}")

    def to_yaml(self) -> str:
        """All of them, as YAML."""
        entries = json.loads(json.dumps(asdict(self)))  # without tuples, which YAML has no word for
        arguments = entries.pop("arguments")
        parts = [_yaml_line(name, value) for name, value in entries.items()]
        inside = "".join(_yaml_line(name, value) for name, value in arguments.items())
        return "".join([*parts, f"arguments:\n{indent(inside, '  ')}" if inside else ""])


def _yaml_line(name: str, value: Any) -> str:
    """An entry; of nested mappings the innermost are in one line."""
    style = None if isinstance(value, (dict, list)) else False
    text: str = yaml.safe_dump({name: value}, sort_keys=False, default_flow_style=style)
    return text


@checks_types
def read_run_options(path: str | Path) -> RunOptions:
    """Read a configuration file for ``rlsp learn``.

    Args:
        path: A YAML file with some of the entries of a :class:`RunOptions`.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If an entry has a wrong type.
        ValueError: If it is no YAML, or an entry is unknown or out of range.
    """
    path = Path(path)
    try:
        entries = yaml.safe_load(read_text_file(path))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(entries, Mapping):
        raise ValueError(f"{path} has {entries!r}: expected entries such as those of `rlsp config`")
    try:
        options: RunOptions = validated(RunOptions, entries)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from error
    return options


@checks_types
def complete_run_options(
    env: str,
    learner: str | None = None,
    preset: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> RunOptions:
    """The options of a run with every argument of its learner, as they are without any.

    Args:
        env: The id of an environment.
        learner: The name of an installed learner; None for the default one.
        preset: For "rlsp" only: "paper", "fast" or "smoke"; None for "fast".
        arguments: Arguments of the learner that are to be other ones.

    Raises:
        TypeError: If the learner cannot learn in the environment, or an argument has a wrong type.
        ValueError: If there is no learner or preset of a name, or an argument is out of range.
    """
    name = default_learner(env) if learner is None else learner
    learner_class = registry.load_learner(name)
    given = merged(shipped_arguments(name, env, preset), arguments or {}, SHORT)
    made = env_util.make_env(env)
    try:
        used = learner_class(made, seed=0, **given, **_examples(learner_class, made))
        saved = used.saved_arguments()
    finally:
        made.close()
    kept = {key: value for key, value in saved.items() if key not in PER_RUN | ARRAYS}
    if has_presets := preset_option(name):
        kept.pop("preset")
    return RunOptions(
        learner=name,
        preset=(preset or DEFAULT_PRESET) if has_presets else None,
        seed=0,
        log_interval=1,
        arguments=kept,
    )


def _examples(learner: type[RewardLearner], env: gym.Env[Any, Any]) -> dict[str, Any]:
    """Examples of arrays that a learner cannot be made without; they decide nothing else."""
    examples: dict[str, Any] = {}
    names = arguments_of(learner)
    if getattr(env.unwrapped, "observed_states", None) is None:
        observation, _ = env.reset(seed=0)
        examples["observed_states"] = np.asarray(observation)[None]
    if "demonstrations" in names:
        examples["demonstrations"] = rollout_env(RandomPolicy(env, 0), env, seed=0, max_steps=2)
    return {key: value for key, value in examples.items() if key in names}
