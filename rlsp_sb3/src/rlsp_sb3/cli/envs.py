"""The command ``rlsp envs``."""

from __future__ import annotations

import typer

from rlsp_sb3.cli.console import say, stdout

app = typer.Typer(no_args_is_help=True)


@app.command("envs", epilog="Example: `rlsp envs`")
def envs_command() -> None:
    """List the environments that installed packages bring.

    **states** is their number, or the observation space of an environment that is not tabular;
    **horizon** is how many states the person passed through; **time limit** is when an episode is
    cut off; **observed state** is whether the environment offers a state that somebody left
    behind. Gymnasium's own environments are not listed; those of a package that does not announce
    them go by **package:Id-v0**.
    """
    from rlsp_sb3 import env_util
    from rlsp_sb3.cli.printed_tables import env_table

    env_util.register_envs()
    specs = env_util.plugin_specs()
    if not specs:
        stdout.print("No installed package brings environments: run `pip install rlsp-envs`.")
        return
    table, failed = env_table(specs)
    stdout.print(table)
    for env_id, what_to_do in failed.items():
        say(f"{env_id} cannot be made: {what_to_do}")
