"""Actor-critic policies that normalize observations, values and actions themselves."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, preprocess_obs
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

MAX_NORMALIZED = 10.0
"""Limit of normalized observations, in standard deviations."""


class RunningNormalization(BaseFeaturesExtractor):
    """Features extractor that flattens and normalizes observations by running statistics.

    An entry that never changed is only centered. The statistics are part of the policy, and saved
    with it.

    Args:
        observation_space: The observations, one-hot where they are Discrete.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, observation_space: spaces.Space[Any]) -> None:
        size = get_flattened_obs_dim(observation_space)
        super().__init__(observation_space, features_dim=size)
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def update(self, observations: Tensor) -> None:
        """Count preprocessed observations (N, ...) in the statistics.

        By the update of sums of squares of Chan et al. (1983, equation 2.1).
        """
        values = observations.flatten(1).double()
        n, total = len(values), self.count + len(values)
        variance, mean = torch.var_mean(values, 0, unbiased=False)
        delta = mean - self.mean
        squares = self.variance * self.count + variance * n + delta**2 * self.count * n / total
        self.mean.add_(delta * n / total)
        self.variance.copy_(squares / total)
        self.count.copy_(total)

    def forward(self, observations: Tensor) -> Tensor:
        """Normalized observations (N, size)."""
        std = self.variance.sqrt()
        scale = torch.where(std > 1e-8, std, 1.0).float()
        normalized = (observations.flatten(1).float() - self.mean.float()) / scale
        return normalized.clamp(-MAX_NORMALIZED, MAX_NORMALIZED)


class NormalizedActorCriticPolicy(ActorCriticPolicy):
    """Actor-critic policy of SB3 that takes true observations, actions and values.

    Inside, observations are normalized by running statistics, the value network predicts
    values in standard deviations of returns, and actions of a Box are in half widths of the box
    from its center. The scale of values is set by :meth:`rescale_values`, which keeps what is
    predicted (van Hasselt et al. 2016, arXiv 1602.07714, equation 6).

    Args:
        observation_space: The observations.
        action_space: The actions.
        lr_schedule: The learning rate of what progress remains.
        log_std_range: The least and the largest log standard deviation of actions in a Box.
        **kwargs: See :class:`stable_baselines3.common.policies.ActorCriticPolicy`.
    """

    value_mean: Tensor
    value_std: Tensor
    action_center: Tensor
    action_scale: Tensor

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        log_std_init: float = -1.0,
        log_std_range: tuple[float, float] = (-3.0, 0.0),
        features_extractor_class: type[BaseFeaturesExtractor] = RunningNormalization,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            log_std_init=log_std_init,
            features_extractor_class=features_extractor_class,
            **kwargs,
        )
        self.log_std_range = log_std_range
        self.register_buffer("value_mean", torch.zeros(()))
        self.register_buffer("value_std", torch.ones(()))
        low, high = (
            (action_space.low, action_space.high)
            if isinstance(action_space, spaces.Box)
            else (np.zeros(1), np.zeros(1))
        )
        half = np.where(high > low, (high - low) / 2, 1.0)
        self.register_buffer("action_center", torch.as_tensor((high + low) / 2).float().flatten())
        self.register_buffer("action_scale", torch.as_tensor(half).float().flatten())
        self.to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "log_std_range": self.log_std_range}

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        if not isinstance(self.action_dist, DiagGaussianDistribution):
            return super()._get_action_dist_from_latent(latent_pi)
        mean = self.action_center + self.action_scale * self.action_net(latent_pi)
        return self.action_dist.proba_distribution(mean, self.log_std + self.action_scale.log())

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Actions (N, *action_shape), values (N, 1) and log probabilities (N,)."""
        actions, values, log_prob = super().forward(obs, deterministic)
        return actions, self.value_mean + self.value_std * values, log_prob

    def entropy(self, obs: Any) -> Tensor:
        """The entropy of the actions (N,) at observations (N, *observation_shape)."""
        entropy = self.get_distribution(obs).entropy()
        if entropy is None:
            raise TypeError(f"the distribution {self.action_dist} has no entropy in closed form")
        return entropy

    def predict_values(self, obs: Any) -> Tensor:
        """Values (N, 1), in units of the return."""
        return self.value_mean + self.value_std * super().predict_values(obs)

    @property
    def is_scaled(self) -> bool:
        """True if observations need no scale, or theirs is known from a rollout."""
        extractor = self.features_extractor
        return not isinstance(extractor, RunningNormalization) or bool(extractor.count > 0)

    def update_observations(self, observations: Any) -> None:
        """Count observations (N, *observation_shape) in the statistics that normalize them."""
        if isinstance(self.features_extractor, RunningNormalization):
            shown = preprocess_obs(observations, self.observation_space, self.normalize_images)
            self.features_extractor.update(cast(Tensor, shown))  # of one array, not of a dict

    @torch.no_grad()
    def rescale_values(self, mean: float, std: float) -> None:
        """Let the value network predict in another scale, without a change of any value.

        Args:
            mean: The value that is to be 0 there.
            std: How much is to be 1 there, above 0.
        """
        ratio = self.value_std / std
        self.value_net.weight.mul_(ratio)
        self.value_net.bias.mul_(ratio).add_((self.value_mean - mean) / std)
        self.value_mean.fill_(mean)
        self.value_std.fill_(std)

    @torch.no_grad()
    def clamp_log_std(self) -> None:
        """Keep the log standard deviation of actions in its range."""
        if isinstance(self.action_dist, DiagGaussianDistribution):
            self.log_std.clamp_(*self.log_std_range)

    @torch.no_grad()
    def reset_log_std(self) -> None:
        """Let actions vary as much as they did at first."""
        if isinstance(self.action_dist, DiagGaussianDistribution):
            self.log_std.fill_(self.log_std_init)
