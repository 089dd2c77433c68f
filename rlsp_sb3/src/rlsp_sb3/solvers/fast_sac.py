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

_ACTIVATIONS = (nn.ReLU, nn.Tanh)


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
            n_rows = n_steps * batch_size
            replay_data = self.replay_buffer.sample(n_rows, env=self._vec_normalize_env)
            logged.append(self._updates.run(replay_data, n_steps, start))
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
        if activation not in _ACTIVATIONS:
            raise ValueError(
                f"policy_kwargs={{'activation_fn': {activation.__name__}}}: expected one of "
                f"{[a.__name__ for a in _ACTIVATIONS]}; use stable_baselines3.SAC"
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
        self._log_ent_coef: FlatParameters | None = None
        if model.log_ent_coef is not None:
            self._log_ent_coef = FlatParameters([model.log_ent_coef])
            self._ent_coef_adam = FlatAdam(self._log_ent_coef)
        self._squash_epsilon = actor.action_dist.epsilon

    def attach(self, model: FastSAC) -> None:
        """Take over parameters, moments and settings, which may have changed since the last run."""
        for network in (self._actor, self._critic, self._target):
            network.parameters.attach()
        self._actor_adam.attach(self.policy.actor.optimizer)
        self._critic_adam.attach(self.policy.critic.optimizer)
        if self._log_ent_coef is not None and model.ent_coef_optimizer is not None:
            self._log_ent_coef.attach()
            self._ent_coef_adam.attach(model.ent_coef_optimizer)
        else:
            self._ent_coef = model.ent_coef_tensor.view(1)
        self._gamma, self._tau = model.gamma, model.tau
        self._target_update_interval = model.target_update_interval
        self._target_entropy = float(model.target_entropy)

    def detach(self) -> None:
        """Tell the optimizers how many steps were taken."""
        self._actor_adam.detach()
        self._critic_adam.detach()
        if self._log_ent_coef is not None:
            self._ent_coef_adam.detach()

    @torch.inference_mode()
    def run(self, replay_data: ReplayBufferSamples, n_steps: int, start: int) -> dict[str, Tensor]:
        """Take gradient steps.

        The names are those of SB3's ``SAC.train``, and each ``grad_x`` is the gradient of a loss
        with respect to x. The equations are those of Haarnoja et al. (2018, arXiv 1812.05905), with
        the mean over the N transitions of a batch, critics Q_j, target networks Q'_j, the policy π
        and the entropy coefficient α.

        Args:
            replay_data: The batches, one after another.
            n_steps: The number of batches.
            start: The number of gradient steps before, in this call of ``train``.

        Returns:
            What SB3 logs, of each step (n_steps,).
        """
        actor, critic, critic_target = self._actor, self._critic, self._target
        extract = self.policy.actor.extract_features
        extractor = self.policy.actor.features_extractor
        observations = extract(replay_data.observations, extractor)
        observations = observations.view(n_steps, -1, extractor.features_dim)
        next_observations = extract(replay_data.next_observations, extractor).view_as(observations)
        size, n_obs = observations.shape[1:]
        rewards = replay_data.rewards.view(n_steps, size, 1)
        # Discounts (1 - d) γ, or (1 - d) γ^n of n-step returns in newer SB3.
        discounts = getattr(replay_data, "discounts", None)
        discounts = self._gamma if discounts is None else discounts
        discounts = ((1 - replay_data.dones) * discounts).view(n_steps, size, 1)
        # The critics' input: s and the replayed a, side by side.
        replay_actions = replay_data.actions.view(n_steps, size, -1)
        replay_inputs = torch.cat([observations, replay_actions], 2)
        n_action = replay_inputs.shape[2] - n_obs

        # The same for actions of the policy: s, then s', each beside an action drawn there.
        inputs_pi = replay_inputs.new_empty(n_steps, 2 * size, n_obs + n_action)
        inputs_pi[:, :size, :n_obs] = observations
        inputs_pi[:, size:, :n_obs] = next_observations
        # log N(ε; 0, 1) of the noise ε that actions are drawn with.
        noise = torch.randn(n_steps, 2 * size, n_action, device=replay_inputs.device)
        log_density = (-0.5 * noise.square() - 0.5 * math.log(2 * math.pi)).sum(2, keepdim=True)

        log_probs = replay_inputs.new_empty(n_steps, 2 * size, 1)
        td_errors = replay_inputs.new_empty(n_steps, critic.n_networks, size, 1)
        min_qf_pis = replay_inputs.new_empty(n_steps, 1, size, 1)
        ent_coefs = replay_inputs.new_empty(n_steps, 1)
        log_ent_coefs = replay_inputs.new_empty(n_steps, 1)
        grad_actor = replay_inputs.new_empty(1, size, 2 * n_action)

        # Views for the loop, all at once because that is faster.
        both_observations = inputs_pi[:, :, :n_obs].unbind()
        both_actions = inputs_pi[:, :, n_obs:].unbind()
        all_inputs_pi, all_next_inputs = inputs_pi[:, :size].unbind(), inputs_pi[:, size:].unbind()
        all_replay_inputs, noises = replay_inputs.unbind(), noise.unbind()
        log_densities = log_density.unbind()
        all_rewards, all_discounts = rewards.unbind(), discounts.unbind()

        for i in range(n_steps):
            # Actions a = tanh(μ + σ ε) at s and s', with
            # log π(a | s) = log N(ε; 0, 1) - log σ - log(1 - a²), summed over entries.
            actor_outputs = actor.forward(both_observations[i])
            mean_actions, log_std = actor_outputs[-1][0].chunk(2, 1)
            clipped = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
            deviation = clipped.exp().mul_(noises[i])
            actions_pi = torch.tanh(mean_actions + deviation, out=both_actions[i])
            slope = 1 - actions_pi.square()
            regular = slope + self._squash_epsilon
            log_prob = log_probs[i]
            torch.sub(
                log_densities[i], (clipped + regular.log()).sum(1, keepdim=True), out=log_prob
            )

            # Entropy coefficient: ent_coef_loss = -log α · mean(log π(a | s) + target entropy).
            if self._log_ent_coef is None:
                ent_coef = self._ent_coef
            else:
                log_ent_coefs[i] = self._log_ent_coef.values
                ent_coef = self._log_ent_coef.values.exp()
                excess = log_prob[:size].mean(0) + self._target_entropy
                torch.neg(excess, out=self._log_ent_coef.gradient)
                self._ent_coef_adam.step()
            ent_coefs[i] = ent_coef

            # Critics: critic_loss = ½ Σ_j mean (Q_j(s, a) - y)², with the targets
            # y = r + (1 - d) γ (min_j Q'_j(s', a') - α log π(a' | s')).
            next_q_values = critic_target.forward(all_next_inputs[i])[-1].amin(0)
            next_q_values = torch.addcmul(next_q_values, log_prob[size:], ent_coef, value=-1)
            target_q_values = torch.addcmul(all_rewards[i], all_discounts[i], next_q_values)
            critic_outputs = critic.forward(all_replay_inputs[i])
            current_q_values = critic_outputs[-1]
            td_error = torch.sub(current_q_values, target_q_values, out=td_errors[i])
            critic.backward(critic_outputs, td_error / size)
            self._critic_adam.step()

            # Actor: actor_loss = mean(α log π(a | s) - min_j Q_j(s, a)), through a and log π. With
            # u = μ + σ ε, da/du = 1 - a² and d log π/da = 2 a / (1 - a²), and by log σ, log π
            # changes by -1 and u by σ ε.
            critic_outputs = critic.forward(all_inputs_pi[i])
            min_qf_pi, index = critic_outputs[-1].min(0, keepdim=True)
            min_qf_pis[i] = min_qf_pi
            grad_q_values = torch.zeros_like(td_error).scatter_(0, index, -1 / size)
            grad_actions = critic.input_gradient(critic_outputs, grad_q_values, n_obs)
            slope, ratio = slope[:size], actions_pi[:size] / regular[:size]
            grad_mean = torch.addcmul(grad_actions, ratio, ent_coef, value=2 / size).mul_(slope)
            grad_log_std = torch.addcmul(-ent_coef / size, grad_mean, deviation[:size])
            grad_log_std.mul_(clipped[:size] == log_std[:size])  # no gradient where it is clipped
            torch.cat([grad_mean, grad_log_std], 1, out=grad_actor[0])
            actor.backward([output[:, :size] for output in actor_outputs], grad_actor)
            self._actor_adam.step()

            # Target networks: Polyak average θ' ← θ' + τ (θ - θ').
            if (start + i) % self._target_update_interval == 0:
                critic_target.parameters.values.lerp_(critic.parameters.values, self._tau)

        log_probs = log_probs[:, :size, 0]
        logged = {
            "ent_coef": ent_coefs[:, 0],
            "actor_loss": (ent_coefs * log_probs - min_qf_pis[:, 0, :, 0]).mean(1),
            "critic_loss": 0.5 * td_errors.square().mean(2).sum((1, 2)),
        }
        if self._log_ent_coef is not None:
            excess = log_probs.mean(1) + self._target_entropy
            logged["ent_coef_loss"] = -log_ent_coefs[:, 0] * excess
        return logged


def _linear(network: nn.Module) -> list[nn.Linear]:
    """The linear modules of a perceptron in their order."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)]
