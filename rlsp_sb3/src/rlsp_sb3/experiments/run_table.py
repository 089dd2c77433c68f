"""Computation of a table: its jobs, its files, and what the folder says about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from rlsp_sb3.experiments.executors.base import Event, Executor
from rlsp_sb3.experiments.executors.local import LocalExecutor
from rlsp_sb3.experiments.executors.progress import JobProgress
from rlsp_sb3.experiments.executors.ray_cluster import RayExecutor
from rlsp_sb3.experiments.job import Job
from rlsp_sb3.experiments.report.latex import write_latex_tables
from rlsp_sb3.experiments.report.markdown import write_markdown_tables
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.run_log import RunLog
from rlsp_sb3.experiments.runner import finished_jobs, run_jobs
from rlsp_sb3.experiments.table_cells import EXPLANATION
from rlsp_sb3.experiments.table_metadata import CONFIG, LATEX_TABLE, TABLE, TableConfig
from rlsp_sb3.experiments.table_plan import TablePlan
from rlsp_sb3.experiments.time_estimate import expected_seconds, total_seconds
from rlsp_sb3.io.unwritten_files import write_all
from rlsp_sb3.plotting.style import with_formats
from rlsp_sb3.utils.timer import format_duration


class TableResult(NamedTuple):
    """The result of a table: what there is to print, and the files.

    Attributes:
        tables: What there is to print, by title; nothing if no job has a result.
        notes: Why figures are missing, those of results and those to look at.
        failed: Why jobs have failed, by their titles.
        files: The names of the files in the folder.
        explanation: What the cells of the tables show.
    """

    tables: dict[str, Table]
    notes: list[str]
    failed: dict[str, str]
    files: list[str]
    explanation: str


def run_table(
    plan: TablePlan[Any],
    out: Path,
    *,
    n_workers: int = 1,
    ray_address: str | None = None,
    console: Console | None = None,
    progress: bool | None = None,
) -> TableResult:
    """Compute the jobs of a table that have no result yet, and write the table.

    Each result is written at once. What was stopped, or killed, goes on where it was when it is
    called again with the same plan and folder.

    Args:
        plan: What the table consists of.
        out: The folder, made if it is missing.
        n_workers: How many jobs to compute at once.
        ray_address: The Ray cluster that computes them; None for processes of this machine.
        console: Where to show how it goes; None for nowhere.
        progress: Whether to show a live table; None for whether the console is a terminal.

    Raises:
        ImportError: If Ray is not installed.
        InUseError: If another process works in the folder.
        OSError: If the folder or a file of numbers cannot be written.
    """
    console = console or Console(quiet=True)
    folder = ResultFolder(out)
    left_out = [f"{name} is left out: {why}" for name, why in plan.left_out.items()]
    with folder.locked():
        config = TableConfig(
            out,
            command=[*plan.command, "--out", str(out)],
            configs={env_id: config.to_dict() for env_id, config in plan.configs.items()},
            n_seeds=plan.options.n_seeds,
            n_jobs=len(plan.jobs),
        )
        log = RunLog(out)
        failed: dict[str, str] = {}
        done = finished_jobs(plan.jobs, folder)
        config.write(log, _learning_seconds(done))
        names = {job.name for job, _ in done}
        todo = [job for job in plan.jobs if job.name not in names]
        if done:
            console.print(f"{len(done)} of {len(plan.jobs)} jobs are done already", soft_wrap=True)
        if todo:
            executor = _make_executor(n_workers, ray_address)
            n = executor.n_workers
            titles = {job.name: job.title for job in todo}
            expected = expected_seconds(todo, done, plan.run_job, console.print)
            if expected:
                seconds = total_seconds(expected, n)
                console.print(f"{len(todo)} jobs, {n} at a time: about {format_duration(seconds)}")
            log.start(n, None if ray_address is None else f"a Ray cluster of {n} cores")
            with JobProgress(titles, n, console, progress, expected) as shown:

                def tell(event: Event) -> None:
                    if event.kind == "done":
                        log.add(event.task)
                    shown.tell(event)

                reasons = run_jobs(todo, folder, executor, plan.run_job, tell)
            failed = {titles[name]: why for name, why in reasons.items()}
            done = finished_jobs(plan.jobs, folder)
        notes = sorted({note for _, figures in done for note in figures.notes})
        written = plan.write(out, done)
        if written is None:
            return TableResult({}, notes, failed, [], "")
        missing = [*left_out, *(f"{title} failed: {why}" for title, why in failed.items())]
        write_markdown_tables(out / TABLE, written.tables, EXPLANATION, [*notes, *missing])
        write_latex_tables(out / LATEX_TABLE, written.tables, EXPLANATION)
        # After the numbers, which are good without any pictures.
        figures, no_figures = write_all(out, written.figures)
        films, no_films = plan.make_films(folder, done)
        numbers = [LATEX_TABLE, *written.files, *with_formats(figures)]
        config.write(log, _learning_seconds(done), numbers, films)
    files = [TABLE, *numbers, CONFIG, *(f"films/{name}" for name in films)]
    notes = [*notes, *no_figures, *no_films]
    return TableResult(written.tables, notes, failed, files, EXPLANATION)


def _learning_seconds(done: Sequence[tuple[Job, Any]]) -> dict[str, float]:
    """Seconds that methods learned, as far as known, by the names of jobs that have a result."""
    return {job.name: figures.learning_seconds for job, figures in done}


def _make_executor(n_workers: int, ray_address: str | None) -> Executor:
    """The executor of jobs."""
    return LocalExecutor(n_workers) if ray_address is None else RayExecutor(ray_address)
