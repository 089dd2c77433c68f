"""The command ``rlsp table gridworlds``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsp_sb3.cli.console import ProgressOption, say, user_errors
from rlsp_sb3.cli.job_options import FiguresOption, show_left_out, show_table

GRIDWORLDS_EXAMPLES = """Examples:

- `rlsp table gridworlds`

- `rlsp table gridworlds --deep --seeds 5 --out runs/table`

- `rlsp table gridworlds --methods task-reward tabular-rlsp your-learner`

- `rlsp table gridworlds --family RandomRoom-v0 RandomTrain-v0 --layouts 100 --out runs/random`

- `rlsp table gridworlds --methods tabular-rlsp --sweep horizon=5,10,20 --out runs/horizons`
"""


def gridworlds(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results.")] = Path(
        "runs", "gridworlds"
    ),
    seeds: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many seeds, from 0 on, if a method is random."),
    ] = 3,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME …",
            help="Some methods only; learners of other packages go by their names. A wrong name is "
            "answered with a list of all.",
        ),
    ] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="RLSP with simulated pasts, too, which takes much longer."),
    ] = False,
    family: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV …",
            help="Random problems of these families instead: environments that are registered with "
            "the argument layout_seed.",
        ),
    ] = None,
    layouts: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many problems of each family."),
    ] = 30,
    first_layout: Annotated[
        int, typer.Option(min=0, metavar="SEED", help="The layout seed of the first of them.")
    ] = 0,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE,… …",
            help="Compare methods with each of these values of an argument of theirs, in YAML, or "
            "with each combination of those of several arguments.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compute anew what is in the folder already.")
    ] = False,
    figures: FiguresOption = "png",
    progress: ProgressOption = True,
) -> None:
    """Compare methods on all tabular problems that are installed.

    Those are the environments with observed states, a horizon and a true reward. The figures are
    fractions of the best true return, for a robot that plans with what a method infers. Each
    result is written at once, and a run that was stopped goes on where it was. Writes **cells.csv**
    with each result, **table.md**, **table.tex** and **table.csv** with means over seeds,
    **table.png** and **config.json**.

    With `--family` the figures are over layouts: the mean, how many problems were solved, on how
    many the robot does worse than with the task alone, and **differences.csv** with the differences
    of each two methods on the same layouts.

    With `--sweep` tables have a row for each method and value, and **table.png** shows fractions
    over the values of the first argument. A horizon within which the observed state cannot be
    reached has no result.
    """
    from rlsp_sb3.experiments.gridworlds.run_table import plan_gridworld_table, run_gridworld_table
    from rlsp_sb3.plotting.style import check_formats, figure_formats

    with user_errors():
        plan = plan_gridworld_table(
            methods or None,
            n_seeds=seeds,
            deep=deep,
            families=family or (),
            n_layouts=layouts,
            first_layout=first_layout,
            sweeps=sweep or (),
        )
    show_left_out(plan.left_out)
    if plan.broken:
        broken = ", ".join(plan.broken)
        say(f"not looked at, since they cannot be made (see `rlsp envs`): {broken}")
    with user_errors((OSError, ValueError)), figure_formats(check_formats(figures)):
        result = run_gridworld_table(plan, out, force=force, progress=progress)
    show_table(result, out, "each result in cells.csv")
