"""The table of skills, as text and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize
from rlsp_sb3.experiments.methods import LABELS
from rlsp_sb3.experiments.skills.job import RANDOM, SkillFigures, SkillJob
from rlsp_sb3.experiments.skills.plan import SkillPlan
from rlsp_sb3.experiments.table_cells import format_cell, round_floats, states_label
from rlsp_sb3.io.atomic_write import write_csv

DIGITS = 3
TITLE = f"Held-out cross-entropy (log 2 = {np.log(2):.3f}: cannot be told from the skill)"

Done = Sequence[tuple[SkillJob, SkillFigures]]


class SkillRowKey(NamedTuple):
    """Key of a curve, and of a cell in the table.

    Attributes:
        skill: The name of the skill.
        method: The method.
        n_states: The number of observed states; 0 for random actions, which need none.
    """

    skill: str
    method: str
    n_states: int


class Curves(NamedTuple):
    """The cross-entropy of a classifier while it is trained, for N seeds.

    Attributes:
        steps: After how many gradient steps (K,).
        values: The cross-entropy on states that were held out (N, K).
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def skill_row_key(job: SkillJob) -> SkillRowKey:
    """Key of the row that a job is a seed of."""
    return SkillRowKey(job.skill.name, job.method, job.n_states)


def gather_curves(done: Done) -> dict[SkillRowKey, Curves]:
    """The curves of all seeds, by what they are of."""
    found: dict[SkillRowKey, list[SkillFigures]] = {}
    for job, figures in done:
        if figures.steps:
            found.setdefault(skill_row_key(job), []).append(figures)
    return {
        place: Curves(np.array(seeds[0].steps), np.array([each.cross_entropy for each in seeds]))
        for place, seeds in found.items()
    }


def skill_table(plan: SkillPlan, curves: dict[SkillRowKey, Curves]) -> Table:
    """The cross-entropies at the end of the training, to be printed."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True)
    table.add_column("", no_wrap=True)
    table.add_column("random\nactions", justify="right", overflow="fold")
    for method in plan.methods:
        table.add_column(LABELS[method].replace(" ", "\n"), justify="right", overflow="fold")
    ends = {place: _at_the_end(found) for place, found in curves.items()}
    for skill in plan.skills:
        random = format_cell(ends.get(SkillRowKey(skill.name, RANDOM, 0)), DIGITS)
        table.add_row(Text(skill.name, "bold"), random, *([""] * len(plan.methods)))
        for n in plan.states:
            places = [SkillRowKey(skill.name, method, n) for method in plan.methods]
            table.add_row(
                states_label(n), "", *(format_cell(ends.get(place), DIGITS) for place in places)
            )
    return table


def write_skill_tables(folder: Path, curves: dict[SkillRowKey, Curves], done: Done) -> None:
    """Write table.csv, curves.csv and jobs.csv.

    The first has a line for each cell of the table, the second for each point of a curve of a seed,
    and the third for each job.
    """
    header = (*SkillRowKey._fields, *(f"cross_entropy_{part}" for part in SeedSummary._fields))
    rows = [(*place, *map(round_floats, _at_the_end(found))) for place, found in curves.items()]
    write_csv(folder / "table.csv", header, rows)
    points = [
        (*skill_row_key(job), job.seed, step, value)
        for job, figures in done
        for step, value in zip(figures.steps, figures.cross_entropy, strict=True)
    ]
    names = (*SkillRowKey._fields, "seed")
    write_csv(folder / "curves.csv", (*names, "step", "cross_entropy"), points)
    lines = [
        (
            *skill_row_key(job),
            job.seed,
            round_floats(figures.at_the_end),
            round_floats(figures.seconds),
        )
        for job, figures in done
    ]
    write_csv(folder / "jobs.csv", (*names, "cross_entropy", "seconds"), lines)


def _at_the_end(curves: Curves) -> SeedSummary:
    return summarize([curves.values[:, -1]])
