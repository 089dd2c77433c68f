"""The command ``rlsp push``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsp_sb3.cli.console import say, user_errors

app = typer.Typer()


@app.command(
    epilog="""Examples:

- `rlsp push runs/room your-name/room`

- `rlsp push runs/pendulum your-lab/pendulum --private`
"""
)
def push(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder that `rlsp learn` has filled.")
    ],
    repo_id: Annotated[
        str, typer.Argument(metavar="REPOSITORY", help="Where to, such as your-name/room.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Make a repository that only you can read.")
    ] = False,
) -> None:
    """Put a run on the Hugging Face Hub, with a card that says how good it is.

    All files of the run are copied; `config.json` and the card have the command that made it, with
    the paths in it. Log in first by `hf auth login`. Others use it by the addresses that the card
    shows, such as `hf://your-name/room/learner.zip`.
    """
    from rlsp_sb3.hub.upload import push_to_hub

    with user_errors():
        say(push_to_hub(folder, repo_id, private=private))
