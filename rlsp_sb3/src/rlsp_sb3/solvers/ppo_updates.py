"""Updates of PPO without a graph: for small networks, where calls take most of the time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    DiagGaussianDistribution,
)
from torch import Tensor, nn

from rlsp_sb3.solvers.flat_networks import FlatAdam, FlatParameters, StackedMLP
from rlsp_sb3.solvers.normalized_policy import NormalizedActorCriticPolicy

LOGGED = ("entropy_loss", "policy_gradient_loss", "value_loss", "approx_kl", "clip_fraction")
"""Names of what SB3 logs of updates."""

_ACTIVATIONS = (nn.ReLU, nn.Tanh)


@dataclass(frozen=True)
class Rollout:
    """A rollout, as PPO learns from it: N transitions.

    Attributes:
        features: What the networks are given (N, F).
        actions: The actions (N, A), or their numbers (N, 1) where they are Discrete.
        log_probs: Their log probabilities (N,) when they were drawn.
        advantages: Their advantages (N,).
        returns: The returns (N,), in the units of the value network.
    """

    features: Tensor
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor

    def minibatches(self, order: Tensor, size: int) -> Iterator[Rollout]:
        """Minibatches of a size, in an order (N,) of transitions; the last one may be smaller."""
        whole = vars(self)
        shuffled = {name: values[order] for name, values in whole.items()}
        for parts in zip(*(values.split(size) for values in shuffled.values()), strict=True):
            yield Rollout(*parts)


@dataclass(frozen=True)
class PPOLoss:
    """Settings of the loss, with the names of SB3's PPO."""

    clip_range: float
    ent_coef: float
    vf_coef: float
    max_grad_norm: float


class PPOUpdates:
    """Gradient steps of PPO on a policy's own parameters and the moments of its optimizer.

    The equations are those of Schulman et al. (2017, arXiv 1707.06347): with the ratio
    r = π(a | s) / π_old(a | s) and normalized advantages A,

        loss = -mean min(r A, clip(r, 1 - ε, 1 + ε) A) - c_H mean H(π) + c_V mean (V - R)².
    """

    def __init__(self, policy: NormalizedActorCriticPolicy) -> None:
        self.policy = policy
        activation = policy.activation_fn
        self._actor, self._critic = (
            StackedMLP([[layer] for layer in _linear(nn.Sequential(*networks))], 1, activation)
            for networks in (
                (policy.mlp_extractor.policy_net, policy.action_net),
                (policy.mlp_extractor.value_net, policy.value_net),
            )
        )
        self._is_gaussian = isinstance(policy.action_dist, DiagGaussianDistribution)
        parts = [self._actor.parameters, self._critic.parameters]
        if self._is_gaussian:
            self._log_std = FlatParameters([policy.log_std])
            parts.append(self._log_std)
        self._parameters = parts
        self._adams = [FlatAdam(each) for each in parts]

    @staticmethod
    def serves(policy: NormalizedActorCriticPolicy) -> bool:
        """Return whether a policy is one that these updates are written for."""
        changes_adam = ("amsgrad", "maximize", "weight_decay")
        return (
            isinstance(policy.action_dist, (DiagGaussianDistribution, CategoricalDistribution))
            and policy.activation_fn in _ACTIVATIONS
            and policy.optimizer_class is torch.optim.Adam
            and not any(policy.optimizer_kwargs.get(name) for name in changes_adam)
            and policy.share_features_extractor
            and not list(policy.features_extractor.parameters())
        )

    @torch.inference_mode()
    def run(self, rollout: Rollout, loss: PPOLoss, n_epochs: int, batch_size: int) -> Tensor:
        """Pass over a rollout, in an order that the global generator of PyTorch draws.

        Args:
            rollout: The transitions.
            loss: What is descended.
            n_epochs: The number of passes.
            batch_size: The number of transitions in a minibatch.

        Returns:
            Means over the minibatches of the last pass, see :data:`LOGGED`.
        """
        policy = self.policy
        for parameters, adam in zip(self._parameters, self._adams, strict=True):
            parameters.attach()
            adam.attach(policy.optimizer)
        rollout = self._in_policy_units(rollout)
        for _ in range(n_epochs):
            order = torch.randperm(len(rollout.actions), device=rollout.actions.device)
            logged = [self._step(batch, loss) for batch in rollout.minibatches(order, batch_size)]
        for adam in self._adams:
            adam.detach()
        return torch.stack(logged).mean(0)

    def _in_policy_units(self, rollout: Rollout) -> Rollout:
        """The same with the actions of a Box in half widths from its center, as networks have them.

        Densities are then larger by the factor of the widths.
        """
        if not self._is_gaussian:
            return rollout
        scale = self.policy.action_scale
        return replace(
            rollout,
            actions=(rollout.actions - self.policy.action_center) / scale,
            log_probs=rollout.log_probs + scale.log().sum(),
        )

    def _step(self, batch: Rollout, loss: PPOLoss) -> Tensor:
        """Take a gradient step; what is logged of it."""
        n = len(batch.actions)
        actor_outputs = self._actor.forward(batch.features)
        logits = actor_outputs[-1][0]
        if self._is_gaussian:
            log_std = self._log_std.values
            z = (batch.actions - logits) * torch.exp(-log_std)
            log_probs = -0.5 * z.square().sum(1) - log_std.sum() - self._log_norm(len(log_std))
            entropy = log_std.sum() + 0.5 * len(log_std) * (1 + math.log(2 * math.pi))
        else:
            log_all = torch.log_softmax(logits, 1)
            chosen = batch.actions.long()
            log_probs = log_all.gather(1, chosen)[:, 0]
            probs = log_all.exp()
            entropies = -(probs * log_all).sum(1, keepdim=True)
            entropy = entropies.mean()

        advantages = batch.advantages
        if n > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_ratio = log_probs - batch.log_probs
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - loss.clip_range, 1 + loss.clip_range)
        objective, surrogate = ratio * advantages, clipped * advantages
        # There is no gradient where the clipped one is less; d r / d log π = r.
        grad_log_prob = torch.where(objective <= surrogate, objective, 0).div_(-n).unsqueeze(1)

        if self._is_gaussian:
            # d log π / d μ = z / σ and d log π / d log σ = z² - 1; the entropy is Σ log σ + const.
            grad_logits = grad_log_prob * z * torch.exp(-log_std)
            torch.sum(grad_log_prob * (z.square() - 1), 0, out=self._log_std.gradient)
            self._log_std.gradient -= loss.ent_coef
        else:
            # d log π(a) / d l = 1_a - π and d H / d l = -π (log π + H).
            grad_logits = -grad_log_prob * probs
            grad_logits.scatter_add_(1, chosen, grad_log_prob)
            grad_logits += loss.ent_coef / n * probs * (log_all + entropies)
        self._actor.backward(actor_outputs, grad_logits[None])

        critic_outputs = self._critic.forward(batch.features)
        error = critic_outputs[-1][0, :, 0] - batch.returns
        grad_values = (2 * loss.vf_coef / n) * error
        self._critic.backward(critic_outputs, grad_values[None, :, None])

        norm = torch.stack([each.gradient.norm() for each in self._parameters]).norm()
        factor = (loss.max_grad_norm / (norm + 1e-6)).clamp(max=1)
        for parameters, adam in zip(self._parameters, self._adams, strict=True):
            parameters.gradient *= factor
            adam.step()
        if self._is_gaussian:
            self._log_std.values.clamp_(*self.policy.log_std_range)

        policy_loss = -torch.minimum(objective, surrogate).mean()
        kl = (ratio - 1 - log_ratio).mean()
        clip_fraction = ((ratio - 1).abs() > loss.clip_range).float().mean()
        return torch.stack([-entropy, policy_loss, error.square().mean(), kl, clip_fraction])

    @staticmethod
    def _log_norm(n: int) -> float:
        return 0.5 * n * math.log(2 * math.pi)


def _linear(network: nn.Module) -> list[nn.Linear]:
    """The linear modules of a perceptron in their order."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)]
