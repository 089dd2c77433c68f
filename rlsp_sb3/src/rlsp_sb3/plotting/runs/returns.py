"""Figure of the true returns of the policies of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import summarize
from rlsp_sb3.plotting.runs.groups import Group, by_reason, missing, returns_of
from rlsp_sb3.plotting.runs.legend import heading, line_styles, spread_note
from rlsp_sb3.plotting.style import INK, plain_axes, save_png, shared_legend
from rlsp_sb3.runs.run import FRACTION, TrueReturn
from rlsp_sb3.utils.errors import NotOfferedError

Measured = Sequence[tuple[Group, Sequence[TrueReturn]]]


def returns_plot(groups: Sequence[Group], path: Path) -> list[str]:
    """Draw true returns after learning: a bar for each group, a dot for each seed.

    Args:
        groups: The runs.
        path: Where to write a PNG.

    Returns:
        What to say of runs that are not in it.

    Raises:
        NotOfferedError: If no two runs in one environment have been measured in the same way.
    """
    found: dict[tuple[str, str], list[tuple[Group, list[TrueReturn]]]] = {}
    for group in groups:
        for measure, returns in returns_of(group).items():
            found.setdefault((group.env_id, measure), []).append((group, returns))
    panels = {
        place: bars for place, bars in found.items() if sum(len(each) for _, each in bars) > 1
    }
    if not panels:
        raise NotOfferedError(
            "no two runs in one environment have ended and have a true return: there is nothing "
            "to compare"
        )
    sizes = [len(bars) + 1.5 for bars in panels.values()]
    figure = Figure(figsize=(8, 0.42 * sum(sizes) + 1), layout="constrained")
    all_axes = figure.subplots(len(panels), 1, height_ratios=sizes, squeeze=False).ravel()
    styles = line_styles(groups)
    drawn = [pair for bars in panels.values() for pair in bars]
    over_seeds = spread_note(len(returns) for _, returns in drawn)
    for axes, ((env_id, measure), bars) in zip(all_axes, panels.items(), strict=True):
        _draw_bars(axes, bars, styles, over_episodes=not over_seeds)
        axes.set_title(env_id, loc="left", weight="bold")
        axes.set_xlabel(measure)
    note = f"{over_seeds}; dots: seeds"
    if not over_seeds:
        lines = any(each.interval for _, returns in drawn for each in returns)
        note = f"one seed each{'; lines: 95 % interval over episodes' if lines else ''}"
    heading(figure, "What policies earn at the end", (group for group, _ in drawn), note)
    shared_legend(figure, fewest=1)
    save_png(figure, path)
    alone = [group for place, bars in found.items() if place not in panels for group, _ in bars]
    return missing(groups, "true_return") + by_reason(
        (group.runs[0], "no other run is measured in the same way in the same environment")
        for group in alone
    )


def _draw_bars(
    axes: Axes, bars: Measured, styles: Mapping[str, tuple[str, str]], over_episodes: bool
) -> None:
    """One panel, whose lines are intervals over seeds, or over the episodes of the only seed."""
    for place, (group, returns) in enumerate(bars):
        values = [each.value for each in returns]
        summary = summarize([values])
        center, low, high = summary.center, summary.low, summary.high
        if over_episodes and returns[0].interval is not None:
            low, high = returns[0].interval
        color, _ = styles[group.label]
        axes.barh(place, center, 0.66, color=color, alpha=0.75)
        if low < high:
            around = [[center - low], [high - center]]
            axes.errorbar(center, place, xerr=around, color=INK, elinewidth=1.2, capsize=4)
        if len(values) > 1:
            offsets = np.linspace(-0.2, 0.2, len(values))
            axes.scatter(values, place + offsets, s=14, color=INK, zorder=3, linewidth=0)
        text = f"{center:,.3f}" if returns[0].measure == FRACTION else f"{center:,.1f}"
        at = (max(high, 0, *values), place)
        move: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text.replace("-", "−"), at, annotation_clip=False, **move)
    known = [each.task_only for _, returns in bars for each in returns]
    task_only = {value for value in known if value is not None}
    if len(task_only) == 1:
        axes.axvline(
            task_only.pop(), color=INK, linewidth=1, linestyle="--", label="task reward only"
        )
    axes.set_yticks(range(len(bars)), [group.label for group, _ in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.axvline(0, color=INK, linewidth=0.8)
    plain_axes(axes, "x")
    axes.tick_params(axis="y", length=0)
