"""Figure of trajectories by skill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_baselines.skills.coordinates import Coordinates
from rlsp_sb3.data import Episode
from rlsp_sb3.plotting import save_png

_MAX_PANELS = 6
_MAX_COLUMNS = 3


def draw_trajectories(
    path: Path, episodes: Sequence[Sequence[Episode]], coordinates: Coordinates
) -> None:
    """Draw where skills go: in the plane if there are two coordinates, otherwise over time.

    Args:
        path: Where to write a PNG.
        episodes: Episodes of each skill.
        coordinates: The coordinates; velocities are added up over the steps.
    """
    names = [f"observation[{entry}]" for entry in coordinates.shown]
    names += [f"observation[{entry}], added up" for entry in coordinates.velocities]
    if len(names) == 2:
        _in_the_plane(path, episodes, coordinates, names)
    else:
        _over_time(path, episodes, coordinates, names[:_MAX_PANELS])


def _in_the_plane(
    path: Path,
    episodes: Sequence[Sequence[Episode]],
    coordinates: Coordinates,
    names: Sequence[str],
) -> None:
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axes = figure.subplots()
    for skill, color, episode in _lines(episodes):
        way = places(coordinates, episode)
        axes.plot(*way.T, color=color, linewidth=1, label=skill)
        axes.plot(*way[-1], "o", color=color, markersize=4)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.set_aspect("equal", "datalim")
    _finish(figure, path)


def _over_time(
    path: Path,
    episodes: Sequence[Sequence[Episode]],
    coordinates: Coordinates,
    names: Sequence[str],
) -> None:
    n_columns = min(_MAX_COLUMNS, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = Figure(figsize=(1.2 + 4 * n_columns, 3.4 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).flatten()
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for skill, color, episode in _lines(episodes):
        for axes, values in zip(panels, places(coordinates, episode).T, strict=False):
            axes.plot(values, color=color, linewidth=1, label=skill)
    for axes, name in zip(panels, names, strict=False):
        axes.set_xlabel("step")
        axes.set_ylabel(name)
    _finish(figure, path)


def places(coordinates: Coordinates, episode: Episode) -> NDArray[np.float64]:
    """The coordinates of each state of an episode (T, n_changes)."""
    seen = episode.observations.astype(np.float64)
    return np.hstack([seen[:, coordinates.shown], seen[:, coordinates.velocities].cumsum(axis=0)])


def _lines(episodes: Sequence[Sequence[Episode]]) -> list[tuple[str, Any, Episode]]:
    """Name, color and episode of each line."""
    colors = colormaps["turbo"](np.linspace(0.05, 0.95, len(episodes)))
    return [
        (f"skill {i}", colors[i], episode)
        for i, of_skill in enumerate(episodes)
        for episode in of_skill
    ]


def _finish(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once.keys(), loc="outside right center", frameon=False)
    save_png(figure, path)
