"""The command ``rlsp diagnose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlsp_sb3.cli.console import ProgressOption, interruptible, say, stdout, user_errors

if TYPE_CHECKING:
    from rlsp_sb3.experiments.diagnosis_run import DiagnosisRun

app = typer.Typer(no_args_is_help=True)


@app.command(
    "diagnose",
    epilog="""Examples:

- `rlsp diagnose InvertedPendulum-v5 --expert expert.zip`

- `rlsp diagnose HalfCheetah-v5 --expert episodes.npz --n-states 10 --set sampling=backward`
""",
)
def diagnose_command(
    env: Annotated[
        str,
        typer.Argument(metavar="ENV", help="The id of an environment, as in `rlsp learn`."),
    ],
    expert: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="Who left the observed states: a policy that acts in ENV (.zip), episodes (.npz, "
            "or .pkl as published), or a Minari dataset.",
        ),
    ],
    n_states: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="How many observed states to sample, from the second halves of episodes.",
        ),
    ] = 1,
    episodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many episodes a policy SOURCE acts; otherwise 10, or as many as states.",
        ),
    ] = None,
    vec_normalize: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The statistics of a policy SOURCE that was trained with SB3's VecNormalize, as "
            "its `save` wrote them; otherwise vecnormalize.pkl beside SOURCE.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seeds all random numbers.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder for the results; otherwise runs/ENV/diagnosis-seedN.", metavar="DIR"
        ),
    ] = None,
    timesteps: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="For how many environment steps to learn; otherwise as long as the arguments say.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set an argument of RLSP's constructor, such as sampling=backward; may be given "
            "several times.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As in `rlsp learn`: paper, fast (the default), smoke."),
    ] = None,
    interval: Annotated[int, typer.Option(min=1, metavar="N", help="Diagnose every N epochs.")] = 1,
    progress: ProgressOption = True,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the results of an earlier run in the folder.")
    ] = False,
) -> None:
    """Compare the gradient of RLSP with that of an expert's real pasts.

    Runs RLSP on states that an expert left, as `rlsp learn` does, and writes the same files. In
    each epoch it asks, for the same policy: what would the gradient be if the pasts were not
    simulated, but those that really led to the observed states? Prints and writes their cosine, how
    far from the real pasts the simulated ones start, how many start where the expert ever is, and
    what is wrong with a step of the inverse dynamics, as a table and a figure. What is inferred is
    the same as without.
    """
    from rlsp_sb3.experiments.diagnosis_run import DiagnosisRun
    from rlsp_sb3.io.folder_lock import InUseError
    from rlsp_sb3.learners.registry import load_learner
    from rlsp_sb3.utils.arguments import parse_settings
    from rlsp_sb3.utils.progress import show_progress

    with (
        interruptible("Interrupted before anything was learned"),
        user_errors((InUseError,), status=1),
        user_errors(),
        show_progress(progress),
    ):
        diagnosis = DiagnosisRun(
            env,
            expert,
            n_states=n_states,
            n_episodes=episodes,
            vec_normalize=vec_normalize,
            folder=out,
            preset=preset,
            arguments=parse_settings(load_learner("rlsp"), settings or []),
            timesteps=timesteps,
            seed=seed,
            interval=interval,
            force=force,
        )
    folder = diagnosis.run.folder
    say(f"RLSP on {diagnosis.run.env_id}, seed {seed}", style="bold")
    with (
        interruptible(f"Interrupted: what was learned is in {folder.path}"),
        show_progress(progress),
    ):
        with user_errors((FloatingPointError, OSError)):
            diagnosis.learn()
        _print_used(diagnosis)
        with user_errors((OSError,)):
            diagnosis.write_results()
    say(f"{folder.path} has diagnosis.csv, diagnosis.png and the files of a run")


def _print_used(diagnosis: DiagnosisRun) -> None:
    """Print what the learner's own gradients are worth, by epoch."""
    from rlsp_sb3.cli.printed_tables import diagnosis_table

    stdout.print(diagnosis_table([row for row in diagnosis.rows if row.is_used]))
