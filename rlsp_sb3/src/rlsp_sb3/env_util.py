"""Environments: found, made, opened and wrapped."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib import metadata
from typing import Any, TypeGuard

import gymnasium as gym
from gymnasium.envs import registration
from gymnasium.envs.registration import EnvSpec
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from rlsp_sb3.protocols import ReachableEnv
from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.errors import PluginError, distribution_name
from rlsp_sb3.utils.observations import check_array_space
from rlsp_sb3.utils.type_checks import checks_types

__all__ = [
    "as_vec_env",
    "find_spec",
    "first_base_env",
    "make_env",
    "open_env",
    "plugin_specs",
    "register_envs",
]


@checks_types
def first_base_env(env: Any) -> Any:
    """The first environment within a vector environment, without SB3's monitor.

    Raises:
        TypeError: If it is in another process, or wrapped as a vector environment.
    """
    if not isinstance(env, DummyVecEnv):
        raise TypeError(
            f"env={env}: expected an environment, its id, or a DummyVecEnv, whose environments can "
            "be simulated with"
        )
    first: Any = env.envs[0]
    while isinstance(first, Monitor):
        first = first.env
    return first


def has_too_many_states(env: Any) -> TypeGuard[ReachableEnv]:
    """Return whether an environment offers the states within reach, as all are too many."""
    if not isinstance(env, ReachableEnv):
        return False
    try:
        return not hasattr(env, "mdp")
    except MemoryError:
        return True


ENVIRONMENTS = "gymnasium.envs"


BROKEN = (
    *(gym.error.Error, ImportError, OSError),  # an extra or a file is missing
    *(AssertionError, AttributeError, TypeError, ValueError),  # written for other versions
)
"""Errors of the environments of a package that is broken."""


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
                f"the environments of {distribution_name(plugin)} cannot be registered: {error}"
            )


@checks_types
def make_env(env: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make an environment; a wrong id is an error that says where to look for the right one."""
    register_envs()
    with _hint_at_ids(env):
        return gym.make(env, **kwargs)


@checks_types
def find_spec(env: str) -> EnvSpec:
    """The registered environment of an id, whose module is imported if it names one.

    Raises:
        gymnasium.error.Error: If there is none; says where to look for the right id.
        ModuleNotFoundError: If there is no such module.
    """
    register_envs()
    with _hint_at_ids(env):
        module, colon, _ = env.partition(":")
        if colon:
            importlib.import_module(module)
        return gym.spec(env.rpartition(":")[2])


@contextmanager
def _hint_at_ids(env: str) -> Iterator[None]:
    try:
        yield
    except gym.error.UnregisteredEnv as error:
        raise gym.error.Error(f"{error} `rlsp envs` lists those of installed packages.") from error
    except ModuleNotFoundError as error:
        hint = did_you_mean(env.rpartition(":")[2], gym.registry)
        raise ModuleNotFoundError(f"{env}{hint}: {error}") from error


@contextmanager
def open_env(spec: EnvSpec) -> Iterator[Any]:
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


@checks_types
def as_vec_env(env: GymEnv | str, *, arrays: bool = False) -> VecEnv:
    """An environment as SB3's algorithms want it, with episodes monitored.

    Args:
        env: An environment, a vector environment of SB3, or an id.
        arrays: Whether observations have to be arrays of one shape.

    Raises:
        TypeError: If it is none of these, or its observations are no arrays and have to be.
    """
    if isinstance(env, str):
        register_envs()
        env = gym.make(env)
    if arrays and isinstance(env, (gym.Env, VecEnv)):
        check_array_space(env.observation_space)
    if isinstance(env, VecEnv):
        return env
    if not isinstance(env, gym.Env):
        raise TypeError(
            f"env={env!r}: expected a Gymnasium environment, a VecEnv of SB3, or the id of an "
            "environment"
        )
    monitored = env if is_wrapped(env, Monitor) else Monitor(env)
    return DummyVecEnv([lambda: monitored])
