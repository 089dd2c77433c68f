"""Errors that the command tells from bugs."""

from __future__ import annotations

import gymnasium as gym


class NotOfferedError(TypeError):
    """The environment or the learner does not offer what a part of the results needs."""


class PluginError(RuntimeError):
    """An installed package offers something that cannot be loaded."""


USER_ERRORS = (ValueError, TypeError, ImportError, OSError, gym.error.Error, PluginError)
