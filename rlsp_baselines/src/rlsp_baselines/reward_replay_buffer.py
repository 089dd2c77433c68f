"""Replay buffer whose rewards are computed anew when transitions are drawn."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from rlsp_sb3 import RewardFn


class RewardReplayBuffer(ReplayBuffer):
    """Replay buffer with rewards of the current discriminator, computed as transitions are drawn.

    Attributes:
        reward: The reward; None for what was stored.
    """

    reward: RewardFn | None = None

    def _get_samples(
        self, batch_inds: NDArray[Any], env: VecNormalize | None = None
    ) -> ReplayBufferSamples:
        samples = super()._get_samples(batch_inds, env)
        if self.reward is None:
            return samples
        actions = samples.actions.cpu().numpy()
        if isinstance(self.action_space, spaces.Box):  # SB3 stores them in [-1, 1]
            low, high = self.action_space.low, self.action_space.high
            actions = low + (actions.reshape(-1, *low.shape) + 1) / 2 * (high - low)
        rewards = self.reward(
            samples.observations.cpu().numpy(),
            actions.reshape(-1, *(self.action_space.shape or ())),
            samples.next_observations.cpu().numpy(),
            samples.dones.cpu().numpy()[:, 0],
        )
        return samples._replace(rewards=torch.as_tensor(rewards, device=self.device)[:, None])
