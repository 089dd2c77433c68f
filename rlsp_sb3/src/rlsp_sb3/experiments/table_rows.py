"""Rows of tables of jobs: the seeds of a method on a subject, summarized and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize_many
from rlsp_sb3.experiments.job import Job, Result
from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.experiments.table_cells import csv_value
from rlsp_sb3.io.atomic_write import write_csv

Done = Sequence[tuple[Job, Result]]
"""Jobs that have a result, with it."""


class RowKey(NamedTuple):
    """A row of a table, whose jobs differ in their seed only.

    Attributes:
        subject: What it is on, such as an environment.
        method: The name of the method, or of what it is compared with.
        n_states: The number of observed states; 0 for what sees none.
    """

    subject: str
    method: str
    n_states: int


Rows = Mapping[RowKey, Mapping[str, SeedSummary[float]]]
"""The summaries of rows, by measure; what no job of a row has is missing."""


def row_of(job: Job) -> RowKey:
    """The row that a job is a seed of."""
    return RowKey(job.subject, job.method, job.n_states)


def collect_values(done: Done) -> dict[RowKey, dict[str, list[float]]]:
    """The values of all seeds, by row and by measure; what no job has is missing."""
    values: dict[RowKey, dict[str, list[float]]] = {}
    for job, figures in done:
        row = values.setdefault(row_of(job), {})
        for measure, value in figures.measures.items():
            if value is not None:
                row.setdefault(measure, []).append(value)
    return values


def summarize_rows(
    values: Mapping[RowKey, Mapping[str, list[float]]],
) -> dict[RowKey, dict[str, SeedSummary[float]]]:
    """The summaries of the values of all seeds, by row and by measure."""
    cells = {(key, measure): seeds for key, row in values.items() for measure, seeds in row.items()}
    found: dict[RowKey, dict[str, SeedSummary[float]]] = {key: {} for key in values}
    for (key, measure), summary in summarize_many(cells).items():
        found[key][measure] = summary
    return found


def methods_table(methods: Sequence[Method], reference: str | None = None) -> Table:
    """An empty table with a column of labels, one for each method, and first one to compare with.

    Args:
        methods: The methods.
        reference: The label of what methods are compared with; None for no such column.
    """
    table = Table(box=SIMPLE_HEAD, collapse_padding=True)
    table.add_column("", no_wrap=True)
    labels = [method.label for method in methods]
    for label in labels if reference is None else [reference, *labels]:
        header = label.replace(" ", "\n")  # narrow, so that many fit
        table.add_column(header, justify="right", min_width=5, overflow="fold")
    return table


def turned(table: Table) -> Table:
    """A table with its rows as columns, for one with so many columns that no screen has room."""
    first, *columns = table.columns
    result = Table(box=SIMPLE_HEAD, collapse_padding=True)
    result.add_column("", no_wrap=True)
    for header in first.cells:
        result.add_column(header, justify="right", overflow="fold")
    for column in columns:
        result.add_row(str(column.header).replace("\n", " "), *column.cells)
    return result


def write_table_csv(folder: Path, subject: str, measures: Sequence[str], rows: Rows) -> None:
    """Write table.csv, with a line for each row.

    Args:
        folder: Where to.
        subject: What subjects are, such as "env_id".
        measures: The measures that have columns.
        rows: The rows; one that has none of the measures is left out.
    """
    parts = [field.name for field in fields(SeedSummary)]
    header = [subject, *RowKey._fields[1:]]
    header += [f"{measure}_{part}" for measure in measures for part in parts]
    lines = []
    for key, row in rows.items():
        if not any(measure in row for measure in measures):
            continue
        cells: list[Any] = []
        for measure in measures:
            found = astuple(row[measure]) if measure in row else [None] * len(parts)
            cells += map(csv_value, found)
        lines.append((*key, *cells))
    write_csv(folder / "table.csv", header, lines)


def write_jobs_csv(folder: Path, subject: str, done: Done) -> None:
    """Write jobs.csv, with a line for each job.

    Args:
        folder: Where to.
        subject: What subjects are, such as "env_id".
        done: The jobs, of which there is at least one.
    """
    measures = list(done[0][1].measures)
    header = [subject, *RowKey._fields[1:], "seed", *measures]
    lines = [
        (*row_of(job), job.seed, *map(csv_value, figures.measures.values()))
        for job, figures in done
    ]
    write_csv(folder / "jobs.csv", header, lines)
