"""Adversarial inverse reinforcement learning, AIRL (Fu et al. 2018)."""

from __future__ import annotations

from typing import Any

from rlsp_baselines.adversarial import AdversarialLearner, import_imitation


class AIRL(AdversarialLearner):
    """Adversarial inverse reinforcement learning.

    As :class:`~rlsp_baselines.GAIL`, with the same arguments, but the discriminator is
    exp(r(s, a)) / (exp(r(s, a)) + π(a|s)) with π the generator's policy, and what is learned is the
    reward r. The generator has to be one that knows π: PPO, A2C or SAC.
    """

    @staticmethod
    def _trainer_class() -> Any:
        return import_imitation("algorithms.adversarial.airl").AIRL
