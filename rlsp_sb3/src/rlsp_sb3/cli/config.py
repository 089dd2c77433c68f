"""The command ``rlsp config``."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from rlsp_sb3.cli.console import user_errors

app = typer.Typer(no_args_is_help=True)


@app.command(
    "config",
    epilog="""Examples:

- `rlsp config RoomDefault-v0`

- `rlsp config HalfCheetah-FW-v2 --preset paper > run.yaml`, and then `rlsp learn HalfCheetah-FW-v2
  --states expert.zip --config run.yaml`
""",
)
def config_command(
    env: Annotated[
        str,
        typer.Argument(metavar="ENV", help="The id of an environment, as in `rlsp learn`."),
    ],
    learner_name: Annotated[
        str | None,
        typer.Option(
            "--learner",
            metavar="NAME",
            help="The learner; otherwise tabular-rlsp if ENV is tabular, and rlsp if not.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of `--learner rlsp`: paper, fast (the default) or smoke."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set an argument of the learner, as in `rlsp learn`; may be given several times.",
        ),
    ] = None,
) -> None:
    """Print the complete configuration of a run, as YAML.

    It has each argument of the learner with the value that it has where nobody says otherwise.
    `rlsp learn ENV --config FILE` takes it, or any part of it, and learns the same as without; what
    is given on the command line comes before it.
    """
    from rlsp_sb3.experiments.learner_run import default_learner
    from rlsp_sb3.experiments.run_options import complete_run_options
    from rlsp_sb3.learners import registry
    from rlsp_sb3.utils.arguments import parse_settings

    with user_errors():
        learner_name = learner_name or default_learner(env)
        chosen = parse_settings(registry.load_learner(learner_name), settings or [])
        options = complete_run_options(env, learner_name, preset, chosen)
    typer.echo(f"# rlsp learn {shlex.quote(env)} --config FILE")
    typer.echo(options.to_yaml(), nl=False)
