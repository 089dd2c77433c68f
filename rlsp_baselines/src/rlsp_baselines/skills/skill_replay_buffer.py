"""Replay buffer whose intrinsic rewards are those of the current model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from rlsp_baselines.skills.coordinates import SkillTransitions
from rlsp_baselines.skills.skill_model import SkillModel


class SkillReplayBuffer(ReplayBuffer):
    """Replay buffer that computes rewards as transitions are drawn.

    Args:
        *args: See :class:`stable_baselines3.common.buffers.ReplayBuffer`.
        skill_model: The model.
        rng: Draws the skills that it marginalizes by.
        **kwargs: See there.
    """

    def __init__(
        self, *args: Any, skill_model: SkillModel, rng: np.random.Generator, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._model = skill_model
        self._rng = rng

    def _get_samples(
        self, batch_inds: NDArray[Any], env: VecNormalize | None = None
    ) -> ReplayBufferSamples:
        samples = super()._get_samples(batch_inds, env)
        space: spaces.Space[Any] = self.observation_space
        size = sum(space.shape or ()) - self._model.prior.size
        before = samples.observations.cpu().numpy()
        after = samples.next_observations.cpu().numpy()
        skills = before[:, size:].astype(np.float32)
        transitions = SkillTransitions(before[:, :size], after[:, :size], skills)
        rewards = self._model.rewards(transitions, self._rng).to(torch.float32)
        return samples._replace(rewards=rewards.to(self.device)[:, None])
