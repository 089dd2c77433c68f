"""Learning curves of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from rlsp_sb3.evaluation.seed_statistics import SeedSummary
from rlsp_sb3.plotting.runs.groups import Group, curve_of, cut_short, missing, sections
from rlsp_sb3.plotting.runs.legend import heading, line_styles, spread_note
from rlsp_sb3.plotting.style import plain_axes, save_png, shared_legend
from rlsp_sb3.utils.errors import NotOfferedError

_PANELS = {
    "eval/inferred_return": "inferred return\nof an episode",
    "eval/true_return": "true return\nof an episode",
    "eval/true_return_fraction": "fraction of the\nbest true return",
    "eval/reward_correlation": "correlation of inferred\nand true reward",
    "rlsp/log_likelihood": "log likelihood of\nthe observed states",
    "rlsp/gradient_norm": "norm of the gradient",
    "rlsp/oracle_cosine": "cosine of the gradient\nwith that of real pasts",
    "rlsp/reward_norm": "norm of the weights θ",
    "rlsp/horizon": "horizon (states)",
    "rlsp/effective_pasts": "effective number\nof simulated pasts",
}
"""The quantities of a log that are drawn, with their labels."""
_SHOWN = {"eval/true_return_fraction": (0.0, 1.0), "eval/reward_correlation": (0.0, 1.0)}
"""The ends that an axis has to reach, so that small differences look small."""
_COLUMNS = 4
_FEW = 15  # points, each of which is marked


class Line(NamedTuple):
    """Learning curve of a group.

    Attributes:
        group: The group.
        timesteps: When (N,).
        summary: That of the values of its seeds then (N,).
    """

    group: Group
    timesteps: NDArray[np.float64]
    summary: SeedSummary[NDArray[np.float64]]


def curves_plot(groups: Sequence[Group], path: Path) -> list[str]:
    """Draw what was logged over timesteps: a line for each group, a panel for each quantity.

    Args:
        groups: The runs.
        path: Where to write a PNG.

    Returns:
        What to say of runs that are not in it, or not to their end.

    Raises:
        NotOfferedError: If the logs have nothing to draw.
    """
    logged = [group for group in groups if any(run.log for run in group.runs)]
    if not logged:
        raise NotOfferedError("nothing has been logged yet")
    parts = {title: _lines(inside) for title, inside in sections(logged).items()}
    parts = {title: lines for title, lines in parts.items() if lines}
    if not parts:
        raise NotOfferedError(f"the logs have none of {', '.join(_PANELS)}")
    columns = min(_COLUMNS, max(map(len, parts.values())))
    n_rows = [-(-len(lines) // columns) for lines in parts.values()]
    size = (max(3.4 * columns, 7), 2.5 * sum(n_rows) + 1.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(sum(n_rows), columns, squeeze=False)
    styles = line_styles(groups)
    for (title, lines), end, n in zip(parts.items(), np.cumsum(n_rows), n_rows, strict=True):
        all_axes = grid[end - n : end].ravel()
        for axes, name in zip(all_axes, lines, strict=False):
            _draw(axes, name, lines[name], styles)
        for axes in all_axes[len(lines) :]:
            axes.set_axis_off()
        all_axes[0].set_title(title, loc="left", weight="bold")
    drawn = [line for each in parts.values() for lines in each.values() for line in lines]
    note = spread_note(line.summary.n for line in drawn)
    heading(figure, "Learning curves", (line.group for line in drawn), note)
    shared_legend(figure)
    save_png(figure, path)
    return missing(groups, "log") + cut_short(groups)


def _lines(groups: Sequence[Group]) -> dict[str, list[Line]]:
    """The lines of each panel that has some."""
    found: dict[str, list[Line]] = {}
    for name in _PANELS:
        for group in groups:
            curve = curve_of(group, name)
            if curve is not None:
                found.setdefault(name, []).append(Line(group, *curve))
    return found


def _draw(
    axes: Axes, name: str, lines: Sequence[Line], styles: Mapping[str, tuple[str, str]]
) -> None:
    """One panel."""
    for group, timesteps, summary in lines:
        color, style = styles[group.label]
        marker = "o" if len(timesteps) <= _FEW else ""
        look: dict[str, Any] = {"color": color, "linestyle": style, "marker": marker}
        axes.plot(timesteps, summary.center, markersize=3, label=group.label, **look)
        axes.fill_between(timesteps, summary.low, summary.high, color=color, alpha=0.2, linewidth=0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    axes.set_xlim(left=0)
    if name in _SHOWN:
        axes.update_datalim([(1, end) for end in _SHOWN[name]])
        axes.autoscale_view(scalex=False)
    if name == "rlsp/horizon":
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.set_xlabel(f"{lines[0].group.runs[0].timestep}s")
    axes.set_ylabel(_PANELS[name])
    plain_axes(axes)
