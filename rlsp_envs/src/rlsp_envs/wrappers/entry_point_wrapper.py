"""Base class of wrappers that entry points may return."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import RecordConstructorArgs


class EntryPointWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """A wrapper that an entry point may return."""

    @property
    def spec(self) -> EnvSpec | None:
        """The specification; Gymnasium 0.29's ``make_vec`` sets that of what it gets."""
        return super().spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._cached_spec = None
        self.env.spec = spec
