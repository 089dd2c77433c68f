"""Evaluation: returns of policies, distances of rewards, statistics over seeds."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.evaluation.epic import epic_distance
    from rlsp_sb3.evaluation.policy_discriminator import CrossEntropyCurve, held_out_cross_entropy
    from rlsp_sb3.evaluation.returns import Returns, measure_returns
    from rlsp_sb3.evaluation.seed_statistics import (
        SeedSummary,
        mean_interval,
        summarize,
        summarize_curves,
    )
    from rlsp_sb3.evaluation.simulated_reward import SimulatedReward
    from rlsp_sb3.evaluation.starc import starc_distance
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "CrossEntropyCurve",
    "Returns",
    "SeedSummary",
    "SimulatedReward",
    "epic_distance",
    "held_out_cross_entropy",
    "mean_interval",
    "measure_returns",
    "starc_distance",
    "summarize",
    "summarize_curves",
]
