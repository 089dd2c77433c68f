"""Reward functions, their priors, and environments and replay buffers that use them."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.rewards.priors import PRIORS, GaussianPrior, LaplacePrior, Prior, UniformPrior
    from rlsp_sb3.rewards.relabeled_replay_buffer import RelabeledReplayBuffer
    from rlsp_sb3.rewards.reward import FeatureFn, LinearReward, RewardFn, load_reward
    from rlsp_sb3.rewards.reward_vec_env import RewardVecEnv
    from rlsp_sb3.rewards.reward_wrapper import RewardWrapper
    from rlsp_sb3.rewards.vector_reward_wrapper import VectorRewardWrapper
    from rlsp_sb3.utils.errors import FeaturesNotSavedError
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "PRIORS",
    "FeatureFn",
    "FeaturesNotSavedError",
    "GaussianPrior",
    "LaplacePrior",
    "LinearReward",
    "Prior",
    "RelabeledReplayBuffer",
    "RewardFn",
    "RewardVecEnv",
    "RewardWrapper",
    "UniformPrior",
    "VectorRewardWrapper",
    "load_reward",
]
