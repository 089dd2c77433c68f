"""Learners whose reward is given by the observed states, with nothing to learn."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3.learners import TabularLearner


class FixedRewardLearner(TabularLearner):
    """A learner on a tabular environment for which ``learn`` has nothing to do but to plan."""

    timestep = "plan"

    @property
    def _default_timesteps(self) -> int:
        return 1

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        """Plan, once; the reward is known."""
        self._plan_once(total_timesteps, callback)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over nothing."""
