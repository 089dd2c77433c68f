"""Figure of a diagnosis: the gradient of RLSP beside that of an expert's real pasts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from rlsp_sb3.diagnosis.gradient_diagnosis import LENGTHS, DiagnosisRow
from rlsp_sb3.plotting.style import BLUE, GRAY, GREEN, INK, ORANGE, plain_axes, save_png
from rlsp_sb3.utils.errors import NotOfferedError

_ANY_STATE = np.sqrt(2)  # distance of two independent states, in standard deviations
_SUPPORTED = 0.95


def diagnosis_figure(rows: Sequence[DiagnosisRow], path: Path, title: str) -> None:
    """Draw a diagnosis, by epoch and by length of pasts.

    Args:
        rows: What was found.
        path: Where to write a PNG.
        title: Of the figure.

    Raises:
        NotOfferedError: If nothing was found.
    """
    if not rows:
        raise NotOfferedError("no gradient has been diagnosed: no epoch had simulated pasts")
    figure = Figure(figsize=(11.5, 6.4), layout="constrained")
    figure.suptitle(f"{title}: simulated beside real pasts", x=0.01, ha="left", weight="bold")
    (cosines, norms, errors), (by_length, distances, support) = figure.subplots(2, 3)
    _draw_used(cosines, norms, [row for row in rows if row.is_used])
    _draw_errors(errors, rows)
    _draw_cosines(figure, by_length, rows)
    _draw_by_length(distances, rows, "start_distance")
    distances.axhline(_ANY_STATE, color=GRAY, linestyle="--", label="any state of the expert")
    distances.set(yscale="log", ylabel="distance of simulated from real starts\n(std of expert)")
    _draw_by_length(support, rows, "support")
    support.axhline(_SUPPORTED, color=GRAY, linestyle="--", label="states of the expert")
    support.set(ylim=(-0.03, 1.03), ylabel="share of simulated pasts\nthat start in the support")
    for axes in (norms, distances):
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    for axes in (norms, distances, support):
        axes.legend(fontsize=8, frameon=False)
    save_png(figure, path)


def _draw_used(cosines: Axes, norms: Axes, used: Sequence[DiagnosisRow]) -> None:
    """Cosines and norms of the learner's own gradients, by epoch."""
    epochs = [row.epoch for row in used]
    cosines.axhline(0, color=GRAY, linewidth=0.8)
    cosines.plot(epochs, [row.cosine for row in used], color=BLUE, marker="o", markersize=3)
    cosines.set(ylim=(-1.05, 1.05), ylabel="cosine of the gradient\nwith that of real pasts")
    norms.plot(epochs, [row.simulated_norm for row in used], color=BLUE, label="simulated pasts")
    norms.plot(epochs, [row.real_norm for row in used], color=ORANGE, label="real pasts")
    norms.set(yscale="log", ylabel="norm of the gradient,\nper action")
    for axes in (cosines, norms):
        _by_epoch(axes)


def _draw_errors(axes: Axes, rows: Sequence[DiagnosisRow]) -> None:
    """The errors of the inverse dynamics by epoch, if there are any."""
    by_epoch = {row.epoch: row for row in rows}
    if np.isnan([row.error_expert for row in by_epoch.values()]).all():
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no inverse dynamics:\npasts are sampled forward", ha="center")
        return
    lines = {
        "expert": (ORANGE, [row.error_expert for row in by_epoch.values()]),
        "in-loop policy": (BLUE, [row.error_in_loop for row in by_epoch.values()]),
        "random actions": (GREEN, [row.error_random for row in by_epoch.values()]),
    }
    for label, (color, values) in lines.items():
        axes.plot(list(by_epoch), values, color=color, label=label)
    axes.axhline(1, color=GRAY, linestyle="--", label="nothing changes")
    axes.set(
        ylim=(0, None), ylabel="error of the inverse dynamics\nin one step (share of the change)"
    )
    axes.legend(fontsize=8, frameon=False)
    _by_epoch(axes)


def _draw_cosines(figure: Figure, axes: Axes, rows: Sequence[DiagnosisRow]) -> None:
    """The cosines by epoch and length, and the length that is used."""
    epochs = sorted({row.epoch for row in rows})
    regular = [row for row in rows if row.length in LENGTHS]
    lengths = sorted({row.length for row in regular})
    table = np.full((len(lengths), len(epochs)), np.nan)
    for row in regular:
        table[lengths.index(row.length), epochs.index(row.epoch)] = row.cosine
    mesh = axes.pcolormesh(
        _edges(np.array(epochs, float)),
        np.exp(_edges(np.log(lengths))),
        table,
        cmap="RdBu",
        vmin=-1,
        vmax=1,
    )
    used = [(row.epoch, row.length) for row in rows if row.is_used]
    axes.plot(*np.array(used, float).reshape(-1, 2).T, color=INK, marker=".", linewidth=1)
    axes.set(yscale="log", ylabel="length of pasts (states);\nblack: what is used")
    _by_epoch(axes)
    _length_ticks(axes.yaxis, lengths)
    figure.colorbar(mesh, ax=axes, label="cosine")


def _draw_by_length(axes: Axes, rows: Sequence[DiagnosisRow], name: str) -> None:
    """A figure by length, in the first, the middle and the last epoch."""
    epochs = sorted({row.epoch for row in rows})
    chosen = dict.fromkeys((epochs[0], epochs[len(epochs) // 2], epochs[-1]))
    for epoch, color in zip(chosen, (GREEN, ORANGE, BLUE), strict=False):
        here = [row for row in rows if row.epoch == epoch]
        lengths, values = [row.length for row in here], [getattr(row, name) for row in here]
        axes.plot(lengths, values, color=color, marker="o", markersize=3, label=f"epoch {epoch}")
    axes.set(xscale="log", xlabel="length of pasts (states)")
    _length_ticks(axes.xaxis, [row.length for row in rows])
    plain_axes(axes)


def _by_epoch(axes: Axes) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    plain_axes(axes)


def _length_ticks(axis: object, lengths: Sequence[int]) -> None:
    """Ticks at round lengths on a logarithmic axis."""
    shown = [x for x in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if x <= max(lengths)]
    axis.set_major_locator(FixedLocator(shown))  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())  # type: ignore[attr-defined]
    axis.set_major_formatter("{x:.0f}")  # type: ignore[attr-defined]


def _edges(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges (n + 1,) of cells around centers (n,)."""
    if len(centers) == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middle = (centers[1:] + centers[:-1]) / 2
    return np.array([2 * centers[0] - middle[0], *middle, 2 * centers[-1] - middle[-1]])
