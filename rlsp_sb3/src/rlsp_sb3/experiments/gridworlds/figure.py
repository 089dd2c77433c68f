"""A figure of methods on tabular problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL
from rlsp_sb3.experiments.gridworlds.table import CellSummary, Summaries
from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.plotting.style import INK, plain_axes, save_png

_SMALLEST_SPREAD = 5e-4  # below it is what rounding does


def gridworld_plot(
    path: Path, *, env_ids: Sequence[str], methods: Sequence[Method], summaries: Summaries
) -> None:
    """Draw the true-return fractions as grouped bars, and below them how long methods took.

    Args:
        path: Where to write a PNG.
        env_ids: The ids of environments, a group of bars for each.
        methods: The methods, a bar for each.
        summaries: The results, by the id of the environment and the name of the method.
    """
    width = max(7.0, 1.5 + 0.31 * len(env_ids) * (len(methods) + 1))
    figure = Figure(figsize=(width, 7.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for k, method in enumerate(methods):
        bar = 0.84 / len(methods)
        offset = (k - (len(methods) - 1) / 2) * bar
        found = {
            i + offset: summaries[env_id, method.name]
            for i, env_id in enumerate(env_ids)
            if (env_id, method.name) in summaries
        }
        _draw_method(top, bottom, method, found, bar)
    for axes in (top, bottom):
        plain_axes(axes)
        axes.tick_params(axis="x", length=0)
    top.margins(x=0.02)
    top.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    top.set_ylim(min(0, *top.get_ylim()), 1.22)
    top.set_yticks(np.arange(0, 1.01, 0.2))
    top.set_ylabel("fraction of the best true return")
    bottom.set_yscale("log")
    bottom.set_ylabel("seconds to infer\nthe reward")
    bottom.set_xticks(range(len(env_ids)), env_ids)
    n_seeds = max((each.fraction.n for each in summaries.values()), default=1)
    shown = "interquartile mean; lines: its 95 % interval"
    if n_seeds < FEWEST_FOR_INTERVAL:
        shown = "mean" + ("; lines: range" if n_seeds > 1 else "")
    seeds = f" over {n_seeds} seeds" if n_seeds > 1 else ""
    figure.suptitle(f"Robots that plan with what each method infers (bars: {shown}{seeds})")
    figure.legend(
        *top.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    save_png(figure, path)


def _draw_method(
    top: Axes, bottom: Axes, method: Method, found: dict[float, CellSummary], bar: float
) -> None:
    """The bars and the dots of one method, by their places."""
    places = np.array(list(found))
    fractions = [each.fraction for each in found.values()]
    color, hatch = method.style.color, method.style.hatch
    edge: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.5}
    centers = [fraction.center for fraction in fractions]
    top.bar(places, centers, 0.92 * bar, color=color, hatch=hatch, label=method.label, **edge)
    for place, fraction in zip(places, fractions, strict=True):
        center, low, high = fraction.center, fraction.low, fraction.high
        if high - low > _SMALLEST_SPREAD:
            around = [[center - low], [high - center]]
            top.errorbar(place, center, around, ecolor=INK, elinewidth=1, capsize=2)
        height = max(high, 0) + 0.02
        text = f"{center:.3f}"
        top.text(place, height, text, rotation=90, size=7, ha="center", va="bottom", color=INK)
    seconds = [each.seconds.mean for each in found.values()]
    bottom.scatter(places, seconds, s=36, color=color, zorder=3, **edge)
