"""The command ``rlsp``."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from rlsp_sb3 import __version__
from rlsp_sb3.cli.lazy_commands import COMMANDS, LazyGroup


class Commands(LazyGroup):
    """The subcommands. To list them, or to complete a command line, takes no import of theirs."""

    entry_points = COMMANDS
    modules = {
        "rlsp_sb3.cli.envs": {
            "envs": "List the environments that installed packages bring, or those that are named."
        },
        "rlsp_sb3.cli.learn": {
            "learn": "Infer the reward that explains the observed state of an environment."
        },
        "rlsp_sb3.cli.config": {"config": "Print the complete configuration of a run, as YAML."},
        "rlsp_sb3.cli.doctor": {
            "doctor": "Say what is installed, what works on this machine, and what mends the rest."
        },
        "rlsp_sb3.cli.experts": {
            "expert": "Train an expert, by SB3 on the environment's own reward.",
            "import-expert": "Turn a SAC policy of Stable-Baselines 2 into one of SB3.",
        },
        "rlsp_sb3.cli.shipped_experts": {
            "experts": "List the experts that the package brings, or fetch one of them."
        },
        "rlsp_sb3.cli.policies": {
            "rollout": "Let a policy act, and write the episodes to a file or a Minari dataset.",
            "evaluate": (
                "Measure what a policy earns: the return of its own actions, without a discount."
            ),
            "video": "Film a policy.",
        },
        "rlsp_sb3.cli.tables.table": {"table": "Compare methods, as the papers do."},
        "rlsp_sb3.cli.diagnose": {
            "diagnose": "Compare the gradient of RLSP with that of an expert's real pasts."
        },
        "rlsp_sb3.cli.plot": {"plot": "Draw what runs have learned, and compare them."},
        "rlsp_sb3.cli.push": {
            "push": "Put a run on the Hugging Face Hub, with a card that says how good it is."
        },
        "rlsp_sb3.cli.report": {"report": "Make one page of tables, with a section for each."},
    }


app = typer.Typer(
    name="rlsp",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    """Print the version and exit, if that is wanted."""
    if wanted:
        typer.echo(f"rlsp-sb3 {__version__}")
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


def run() -> None:
    """Run the command as a program, which Ctrl-C ends without a traceback, however often it is hit.

    Raises:
        SystemExit: When it is over.
    """
    try:
        app(prog_name="rlsp")
    except KeyboardInterrupt:  # the second one, while the first was dealt with
        sys.exit(128 + signal.SIGINT)
    finally:
        # Python still waits for threads and closes files: from here on Ctrl-C ends it at once.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
