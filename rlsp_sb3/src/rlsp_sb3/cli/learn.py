"""The command ``rlsp learn``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlsp_sb3.cli.console import ProgressOption, interruptible, say, stdout, user_errors
from rlsp_sb3.learners import registry

if TYPE_CHECKING:
    from rlsp_sb3.experiments.learner_run import LearnerRun

app = typer.Typer(no_args_is_help=True)


@app.command(
    "learn",
    epilog="""Examples:

- `rlsp learn RoomDefault-v0`

- `rlsp learn TrainDefault-v0 --seed 1 --out runs/train --force`

- `rlsp learn RoomBig-v0 --timesteps 100 --set horizon=9 --set prior=laplace`

- `rlsp learn your_package:YourGrid-v0`

- `rlsp learn InvertedPendulum-v5 --learner rlsp --states expert.zip --n-states 10`

- `rlsp learn HalfCheetah-FW-v2 --learner rlsp --preset paper --states expert.zip --set horizon=20`

- `rlsp learn Pendulum-v1 --learner rlsp --states s.zip --set hyperparameters.solver.n_steps=20000`

- `rlsp learn CartPole-v1 --states episodes.npz --set solver=PPO`

- `rlsp learn RoomDefault-v0 --config run.yaml --seed 1`
""",
)
def learn_command(
    env: Annotated[
        str,
        typer.Argument(
            metavar="ENV", help="The id of an environment: see `rlsp envs`, or package:Id-v0."
        ),
    ],
    learner_name: Annotated[
        str | None,
        typer.Option(
            "--learner",
            metavar="NAME",
            help="The learner; otherwise tabular-rlsp if ENV is tabular, and rlsp if not. "
            f"Installed: {', '.join(registry.learner_names()) or 'none'}.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A configuration as `rlsp config` prints it, or a part of one; what is given here "
            "comes before it.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Seeds all random numbers; otherwise 0."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder for the results; otherwise runs/ENV/LEARNER-seedN.", metavar="DIR"
        ),
    ] = None,
    timesteps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="For how long to learn, in what the learner counts: gradient steps or "
            "environment steps; otherwise as long as its arguments say.",
            metavar="N",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set an argument of the learner's constructor, such as horizon=10 or "
            "hyperparameters.solver.n_steps=20000; may be given several times. "
            "A wrong name is answered with a list of all.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How much work `--learner rlsp` puts into ENV: paper, fast (the default) or "
            "smoke, by the configurations of the package; what is set by --set comes before.",
        ),
    ] = None,
    states: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="What to sample the observed states from: a policy that acts in ENV (.zip), "
            "episodes (.npz, or .pkl as published), a Minari dataset, or an array of states (.npy, "
            ".npz, or .csv with a row for each), here or at "
            "hf://ORG/REPO/FILE; otherwise those that the environment offers.",
        ),
    ] = None,
    n_states: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many states to sample from SOURCE; otherwise 1, and all of an array.",
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
    log_interval: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Log every N timesteps; otherwise 1.")
    ] = None,
    progress: ProgressOption = True,
    figures: Annotated[
        str,
        typer.Option(
            metavar="FORMAT,…",
            help="Formats of figures: png, which is always written, pdf and svg.",
        ),
    ] = "png",
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the results of an earlier run in the folder.")
    ] = False,
) -> None:
    """Infer the reward that explains the observed state of an environment.

    Prints the inferred reward beside the task reward (what a robot is told to do) and the true
    reward (what the person wants), and how much of the best true return a robot gets that plans
    with the task reward only, and one that plans with the inferred reward too. Writes the learner,
    the reward, the configuration, the log (CSV and TensorBoard), a figure of the reward and a GIF
    of both robots.
    """
    from rlsp_sb3.experiments.learner_run import LearnerRun, default_learner
    from rlsp_sb3.experiments.run_options import RunOptions, read_run_options
    from rlsp_sb3.io.folder_lock import InUseError
    from rlsp_sb3.plotting.style import check_formats, figure_formats
    from rlsp_sb3.utils.arguments import SHORT, parse_settings
    from rlsp_sb3.utils.progress import show_progress
    from rlsp_sb3.utils.settings import merged

    with (
        interruptible("Interrupted before anything was learned"),
        user_errors((InUseError,), status=1),
        user_errors(),
        show_progress(progress),
    ):
        formats = figure_formats(check_formats(figures))
        options = (RunOptions() if config is None else read_run_options(config)).updated(
            learner=learner_name,
            preset=preset,
            states=states,
            n_states=n_states,
            vec_normalize=None if vec_normalize is None else str(vec_normalize),
            timesteps=timesteps,
            seed=seed,
            log_interval=log_interval,
        )
        learner_name = options.learner or default_learner(env)
        learner_class = registry.load_learner(learner_name)
        options.check_arguments(learner_class)
        chosen = parse_settings(learner_class, settings or [])
        run = LearnerRun(
            env,
            learner_name,
            folder=out,
            observed_states=options.states,
            n_states=options.n_states,
            vec_normalize=options.vec_normalize,
            preset=options.preset,
            arguments=merged(options.arguments, chosen, SHORT),
            timesteps=options.timesteps,
            seed=options.seed or 0,
            log_interval=options.log_interval or 1,
            force=force,
        )
    say(f"{type(run.learner).__name__} on {run.env_id}, seed {run.config.seed}", style="bold")
    with (
        interruptible(f"Interrupted: what was learned is in {run.folder.path}"),
        show_progress(progress),
    ):
        with user_errors((FloatingPointError, OSError)):
            run.learn()
        count, seconds = run.learner.num_timesteps, run.config.wall_time_seconds
        say(f"{count:,} {run.learner.timestep}{'s' if count != 1 else ''} in {seconds:.1f} s")
        run.evaluate()
        _print_results(run)
        try:
            with user_errors((OSError,)), formats:
                run.write_results()
        finally:
            _print_files(run)


def _print_files(run: LearnerRun) -> None:
    """Print what is in the folder, and why something is not."""
    files = run.folder.files()
    width = max(map(len, files))
    say(f"In {run.folder.path}:", style="bold")
    for file, about in files.items():
        say(f"  {file:<{width}}  {about}")
    for name, why in run.folder.left_out.items():
        say(f"{name} is left out: {why}", style="yellow")


def _print_results(run: LearnerRun) -> None:
    """Print what was learned, and how good it is."""
    from rlsp_sb3.cli.printed_tables import (
        figures_table,
        fractions_table,
        returns_table,
        reward_table,
    )
    from rlsp_sb3.rewards.reward import LinearReward

    if isinstance(run.learner.reward, LinearReward):
        stdout.print(reward_table(run.learner.reward, run.learner.unwrapped_env))
    if run.config.report:
        stdout.print(figures_table(run.config.report))
    if run.config.true_return_fractions:
        stdout.print(fractions_table(run.config.true_return_fractions))
    else:
        say(f"true-return fractions are left out: {run.without_fractions}")
    if run.config.true_returns is not None:
        stdout.print(returns_table(run.config.true_returns))
