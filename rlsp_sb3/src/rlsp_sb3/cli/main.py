"""The command ``rlsp``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import rlsp_sb3
from rlsp_sb3.cli import envs, experts, learn, plot, policies, report, table_gridworlds
from rlsp_sb3.cli.console import stdout

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="rlsp",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    """Print the version and exit, if that is wanted."""
    if wanted:
        stdout.print(f"rlsp-sb3 {rlsp_sb3.__version__}")
        raise typer.Exit


@app.callback(epilog="Start with `rlsp learn RoomDefault-v0`.")
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Learn a reward from the state in which a person left an environment."""


app.add_typer(envs.app)
app.add_typer(learn.app)
app.add_typer(experts.app)
app.add_typer(policies.app)
app.add_typer(table_gridworlds.app)
app.add_typer(plot.app)
app.add_typer(report.app)
