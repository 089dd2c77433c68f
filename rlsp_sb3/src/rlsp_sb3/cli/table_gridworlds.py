"""The command ``rlsp table``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from rlsp_sb3.cli import table_mujoco, table_skills
from rlsp_sb3.cli.console import say, stdout, user_errors
from rlsp_sb3.cli.multi_value_options import MultiValueCommand
from rlsp_sb3.experiments.report import markdown
from rlsp_sb3.io.atomic_write import atomic_write

app = typer.Typer(no_args_is_help=True)
table = typer.Typer(no_args_is_help=True, help="Compare methods, as the papers do.")
app.add_typer(table, name="table")


@table.callback(epilog="Example: `rlsp table gridworlds`")
def about() -> None:
    """Compare methods, as the papers do."""


@table.command(
    epilog="""Examples:

- `rlsp table gridworlds`

- `rlsp table gridworlds --deep --seeds 5 --out runs/table`

- `rlsp table gridworlds --methods task-reward,tabular-rlsp,your-learner`
"""
)
def gridworlds(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results.")] = Path(
        "runs", "gridworlds"
    ),
    seeds: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many seeds, from 0 on, if a method is random."),
    ] = 3,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME,…",
            help="Some methods only; learners of other packages go by their names. A wrong name is "
            "answered with a list of all.",
        ),
    ] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="RLSP with simulated pasts, too, which takes much longer."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Compute anew what is in the folder already.")
    ] = False,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            help="Show a progress bar; otherwise if this is a terminal.",
        ),
    ] = None,
) -> None:
    """Compare methods on all tabular problems that are installed.

    Those are the environments with observed states, a horizon and a true reward. The figures are
    fractions of the best true return, for a robot that plans with what a method infers. Each
    result is written at once, and a run that was stopped goes on where it was. Writes **cells.csv**
    with each result, **table.md** and **table.csv** with means over seeds, **table.png** and
    **config.json**.
    """
    from rlsp_sb3 import env_util
    from rlsp_sb3.cli.printed_tables import METHODS_EXPLANATION, method_tables
    from rlsp_sb3.experiments.gridworlds.figure import method_plot
    from rlsp_sb3.experiments.gridworlds.table import (
        CellFile,
        FractionSummary,
        cell_name,
        compute_cells,
        find_gridworld_methods,
        find_problems,
        summarize_cells,
    )
    from rlsp_sb3.experiments.run_log import RunLog
    from rlsp_sb3.experiments.table_metadata import TABLE, TableConfig
    from rlsp_sb3.io.atomic_write import write_csv

    with user_errors():
        names = None if methods is None else [name.strip() for name in methods.split(",")]
        found, missing = find_gridworld_methods(names, deep)
        cell_file = CellFile(out / "cells.csv")
        env_util.register_envs()
        problems, broken = find_problems(env_util.plugin_specs())
        if not problems:
            raise ValueError(
                "no installed package brings a tabular environment with observed states, a "
                "horizon and a true reward: run `pip install rlsp-envs`"
            )
        if not found:
            raise ValueError("no method's learner is installed: run `pip install rlsp-baselines`")
        out.mkdir(parents=True, exist_ok=True)
    left_out = [
        f"{method.name} is left out: no installed package brings the learner {method.learner!r} "
        "(run `pip install rlsp-baselines`)"
        for method in missing
    ]
    for line in left_out:
        say(line, style="yellow")
    if broken:
        say(f"not looked at, since they cannot be made (see `rlsp envs`): {', '.join(broken)}")

    todo = [
        (problem, method, seed)
        for seed in range(seeds)
        for problem in problems
        for method in found
        if method.is_random or seed == 0
    ]
    configs = {
        method.name: {"learner": method.learner, "settings": dict(method.settings)}
        for method in found
    }
    command = ["rlsp", "table", "gridworlds", "--methods", ",".join(configs)]
    command += ["--seeds", str(seeds), "--out", str(out)]
    shown = stdout.is_terminal if progress is None else progress
    with user_errors((OSError,)):
        config, log = TableConfig(out, command, configs, seeds, len(todo)), RunLog(out)
        config.write(log, {})
        log.start(jobs_at_once=1)
    with user_errors((OSError,)), Progress(console=stdout, disable=not shown) as bar:
        task = bar.add_task("", total=len(todo))

        def tell(what: str) -> None:
            started = bar.tasks[0].description != ""
            bar.update(task, description=what, advance=1 if started else 0)

        cells, reasons = compute_cells(todo, cell_file, force, tell, log.add)
        bar.update(task, completed=len(todo), description="done")
    summaries = summarize_cells(cells)
    ids = [problem.env_id for problem in problems]
    tables = method_tables(ids, found, summaries)
    for title, figures in tables.items():
        say(title, style="bold")
        stdout.print(figures)
    say(METHODS_EXPLANATION)
    failed = [f"{what} failed: {why}" for what, why in reasons.items()]
    for line in failed:
        say(line, style="yellow")
    if not cells:
        raise typer.Exit(1)
    with user_errors((OSError,)):
        header = ("problem", "method", *FractionSummary._fields)
        places = [(name, method.name) for name in ids for method in found]
        rows = [(*place, *summaries[place]) for place in places if place in summaries]
        write_csv(out / "table.csv", header, rows)
        with atomic_write(out / "table.png") as unfinished:
            method_plot(ids, found, summaries, unfinished)
        markdown.write_markdown_tables(
            out / TABLE, tables, METHODS_EXPLANATION, [*left_out, *failed]
        )
        files = ("cells.csv", "table.csv", "table.png")
        config.write(log, {cell_name(*cell[:3]): cell.seconds for cell in cells}, files)
    say(f"In {out}: table.md, table.csv, table.png, config.json, and each result in cells.csv")
    if failed:
        raise typer.Exit(1)


table.command(cls=MultiValueCommand, epilog=table_mujoco.EXAMPLES)(table_mujoco.mujoco)
table.command(cls=MultiValueCommand, epilog=table_skills.EXAMPLES)(table_skills.skills)
