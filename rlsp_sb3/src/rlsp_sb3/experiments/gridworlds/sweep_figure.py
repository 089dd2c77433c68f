"""A figure of what an argument of methods changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rlsp_sb3.experiments.gridworlds.sweep import Sweep, SweptMethod
from rlsp_sb3.plotting.style import LINE_STYLES, SERIES, plain_axes, save_png, shared_legend

_COLUMNS = 4


def sweep_plot(
    path: Path,
    *,
    sweep: Sweep,
    methods: Sequence[SweptMethod],
    fractions: Mapping[str, Mapping[str, float]],
) -> None:
    """Draw true-return fractions over the values of an argument.

    Args:
        path: Where to write a PNG.
        sweep: The argument, and its values from left to right.
        methods: The methods, a line for each; a dotted one for what has no such argument.
        fractions: By problem or family, each with axes of its own, and by the name of the method.
    """
    n_columns = min(len(fractions), _COLUMNS)
    n_rows = -(-len(fractions) // n_columns)
    figure = Figure(figsize=(1 + 3 * n_columns, 1.2 + 2.4 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.ravel()[len(fractions) :]:
        axes.set_axis_off()
    places = {value: place for place, value in enumerate(sweep.values)}
    for axes, (problem, by_method) in zip(grid.ravel(), fractions.items(), strict=False):
        for k, method in enumerate(methods):
            color, line = SERIES[k % len(SERIES)], LINE_STYLES[k // len(SERIES) % len(LINE_STYLES)]
            found = {
                value: by_method.get(point.name, np.nan) for value, point in method.points.items()
            }
            if "" in found:
                axes.axhline(found[""], color=color, linestyle=":", label=method.label)
            else:  # beside each other, since many are the same
                x = [places[value] + 0.08 * (k - (len(methods) - 1) / 2) for value in found]
                style = {"color": color, "linestyle": line, "marker": "o", "markersize": 4}
                axes.plot(x, list(found.values()), label=method.label, **style)
        axes.set_title(problem, size=10)
        axes.set_xticks(list(places.values()), list(places), size=8)
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(sweep.argument, size=9)
        plain_axes(axes)
    figure.supylabel("fraction of the best true return", size=10)
    shared_legend(figure, fewest=1)
    save_png(figure, path)
