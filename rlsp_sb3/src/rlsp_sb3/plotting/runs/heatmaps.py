"""A figure of the rewards that runs have inferred on a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_sb3 import env_util
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.plotting.heatmap import GridEnv, draw_map, draw_picture, rewards_by_cell, symbols_of
from rlsp_sb3.plotting.runs.groups import Group, by_reason
from rlsp_sb3.plotting.runs.legend import heading, seeds_note
from rlsp_sb3.plotting.style import save_png
from rlsp_sb3.runs.run import Run
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.errors import NotOfferedError, user_error_types
from rlsp_sb3.video.robot_gif import observed_state_image

_COLUMNS = 4


class GridRewards(NamedTuple):
    """Inferred rewards of a run on a grid.

    Attributes:
        rewards: The reward of the observed state with the agent in each cell (height, width).
        symbols: What stands in each row.
        picture: What the observed state looks like (height, width, 3); None if that is not seen.
    """

    rewards: FloatArray
    symbols: list[str]
    picture: NDArray[np.uint8] | None


def maps_plot(groups: Sequence[Group], path: Path) -> list[str]:
    """Draw the inferred reward over the grid, a map for the mean of each group's seeds.

    Args:
        groups: The runs.
        path: Where to write a PNG.

    Returns:
        What to say of runs that are not in it.

    Raises:
        NotOfferedError: If no run has ended that can be drawn.
    """
    by_env: dict[str, list[tuple[Group, list[GridRewards]]]] = {}
    left_out: list[tuple[Run, str]] = []
    for group in groups:
        found = []
        for run in group.runs:
            try:
                found.append(grid_rewards(run))
            except user_error_types() as error:
                left_out.append((run, str(error)))
        if found:
            by_env.setdefault(group.env_id, []).append((group, found))
    if not by_env:
        reasons = "; ".join(dict.fromkeys(why for _, why in left_out))
        raise NotOfferedError(f"no run has a reward on a grid ({reasons})")
    _draw(by_env, path)
    return by_reason(left_out)


def grid_rewards(run: Run) -> GridRewards:
    """Inferred rewards of a run on a grid.

    Raises:
        NotOfferedError: If learning has not ended, or the environment or the learner offers none.
        ValueError: If the learner is not installed, or its file is spoiled.
        gymnasium.error.Error: If the environment is not installed.
    """
    file = run.path / "learner.zip"
    if not file.exists():
        raise NotOfferedError("learning has not ended")
    env = env_util.make_env(run.env_id)  # a file may name no module to import
    if not isinstance(env.unwrapped, GridEnv):
        raise NotOfferedError(f"{run.env_id} has no grid: it offers no agent_at_each_cell")
    learner = registry.load_learner(run.learner).load(file, env=env)
    if not plans_policy(learner):
        raise NotOfferedError(f"{run.learner} plans no policy")
    picture = observed_state_image(learner, run.env_id)
    return GridRewards(rewards_by_cell(learner), symbols_of(env.unwrapped), picture)


def _draw(by_env: dict[str, list[tuple[Group, list[GridRewards]]]], path: Path) -> None:
    """Draw what was found."""
    blocks = []  # the drawings of an environment, the size of each in inches, and in how many rows
    for maps in by_env.values():
        drawings = _drawings(maps)
        height, width = maps[0][1][0].rewards.shape
        cell = max(0.62, 2.4 / max(height, width))
        blocks.append((drawings, cell * width + 1.6, cell * height + 1.3))
    columns = min(_COLUMNS, max(len(drawings) for drawings, *_ in blocks))
    n_rows = [-(-len(drawings) // columns) for drawings, *_ in blocks]
    heights = np.repeat([height for *_, height in blocks], n_rows).tolist()
    size = (columns * max(width for _, width, _ in blocks), sum(heights) + 0.8)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights)
    ends = np.cumsum(n_rows)
    for env_id, (drawings, *_), end, n in zip(by_env, blocks, ends, n_rows, strict=True):
        all_axes = grid[end - n : end].ravel()
        for axes in all_axes[len(drawings) :]:
            axes.set_axis_off()
        for axes, draw in zip(all_axes, drawings, strict=False):
            draw(axes)
        all_axes[0].set_title(f"{env_id}\n", loc="left", fontweight="bold")
    drawn = [pair for maps in by_env.values() for pair in maps]
    seeds = seeds_note(len(found) for _, found in drawn)
    title = "Inferred reward of the observed state, with the agent in each cell"
    heading(figure, title, (group for group, _ in drawn), seeds and f"mean of {seeds}")
    save_png(figure, path)


def _drawings(maps: list[tuple[Group, list[GridRewards]]]) -> list[Callable[[Axes], None]]:
    """Functions that draw the observed state, if it is seen, and each group's map into axes."""
    (_, (first, *_)), *_ = maps
    means = [np.mean([each.rewards for each in found], axis=0) for _, found in maps]
    limit = float(np.nanmax(np.abs(means)))
    symbols = [] if first.picture is not None else first.symbols
    drawings: list[Callable[[Axes], None]] = []
    if first.picture is not None:
        drawings.append(partial(draw_picture, picture=first.picture))
    for (group, _), rewards in zip(maps, means, strict=True):
        title = group.label
        drawings.append(
            partial(draw_map, rewards=rewards, symbols=symbols, title=title, limit=limit)
        )
    return drawings
