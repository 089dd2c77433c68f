"""All cells of the papers' tables: published values beside those of result folders."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from rlsp_sb3.experiments.report.published import PublishedTable, published_tables
from rlsp_sb3.experiments.report.table_run import TableRun

_SUBJECTS = ("env_id", "skill", "problem")
"""The columns of ``table.csv`` that say what a row is of, by kind of table."""


class Measured(NamedTuple):
    """A figure of a cell that was run.

    Attributes:
        mean: The mean over seeds.
        std: The standard deviation over seeds; None for one seed.
        n_seeds: How many seeds there are.
    """

    mean: float
    std: float | None
    n_seeds: int


class PaperCell(NamedTuple):
    """A cell of a published table.

    Attributes:
        subject: The environment or skill.
        n_states: How many observed states there are; 0 if that is not said.
        method: The name of the method.
        published: The published value; None if none is known.
        measured: What was measured here, by measure; empty if the cell was not run.
        folder: The name of the folder that has it; "" for none.
        why: Why it was not run; "" if it was.
    """

    subject: str
    n_states: int
    method: str
    published: float | None
    measured: dict[str, Measured]
    folder: str
    why: str


def paper_cells(runs: Sequence[TableRun]) -> list[tuple[PublishedTable, list[PaperCell]]]:
    """The cells of the papers' tables.

    Of a cell that several folders have, that with the most seeds counts; of as many, the first.

    Args:
        runs: The tables that were computed.

    Raises:
        ValueError: If a table's ``table.csv`` is not one.
    """
    return [(table, _cells(table, runs)) for table in published_tables()]


def _cells(table: PublishedTable, runs: Iterable[TableRun]) -> list[PaperCell]:
    found: dict[tuple[str, int, str], tuple[dict[str, Measured], str]] = {}
    names = {other: name for name, row in table.rows.items() for other in (name, *row.also)}
    for run in runs:
        if run.table == table.kind and "table.csv" in run.files:
            for subject, n_states, method, measured in read_table_csv(
                run.path / "table.csv", table.measures
            ):
                place = (names.get(subject, subject), n_states, method)
                if measured and _seeds(measured) > _seeds(found.get(place, ({}, ""))[0]):
                    found[place] = (measured, run.name)
    cells = []
    for (subject, row), n_states, method in product(
        table.rows.items(), table.n_states, table.methods
    ):
        measured, folder = found.get((subject, n_states, method), ({}, ""))
        why = "" if measured else row.not_run or "not run"
        published = table.value(subject, method, n_states)
        cells.append(
            PaperCell(
                subject,
                n_states,
                method,
                published=published,
                measured=measured,
                folder=folder,
                why=why,
            )
        )
    return cells


def _seeds(measured: dict[str, Measured]) -> int:
    return max((each.n_seeds for each in measured.values()), default=0)


def read_table_csv(
    path: Path, measures: Iterable[str]
) -> list[tuple[str, int, str, dict[str, Measured]]]:
    """The subject, number of states, method and measures of each row of a ``table.csv``.

    Raises:
        ValueError: If it is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [
            (
                next(row[name] for name in _SUBJECTS if name in row),
                int(row.get("n_states") or 0),
                row["method"],
                {name: each for name in measures if (each := _measured(row, name)) is not None},
            )
            for row in rows
        ]
    except (KeyError, StopIteration, TypeError, ValueError, csv.Error) as error:
        raise ValueError(
            f"{path} is not what `rlsp table` wrote ({error!r}): run the command of its folder "
            "again, which computes only what is missing"
        ) from error


def _measured(row: dict[str, str], name: str) -> Measured | None:
    mean = row.get(f"{name}_mean")
    if not mean:
        return None
    std = row[f"{name}_std"]
    return Measured(float(mean), float(std) if std else None, int(row[f"{name}_n"]))
