"""Deep RLSP (Lindner et al. 2021): the loop, simulated pasts, their weights and the gradient."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.rlsp.continuous_estimator import ContinuousGradientEstimator
    from rlsp_sb3.rlsp.gradient_estimator import GradientEstimator
    from rlsp_sb3.rlsp.past_trajectories import (
        InverseDynamics,
        InversePolicy,
        PastTrajectories,
        simulate_past,
    )
    from rlsp_sb3.rlsp.rlsp import RLSP
    from rlsp_sb3.rlsp.tabular_estimator import TabularGradientEstimator, state_features
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "RLSP",
    "ContinuousGradientEstimator",
    "GradientEstimator",
    "InverseDynamics",
    "InversePolicy",
    "PastTrajectories",
    "TabularGradientEstimator",
    "simulate_past",
    "state_features",
]
