"""Adversarial inverse reinforcement learning, AIRL (Fu et al. 2018)."""

from __future__ import annotations

from typing import Any

from rlsp_baselines.adversarial import AdversarialLearner, import_imitation

DISCOUNT = 0.99  # of the shaping, for a generator that has none


class AIRL(AdversarialLearner):
    """Adversarial inverse reinforcement learning.

    As :class:`~rlsp_baselines.GAIL`, with the same arguments, but the discriminator is
    exp(f(s, a, s')) / (exp(f(s, a, s')) + π(a|s)) with π the generator's policy, and
    f(s, a, s') = g(s) + γ h(s') - h(s). The reward that is learned is g(s): the potential h, which
    is 0 where an episode has ended, takes up what depends on the policy and the dynamics (Fu et al.
    2018, section 6). γ is the generator's. The generator has to be one that knows π: PPO, A2C or
    SAC.
    """

    @staticmethod
    def _trainer_class() -> Any:
        return import_imitation("algorithms.adversarial.airl").AIRL

    def _make_discriminator(self) -> Any:
        """The reward network of imitation: one of states, shaped by a potential."""
        return import_imitation("rewards.reward_nets").BasicShapedRewardNet(
            self.observation_space,
            self.action_space,
            reward_hid_sizes=self.discriminator_hidden,
            potential_hid_sizes=self.discriminator_hidden,
            use_action=False,
            discount_factor=getattr(self._model, "gamma", DISCOUNT),
            normalize_input_layer=import_imitation("util.networks").RunningNorm,
        )
