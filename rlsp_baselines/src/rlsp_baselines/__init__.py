"""Baselines of reward learning from states, behind the same interface."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rlsp_baselines.airl import AIRL
    from rlsp_baselines.attainable_utility import AttainableUtility
    from rlsp_baselines.average_features import AverageFeatures
    from rlsp_baselines.contrast import Contrast
    from rlsp_baselines.deviation import Deviation
    from rlsp_baselines.gail import GAIL
    from rlsp_baselines.relative_reachability import RelativeReachability
    from rlsp_baselines.reward_sampling.reward_sampling import RewardSampling
    from rlsp_baselines.task_reward import TaskReward
    from rlsp_baselines.waypoints import Waypoints
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "AIRL",
    "GAIL",
    "AttainableUtility",
    "AverageFeatures",
    "Contrast",
    "Deviation",
    "RelativeReachability",
    "RewardSampling",
    "TaskReward",
    "Waypoints",
    "__version__",
]
