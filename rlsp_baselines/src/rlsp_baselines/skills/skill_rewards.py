"""Callback that fits a skill model to each rollout, and rewards the rollout by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_baselines.skills.skill_model import SkillModel
from rlsp_baselines.skills.skill_vec_env import SkillVecEnv


class SkillRewards(BaseCallback):
    """Fits a model to each rollout, and adds its rewards to what an on-policy solver learns from.

    An off-policy solver gets them from its :class:`SkillReplayBuffer`.

    Args:
        env: The environment of the solver.
        skill_model: The model.
        optimizer: Fits it.
        rng: Decides all that is random in both.

    Attributes:
        figures: What is to be logged of the last rollout.
    """

    def __init__(
        self,
        env: SkillVecEnv,
        skill_model: SkillModel,
        optimizer: torch.optim.Optimizer,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        self.env = env
        self.skill_model = skill_model
        self.optimizer = optimizer
        self.rng = rng
        self.figures: dict[str, float] = {}

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        transitions = self.env.take_transitions()
        loss = self.skill_model.fit(transitions, self.optimizer, self.rng)
        rewards = self.skill_model.rewards(transitions, self.rng).cpu().numpy()
        self.figures = {"model_loss": loss, "intrinsic_reward": float(rewards.mean())}
        buffer: Any = getattr(self.model, "rollout_buffer", None)
        if isinstance(buffer, RolloutBuffer):
            # Added, since ends of episodes already have the value of what would have followed.
            buffer.rewards += rewards.reshape(buffer.rewards.shape)
            buffer.compute_returns_and_advantage(self.locals["values"], self.locals["dones"])
