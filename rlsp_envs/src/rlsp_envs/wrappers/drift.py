"""Entry of observations that changes by itself."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from rlsp_envs.wrappers.appended_entry import AppendedEntry

START = 0.1  # the largest entry at the start


class Drift(AppendedEntry):
    """Wrapper that appends an entry that nobody acts on: d ← d + rate · (1 - d).

    It is uniform in [0, .1] at the start and approaches 1, as a room warms up. That it is extreme
    shows that somebody was there for long, whatever they wanted.

    Args:
        env: An environment with observations of shape (D,).
        rate: The share of the way to 1 in a step, above 0 and at most 1.

    Raises:
        ValueError: If the observations have another shape, or the rate is out of range.
    """

    entry_name = "drift"

    def __init__(self, env: gym.Env[Any, Any], rate: float = 0.005) -> None:
        RecordConstructorArgs.__init__(self, rate=rate)
        super().__init__(env)
        if not 0 < rate <= 1:
            raise ValueError(f"rate={rate}: expected more than 0 and at most 1")
        self.rate = rate

    def next_entries(
        self, entries: NDArray[np.float64], actions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """The entries (N,) a step after entries (N,)."""
        return entries + self.rate * (1 - entries)

    def _first_entry(self) -> float:
        return float(self.np_random.uniform(0, START))
