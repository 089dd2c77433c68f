"""Figures of inferred rewards and of runs."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.plotting.inferred.filmstrip import plot_reward_filmstrip
    from rlsp_sb3.plotting.inferred.heat_map import plot_reward_map
    from rlsp_sb3.plotting.inferred.profiles import plot_reward_profiles
    from rlsp_sb3.plotting.inferred.reward_samples import RewardSamples, Visited, sample_rewards
    from rlsp_sb3.plotting.inferred.scatter import plot_reward_scatter
    from rlsp_sb3.plotting.reward_figure import (
        INFERRED,
        TASK,
        TRUE,
        log_reward_figure,
        plot_reward,
    )
    from rlsp_sb3.plotting.style import INK, save_png
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "INFERRED",
    "INK",
    "TASK",
    "TRUE",
    "RewardSamples",
    "Visited",
    "log_reward_figure",
    "plot_reward",
    "plot_reward_filmstrip",
    "plot_reward_map",
    "plot_reward_profiles",
    "plot_reward_scatter",
    "sample_rewards",
    "save_png",
]
