"""Computation of the gridworld table: its cells, its files, and what the folder says about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from rlsp_sb3 import env_util
from rlsp_sb3.experiments.gridworlds.cells import (
    Cell,
    CellFile,
    Problem,
    cell_name,
    compute_cells,
    family_problems,
    find_problems,
)
from rlsp_sb3.experiments.gridworlds.families import (
    FAMILY_EXPLANATION,
    difference_tables,
    family_fractions,
    family_tables,
    write_differences_csv,
)
from rlsp_sb3.experiments.gridworlds.figure import gridworld_plot
from rlsp_sb3.experiments.gridworlds.sweep import (
    Sweep,
    SweptMethod,
    parse_sweeps,
    sweep_methods,
)
from rlsp_sb3.experiments.gridworlds.sweep_figure import sweep_plot
from rlsp_sb3.experiments.gridworlds.table import (
    GRIDWORLD_EXPLANATION,
    gridworld_tables,
    summarize_cells,
    write_gridworld_csv,
)
from rlsp_sb3.experiments.methods import GRIDWORLD_METHODS, Method, find_methods
from rlsp_sb3.experiments.report.latex import write_latex_tables
from rlsp_sb3.experiments.report.markdown import write_markdown_tables
from rlsp_sb3.experiments.run_log import RunLog
from rlsp_sb3.experiments.run_table import TableResult
from rlsp_sb3.experiments.table_metadata import CONFIG, LATEX_TABLE, TABLE, TableConfig
from rlsp_sb3.experiments.table_rows import turned
from rlsp_sb3.io.unwritten_files import write_all
from rlsp_sb3.plotting.style import with_formats
from rlsp_sb3.tabular_rlsp.likelihood import UnreachableStateError
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.install_command import install_command
from rlsp_sb3.utils.progress import show_progress, stage

_CELLS = "cells.csv"
_UNREACHABLE = "the observed state cannot be reached within the horizon"


@dataclass(frozen=True)
class GridworldPlan:
    """The plan of the table: methods, problems and seeds.

    Attributes:
        methods: The methods.
        problems: The problems.
        n_seeds: How many seeds there are of a method that is random, from 0 on.
        words: The words of the command that say all this.
        families: The ids of families that the problems are of; empty if they are of none.
        sweeps: The arguments of methods that are swept over.
        swept: The methods by all arguments but the first of these; empty if there is none.
        left_out: Why methods are not part of it, by their names.
        broken: The ids of environments that could not be made.
    """

    methods: list[Method]
    problems: list[Problem]
    n_seeds: int
    words: list[str]
    families: list[str]
    sweeps: list[Sweep]
    swept: list[SweptMethod]
    left_out: dict[str, str]
    broken: list[str]

    @property
    def todo(self) -> list[tuple[Problem, Method, int]]:
        """The problem, the method and the seed of each cell."""
        return [
            (problem, method, seed)
            for seed in range(self.n_seeds)
            for problem in self.problems
            for method in self.methods
            if method.is_random or seed == 0
        ]


def plan_gridworld_table(
    methods: Sequence[str] | None = None,
    *,
    n_seeds: int = 3,
    deep: bool = False,
    families: Sequence[str] = (),
    n_layouts: int = 30,
    first_layout: int = 0,
    sweeps: Sequence[str] = (),
) -> GridworldPlan:
    """Plan a table of methods on all tabular problems that are installed, or on random ones.

    Args:
        methods: The names of some of :data:`~rlsp_sb3.experiments.GRIDWORLD_METHODS` or of
            installed learners; None for all that are installed and not slow.
        n_seeds: How many seeds, from 0 on, at least 1.
        deep: Whether to add the slow ones.
        families: The ids of families of random problems, which are then the only ones.
        n_layouts: How many problems of each family, at least 1.
        first_layout: The layout seed of the first, at least 0.
        sweeps: Arguments of methods with values in YAML, such as "horizon=1,2,3": methods that
            have them are compared with each value, or with each combination of them.

    Raises:
        ImportError: If a method that is named is not installed.
        ValueError: If something is unknown or out of range, or if nothing is left.
    """
    check_int("--seeds", n_seeds, 1)
    check_int("--layouts", n_layouts, 1)
    check_int("--first-layout", first_layout, 0)
    found, left_out = find_methods(methods, GRIDWORLD_METHODS, with_slow=deep, with_learners=True)
    env_util.register_envs()
    if families:
        broken: list[str] = []
        layouts = range(first_layout, first_layout + n_layouts)
        problems = [each for name in families for each in family_problems(name, layouts)]
    else:
        problems, broken = find_problems(env_util.plugin_specs())
    if not problems:
        raise ValueError(
            "no installed package brings a tabular environment with observed states, a horizon and "
            f"a true reward: run {install_command('rlsp-envs')}"
        )
    if not found:
        raise ValueError(
            f"no method's learner is installed: run {install_command('rlsp-baselines')}"
        )
    words = ["--methods", ",".join(method.name for method in found), "--seeds", str(n_seeds)]
    if families:
        where = ["--layouts", str(n_layouts)]
        where += ["--first-layout", str(first_layout)] if first_layout else []
        words = ["--family", ",".join(families), *where, *words]
    if sweeps:
        words += ["--sweep", *sweeps]
    parsed = parse_sweeps(sweeps)
    swept = sweep_methods(found, parsed) if parsed else []
    return GridworldPlan(
        [point for each in swept for point in each.points.values()] or found,
        problems,
        n_seeds=n_seeds,
        words=words,
        families=list(families),
        sweeps=parsed,
        swept=swept,
        left_out=left_out,
        broken=broken,
    )


def run_gridworld_table(
    plan: GridworldPlan,
    out: Path,
    *,
    force: bool = False,
    progress: bool = False,
) -> TableResult:
    """Compute the cells of a table that have no result yet, and write the table.

    Each result is written at once. What was stopped, or killed, goes on where it was when it is
    called again with the same plan and folder.

    Args:
        plan: What the table consists of.
        out: The folder, made if it is missing.
        force: Whether to compute anew what the folder has.
        progress: Whether to show progress.

    Raises:
        OSError: If the folder or a file of numbers cannot be written.
        ValueError: If the folder has cells that are not of such a table.
    """
    cell_file = CellFile(out / _CELLS)
    out.mkdir(parents=True, exist_ok=True)
    configs = {
        method.name: {"learner": method.learner, "settings": dict(method.settings)}
        for method in plan.methods
    }
    config = TableConfig(
        out,
        command=["rlsp", "table", "gridworlds", *plan.words, "--out", str(out)],
        configs=configs,
        n_seeds=plan.n_seeds,
        n_jobs=len(plan.todo),
    )
    log = RunLog(out)
    config.write(log, {})
    log.start(jobs_at_once=1)
    with show_progress(progress), stage("computing cells", len(plan.todo)) as shown:
        started: list[str] = []

        def tell(what: str) -> None:
            shown.done, shown.notes = len(started), what
            started.append(what)

        cells, failed = compute_cells(plan.todo, cell_file, force, on_start=tell, on_result=log.add)
    # Whether the person can have come there in the time is what a sweep of horizons asks.
    unreachable = [what for what, error in failed.items() if _is_asked(plan, error)]
    reasons = {what: str(error) for what, error in failed.items() if what not in unreachable}
    if not cells:
        return TableResult({}, [], reasons, [], "")
    summary = (
        _summarize_families(plan, cells) if plan.families else _summarize_problems(plan, cells)
    )
    if plan.swept:
        summary = _sweep_summary(plan, cells, summary)
    for name, write in summary.numbers.items():
        write(out / name)
    missing = [f"{name} is left out: {why}" for name, why in plan.left_out.items()]
    missing += [f"{what} failed: {why}" for what, why in reasons.items()]
    notes = [f"{len(unreachable)} results are missing: {_UNREACHABLE}"] if unreachable else []
    tables = {**summary.tables, **summary.wide_tables}
    write_markdown_tables(out / TABLE, tables, summary.explanation, [*missing, *notes])
    write_latex_tables(out / LATEX_TABLE, tables, summary.explanation)
    # After the numbers, which are good without.
    figures, no_figures = write_all(out, summary.figures)
    files = [LATEX_TABLE, _CELLS, *summary.numbers, *with_formats(figures)]
    config.write(log, {cell_name(*cell[:3]): cell.seconds for cell in cells}, files)
    listed = [TABLE, *files, CONFIG]
    notes += no_figures
    return TableResult(summary.tables, notes, reasons, listed, summary.explanation)


def _is_asked(plan: GridworldPlan, error: Exception) -> bool:
    return bool(plan.swept) and isinstance(error, UnreachableStateError)


class _Summary(NamedTuple):
    """Tables, numbers and figures of cells.

    Attributes:
        tables: Tables by title.
        explanation: What their cells show.
        numbers: What writes each file of numbers, by its name.
        figures: What draws each figure, by the name of its file.
        wide_tables: Tables by title that are too wide for a screen.
    """

    tables: dict[str, Table]
    explanation: str
    numbers: dict[str, Callable[[Path], None]]
    figures: dict[str, Callable[[Path], None]] = {}
    wide_tables: dict[str, Table] = {}


def _summarize_problems(plan: GridworldPlan, cells: Sequence[Cell]) -> _Summary:
    """The results on each problem."""
    env_ids = [problem.name for problem in plan.problems]
    results: dict[str, Any] = {"methods": plan.methods, "summaries": summarize_cells(cells)}
    return _Summary(
        gridworld_tables(env_ids, **results),
        GRIDWORLD_EXPLANATION,
        {"table.csv": partial(write_gridworld_csv, env_ids=env_ids, **results)},
        {"table.png": partial(gridworld_plot, env_ids=env_ids, **results)},
    )


def _summarize_families(plan: GridworldPlan, cells: Sequence[Cell]) -> _Summary:
    """The results on each family."""
    fractions = family_fractions(plan.problems, plan.methods, cells)
    results: dict[str, Any] = {"methods": plan.methods, "fractions": fractions}
    return _Summary(
        family_tables(**results),
        FAMILY_EXPLANATION,
        {"differences.csv": partial(write_differences_csv, **results)},
        wide_tables=difference_tables(**results),
    )


def _sweep_summary(plan: GridworldPlan, cells: Sequence[Cell], summary: _Summary) -> _Summary:
    """A summary with a row for each method, of which there are many, and a figure of the sweep."""
    found: dict[str, dict[str, list[float]]] = {}
    for problem in plan.problems:
        by_method = found.setdefault(problem.env_id, {})
        for cell in cells:
            if cell.problem == problem.name:
                by_method.setdefault(cell.method, []).append(cell.fraction)
    means = {
        panel: {method: float(np.mean(values)) for method, values in by_method.items()}
        for panel, by_method in found.items()
    }
    draw = partial(sweep_plot, sweep=plan.sweeps[0], methods=plan.swept, fractions=means)
    return summary._replace(
        tables={title: turned(table) for title, table in summary.tables.items()},
        figures={"table.png": draw},
    )
