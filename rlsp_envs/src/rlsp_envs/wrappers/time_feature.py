"""Remaining time as an entry of observations (Lindner et al. 2021)."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from rlsp_envs.wrappers.appended_entry import AppendedEntry


class TimeFeature(AppendedEntry):
    """Wrapper that appends the remaining time to observations: 1 - t / limit, after t steps.

    Beyond the limit the feature stays at 0. When the time comes from an observation, t is the
    nearest step and continues from there. It is only a clock: when episodes are truncated is up to
    Gymnasium's ``TimeLimit``.

    Args:
        env: An environment with observations of shape (D,).
        limit: After how many steps no time remains, at least 1.

    Raises:
        ValueError: If the observations have another shape, or the limit is less than 1.
    """

    entry_name = "remaining time"

    def __init__(self, env: gym.Env[Any, Any], limit: int = 1000) -> None:
        RecordConstructorArgs.__init__(self, limit=limit)
        super().__init__(env)
        if limit < 1:
            raise ValueError(f"limit={limit}: expected at least 1 step")
        self.limit = limit

    def next_entries(
        self, entries: NDArray[np.float64], actions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """The remaining times (N,) a step after remaining times (N,)."""
        return self._after(self._steps(entries) + 1)

    def _first_entry(self) -> float:
        return 1.0

    def _nearest_entry(self, entry: float) -> float:
        return float(self._after(self._steps(np.array(entry))))

    def _steps(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Steps t that were taken, from the remaining time."""
        return np.round((1 - np.clip(entries, 0, 1)) * self.limit)

    def _after(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(1 - steps / self.limit, 0)
