"""The command ``rlsp table``, with a subcommand for each of the papers' tables."""

from __future__ import annotations

import typer

from rlsp_sb3.cli.multi_value_options import MultiValueCommand
from rlsp_sb3.cli.tables.gridworlds import GRIDWORLDS_EXAMPLES, gridworlds
from rlsp_sb3.cli.tables.mujoco import MUJOCO_EXAMPLES, mujoco
from rlsp_sb3.cli.tables.skills import SKILLS_EXAMPLES, skills

app = typer.Typer(no_args_is_help=True)
table = typer.Typer(no_args_is_help=True, help="Compare methods, as the papers do.")
app.add_typer(table, name="table")


@table.callback(epilog="Example: `rlsp table gridworlds`")
def about() -> None:
    """Compare methods, as the papers do."""


table.command(cls=MultiValueCommand, epilog=GRIDWORLDS_EXAMPLES)(gridworlds)
table.command(cls=MultiValueCommand, epilog=MUJOCO_EXAMPLES)(mujoco)
table.command(cls=MultiValueCommand, epilog=SKILLS_EXAMPLES)(skills)
