"""Figure of the cross-entropy of telling learned policies from a skill."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL, seed_spread
from rlsp_sb3.experiments.methods import LABELS, LOOKS
from rlsp_sb3.experiments.skills.job import RANDOM
from rlsp_sb3.experiments.skills.plan import SkillPlan
from rlsp_sb3.experiments.skills.table import Curves, SkillRowKey
from rlsp_sb3.plotting.style import GRAY, INK, plain_axes, shared_legend

DASHES = {"rlsp": "-", "average-features": "--", "waypoints": "-.", "gail": (0, (4, 1, 1, 1, 1, 1))}
GUESS = float(np.log(2))


def skill_plot(
    plan: SkillPlan, skill: str, curves: Mapping[SkillRowKey, Curves], path: Path
) -> None:
    """Draw the held-out cross-entropy over the training of the classifier.

    Args:
        plan: What there is to compare.
        skill: The name of the skill.
        curves: The curves.
        path: Where to write a PNG, with a panel for each number of observed states.
    """
    n_panels = len(plan.states)
    size = (max(6.4, 1.2 + 3.6 * n_panels), 4.6)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, n_panels, squeeze=False, sharey=True)[0]
    for axes, n in zip(grid, plan.states, strict=True):
        axes.axhline(GUESS, color=INK, linewidth=0.9, linestyle=":", label="guessing (log 2)")
        for method in plan.methods:
            look = {"color": LOOKS[method][0], "linestyle": DASHES[method], "linewidth": 2}
            _draw(axes, curves.get(SkillRowKey(skill, method, n)), LABELS[method], look)
        look = {"color": GRAY, "linewidth": 1.5}
        _draw(axes, curves.get(SkillRowKey(skill, RANDOM, 0)), "random actions", look)
        axes.set_title(f"{n} observed state{'s' if n > 1 else ''}")
        axes.set_xlabel("gradient steps of the classifier")
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        plain_axes(axes)
    grid[0].set_ylabel("held-out cross-entropy (nats)\n← unlike the skill      like the skill →")
    n_seeds = max((len(found.values) for found in curves.values()), default=1)
    band = "95 % interval of the mean" if n_seeds >= FEWEST_FOR_INTERVAL else "lowest to highest"
    note = f"\n(mean of {n_seeds} seeds; band: {band})" if n_seeds > 1 else ""
    figure.suptitle(f"Can a classifier tell the learned policy from the skill “{skill}”?{note}")
    shared_legend(figure)
    figure.savefig(path, format="png", dpi=120)


def _draw(axes: Axes, curves: Curves | None, label: str, look: dict[str, Any]) -> None:
    """The mean of all seeds, and their spread."""
    if curves is None:
        return
    mean, low, high, n = seed_spread(curves.values)
    axes.plot(curves.steps, mean, label=label, **look)
    if n > 1:
        axes.fill_between(curves.steps, low, high, color=look["color"], alpha=0.15, linewidth=0)
