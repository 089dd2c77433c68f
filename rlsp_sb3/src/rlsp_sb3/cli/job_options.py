"""Options and output of the commands that compute a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from rlsp_sb3.cli.console import INTERRUPTED, say, stdout, user_errors

if TYPE_CHECKING:
    from rlsp_sb3.experiments.run_table import TableResult
    from rlsp_sb3.experiments.table_plan import TablePlan


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
        help="Run the jobs on a Ray cluster (`pip install ray`): auto, HOST:PORT, "
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
FiguresOption = Annotated[
    str,
    typer.Option(
        metavar="FORMAT,…",
        help="Formats of figures: png, which is always written, pdf and svg.",
    ),
]


def compute_table(
    plan: TablePlan[Any],
    out: Path,
    *,
    n_workers: int,
    ray_address: str | None,
    progress: bool | None,
    figures: str = "png",
) -> None:
    """Show a plan, compute its table and show that; Ctrl-C ends the command.

    Args:
        plan: What the table consists of.
        out: The folder.
        n_workers: How many jobs to compute at once.
        ray_address: The Ray cluster that computes them; None for this machine.
        progress: Whether to show a live table; None for whether this is a terminal.
        figures: Formats of figures, with commas between.

    Raises:
        Exit: With status 1 if a job has failed, or none has a result.
    """
    from rlsp_sb3.experiments.run_table import run_table
    from rlsp_sb3.io.folder_lock import InUseError
    from rlsp_sb3.plotting.style import check_formats, figure_formats

    show_left_out(plan.left_out)
    configs = {env_id: config.to_dict() for env_id, config in plan.configs.items()}
    say(f"Configuration ({plan.options.preset})", style="bold")
    say(yaml.safe_dump(configs, sort_keys=False, default_flow_style=None).rstrip())
    try:
        with (
            user_errors((OSError, ImportError, ValueError)),
            user_errors((InUseError,), status=1),
            figure_formats(check_formats(figures)),
        ):
            result = run_table(
                plan,
                out,
                n_workers=n_workers,
                ray_address=ray_address,
                console=stdout,
                progress=progress,
            )
    except KeyboardInterrupt:
        say("Interrupted: the same command goes on", style="yellow")
        raise typer.Exit(INTERRUPTED) from None
    show_table(result, out, "each result in jobs")


def show_left_out(left_out: Mapping[str, str]) -> None:
    """Say what is not part of a table, and why."""
    for name, why in left_out.items():
        say(f"{name} is left out: {why}", style="yellow")


def show_table(result: TableResult, out: Path, more: str) -> None:
    """Print what has come of a table.

    Args:
        result: What has come of it.
        out: The folder.
        more: What else is there.

    Raises:
        Exit: With status 1 if something has failed, or there is no table.
    """
    for title, table in result.tables.items():
        say(title, style="bold")
        stdout.print(table)
    if result.tables:
        say(result.explanation)
        for note in result.notes:
            say(f"note: {note}")
        say(f"In {out}: {', '.join(result.files)}, and {more}")
    for what, why in result.failed.items():
        say(f"{what} failed: {why}", style="yellow")
    if result.failed or not result.tables:
        raise typer.Exit(1)
