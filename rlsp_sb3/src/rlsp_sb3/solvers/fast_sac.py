"""Soft actor-critic whose updates are those of SB3's, several times as fast on small networks."""

from __future__ import annotations

import math
from typing import cast

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN, Actor
from torch import Tensor, nn

from rlsp_sb3.solvers.flat_networks import FlatAdam, FlatParameters, StackedMLP

MAX_ROWS = 16_384
"""Number of transitions that are drawn at once, for several gradient steps."""

ACTIVATIONS = (nn.ReLU, nn.Tanh)


class FastSAC(SAC):
    """SB3's SAC with the same arguments, policy, files and results, but faster updates.

    For the same parameters, transitions and noise an update is that of SB3 up to rounding (which is
    large in SB3 where a policy has lost its randomness); the random numbers are drawn in another
    order. What is faster: gradients are written by hand instead of by autograd, and those that SB3
    computes and discards are left out; all critics are computed at once; each optimizer steps on
    one tensor; batches are drawn for many gradient steps at once. So the gain is greatest on small
    networks and with many gradient steps in a row.

    The arguments are those of :class:`stable_baselines3.SAC`. Networks are multilayer perceptrons
    with ReLU or tanh, optimizers ``torch.optim.Adam`` without weight decay or other variants.

    Raises:
        ValueError: If an argument asks for what only SB3's SAC can do.
    """

    _updates: _Updates | None = None

    def _setup_model(self) -> None:
        if self.use_sde:
            raise ValueError("use_sde=True: expected False; use stable_baselines3.SAC for gSDE")
        super()._setup_model()
        self._updates = _Updates(self)

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Update the networks.

        Args:
            gradient_steps: How many times, each on a batch of its own.
            batch_size: How many transitions are in a batch.

        Raises:
            RuntimeError: If there is no replay buffer.
        """
        if self.replay_buffer is None:
            raise RuntimeError("there is no replay buffer: load one by load_replay_buffer")
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        if self.ent_coef_optimizer is not None:
            optimizers.append(self.ent_coef_optimizer)
        self._update_learning_rate(optimizers)
        # SB3 switches to training mode here; no module of these networks knows the difference.
        if self._updates is None or self._updates.policy is not self.policy:
            self._updates = _Updates(self)
        self._updates.attach(self)
        logged: list[dict[str, Tensor]] = []
        n_at_once = max(1, MAX_ROWS // batch_size)
        for start in range(0, gradient_steps, n_at_once):
            n_steps = min(n_at_once, gradient_steps - start)
            samples = self.replay_buffer.sample(n_steps * batch_size, env=self._vec_normalize_env)
            logged.append(self._updates.run(samples, n_steps, start))
        self._updates.detach()
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name in logged[0] if logged else ():
            mean = torch.cat([values[name] for values in logged]).mean().item()
            self.logger.record(f"train/{name}", mean)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_updates"]


class _Updates:
    """Gradient steps of a model, on its own parameters and the moments of its optimizers.

    Raises:
        ValueError: If its networks or optimizers are others than these updates are written for.
    """

    def __init__(self, model: FastSAC) -> None:
        self.policy = policy = model.policy
        actor, critic, target = policy.actor, policy.critic, policy.critic_target
        if type(actor) is not Actor or type(critic) is not ContinuousCritic:
            raise ValueError(
                f"policy={type(policy).__name__}: expected the actor and critics of SB3's "
                '"MlpPolicy"; use stable_baselines3.SAC'
            )
        if any(m.features_extractor.state_dict() for m in (actor, critic, target)):
            raise ValueError(
                f"policy={type(policy).__name__} has a features extractor that learns, a "
                f"{type(actor.features_extractor).__name__}: expected one that does not, as of "
                '"MlpPolicy"; use stable_baselines3.SAC'
            )
        activation = policy.activation_fn
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"policy_kwargs={{'activation_fn': {activation.__name__}}}: expected one of "
                f"{[a.__name__ for a in ACTIVATIONS]}; use stable_baselines3.SAC"
            )
        if policy.optimizer_class is not torch.optim.Adam:
            raise ValueError(
                f"policy_kwargs={{'optimizer_class': {policy.optimizer_class.__name__}}}: expected "
                "torch.optim.Adam; use stable_baselines3.SAC"
            )
        for name in ("amsgrad", "maximize", "weight_decay"):
            if policy.optimizer_kwargs.get(name):
                raise ValueError(
                    f"policy_kwargs={{'optimizer_kwargs': {{{name!r}: "
                    f"{policy.optimizer_kwargs[name]!r}}}}}: expected none of this; use "
                    "stable_baselines3.SAC"
                )
        heads = cast(list[nn.Linear], [actor.mu, actor.log_std])
        hidden = [[module] for module in _linear(actor.latent_pi)]
        self._actor = StackedMLP([*hidden, heads], 1, activation)
        self._critic, self._target = (
            StackedMLP(
                list(zip(*(_linear(q) for q in each.q_networks), strict=True)),
                len(each.q_networks),
                activation,
            )
            for each in (critic, target)
        )
        self._actor_adam = FlatAdam(self._actor.parameters)
        self._critic_adam = FlatAdam(self._critic.parameters)
        self._log_alpha: FlatParameters | None = None
        if model.log_ent_coef is not None:
            self._log_alpha = FlatParameters([model.log_ent_coef])
            self._alpha_adam = FlatAdam(self._log_alpha)
        self._squash_epsilon = actor.action_dist.epsilon

    def attach(self, model: FastSAC) -> None:
        """Take over parameters, moments and settings, which may have changed since the last run."""
        for network in (self._actor, self._critic, self._target):
            network.parameters.attach()
        self._actor_adam.attach(self.policy.actor.optimizer)
        self._critic_adam.attach(self.policy.critic.optimizer)
        if self._log_alpha is not None and model.ent_coef_optimizer is not None:
            self._log_alpha.attach()
            self._alpha_adam.attach(model.ent_coef_optimizer)
        else:
            self._alpha = model.ent_coef_tensor.view(1)
        self._gamma, self._tau = model.gamma, model.tau
        self._target_update_interval = model.target_update_interval
        self._target_entropy = float(model.target_entropy)

    def detach(self) -> None:
        """Tell the optimizers how many steps were taken."""
        self._actor_adam.detach()
        self._critic_adam.detach()
        if self._log_alpha is not None:
            self._alpha_adam.detach()

    @torch.inference_mode()
    def run(self, samples: ReplayBufferSamples, n_steps: int, start: int) -> dict[str, Tensor]:
        """Take gradient steps.

        Args:
            samples: The batches, one after another.
            n_steps: The number of batches.
            start: The number of gradient steps before, in this call of ``train``.

        Returns:
            What SB3 logs, of each step (n_steps,).
        """
        actor, critic, target = self._actor, self._critic, self._target
        extract = self.policy.actor.extract_features
        extractor = self.policy.actor.features_extractor
        states = extract(samples.observations, extractor).view(n_steps, -1, extractor.features_dim)
        next_states = extract(samples.next_observations, extractor).view_as(states)
        size, n_state = states.shape[1:]
        rewards = samples.rewards.view(n_steps, size, 1)
        discounts = getattr(samples, "discounts", None)  # of n-step returns, in newer SB3
        discounts = self._gamma if discounts is None else discounts
        discounts = ((1 - samples.dones) * discounts).view(n_steps, size, 1)
        taken = torch.cat([states, samples.actions.view(n_steps, size, -1)], 2)
        n_action = taken.shape[2] - n_state

        # States and next states, side by side with actions of the policy there.
        chosen = taken.new_empty(n_steps, 2 * size, n_state + n_action)
        chosen[:, :size, :n_state] = states
        chosen[:, size:, :n_state] = next_states
        noise = torch.randn(n_steps, 2 * size, n_action, device=taken.device)
        # The log density of the noise, of a standard deviation of 1.
        log_density = (-0.5 * noise.square() - 0.5 * math.log(2 * math.pi)).sum(2, keepdim=True)

        log_probs = taken.new_empty(n_steps, 2 * size, 1)
        errors = taken.new_empty(n_steps, critic.n_networks, size, 1)
        values = taken.new_empty(n_steps, 1, size, 1)
        alphas = taken.new_empty(n_steps, 1)
        log_alphas = taken.new_empty(n_steps, 1)
        actor_gradient = taken.new_empty(1, size, 2 * n_action)

        # Views for the loop, all at once because that is faster.
        both_states, both_actions = chosen[:, :, :n_state].unbind(), chosen[:, :, n_state:].unbind()
        chosen_now, chosen_next = chosen[:, :size].unbind(), chosen[:, size:].unbind()
        takens, noises, log_densities = taken.unbind(), noise.unbind(), log_density.unbind()
        all_rewards, all_discounts = rewards.unbind(), discounts.unbind()

        for i in range(n_steps):
            # Actions a = tanh(mean + deviation) at states and next states.
            actor_outputs = actor.forward(both_states[i])
            mean, log_std = actor_outputs[-1][0].chunk(2, 1)
            clipped = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
            deviation = clipped.exp().mul_(noises[i])
            actions = torch.tanh(mean + deviation, out=both_actions[i])
            slope = 1 - actions.square()
            regular = slope + self._squash_epsilon
            log_prob = log_probs[i]
            torch.sub(
                log_densities[i], (clipped + regular.log()).sum(1, keepdim=True), out=log_prob
            )

            # Entropy coefficient α.
            if self._log_alpha is None:
                alpha = self._alpha
            else:
                log_alphas[i] = self._log_alpha.values
                alpha = self._log_alpha.values.exp()
                excess = log_prob[:size].mean(0) + self._target_entropy
                torch.neg(excess, out=self._log_alpha.gradient)
                self._alpha_adam.step()
            alphas[i] = alpha

            # Critics.
            next_value = target.forward(chosen_next[i])[-1].amin(0)
            next_value = torch.addcmul(next_value, log_prob[size:], alpha, value=-1)
            wanted = torch.addcmul(all_rewards[i], all_discounts[i], next_value)
            critic_outputs = critic.forward(takens[i])
            error = torch.sub(critic_outputs[-1], wanted, out=errors[i])
            critic.backward(critic_outputs, error / size)
            self._critic_adam.step()

            # Actor: the mean of α log π - min Q.
            critic_outputs = critic.forward(chosen_now[i])
            least, index = critic_outputs[-1].min(0, keepdim=True)
            values[i] = least
            by_value = torch.zeros_like(error).scatter_(0, index, -1 / size)
            by_action = critic.input_gradient(critic_outputs, by_value, n_state)
            slope, ratio = slope[:size], actions[:size] / regular[:size]
            by_mean = torch.addcmul(by_action, ratio, alpha, value=2 / size).mul_(slope)
            by_log_std = torch.addcmul(-alpha / size, by_mean, deviation[:size])
            by_log_std.mul_(clipped[:size] == log_std[:size])  # no gradient where it is clipped
            torch.cat([by_mean, by_log_std], 1, out=actor_gradient[0])
            actor.backward([output[:, :size] for output in actor_outputs], actor_gradient)
            self._actor_adam.step()

            if (start + i) % self._target_update_interval == 0:
                target.parameters.values.lerp_(critic.parameters.values, self._tau)

        log_probs = log_probs[:, :size, 0]
        entropy_terms = alphas * log_probs
        logged = {
            "ent_coef": alphas[:, 0],
            "actor_loss": (entropy_terms - values[:, 0, :, 0]).mean(1),
            "critic_loss": 0.5 * errors.square().mean(2).sum((1, 2)),
        }
        if self._log_alpha is not None:
            excess = log_probs.mean(1) + self._target_entropy
            logged["ent_coef_loss"] = -log_alphas[:, 0] * excess
        return logged


def _linear(network: nn.Module) -> list[nn.Linear]:
    """The linear modules of a perceptron in their order."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)]
