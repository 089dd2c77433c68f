"""Style of figures: colors that the color-blind can tell apart, and plain axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.utils.type_checks import checks_types

# Okabe and Ito 2008.
BLUE, SKY, ORANGE, YELLOW = "#0072B2", "#56B4E9", "#E69F00", "#F0E442"
GREEN, PURPLE, VERMILLION = "#009E73", "#CC79A7", "#D55E00"
GRAY, INK, LINE = "#999999", "#28282E", "#DDDDDD"
"""Neutral colors: of what is beside the point, of text, of grid lines."""

SERIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, GRAY)
"""The colors of lines and bars that are told apart by nothing else, in this order."""
LINE_STYLES = ("-", "--", ":", "-.")
"""Line styles, for more lines than colors."""

_POINT: dict[str, Any] = {"ls": "", "mec": "white", "mew": 0.3}
OBSERVED: dict[str, Any] = {**_POINT, "marker": "*", "color": ORANGE, "mec": INK, "mew": 0.6}
"""The points of observed states."""
BEHAVIORS: dict[str, dict[str, Any]] = {
    "random behavior": {**_POINT, "marker": "o", "markersize": 3.5, "color": GRAY},
    "learned policy": {**_POINT, "marker": "^", "markersize": 4, "color": BLUE},
}
"""The points of states, by what visits them: they differ in form, too, for gray print."""


def plain_axes(axes: Axes, grid: Literal["x", "y", "both"] = "y") -> None:
    """Take away the frame of axes and put light lines behind what they show."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)


def shared_legend(figure: Figure, fewest: int = 2) -> None:
    """One legend below all axes, with each label once, if there are so many labels."""
    by_label: dict[str, Artist] = {}
    for axes in figure.axes:
        by_label |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if len(by_label) >= fewest:
        entries = {"handles": list(by_label.values()), "labels": list(by_label)}
        figure.legend(**entries, loc="outside lower center", ncols=4, frameon=False)


@checks_types
def save_png(figure: Figure, path: str | Path) -> None:
    """Write a figure to a PNG, whole or not at all; missing folders are made."""
    with atomic_write(Path(path)) as unfinished:
        figure.savefig(unfinished, format="png", dpi=120)
