"""Fuel gauge as an entry of observations."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from rlsp_envs.wrappers.appended_entry import AppendedEntry


class FuelGauge(AppendedEntry):
    """Wrapper that appends a fuel gauge to observations: b ← b - ‖a / a_max‖² / (A · endurance).

    The tank is full, 1, at the start, lasts for a number of steps of full effort in all A entries
    of the action, and is empty at 0. It drives nothing: without fuel all goes on as before.

    A gauge that is low shows that somebody was busy. Nobody wants it low: it tells a reward that
    says why from one that says what was seen.

    Args:
        env: An environment with observations of shape (D,), whose actions are a Box with bounds
            -a_max and a_max.
        endurance: For how many steps of full effort the tank lasts, above 0.

    Raises:
        ValueError: If the observations have another shape, the actions are something else, or the
            endurance is not above 0.
    """

    entry_name = "fuel"

    def __init__(self, env: gym.Env[Any, Any], endurance: float = 1000) -> None:
        RecordConstructorArgs.__init__(self, endurance=endurance)
        super().__init__(env)
        space = env.action_space
        if not isinstance(space, spaces.Box) or not (
            space.is_bounded() and np.array_equal(space.low, -space.high)
        ):
            raise ValueError(
                f"env has the action space {space}: expected a Box with bounds -a_max and a_max; "
                "gymnasium.wrappers.RescaleAction makes one"
            )
        if not endurance > 0:
            raise ValueError(f"endurance={endurance}: expected more than 0 steps")
        self.endurance = endurance
        self._most = space.high

    def next_entries(
        self, entries: NDArray[np.float64], actions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """The gauges (N,) after actions (N, A), from gauges (N,)."""
        share = actions.astype(np.float64) / self._most
        effort = np.mean(share.reshape(len(share), -1) ** 2, axis=1)
        return np.asarray(np.maximum(entries - effort / self.endurance, 0))

    def _first_entry(self) -> float:
        return 1.0
