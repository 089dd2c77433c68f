"""Learn a reward, and a policy for it, from the state in which a person left an environment."""

from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.rewards.reward import LinearReward, RewardFn
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.tabular_rlsp.likelihood import UnreachableStateError
from rlsp_sb3.tabular_rlsp.tabular_rlsp import TabularRLSP

__version__ = "0.1.0"

__all__ = [
    "RLSP",
    "LinearReward",
    "RewardFn",
    "RewardLearner",
    "TabularRLSP",
    "UnreachableStateError",
    "__version__",
]
