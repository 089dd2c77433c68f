"""Learners whose reward is given by the observed states, with nothing to learn."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3.learners import TabularLearner


class FixedRewardLearner(TabularLearner):
    """A learner on a tabular environment for which ``learn`` has nothing to do."""

    @property
    def _default_timesteps(self) -> int:
        return 0

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        """Do nothing: the reward is known."""

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over nothing."""
