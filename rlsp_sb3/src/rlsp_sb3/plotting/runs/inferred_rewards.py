"""A figure of the rewards that runs have inferred, on a grid or over observations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlsp_sb3.plotting.runs.groups import Group
from rlsp_sb3.plotting.runs.heatmaps import maps_plot
from rlsp_sb3.plotting.runs.reward_profiles import profiles_plot
from rlsp_sb3.utils.errors import NotOfferedError


def rewards_plot(groups: Sequence[Group], path: Path) -> list[str]:
    """Draw the inferred rewards of groups: on grids, or over observations if there are none.

    Args:
        groups: The runs.
        path: Where to write a PNG.

    Returns:
        What to say of runs that are not in it.

    Raises:
        NotOfferedError: If no run has ended that can be drawn.
    """
    try:
        return maps_plot(groups, path)
    except NotOfferedError as no_grid:
        try:
            return profiles_plot(groups, path)
        except NotOfferedError as no_profile:
            raise NotOfferedError(f"{no_grid}, and {no_profile}") from None
