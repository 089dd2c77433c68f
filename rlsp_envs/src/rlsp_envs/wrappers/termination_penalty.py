"""Penalty where an episode would end (Lindner et al. 2021)."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from rlsp_envs.wrappers.entry_point_wrapper import EntryPointWrapper


class TerminationPenalty(EntryPointWrapper):
    """Wrapper that lowers the reward where an episode would end, instead of ending it.

    ``info["reward_termination"]`` is minus the penalty there, and 0 elsewhere.

    Args:
        env: The environment.
        penalty: What to subtract from the reward.
    """

    def __init__(self, env: gym.Env[Any, Any], penalty: float = 1.0) -> None:
        RecordConstructorArgs.__init__(self, penalty=penalty)
        super().__init__(env)
        self.penalty = penalty

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take an action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        cost = -self.penalty if terminated else 0.0
        info = {**info, "reward_termination": cost}
        return observation, float(reward) + cost, False, truncated, info
