"""Reward sampling: the learner, its convergence diagnostics and a picture of its posterior."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils import lazy_exports

if TYPE_CHECKING:
    from rlsp_baselines.reward_sampling.reward_sampling import RewardSampling
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = ["RewardSampling"]
