"""Options and execution of the commands that compute a table job by job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rlsp_sb3.cli.console import say, stdout

if TYPE_CHECKING:
    from rlsp_sb3.experiments.executors.base import Executor, Function
    from rlsp_sb3.experiments.job import MethodJob
    from rlsp_sb3.experiments.result_folder import ResultFolder
    from rlsp_sb3.experiments.run_log import RunLog

INTERRUPTED = 130

NStatesOption = Annotated[
    list[int] | None,
    typer.Option(
        min=1, metavar="N …", help="From how many observed states; otherwise 1, 10 and 50."
    ),
]
MethodsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME …",
        help="Some of rlsp, average-features, waypoints and gail; otherwise those installed.",
    ),
]
PresetOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="How much work: paper, fast, or smoke, to try it."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE …",
        help="Change the configuration, such as rlsp.horizon=10, "
        "rlsp.hyperparameters.n_epochs=40 or retrain_timesteps=1000, with a value in YAML; may be "
        "given several times. A wrong name is answered with a list of all.",
    ),
]
JobsOption = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="How many jobs to run at once, each on one core."),
]
RayAddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help='Run the jobs on a Ray cluster (`pip install "rlsp-sb3[ray]"`): auto, HOST:PORT, '
        "or local for a small one on this machine.",
    ),
]
ProgressOption = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress",
        help="Show a live table of jobs, or a line for each change; otherwise the table if "
        "this is a terminal.",
    ),
]


def compute_jobs(
    jobs: Sequence[MethodJob],
    folder: ResultFolder,
    log: RunLog,
    function: Function,
    n_workers: int,
    ray_address: str | None,
    progress: bool | None,
) -> dict[str, str]:
    """Compute what has no result yet; Ctrl-C ends the command.

    Args:
        jobs: The jobs.
        folder: Where results are kept; it has to be locked.
        log: Is told what has been computed.
        function: What computes one, see :func:`~rlsp_sb3.experiments.run_jobs`.
        n_workers: How many to compute at once.
        ray_address: The Ray cluster that computes them; None for this machine.
        progress: Whether to show a live table; None for whether this is a terminal.

    Returns:
        Why jobs have failed, by what they are called on the screen.
    """
    from rlsp_sb3.experiments.executors.base import Event
    from rlsp_sb3.experiments.executors.progress import JobProgress
    from rlsp_sb3.experiments.runner import run_jobs, unfinished_jobs

    todo = unfinished_jobs(jobs, folder)
    n_done = len(jobs) - len(todo)
    if n_done:
        say(f"{n_done} of {len(jobs)} jobs are done already")
    if not todo:
        return {}
    executor = make_executor(n_workers, ray_address)
    n_at_once = executor.n_workers
    log.start(n_at_once, None if ray_address is None else f"a Ray cluster of {n_at_once} cores")
    titles = {job.name: job.title for job in todo}
    try:
        with JobProgress(titles, n_at_once, stdout, progress) as board:

            def tell(event: Event) -> None:
                if event.kind == "done":
                    log.add(event.task)
                board.tell(event)

            failed = run_jobs(todo, folder, executor, function, tell)
    except KeyboardInterrupt:
        say("Interrupted: the same command goes on", style="yellow")
        raise typer.Exit(INTERRUPTED) from None
    return {titles[name]: why for name, why in failed.items()}


def learning_seconds(jobs: Sequence[MethodJob], folder: ResultFolder) -> dict[str, float]:
    """Seconds that methods learned, as far as known, by the jobs that have a result."""
    from rlsp_sb3.experiments.runner import finished_jobs

    return {job.name: figures.learning_seconds for job, figures in finished_jobs(jobs, folder)}


def make_executor(n_workers: int, ray_address: str | None) -> Executor:
    """Make the executor of jobs: worker processes, or a Ray cluster."""
    if ray_address is not None:
        from rlsp_sb3.experiments.executors.ray_cluster import RayExecutor

        return RayExecutor(ray_address)
    from rlsp_sb3.experiments.executors.local import LocalExecutor

    return LocalExecutor(n_workers)
