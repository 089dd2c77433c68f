"""Figure of the true-return fractions of methods on gridworlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.experiments.gridworlds.table import GRIDWORLD_METHODS, FractionSummary, Method
from rlsp_sb3.plotting.style import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    plain_axes,
)

PALETTE = (GRAY, ORANGE, YELLOW, BLUE, SKY, PURPLE, GREEN, VERMILLION)
HATCHES = ("", "///", "...", "xxx")  # tell more of them apart
SMALLEST_SPREAD = 5e-4  # below it is what rounding does


def method_plot(
    problems: Sequence[str],
    methods: Sequence[Method],
    summaries: Mapping[tuple[str, str], FractionSummary],
    path: Path,
) -> None:
    """Draw the true-return fractions as grouped bars, and below them how long methods took.

    Args:
        problems: The ids of environments, a group of bars for each.
        methods: The methods, a bar for each.
        summaries: The results, by the id of the environment and the name of the method.
        path: Where to write a PNG.
    """
    width = max(7.0, 1.5 + 0.31 * len(problems) * (len(methods) + 1))
    figure = Figure(figsize=(width, 7.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for k in range(len(methods)):
        _draw_method(top, bottom, problems, methods, summaries, k)
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
    bottom.set_xticks(range(len(problems)), problems)
    n_seeds = max((summary.n_seeds for summary in summaries.values()), default=1)
    spread = f"; lines: from the lowest to the highest of {n_seeds} seeds" if n_seeds > 1 else ""
    figure.suptitle(f"Robots that plan with what each method infers (bars: mean{spread})")
    figure.legend(
        *top.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    figure.savefig(path, format="png", dpi=120)


def _draw_method(
    top: Axes,
    bottom: Axes,
    problems: Sequence[str],
    methods: Sequence[Method],
    summaries: Mapping[tuple[str, str], FractionSummary],
    k: int,
) -> None:
    """The bars and the dots of one method."""
    method = methods[k]
    bar = 0.84 / len(methods)
    offset = (k - (len(methods) - 1) / 2) * bar
    found = [(i, summaries.get((name, method.name))) for i, name in enumerate(problems)]
    places = np.array([i + offset for i, summary in found if summary])
    values = [summary for _, summary in found if summary]
    means = np.array([summary.mean for summary in values])
    look = (
        GRIDWORLD_METHODS.index(method)
        if method in GRIDWORLD_METHODS
        else len(GRIDWORLD_METHODS) + k
    )  # the same in any choice
    color, hatch = PALETTE[look % len(PALETTE)], HATCHES[look // len(PALETTE) % len(HATCHES)]
    edge: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.5}
    top.bar(places, means, 0.92 * bar, color=color, hatch=hatch, label=method.label, **edge)
    for place, summary in zip(places, values, strict=True):
        if summary.high - summary.low > SMALLEST_SPREAD:
            around = [[summary.mean - summary.low], [summary.high - summary.mean]]
            top.errorbar(place, summary.mean, around, ecolor=INK, elinewidth=1, capsize=2)
        text = f"{summary.mean:.3f}"
        height = max(summary.high, 0) + 0.02
        top.text(place, height, text, rotation=90, size=7, ha="center", va="bottom", color=INK)
    seconds = [summary.seconds for summary in values]
    bottom.scatter(places, seconds, s=36, color=color, zorder=3, **edge)
