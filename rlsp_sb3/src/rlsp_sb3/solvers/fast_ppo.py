"""Proximal policy optimization for many copies of an environment, whose scales it finds itself."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import (
    explained_variance,
    obs_as_tensor,
    update_learning_rate,
)
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from rlsp_sb3.solvers.normalized_policy import NormalizedActorCriticPolicy
from rlsp_sb3.solvers.ppo_updates import LOGGED, PPOLoss, PPOUpdates, Rollout
from rlsp_sb3.utils.checks import check_positive

_STEP_FACTOR = 1.5
_STEP_RANGE = (0.03, 10.0)


class FastPPO(PPO):
    """SB3's PPO with normalization inside, for many copies of an environment at once.

    What differs from :class:`stable_baselines3.PPO` (Schulman et al. 2017, arXiv 1707.06347):

    * observations, actions and values are normalized by the policy, which takes and gives true
      ones (see :class:`NormalizedActorCriticPolicy`); the first rollout only finds the scales;
    * the step size follows how much the policy changes: it grows while the divergence from the
      last policy is below half of ``desired_kl``, and shrinks above twice that;
    * at a ``temperature`` τ the policy is that of maximum entropy: what it maximizes is
      E Σ γ^t (r_t + τ H(π(· | s_t))), with τ in units of the reward, however rewards and advantages
      are normalized;
    * updates of multilayer perceptrons are computed without a graph. For the same parameters,
      rollout and order they are those of SB3 up to rounding.

    Args:
        policy: "MlpPolicy", or a subclass of :class:`NormalizedActorCriticPolicy`.
        env: The environment.
        learning_rate: The step size of Adam at first, or of what progress remains.
        n_steps: The number of steps of each copy in a rollout.
        batch_size: The number of transitions in a minibatch.
        n_epochs: The number of passes over a rollout.
        gamma: The discount γ.
        gae_lambda: The parameter λ of generalized advantage estimation.
        clip_range: How far the ratio of probabilities may be from 1.
        ent_coef: The weight of the entropy in the loss, which has normalized advantages.
        vf_coef: The weight of the value loss.
        max_grad_norm: Where the norm of gradients is clipped.
        temperature: The temperature τ of the policy, in units of the reward, at least 0.
        desired_kl: The divergence from one policy to the next that the step size aims at; None
            for the given step sizes.
        stats_window_size: Of how many episodes statistics are logged.
        tensorboard_log: The folder for TensorBoard events; None for none.
        policy_kwargs: Arguments of the policy.
        verbose: 0 for no output, 1 to print the log, 2 for debugging.
        seed: Seeds the random numbers; None for an unpredictable seed.
        device: Where the networks run.

    Raises:
        ValueError: If the temperature is negative or not finite, or desired_kl is not above 0.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": NormalizedActorCriticPolicy
    }
    policy: NormalizedActorCriticPolicy

    def __init__(
        self,
        policy: str | type[NormalizedActorCriticPolicy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 3e-4,
        n_steps: int = 32,
        batch_size: int = 1024,
        n_epochs: int = 10,
        gamma: float = 0.99,
        gae_lambda: float = 0.95,
        clip_range: float | Schedule = 0.2,
        ent_coef: float = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        temperature: float = 0.0,
        desired_kl: float | None = 0.01,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        check_positive("temperature", temperature, zero=True)
        if desired_kl is not None:
            check_positive("desired_kl", desired_kl)
        self.temperature = temperature
        self.desired_kl = desired_kl
        self.step_scale = 1.0
        self._updates: PPOUpdates | None = None
        super().__init__(
            policy=policy,
            env=env,
            learning_rate=learning_rate,
            n_steps=n_steps,
            batch_size=batch_size,
            n_epochs=n_epochs,
            gamma=gamma,
            gae_lambda=gae_lambda,
            clip_range=clip_range,
            ent_coef=ent_coef,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs=policy_kwargs,
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
        )

    def set_temperature(self, temperature: float) -> None:
        """Set another temperature; exploration starts anew where there is none any more."""
        if temperature == 0 < self.temperature:
            self.policy.reset_log_std()
        self.temperature = temperature

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Collect a rollout, whose values are soft ones if there is a temperature."""
        if not super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps):
            return False
        starts = self._last_episode_starts
        if self.temperature > 0 and self._last_obs is not None and starts is not None:
            # V(s) = E Σ γ^t (r_t + τ H(π(· | s_t))): the entropy is a reward of the state.
            with torch.no_grad():
                entropy = self.policy.entropy(self._observations(rollout_buffer)).cpu().numpy()
                last_values = self.policy.predict_values(obs_as_tensor(self._last_obs, self.device))
            rollout_buffer.rewards += self.temperature * entropy.reshape(
                rollout_buffer.rewards.shape
            )
            rollout_buffer.compute_returns_and_advantage(last_values, starts)
        return True

    def train(self) -> None:
        """Update the networks by the last rollout."""
        buffer = self.rollout_buffer
        observations = self._observations(buffer)
        if not self.policy.is_scaled:  # the first rollout
            self.policy.update_observations(observations)
            return
        self._rescale(buffer)
        self._update_learning_rate(self.policy.optimizer)
        # The loss has normalized advantages, so that there the temperature is one of these.
        ent_coef = self.ent_coef + self.temperature / (float(buffer.advantages.std()) + 1e-8)
        if self._updates is None or self._updates.policy is not self.policy:
            self._updates = PPOUpdates(self.policy) if PPOUpdates.serves(self.policy) else None
        if self._updates is None:
            kl = self._train_by_graph(ent_coef)
        else:
            kl = self._train_flat(self._updates, observations, ent_coef)
        if self.desired_kl is not None:
            self._adapt_step(kl / self.desired_kl)
        self.policy.update_observations(observations)

    def _observations(self, buffer: RolloutBuffer) -> Tensor:
        """All observations of a rollout (N, *observation_shape), step after step."""
        shown = buffer.observations
        return torch.as_tensor(shown.reshape(-1, *shown.shape[2:]), device=self.device)

    def _rescale(self, buffer: RolloutBuffer) -> None:
        """Give values and returns the units of the value network, which follow the returns."""
        mean, std = float(buffer.returns.mean()), float(buffer.returns.std())
        std = std if std > 1e-6 * max(abs(mean), 1e-6) else 1.0
        self.policy.rescale_values(mean, std)
        for name in ("returns", "values"):
            setattr(buffer, name, (getattr(buffer, name) - mean) / std)

    def _train_flat(self, updates: PPOUpdates, observations: Tensor, ent_coef: float) -> float:
        buffer, policy = self.rollout_buffer, self.policy
        with torch.no_grad():
            features = cast(Tensor, policy.extract_features(observations))  # shared by both
        n = len(observations)
        actions, log_probs, advantages, returns = (
            torch.as_tensor(each.reshape(n, -1), device=self.device)
            for each in (buffer.actions, buffer.log_probs, buffer.advantages, buffer.returns)
        )
        clip_range = cast(Schedule, self.clip_range)(self._current_progress_remaining)
        logged = updates.run(
            Rollout(features, actions, log_probs[:, 0], advantages[:, 0], returns[:, 0]),
            PPOLoss(clip_range, ent_coef, self.vf_coef, self.max_grad_norm),
            self.n_epochs,
            self.batch_size,
        )
        self._n_updates += self.n_epochs
        values = dict(zip(LOGGED, logged.tolist(), strict=True))
        for name, value in values.items():
            self.logger.record(f"train/{name}", value)
        explained = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        self.logger.record("train/explained_variance", explained)
        if hasattr(policy, "log_std"):
            self.logger.record("train/std", policy.log_std.exp().mean().item())
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip_range)
        return float(values["approx_kl"])

    def _train_by_graph(self, ent_coef: float) -> float:
        given = self.ent_coef
        self.ent_coef = ent_coef
        try:
            super().train()
        finally:
            self.ent_coef = given
        self.policy.clamp_log_std()
        return float(self.logger.name_to_value["train/approx_kl"])

    def _update_learning_rate(self, optimizers: Any) -> None:
        super()._update_learning_rate(optimizers)
        rate = self.lr_schedule(self._current_progress_remaining) * self.step_scale
        update_learning_rate(self.policy.optimizer, rate)
        self.logger.record("train/learning_rate", rate)

    def _adapt_step(self, share: float) -> None:
        """Take larger steps where the policy hardly changed, and smaller ones where it leapt."""
        if share > 2:
            self.step_scale /= _STEP_FACTOR
        elif share < 0.5:
            self.step_scale *= _STEP_FACTOR
        self.step_scale = float(np.clip(self.step_scale, *_STEP_RANGE))

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_updates"]
