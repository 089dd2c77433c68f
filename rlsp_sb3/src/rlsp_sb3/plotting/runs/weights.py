"""A figure of the weights that runs have inferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_sb3.evaluation.seed_statistics import summarize_curves
from rlsp_sb3.plotting.feature_weights import are_named, draw_sizes, sizes_title
from rlsp_sb3.plotting.runs.groups import Group, missing, weights_of
from rlsp_sb3.plotting.runs.legend import heading, line_styles, spread_note
from rlsp_sb3.plotting.style import INK, LINE, plain_axes, save_png, shared_legend
from rlsp_sb3.utils.errors import NotOfferedError

_BAR = 0.17  # inches
Weights = Mapping[str, NDArray[np.float64]]


def weights_plot(groups: Sequence[Group], path: Path) -> list[str]:
    """Draw the inferred weights of groups side by side, a panel for each set of features.

    Args:
        groups: The runs.
        path: Where to write a PNG.

    Returns:
        What to say of runs that are not in it.

    Raises:
        NotOfferedError: If no run has an inferred reward that is linear.
    """
    panels: dict[tuple[str, tuple[str, ...]], dict[str, NDArray[np.float64]]] = {}
    for group in groups:
        for names, found in weights_of(group).items():
            panels.setdefault((group.env_id, names), {})[group.label] = found
    if not panels:
        raise NotOfferedError("no run has ended with a reward that is linear in features")
    heights = [_height(names, weights) for (_, names), weights in panels.items()]
    figure = Figure(figsize=(8, sum(heights) + 0.9), layout="constrained")
    all_axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False).ravel()
    styles = line_styles(groups)
    for axes, ((env_id, names), weights) in zip(all_axes, panels.items(), strict=True):
        axes.set_title(env_id, loc="left", weight="bold")
        if are_named(names):
            _draw_named(axes, names, weights, styles)
        else:
            draw_sizes(axes, weights, styles)
            axes.set_title(sizes_title(names), loc="right", size=10)
    note = spread_note(len(each) for weights in panels.values() for each in weights.values())
    drawn = [group for group in groups if weights_of(group)]
    heading(figure, "Weights of the inferred reward", drawn, note)
    shared_legend(figure)
    save_png(figure, path)
    return missing(groups, "reward")


def _height(names: Sequence[str], weights: Weights) -> float:
    """The height of a panel in inches."""
    if not are_named(names):
        return 3.4
    return 0.9 + len(names) * max(0.26, _BAR * (len(weights) + 0.6))


def _draw_named(
    axes: Axes,
    names: Sequence[str],
    weights: Weights,
    styles: Mapping[str, tuple[str, str]],
) -> None:
    """Bars by feature, one for each group."""
    thickness = 0.8 / len(weights)
    places = np.arange(len(names))
    axes.axvline(0, color=INK, linewidth=0.8)
    for k, (label, each) in enumerate(weights.items()):
        summary = summarize_curves(each)
        center = summary.center
        offset = (k + 0.5) * thickness - 0.4
        axes.barh(places + offset, center, 0.92 * thickness, color=styles[label][0], label=label)
        if len(each) > 1:
            around = [center - summary.low, summary.high - center]
            line: dict[str, Any] = {"fmt": "none", "ecolor": INK, "elinewidth": 1, "capsize": 2}
            axes.errorbar(center, places + offset, xerr=around, **line)
    for between in places[1:] - 0.5:
        axes.axhline(between, color=LINE, linewidth=0.8)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("weight")
    axes.margins(x=0.05)
    plain_axes(axes, "x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
