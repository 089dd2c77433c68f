"""Learn a reward, and a policy for it, from the state in which a person left an environment."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rlsp_sb3.data.rollouts import sample_observed_states
    from rlsp_sb3.learners.base import RewardLearner
    from rlsp_sb3.policies.loading import load_policy
    from rlsp_sb3.policies.retrain import retrain_policy
    from rlsp_sb3.rewards.reward import LinearReward, RewardFn, load_reward
    from rlsp_sb3.rewards.reward_vec_env import RewardVecEnv
    from rlsp_sb3.rewards.reward_wrapper import RewardWrapper
    from rlsp_sb3.rewards.vector_reward_wrapper import VectorRewardWrapper
    from rlsp_sb3.rlsp.rlsp import RLSP
    from rlsp_sb3.tabular_rlsp.likelihood import UnreachableStateError
    from rlsp_sb3.tabular_rlsp.tabular_rlsp import TabularRLSP
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "RLSP",
    "LinearReward",
    "RewardFn",
    "RewardLearner",
    "RewardVecEnv",
    "RewardWrapper",
    "TabularRLSP",
    "UnreachableStateError",
    "VectorRewardWrapper",
    "__version__",
    "load_policy",
    "load_reward",
    "retrain_policy",
    "sample_observed_states",
]
