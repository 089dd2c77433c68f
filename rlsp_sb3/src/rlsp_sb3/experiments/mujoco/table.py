"""The table of methods in MuJoCo environments, as text and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize
from rlsp_sb3.experiments.job import count_states
from rlsp_sb3.experiments.methods import EXPERT, Method, label_of
from rlsp_sb3.experiments.mujoco.job import MEASURES
from rlsp_sb3.experiments.table_cells import LARGE, NOTHING, format_cell, format_number
from rlsp_sb3.experiments.table_rows import (
    Done,
    RowKey,
    collect_values,
    methods_table,
    summarize_rows,
    write_jobs_csv,
    write_table_csv,
)

RETURNS = ("in_loop", "retrained")
_TITLES = {
    "in_loop": ("True return of the in-loop policy", 1),
    "retrained": ("True return of a retrained policy", 1),
    "epic": ("EPIC distance to the true reward", 3),
    "seconds": ("Seconds to infer the reward", 1),
}
"""Label and number of digits of each measure."""


class MujocoResults(NamedTuple):
    """The results of a table.

    Attributes:
        rows: The summaries by row and by measure; a measure that no job has is missing.
        values: The values of all seeds, likewise.
        experts: The returns of the experts, by environment.
    """

    rows: dict[RowKey, dict[str, SeedSummary[float]]]
    values: dict[RowKey, dict[str, list[float]]]
    experts: dict[str, float]

    @property
    def measures(self) -> set[str]:
        """The measures that any row has; all as long as there are no rows."""
        return set().union(*self.rows.values()) if self.rows else set(MEASURES)


def gather_results(done: Done) -> MujocoResults:
    """Summarize the results of jobs over seeds."""
    methods = [(job, figures) for job, figures in done if job.method != EXPERT]
    values = collect_values(methods)
    experts = {
        key.subject: row["in_loop"][0]
        for key, row in collect_values(done).items()
        if key.method == EXPERT
    }
    return MujocoResults(summarize_rows(values), values, experts)


def relative_to_experts(
    results: MujocoResults,
) -> dict[str, dict[tuple[str, int], SeedSummary[float]]]:
    """Returns of all environments as fractions of the expert's.

    A method counts if it has results in all environments; each environment is a stratum. There is
    nothing to say about fewer than two, or of an expert without a positive return.

    Returns:
        The summaries by measure, and by method and number of states.
    """
    env_ids = list(dict.fromkeys(key.subject for key in results.rows))
    if len(env_ids) < 2 or any(results.experts.get(env_id, 0.0) <= 0 for env_id in env_ids):
        return {}
    found: dict[str, dict[tuple[str, int], SeedSummary[float]]] = {}
    for measure in RETURNS:
        for _, method, n_states in results.rows:
            strata = []
            for env_id in env_ids:
                row = results.values.get(RowKey(env_id, method, n_states), {})
                strata.append([x / results.experts[env_id] for x in row.get(measure, [])])
            if all(strata):
                found.setdefault(measure, {})[method, n_states] = summarize(strata)
    return found


def mujoco_tables(
    env_ids: Sequence[str],
    n_states: Sequence[int],
    methods: Sequence[Method],
    results: MujocoResults,
) -> dict[str, Table]:
    """The tables to be printed, by title: one for each measure, and one for all environments.

    A measure that no result has is left out.
    """
    found = {}
    for measure, (title, digits) in _TITLES.items():
        if measure not in results.measures:
            continue
        has_expert = measure in RETURNS
        table = methods_table(methods, label_of(EXPERT) if has_expert else None)
        for env_id in env_ids:
            earned = _format_return(results.experts.get(env_id), digits)
            table.add_row(Text(env_id, "bold"), *([earned] if has_expert else []))
            for n in n_states:
                rows = [results.rows.get(RowKey(env_id, each.name, n), {}) for each in methods]
                cells: list[Any] = [format_cell(row.get(measure), digits) for row in rows]
                table.add_row(f"  {count_states(n)}", *([""] if has_expert else []), *cells)
        found[title] = table
    for measure, relative in relative_to_experts(results).items():
        table = methods_table(methods)
        for n in n_states:
            # The standard deviation over environments would say nothing.
            cells = [format_cell(relative.get((each.name, n)), 3, False) for each in methods]
            table.add_row(f"  {count_states(n)}", *cells)
        found[f"{_TITLES[measure][0]}, as a fraction of the expert's, in all environments"] = table
    return found


def write_mujoco_csv(folder: Path, done: Done) -> list[str]:
    """Write table.csv and jobs.csv; returns their names."""
    write_table_csv(folder, "env_id", MEASURES, summarize_rows(collect_values(done)))
    write_jobs_csv(folder, "env_id", done)
    return ["table.csv", "jobs.csv"]


def _format_return(value: float | None, digits: int) -> str:
    """The return of an expert."""
    return NOTHING if value is None else format_number(value, 0 if value >= LARGE else digits)
