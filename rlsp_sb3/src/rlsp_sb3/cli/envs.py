"""The command ``rlsp envs``."""

from __future__ import annotations

from typing import Annotated

import typer

from rlsp_sb3.cli.console import say, stdout, user_errors
from rlsp_sb3.utils.install_command import install_command

app = typer.Typer(no_args_is_help=True)


@app.command("envs", epilog="Examples: `rlsp envs`, `rlsp envs Ant-v5 CartPole-v1`")
def envs_command(
    env_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ENV…]",
            help="The ids of environments, as in `rlsp learn`; those that installed packages bring "
            "if there is none.",
        ),
    ] = None,
) -> None:
    """List the environments that installed packages bring, or those that are named.

    **states** is their number, or the observation space of an environment that is not tabular;
    **horizon** is how many states the person passed through; **time limit** is when an episode is
    cut off; **observed state** is whether the environment offers a state that somebody left
    behind; **simulated** is whether it can be put into the state of an observation, to see what
    follows from actions, in **many** transitions at once or **one** after the other; where it is
    not, learners fit a model of that instead. Gymnasium's own environments are listed only
    if they are named; those of a package that does not announce them go by **package:Id-v0**.
    """
    from rlsp_sb3 import env_util
    from rlsp_sb3.cli.printed_tables import env_table

    env_util.register_envs()
    with user_errors():
        specs = [env_util.find_spec(each) for each in env_ids or []] or env_util.plugin_specs()
    if not specs:
        say(f"No installed package brings environments: run {install_command('rlsp-envs')}.")
        return
    table, failed, slow = env_table(specs)
    stdout.print(table)
    for env_id, why in slow.items():
        say(f"{env_id}: {why}")
    for what_to_do in dict.fromkeys(failed.values()):
        names = [env_id for env_id, needs in failed.items() if needs == what_to_do]
        say(f"{', '.join(names)} cannot be made: {what_to_do}")
