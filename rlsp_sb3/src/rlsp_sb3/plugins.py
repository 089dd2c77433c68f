"""Learners and environments of the installed packages, found by their entry points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib import metadata
from inspect import isclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
from gymnasium.envs import registration
from gymnasium.envs.registration import EnvSpec

from rlsp_sb3.errors import PluginError
from rlsp_sb3.suggest import did_you_mean

if TYPE_CHECKING:
    from rlsp_sb3.base import RewardLearner

LEARNERS = "rlsp.learners"
ENVIRONMENTS = "gymnasium.envs"
BROKEN = (
    *(gym.error.Error, ImportError, OSError),  # an extra or a file is missing
    *(AssertionError, AttributeError, TypeError, ValueError),  # written for other versions
)
"""What the environments of a package that is broken fail with."""


def learner_names() -> list[str]:
    """The names of the installed learners; none of them is imported."""
    return sorted({plugin.name for plugin in metadata.entry_points(group=LEARNERS)})


def load_learner(name: str) -> type[RewardLearner]:
    """The class of an installed learner.

    Raises:
        ValueError: If no installed package offers a learner of that name.
        PluginError: If it cannot be loaded, or is no learner.
    """
    from rlsp_sb3.base import RewardLearner

    found = [plugin for plugin in metadata.entry_points(group=LEARNERS) if plugin.name == name]
    if not found:
        names = learner_names()
        raise ValueError(
            f"there is no learner {name!r}{did_you_mean(name, names)}: expected "
            + (f"one of {', '.join(names)}" if names else "that a package is installed with one")
        )
    try:
        learner = found[0].load()
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"the learner {name!r} of {_distribution(found[0])} cannot be loaded: {error}"
        ) from error
    if not (isclass(learner) and issubclass(learner, RewardLearner)):
        raise PluginError(
            f"the learner {name!r} of {_distribution(found[0])} is no subclass of "
            f"rlsp_sb3.RewardLearner: its entry point is {found[0].value}"
        )
    return learner


@cache
def register_envs() -> None:
    """Register the environments of the installed packages; does nothing the second time.

    Gymnasium 0.29 does this by itself when it is imported, Gymnasium 1.0 and later do not. A
    package that fails is warned about and passed over, as there.
    """
    if hasattr(registration, "load_plugin_envs"):
        return
    for plugin in metadata.entry_points(group=ENVIRONMENTS):
        # "__root__" stands for no namespace.
        root = plugin.name.startswith("__") and plugin.name.endswith("__")
        try:
            with nullcontext() if root else registration.namespace(plugin.name):
                plugin.load()()
        except BROKEN as error:
            gym.logger.warn(
                f"the environments of {_distribution(plugin)} cannot be registered: {error}"
            )


def make(env: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make an environment; a wrong id is an error that says where to look for the right one."""
    register_envs()
    try:
        return gym.make(env, **kwargs)
    except gym.error.UnregisteredEnv as error:
        raise gym.error.Error(f"{error} `rlsp envs` lists those of installed packages.") from error
    except ModuleNotFoundError as error:
        hint = did_you_mean(env.rpartition(":")[2], gym.registry)
        raise ModuleNotFoundError(f"{env}{hint}: {error}") from error


@contextmanager
def opened(spec: EnvSpec) -> Iterator[Any]:
    """A registered environment without its wrappers, while it is looked at.

    Raises:
        PluginError: If it cannot be made; says what to do.
    """
    try:
        made = gym.make(spec.id, disable_env_checker=True)
    except BROKEN as error:
        raise PluginError(_what_to_do(error)) from error
    try:
        yield made.unwrapped
    finally:
        made.close()


def plugin_specs() -> list[EnvSpec]:
    """The registered environments that are not Gymnasium's own."""
    specs = [spec for spec in gym.registry.values() if spec.entry_point is not None]
    return [spec for spec in specs if _package(spec) != "gymnasium"]


def _what_to_do(error: Exception) -> str:
    """The pip commands that an error names, or else what it says."""
    commands = re.findall(r"`pip install [^`]+`", str(error))
    if commands and isinstance(error, (gym.error.DependencyNotInstalled, ImportError)):
        return f"run {', then '.join(commands)}"
    return str(error).strip() or type(error).__name__


def _package(spec: EnvSpec) -> str:
    creator = spec.entry_point
    if not isinstance(creator, str):
        creator = getattr(creator, "func", creator)  # of a functools.partial
        creator = str(getattr(creator, "__module__", ""))
    return creator.partition(":")[0].partition(".")[0]


def _distribution(plugin: metadata.EntryPoint) -> str:
    return plugin.dist.name if plugin.dist else f"the entry point {plugin.value}"
