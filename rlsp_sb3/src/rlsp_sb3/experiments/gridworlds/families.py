"""Results of methods on families of random problems, as tables and as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL, mean_interval
from rlsp_sb3.experiments.gridworlds.cells import Cell, Problem
from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.experiments.table_cells import NOTHING, format_number
from rlsp_sb3.experiments.table_rows import methods_table
from rlsp_sb3.io.atomic_write import write_csv
from rlsp_sb3.type_aliases import FloatArray

SOLVED = 0.99
"""From this fraction of the best true return on a problem is solved."""

TASK_ALONE = "task-reward"
"""The method that others may be worse than."""

_SMALLEST_LOSS = 1e-6

FAMILY_EXPLANATION = (
    f"Each figure is over the problems of a family. Solved: at least {SOLVED:.0%} of the best true "
    "return. Below means and differences their bootstrapped 95 % confidence interval, if there are "
    f"{FEWEST_FOR_INTERVAL} problems or more. Differences are between methods on the same problem, "
    f"the mean over seeds of each. {NOTHING}: not run, or there is none."
)
"""Caption of the cells of :func:`family_tables`."""

Fractions = Mapping[str, Mapping[str, FloatArray]]
"""Fractions of the best true return by family and method, one for each problem; NaN for none."""


def family_fractions(
    problems: Sequence[Problem], methods: Sequence[Method], cells: Iterable[Cell]
) -> Fractions:
    """The fraction of each problem, the mean over seeds, by family and method."""
    found = defaultdict(list)
    for cell in cells:
        found[cell.problem, cell.method].append(cell.fraction)
    families: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        families[problem.env_id].append(problem)
    return {
        family: {
            method.name: np.array(
                [np.mean(found.get((each.name, method.name), np.nan)) for each in members]
            )
            for method in methods
        }
        for family, members in families.items()
    }


def family_tables(methods: Sequence[Method], fractions: Fractions) -> dict[str, Table]:
    """Tables by title, with a row for each family: means, solved, and worse than the task."""
    tables = {
        "mean fraction of the best true return": methods_table(methods),
        "problems solved": methods_table(methods),
        "problems on which it is worse than the task alone": methods_table(methods),
    }
    means, solved, worse = tables.values()
    for family, by_method in fractions.items():
        each = [by_method[method.name] for method in methods]
        task = by_method.get(TASK_ALONE, np.full_like(each[0], np.nan))
        means.add_row(Text(family), *(_mean_cell(values) for values in each))
        solved.add_row(Text(family), *(_share_cell(values >= SOLVED, values) for values in each))
        losses = [task - values for values in each]
        worse.add_row(Text(family), *(_share_cell(loss > _SMALLEST_LOSS, loss) for loss in losses))
    return tables


def difference_tables(methods: Sequence[Method], fractions: Fractions) -> dict[str, Table]:
    """Tables by title, one for each family, of the mean difference of each two methods."""
    return {
        f"{family}: mean difference, row less column": _difference_table(methods, by_method)
        for family, by_method in fractions.items()
    }


def write_differences_csv(path: Path, methods: Sequence[Method], fractions: Fractions) -> None:
    """Write a CSV file with a line for each two methods on a family."""
    rows = []
    for family, by_method in fractions.items():
        for one, other in permutations((method.name for method in methods), 2):
            differences = _known(by_method[one] - by_method[other])
            if len(differences):
                interval = mean_interval(differences, seed=0) or ("", "")
                rows.append((family, one, other, len(differences), differences.mean(), *interval))
    write_csv(path, ("family", "method", "other", "problems", "mean", "low", "high"), rows)


def _difference_table(methods: Sequence[Method], by_method: Mapping[str, FloatArray]) -> Table:
    table = methods_table(methods)
    for row in methods:
        cells = [
            Text("") if row is column else _mean_cell(by_method[row.name] - by_method[column.name])
            for column in methods
        ]
        table.add_row(Text(row.label), *cells)
    return table


def _mean_cell(values: FloatArray) -> Text:
    """The mean of values, and below it its interval."""
    values = _known(values)
    if not len(values):
        return Text(NOTHING)
    text = Text(format_number(values.mean(), 3), "bold")
    interval = mean_interval(values, seed=0)
    if interval is not None:
        low, high = (format_number(end, 3) for end in interval)
        text.append(f"\n{low}…{high}", "not bold")
    return text


def _share_cell(holds: NDArray[np.bool_], values: FloatArray) -> Text:
    """The number of values for which something holds, of those that are known."""
    n = len(_known(values))
    return Text(f"{int(holds.sum())} of {n}" if n else NOTHING)


def _known(values: FloatArray) -> FloatArray:
    known: FloatArray = values[~np.isnan(values)]
    return known
