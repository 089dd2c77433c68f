"""The table of methods in MuJoCo environments, as text and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize
from rlsp_sb3.experiments.job import Figures, Job
from rlsp_sb3.experiments.methods import EXPERT, LABELS
from rlsp_sb3.experiments.mujoco.plan import TablePlan
from rlsp_sb3.experiments.table_cells import (
    LARGE,
    NOTHING,
    format_cell,
    format_number,
    round_floats,
    states_label,
)
from rlsp_sb3.io.atomic_write import write_csv

MEASURES = ("in_loop", "retrained", "epic", "seconds", "retrain_seconds")
RETURNS = ("in_loop", "retrained")
TITLES = {
    "in_loop": ("True return of the in-loop policy", 1),
    "retrained": ("True return of a retrained policy", 1),
    "epic": ("EPIC distance to the true reward", 3),
    "seconds": ("Seconds to infer the reward", 1),
}
"""Label and number of digits of each measure."""


class RowKey(NamedTuple):
    """A row of the table.

    Attributes:
        env_id: The id of the environment.
        method: The method.
        n_states: The number of observed states.
    """

    env_id: str
    method: str
    n_states: int


class Results(NamedTuple):
    """The results of a table.

    Attributes:
        rows: The summaries by row and by measure; a measure that no job has is missing.
        values: The values of all seeds, likewise.
        experts: The returns of the experts, by environment.
    """

    rows: dict[RowKey, dict[str, SeedSummary]]
    values: dict[RowKey, dict[str, list[float]]]
    experts: dict[str, float]

    @property
    def measures(self) -> set[str]:
        """Names of the measures that any row has; of all as long as there are no rows."""
        return set().union(*self.rows.values()) if self.rows else set(MEASURES)


def gather(done: Sequence[tuple[Job, Figures]]) -> Results:
    """Summarize the results of jobs over seeds."""
    values: dict[RowKey, dict[str, list[float]]] = {}
    experts = {}
    for job, figures in done:
        if job.method == EXPERT:
            experts[job.env_id] = figures.in_loop
            continue
        row = values.setdefault(RowKey(job.env_id, job.method, job.n_states), {})
        for measure in MEASURES:
            value = getattr(figures, measure)
            if value is not None:
                row.setdefault(measure, []).append(value)
    rows = {
        place: {measure: summarize([found]) for measure, found in row.items()}
        for place, row in values.items()
    }
    return Results(rows, values, experts)


def relative_to_experts(results: Results) -> dict[str, dict[tuple[str, int], SeedSummary]]:
    """Returns of all environments as fractions of the expert's.

    A method counts if it has results in all environments; each environment is a stratum. There is
    nothing to say about fewer than two, or of an expert without a positive return.

    Returns:
        The summaries by measure, and by method and number of states.
    """
    env_ids = list(dict.fromkeys(place.env_id for place in results.rows))
    if len(env_ids) < 2 or any(results.experts.get(env_id, 0.0) <= 0 for env_id in env_ids):
        return {}
    found: dict[str, dict[tuple[str, int], SeedSummary]] = {}
    for measure in RETURNS:
        for _, method, n_states in results.rows:
            strata = []
            for env_id in env_ids:
                row = results.values.get(RowKey(env_id, method, n_states), {})
                strata.append([x / results.experts[env_id] for x in row.get(measure, [])])
            if all(strata):
                found.setdefault(measure, {})[method, n_states] = summarize(strata)
    return found


def tables(plan: TablePlan, results: Results) -> dict[str, Table]:
    """The tables to be printed, by title: one for each measure, and one for all environments.

    A measure that no result has is left out.
    """
    found = {}
    for measure, (title, digits) in TITLES.items():
        if measure not in results.measures:
            continue
        table = _table(plan, with_expert=measure in RETURNS)
        for env_id in plan.env_ids:
            expert = results.experts.get(env_id)
            cells = [
                NOTHING
                if expert is None
                else format_number(expert, 0 if expert >= LARGE else digits)
            ]
            table.add_row(Text(env_id, "bold"), *(cells if measure in RETURNS else []))
            for n in plan.states:
                rows = [results.rows.get(RowKey(env_id, method, n), {}) for method in plan.methods]
                summaries = [format_cell(row.get(measure), digits) for row in rows]
                table.add_row(states_label(n), *([""] if measure in RETURNS else []), *summaries)
        found[title] = table
    for measure, relative in relative_to_experts(results).items():
        table = _table(plan, with_expert=False)
        for n in plan.states:
            table.add_row(
                states_label(n),
                # The spread over environments would say nothing.
                *(
                    format_cell(relative.get((method, n)), 3, spread=False)
                    for method in plan.methods
                ),
            )
        found[f"{TITLES[measure][0]}, as a fraction of the expert's, in all environments"] = table
    return found


def write_csv_tables(folder: Path, results: Results, done: Sequence[tuple[Job, Figures]]) -> None:
    """Write table.csv, a line for each row of the table, and jobs.csv, one for each job."""
    parts = ("n", "mean", "std", "center", "low", "high")
    header = [*RowKey._fields, *(f"{measure}_{part}" for measure in MEASURES for part in parts)]
    expert_rows: Iterable[Any] = (
        (env_id, EXPERT, "", 1, value) for env_id, value in results.experts.items()
    )
    rows = []
    for place, row in results.rows.items():
        cells: list[Any] = []
        for measure in MEASURES:
            summary = row.get(measure)
            cells += [""] * len(parts) if summary is None else map(round_floats, summary)
        rows.append((*place, *cells))
    padded = [(*row, *[""] * (len(header) - len(row))) for row in (*expert_rows, *rows)]
    write_csv(folder / "table.csv", header, padded)
    names = (*RowKey._fields, "seed", *MEASURES)
    lines = []
    for job, figures in done:
        measured = [getattr(figures, measure) for measure in MEASURES]
        lines.append((job.env_id, job.method, job.n_states, job.seed, *map(round_floats, measured)))
    write_csv(folder / "jobs.csv", names, lines)


def _table(plan: TablePlan, with_expert: bool) -> Table:
    """A table with a column for each method, and before them one for the expert."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for method in [*([EXPERT] if with_expert else []), *plan.methods]:
        # Narrow, so that many fit.
        table.add_column(LABELS[method].replace(" ", "\n"), justify="right", overflow="fold")
    return table
