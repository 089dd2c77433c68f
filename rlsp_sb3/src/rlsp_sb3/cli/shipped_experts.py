"""The command ``rlsp experts``."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlsp_sb3.cli.console import check_output, say, stdout, user_errors

if TYPE_CHECKING:
    from rlsp_sb3.policies.shipped_experts import ShippedExpert

app = typer.Typer()


@app.command(
    "experts",
    epilog="""Examples:

- `rlsp experts`

- `rlsp experts HalfCheetah-FW-v2 --out cheetah.npz --states states.npz`
""",
)
def experts_command(
    env: Annotated[
        str | None,
        typer.Argument(
            metavar="[ENV]",
            help="The id of the environment whose expert to fetch; none for a list.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the policy, which `rlsp learn`, `rollout`, `evaluate` and `video` take.",
        ),
    ] = None,
    states: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write states that the expert left behind, an npz."),
    ] = None,
    demonstrations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a few episodes of the expert, an npz."),
    ] = None,
) -> None:
    """List the experts that the package brings, or fetch one of them.

    They are policies of FastPPO that `rlsp expert` trained for minutes, so that nothing else is
    needed to try a method or to run `rlsp table mujoco`. **return** is what one earns in an episode
    when it takes its most probable actions, mean and standard deviation. No file has any code.
    """
    from rlsp_sb3.policies.shipped_experts import find_shipped_expert, shipped_experts

    wanted = {"--out": out, "--states": states, "--demonstrations": demonstrations}
    with user_errors():
        if env is None:
            if any(wanted.values()):
                raise ValueError("ENV is missing: expected the id of the environment to fetch from")
            _print_list(shipped_experts().values())
            return
        expert = find_shipped_expert(env)
        files = {"--out": expert.actor, "--states": expert.states}
        files["--demonstrations"] = expert.demonstrations
        for option, path in wanted.items():
            if path is not None:
                path = check_output(path, ".npz")
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(files[option], path)
                say(f"{path} holds the {_NAMES[option]}")
    say(
        f"Return {expert.return_mean:,.1f} ± {expert.return_std:,.1f} in {expert.episodes} episodes"
    )
    say(f"Trained by: {expert.command}")


_NAMES = {"--out": "expert", "--states": "observed states", "--demonstrations": "demonstrations"}


def _print_list(experts: Iterable[ShippedExpert]) -> None:
    from rich.table import Table

    table = Table("environment", "return", "steps", "trained for")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in experts:
        names = ", ".join([each.env_id, *each.also])
        earned = f"{each.return_mean:,.1f} ± {each.return_std:,.1f}"
        table.add_row(names, earned, f"{each.length_mean:,.0f}", f"{each.timesteps:,} steps")
    stdout.print(table)
    say("Fetch one by `rlsp experts ENV --out FILE`")
