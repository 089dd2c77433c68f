"""Style of figures: colors that the color-blind can tell apart, and plain axes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.utils.checks import check_choice
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


FORMATS = ("png", "pdf", "svg")
"""Formats of files of figures; PNG is always written."""

_VECTOR = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Formats without pixels, with what keeps their files the same from day to day."""

_chosen: ContextVar[tuple[str, ...]] = ContextVar("figure formats", default=())


def check_formats(text: str) -> tuple[str, ...]:
    """Formats of figures that a text names, with commas between.

    Raises:
        ValueError: If there is no such format.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        check_choice("figures", name, FORMATS)
    return names


@contextmanager
def figure_formats(names: Collection[str]) -> Iterator[None]:
    """Write figures in other formats, too, beside the PNG.

    Args:
        names: Some of :data:`FORMATS`.
    """
    token = _chosen.set(tuple(name for name in _VECTOR if name in names))
    try:
        yield
    finally:
        _chosen.reset(token)


def with_formats(names: Iterable[str]) -> list[str]:
    """Names of PNG files, and of the files in other formats that are written beside them."""
    suffixes = [".png", *(f".{kind}" for kind in _chosen.get())]
    return [str(Path(name).with_suffix(suffix)) for name in names for suffix in suffixes]


@checks_types
def save_png(figure: Figure, path: str | Path) -> None:
    """Write a figure to a PNG, whole or not at all; missing folders are made.

    Beside it, files of the same name have the other formats that were chosen.
    """
    path = Path(path)
    with atomic_write(path) as unfinished:
        figure.savefig(unfinished, format="png", dpi=120)
    for kind in _chosen.get():
        with (
            atomic_write(path.with_suffix(f".{kind}")) as unfinished,
            rc_context({"svg.hashsalt": "rlsp", "pdf.fonttype": 42}),
        ):
            figure.savefig(unfinished, format=kind, metadata=_VECTOR[kind])
