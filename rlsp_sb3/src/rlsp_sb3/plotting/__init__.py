"""Figures of inferred rewards and of runs."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.plotting.reward_figure import INFERRED, TASK, TRUE, reward_heatmap
    from rlsp_sb3.plotting.style import INK, save_png
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "INFERRED",
    "INK",
    "TASK",
    "TRUE",
    "reward_heatmap",
    "save_png",
]
