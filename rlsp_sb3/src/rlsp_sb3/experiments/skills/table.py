"""The table of skills, as text and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize
from rlsp_sb3.experiments.job import count_states
from rlsp_sb3.experiments.methods import RANDOM, Method, label_of
from rlsp_sb3.experiments.skills.job import SkillFigures, SkillJob
from rlsp_sb3.experiments.table_cells import format_cell
from rlsp_sb3.experiments.table_rows import (
    RowKey,
    methods_table,
    row_of,
    write_jobs_csv,
    write_table_csv,
)
from rlsp_sb3.io.atomic_write import write_csv

TITLE = f"Held-out cross-entropy (log 2 = {np.log(2):.3f}: cannot be told from the skill)"
_DIGITS = 3

DoneSkills = Sequence[tuple[SkillJob, SkillFigures]]


class Curves(NamedTuple):
    """The cross-entropy of a classifier while it is trained, for N seeds.

    Attributes:
        steps: After how many gradient steps (K,).
        values: The cross-entropy on states that were held out (N, K).
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def gather_curves(done: DoneSkills) -> dict[RowKey, Curves]:
    """The curves of all seeds, by what they are of."""
    found: dict[RowKey, list[SkillFigures]] = {}
    for job, figures in done:
        if figures.steps:
            found.setdefault(row_of(job), []).append(figures)
    return {
        key: Curves(np.array(seeds[0].steps), np.array([each.cross_entropy for each in seeds]))
        for key, seeds in found.items()
    }


def skill_table(
    skills: Sequence[str],
    n_states: Sequence[int],
    methods: Sequence[Method],
    curves: Mapping[RowKey, Curves],
) -> Table:
    """The cross-entropies at the end of the training, to be printed."""
    table = methods_table(methods, label_of(RANDOM))
    ends = {key: _at_the_end(found) for key, found in curves.items()}
    for skill in skills:
        random = format_cell(ends.get(RowKey(skill, RANDOM, 0)), _DIGITS)
        table.add_row(Text(skill, "bold"), random, *([""] * len(methods)))
        for n in n_states:
            found = [ends.get(RowKey(skill, method.name, n)) for method in methods]
            cells = (format_cell(each, _DIGITS) for each in found)
            table.add_row(f"  {count_states(n)}", "", *cells)
    return table


def write_skill_csv(folder: Path, curves: Mapping[RowKey, Curves], done: DoneSkills) -> list[str]:
    """Write table.csv, jobs.csv, and curves.csv with a line for each point; returns their names."""
    ends = {key: {"cross_entropy": _at_the_end(found)} for key, found in curves.items()}
    write_table_csv(folder, "skill", ["cross_entropy"], ends)
    points = [
        (*row_of(job), job.seed, step, value)
        for job, figures in done
        for step, value in zip(figures.steps, figures.cross_entropy, strict=True)
    ]
    header = ("skill", *RowKey._fields[1:], "seed", "step", "cross_entropy")
    write_csv(folder / "curves.csv", header, points)
    write_jobs_csv(folder, "skill", done)
    return ["table.csv", "curves.csv", "jobs.csv"]


def _at_the_end(curves: Curves) -> SeedSummary[float]:
    return summarize([curves.values[:, -1]])
