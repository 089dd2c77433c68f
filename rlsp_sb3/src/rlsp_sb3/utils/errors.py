"""Errors that the command tells from bugs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class NotOfferedError(TypeError):
    """The environment or the learner does not offer what a part of the results needs."""


class FeaturesNotSavedError(TypeError):
    """The features of a reward are not in its file, which can hold no function."""


class PluginError(RuntimeError):
    """An installed package offers something that cannot be loaded."""


def user_error_types() -> tuple[type[Exception], ...]:
    """The errors that a user can mend; all others are bugs."""
    from gymnasium.error import Error  # takes a second, which the command is to start without

    return ValueError, TypeError, ImportError, OSError, Error, PluginError


def distribution_name(plugin: EntryPoint) -> str:
    """The package that brings a plugin, as messages call it."""
    return plugin.dist.name if plugin.dist else f"the entry point {plugin.value}"
