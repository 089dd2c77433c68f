"""Runner of the jobs that have no result yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rlsp_sb3.experiments.executors.base import Event, Executor, Function, Task
from rlsp_sb3.experiments.job import Job
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.io.unwritten_files import reason

AnyJob = TypeVar("AnyJob", bound=Job)


def unfinished_jobs(jobs: Sequence[AnyJob], folder: ResultFolder) -> list[AnyJob]:
    """The jobs that have no result yet."""
    return [job for job in jobs if folder.find(job) is None]


def run_jobs(
    jobs: Sequence[Job],
    folder: ResultFolder,
    executor: Executor,
    function: Function,
    tell: Callable[[Event], None] = lambda event: None,
) -> dict[str, str]:
    """Compute the jobs that have no result yet, and write each result at once.

    Args:
        jobs: The jobs, of different names.
        folder: Where results are kept; it has to be locked.
        executor: What computes them.
        function: What computes the outcome of one, called with a report, the job, and a folder
            to be resumed from or None.
        tell: Is told what happens.

    Returns:
        Why jobs have failed, by their names.
    """
    todo = {job.name: job for job in unfinished_jobs(jobs, folder)}
    tasks = [
        Task(name, (job, folder.work(job) if executor.shares_disk else None))
        for name, job in todo.items()
    ]
    failed = {}
    for event in executor.run(function, tasks):
        if event.kind == "done":
            try:
                folder.add(todo[event.task], event.value)
            except OSError as error:  # the others may be kept
                why = f"its result cannot be written: {reason(error)}"
                event = Event(event.task, "failed", why)
        if event.kind == "failed":
            failed[event.task] = str(event.value)
        tell(event)
    return failed


def finished_jobs(jobs: Sequence[AnyJob], folder: ResultFolder) -> list[tuple[AnyJob, Any]]:
    """The jobs that have a result, with it."""
    found = [(job, folder.find(job)) for job in jobs]
    return [(job, figures) for job, figures in found if figures is not None]
