"""The command ``rlsp report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsp_sb3.cli.console import check_output, say, user_errors

app = typer.Typer()


@app.command(
    epilog="""Examples:

- `rlsp report runs/gridworlds runs/mujoco`

- `rlsp report runs/* --cells --out docs/results.md`
"""
)
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER…", help="The folders that `rlsp table` has filled."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page, in Markdown.")] = Path(
        "results.md"
    ),
    cells: Annotated[
        bool,
        typer.Option(
            "--cells",
            help="Begin with all cells of both papers' tables: the published value where it is "
            "known, what the folders have, and what was not run and why; also as CSV and LaTeX.",
        ),
    ] = False,
) -> None:
    """Make one page of tables, with a section for each.

    It has the command that made the table, seeds, wall time, machine, versions and configuration,
    the table and its figures. What it shows is copied into a folder beside it that is called like
    the page, with the numbers as CSV. The page can be made anew from these copies, and is then the
    same to the byte.
    """
    from rlsp_sb3.experiments.report.results_page import write_page
    from rlsp_sb3.experiments.report.table_run import read_table_run

    with user_errors():
        out = check_output(out, ".md")
        once = {path.resolve(): path for path in folders}.values()
        runs = [read_table_run(path) for path in once]
        write_page(runs, out, cells)
    say(f"{out}: {', '.join(run.name for run in runs)}, with files in {out.with_suffix('')}")
