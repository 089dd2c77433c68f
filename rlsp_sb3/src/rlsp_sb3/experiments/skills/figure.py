"""Figure of the cross-entropy of telling learned policies from a skill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL, summarize_curves
from rlsp_sb3.experiments.job import count_states
from rlsp_sb3.experiments.methods import RANDOM, Method, Style, label_of
from rlsp_sb3.experiments.skills.table import Curves
from rlsp_sb3.experiments.table_rows import RowKey
from rlsp_sb3.plotting.style import GRAY, INK, plain_axes, save_png, shared_legend

_GUESS = float(np.log(2))


def skill_plot(
    path: Path,
    *,
    skill: str,
    n_states: Sequence[int],
    methods: Sequence[Method],
    curves: Mapping[RowKey, Curves],
) -> None:
    """Draw the held-out cross-entropy over the training of the classifier.

    Args:
        path: Where to write a PNG, with a panel for each number of observed states.
        skill: The name of the skill.
        n_states: The numbers of observed states.
        methods: The methods.
        curves: The curves.
    """
    n_panels = len(n_states)
    size = (max(6.4, 1.2 + 3.6 * n_panels), 4.6)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, n_panels, squeeze=False, sharey=True)[0]
    for axes, n in zip(grid, n_states, strict=True):
        axes.axhline(_GUESS, color=INK, linewidth=0.9, linestyle=":", label="guessing (log 2)")
        for method in methods:
            found = curves.get(RowKey(skill, method.name, n))
            _draw(axes, found, method.label, method.style, 2)
        _draw(axes, curves.get(RowKey(skill, RANDOM, 0)), label_of(RANDOM), Style(GRAY), 1.5)
        axes.set_title(f"{count_states(n).replace('state', 'observed state')}")
        axes.set_xlabel("gradient steps of the classifier")
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        plain_axes(axes)
    grid[0].set_ylabel("held-out cross-entropy (nats)\n← unlike the skill      like the skill →")
    n_seeds = max((len(found.values) for found in curves.values()), default=1)
    shown = f"interquartile mean of {n_seeds} seeds; band: its 95 % interval"
    if n_seeds < FEWEST_FOR_INTERVAL:
        shown = f"mean of {n_seeds} seeds; band: their range"
    note = f"\n({shown})" if n_seeds > 1 else ""
    figure.suptitle(f"Can a classifier tell the learned policy from the skill “{skill}”?{note}")
    shared_legend(figure)
    save_png(figure, path)


def _draw(axes: Axes, curves: Curves | None, label: str, style: Style, width: float) -> None:
    """The center of all seeds, and their spread."""
    if curves is None:
        return
    summary = summarize_curves(curves.values)
    look: dict[str, Any] = {"color": style.color, "linestyle": style.line, "linewidth": width}
    axes.plot(curves.steps, summary.center, label=label, **look)
    if summary.n > 1:
        axes.fill_between(
            curves.steps, summary.low, summary.high, color=style.color, alpha=0.15, linewidth=0
        )
