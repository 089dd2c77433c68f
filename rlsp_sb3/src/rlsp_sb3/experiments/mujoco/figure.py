"""Figure of returns and EPIC distances of methods in MuJoCo environments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL, SeedSummary
from rlsp_sb3.experiments.methods import EXPERT, Method, label_of
from rlsp_sb3.experiments.mujoco.table import MujocoResults
from rlsp_sb3.experiments.report.published import published_tables
from rlsp_sb3.experiments.table_rows import RowKey
from rlsp_sb3.plotting.style import INK, plain_axes, save_png, shared_legend

_PANELS = {
    "retrained": "retrained policy:\ntrue return per episode",
    "in_loop": "in-loop policy:\ntrue return per episode",
    "epic": "EPIC distance\nto the true reward",
}
_WIDTH = 0.7  # of the methods at one number of states


def mujoco_plot(
    path: Path,
    *,
    env_ids: Sequence[str],
    n_states: Sequence[int],
    methods: Sequence[Method],
    results: MujocoResults,
) -> None:
    """Draw returns and distances over the number of observed states, a row for each environment.

    Args:
        path: Where to write a PNG.
        env_ids: The environments.
        n_states: The numbers of observed states.
        methods: The methods.
        results: The results.
    """
    n_rows = len(env_ids)
    measures = [measure for measure in _PANELS if measure in results.measures]
    width = max(4 * len(measures), 7)  # for the title
    figure = Figure(figsize=(width, 1.4 + 2.7 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, len(measures), squeeze=False)
    for row, env_id in enumerate(env_ids):
        for axes, measure in zip(grid[row], measures, strict=True):
            for k, method in enumerate(methods):
                offset = _WIDTH * ((k + 0.5) / len(methods) - 0.5)
                for i, n in enumerate(n_states):
                    key = RowKey(env_id, method.name, n)
                    summary = results.rows.get(key, {}).get(measure)
                    if summary is not None:
                        values = results.values[key][measure]
                        _draw_seeds(axes, method, i + offset, values, summary)
            if measure == "retrained":
                _draw_published(axes, env_id, n_states, methods)
            _dress(axes, results.experts.get(env_id), n_states, measure)
            if row == n_rows - 1:
                axes.set_xlabel("observed states")
        grid[row][0].set_title(env_id, loc="left", fontweight="bold")
    figure.suptitle(_title(results))
    shared_legend(figure, fewest=1)
    save_png(figure, path)


def _draw_seeds(
    axes: Axes, method: Method, x: float, values: Sequence[float], summary: SeedSummary[float]
) -> None:
    """The seeds of a row, and their summary."""
    color, marker, *_ = method.style
    axes.scatter(np.full(len(values), x), values, s=9, color=color, alpha=0.45, lw=0)
    around = [[summary.center - summary.low], [summary.high - summary.center]]
    axes.errorbar(
        *(x, summary.center, around if summary.n > 1 else None),
        fmt=marker,
        color=color,
        markeredgecolor=INK,
        markeredgewidth=0.5,
        ecolor=INK,
        elinewidth=1,
        capsize=3,
        label=method.label,
    )


def _draw_published(
    axes: Axes, env_id: str, n_states: Sequence[int], methods: Sequence[Method]
) -> None:
    """A dotted line for the published value of each method, at each number of states."""
    tables = [table for table in published_tables() if table.kind == "mujoco"]
    for table, method, (i, n) in product(tables, methods, enumerate(n_states)):
        if (value := table.value(env_id, method.name, n)) is not None:
            axes.hlines(
                value,
                i - _WIDTH / 2,
                i + _WIDTH / 2,
                colors=method.style[0],
                linestyles=":",
                label=f"{method.label}, published",
            )


def _dress(axes: Axes, expert: float | None, n_states: Sequence[int], measure: str) -> None:
    """All but the results of methods in a panel."""
    if measure == "epic":
        axes.set_ylim(0, 1)
    else:
        if expert is not None:
            axes.axhline(expert, color=INK, linewidth=0.9, linestyle="--", label=label_of(EXPERT))
        if axes.get_ylim()[0] > 0:
            # From 0, so that 970 of 1,000 does not look like nothing.
            axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    axes.set_xticks(range(len(n_states)), [str(n) for n in n_states])
    axes.set_xlim(-0.5, len(n_states) - 0.5)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(_PANELS[measure])
    plain_axes(axes)


def _title(results: MujocoResults) -> str:
    """The title, which says what is drawn: that depends on the number of seeds."""
    counts = {summary.n for row in results.rows.values() for summary in row.values()} or {1}
    if max(counts) == 1:
        return "One seed each"
    few, many = "mean and range of the seeds", "interquartile mean and its 95 % interval over seeds"
    shown = many if min(counts) >= FEWEST_FOR_INTERVAL else few
    if min(counts) < FEWEST_FOR_INTERVAL <= max(counts):
        shown = f"{few}, or from {FEWEST_FOR_INTERVAL} on {many}"
    return f"Large: {shown}; small: each seed"
