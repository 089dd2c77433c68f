"""Figure of returns and EPIC distances of methods in MuJoCo environments."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_IQM
from rlsp_sb3.experiments.methods import LABELS, LOOKS
from rlsp_sb3.experiments.mujoco.plan import TablePlan
from rlsp_sb3.experiments.mujoco.table import Results, RowKey
from rlsp_sb3.plotting.style import INK, plain_axes

PANELS = {
    "retrained": "retrained policy:\ntrue return per episode",
    "in_loop": "in-loop policy:\ntrue return per episode",
    "epic": "EPIC distance\nto the true reward",
}
WIDTH = 0.7  # of the methods at one number of states


def mujoco_plot(plan: TablePlan, results: Results, path: Path) -> None:
    """Draw returns and distances over the number of observed states, a row for each environment.

    Args:
        plan: What there is to compare.
        results: The results.
        path: Where to write a PNG.
    """
    n_rows = len(plan.env_ids)
    measures = [measure for measure in PANELS if measure in results.measures]
    width = max(4 * len(measures), 7)  # for the title
    figure = Figure(figsize=(width, 1.4 + 2.7 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, len(measures), squeeze=False)
    for row, env_id in enumerate(plan.env_ids):
        for axes, measure in zip(grid[row], measures, strict=True):
            _draw(axes, plan, results, env_id, measure)
            axes.set_ylabel(PANELS[measure])
            if row == n_rows - 1:
                axes.set_xlabel("observed states")
        grid[row][0].set_title(env_id, loc="left", fontweight="bold")
    center = "interquartile mean" if _most_seeds(results) >= FEWEST_FOR_IQM else "mean"
    figure.suptitle(f"Large: {center} and its 95 % interval over seeds; small: each seed")
    by_label: dict[str, Artist] = {}
    for axes in grid.flat:
        handles, labels = axes.get_legend_handles_labels()
        by_label |= dict(zip(labels, handles, strict=True))
    figure.legend(
        list(by_label.values()),
        list(by_label),
        loc="outside lower center",
        ncols=len(by_label) or 1,
        frameon=False,
    )
    figure.savefig(path, format="png", dpi=120)


def _draw(axes: Axes, plan: TablePlan, results: Results, env_id: str, measure: str) -> None:
    """One panel."""
    for k, method in enumerate(plan.methods):
        color, marker = LOOKS[method]
        offset = WIDTH * ((k + 0.5) / len(plan.methods) - 0.5)
        label = LABELS[method]
        for i, n in enumerate(plan.states):
            place = RowKey(env_id, method, n)
            summary = results.rows.get(place, {}).get(measure)
            if summary is None:
                continue
            values = results.values[place][measure]
            x = i + offset
            axes.scatter(np.full(len(values), x), values, s=9, color=color, alpha=0.45, lw=0)
            known = not math.isnan(summary.low)
            around = [[summary.center - summary.low], [summary.high - summary.center]]
            axes.errorbar(
                *(x, summary.center, around if known else None),
                fmt=marker,
                color=color,
                markeredgecolor=INK,
                markeredgewidth=0.5,
                ecolor=INK,
                elinewidth=1,
                capsize=3,
                label=label,
            )
            label = "_"  # one entry in the legend
    if measure != "epic" and env_id in results.experts:
        axes.axhline(
            results.experts[env_id], color=INK, linewidth=0.9, linestyle="--", label="expert"
        )
    if measure == "epic":
        axes.set_ylim(0, 1)
    elif axes.get_ylim()[0] > 0:
        # From 0, so that 970 of 1,000 does not look like nothing.
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    axes.set_xticks(range(len(plan.states)), [str(n) for n in plan.states])
    axes.set_xlim(-0.5, len(plan.states) - 0.5)
    axes.tick_params(axis="x", length=0)
    plain_axes(axes)


def _most_seeds(results: Results) -> int:
    counts = (summary.n for row in results.rows.values() for summary in row.values())
    return max(counts, default=0)
