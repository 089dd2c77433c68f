"""The table of methods on tabular problems whose true reward is known, as text and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize
from rlsp_sb3.experiments.gridworlds.cells import Cell
from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.experiments.table_cells import NOTHING, SPREAD, format_cell
from rlsp_sb3.experiments.table_rows import methods_table
from rlsp_sb3.io.atomic_write import write_csv

GRIDWORLD_EXPLANATION = (
    f"Mean over seeds; {SPREAD}. A method that is not random has one seed. Seconds are means. "
    f"{NOTHING}: not run, or there is none."
)
"""Caption of the cells of :func:`gridworld_tables`."""


class CellSummary(NamedTuple):
    """The results of a method on a problem.

    Attributes:
        fraction: Of the best true return.
        seconds: How long it took to infer the reward.
    """

    fraction: SeedSummary[float]
    seconds: SeedSummary[float]


Summaries = Mapping[tuple[str, str], CellSummary]
"""The results by the id of the environment and the name of the method."""


def summarize_cells(cells: Iterable[Cell]) -> dict[tuple[str, str], CellSummary]:
    """The results over seeds, by the id of the environment and the name of the method."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.problem, cell.method), []).append(cell)
    return {
        key: CellSummary(
            summarize([[cell.fraction for cell in group]]),
            summarize([[cell.seconds for cell in group]]),
        )
        for key, group in groups.items()
    }


def gridworld_tables(
    env_ids: Sequence[str], methods: Sequence[Method], summaries: Summaries
) -> dict[str, Table]:
    """The fractions that methods get on problems, and how many seconds they took, by title."""
    tables = {
        "fraction of the best true return": methods_table(methods),
        "seconds to infer the reward": methods_table(methods),
    }
    fractions, seconds = tables.values()
    for env_id in env_ids:
        found = [summaries.get((env_id, method.name)) for method in methods]
        cells = [format_cell(each and each.fraction, 3, with_std=False) for each in found]
        fractions.add_row(Text(env_id), *cells)
        seconds.add_row(
            Text(env_id),
            *(Text(f"{each.seconds.mean:,.3f}" if each else NOTHING) for each in found),
        )
    return tables


def write_gridworld_csv(
    path: Path, env_ids: Sequence[str], methods: Sequence[Method], summaries: Summaries
) -> None:
    """Write a CSV file with a line for each problem and method."""
    parts = [field.name for field in fields(SeedSummary)]
    header = ["problem", "method"]
    header += [f"{measure}_{part}" for measure in CellSummary._fields for part in parts]
    keys = [(env_id, method.name) for env_id in env_ids for method in methods]
    rows = [
        (*key, *(value for summary in summaries[key] for value in astuple(summary)))
        for key in keys
        if key in summaries
    ]
    write_csv(path, header, rows)
