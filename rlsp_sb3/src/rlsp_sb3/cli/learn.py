"""The command ``rlsp learn``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsp_sb3.cli.console import say, stdout, user_errors
from rlsp_sb3.learners import registry
from rlsp_sb3.utils.errors import NotOfferedError

if TYPE_CHECKING:
    from rlsp_sb3.learners.base import RewardLearner
    from rlsp_sb3.runs.run_folder import RunFolder

app = typer.Typer(no_args_is_help=True)

N_EPISODES = 20


CONFIGURED = "rlsp"
"""The learner for which the package has configurations."""


DEFAULT_PRESET = "fast"


@app.command(
    epilog="""Examples:

- `rlsp learn RoomDefault-v0`

- `rlsp learn TrainDefault-v0 --seed 1 --out runs/train --force`

- `rlsp learn RoomBig-v0 --timesteps 100 --set horizon=9 --set prior=laplace`

- `rlsp learn your_package:YourGrid-v0`

- `rlsp learn InvertedPendulum-v5 --learner rlsp --states expert.zip --n-states 10`

- `rlsp learn HalfCheetah-FW-v2 --learner rlsp --preset paper --states expert.zip --set horizon=20`

- `rlsp learn CartPole-v1 --learner rlsp --states episodes.npz --set solver=PPO`
"""
)
def learn(
    env: Annotated[
        str,
        typer.Argument(
            metavar="ENV", help="The id of an environment: see `rlsp envs`, or package:Id-v0."
        ),
    ],
    learner_name: Annotated[
        str,
        typer.Option(
            "--learner",
            metavar="NAME",
            help=f"The learner. Installed: {', '.join(registry.learner_names()) or 'none'}.",
        ),
    ] = "tabular-rlsp",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seeds all random numbers.")] = 0,
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
            help="Set an argument of the learner's constructor; may be given several times. "
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
            "episodes (.npz, or .pkl as published), or a Minari dataset; otherwise those that the "
            "environment offers.",
        ),
    ] = None,
    n_states: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many states to sample from SOURCE.")
    ] = 1,
    log_interval: Annotated[
        int, typer.Option(min=1, metavar="N", help="Log every N timesteps.")
    ] = 1,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            help="Show a progress bar; otherwise if this is a terminal.",
        ),
    ] = None,
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
    from stable_baselines3.common.logger import configure

    from rlsp_sb3 import env_util
    from rlsp_sb3.cli.learn_results import arguments_used
    from rlsp_sb3.runs.run_folder import RunFolder, versions
    from rlsp_sb3.utils.arguments import parse_settings

    with user_errors():
        learner_class = registry.load_learner(learner_name)
        chosen = parse_settings(learner_class, settings or [])
        arguments = {**shipped_arguments(learner_name, env, preset), **chosen}
        made = env_util.make_env(env)
        if states is not None:
            arguments["observed_states"] = observed_states(states, n_states, made, seed)
        learner = learner_class(made, seed=seed, **arguments)
        env_id = made.spec.id if made.spec else env
        folder = RunFolder(out or Path("runs", env_id, f"{learner_name}-seed{seed}"), force)

    command = [
        "rlsp",
        "learn",
        env,
        "--learner",
        learner_name,
        "--seed",
        str(seed),
        "--out",
        str(folder.path),
    ]
    command += [] if timesteps is None else ["--timesteps", str(timesteps)]
    command += [] if preset is None else ["--preset", preset]
    command += [] if states is None else ["--states", states, "--n-states", str(n_states)]
    command += [] if log_interval == 1 else ["--log-interval", str(log_interval)]
    command += [word for setting in settings or [] for word in ("--set", setting)]

    config = {
        "command": shlex.join(command),
        "env": env,
        "learner": learner_name,
        "seed": seed,
        "timestep": learner.timestep,
        "options": {
            "timesteps": timesteps,
            "preset": (preset or DEFAULT_PRESET) if learner_name == CONFIGURED else None,
            "states": states,
            "n_states": None if states is None else n_states,
            **chosen,
        },
        "arguments": arguments_used(learner),
        "versions": versions(),
    }
    # Before learning, which may take long: others can tell what this run is while it goes on.
    folder.add_json("config.json", config)

    say(f"{learner_class.__name__} on {env_id}, seed {seed}", style="bold")
    learner.set_logger(configure(str(folder.path), ["csv", "tensorboard"]))
    start = time.perf_counter()
    with user_errors((FloatingPointError,)):
        learner.learn(
            timesteps,
            log_interval=log_interval,
            progress_bar=sys.stdout.isatty() if progress is None else progress,
        )
    seconds = time.perf_counter() - start
    learner.logger.close()
    count = learner.num_timesteps
    say(f"{count:,} {learner.timestep}{'s' if count != 1 else ''} in {seconds:.1f} s")
    finish(learner, env, folder, {**config, "wall_time_seconds": seconds})


def shipped_arguments(learner_name: str, env: str, preset: str | None) -> dict[str, Any]:
    """The arguments of RLSP that the configurations of the package have for an environment."""
    if learner_name == CONFIGURED:
        from rlsp_sb3.experiments.config import load_config

        return load_config(env, preset or DEFAULT_PRESET).rlsp
    if preset is not None:
        raise ValueError(
            f"--preset {preset}: expected it with --learner {CONFIGURED} only; for {learner_name} "
            "use --set"
        )
    return {}


def observed_states(source: str, n: int, env: Any, seed: int) -> Any:
    """States (n, *observation_shape) from a policy, episodes or a dataset."""
    from rlsp_sb3.data.rollouts import sample_observed_states
    from rlsp_sb3.policies.loading import load_policy

    if source.endswith(".zip"):
        return sample_observed_states(load_policy(source, env), n, seed, env=env)
    return sample_observed_states(source, n, seed)


def finish(learner: RewardLearner, env: str, folder: RunFolder, config: dict[str, Any]) -> None:
    """Print what was learned and write it to files, as far as the environment allows it."""
    from rlsp_sb3.cli.learn_results import fractions_of, has_policy, write_results
    from rlsp_sb3.cli.printed_tables import (
        figures_table,
        fractions_table,
        returns_table,
        reward_table,
    )
    from rlsp_sb3.evaluation.returns import measure_returns
    from rlsp_sb3.learners.tabular import plans_policy
    from rlsp_sb3.protocols import ReportingLearner
    from rlsp_sb3.rewards.reward import LinearReward

    if isinstance(learner.reward, LinearReward):
        stdout.print(reward_table(learner.reward, learner.unwrapped_env))
    figures = learner.report() if isinstance(learner, ReportingLearner) else {}
    if figures:
        stdout.print(figures_table(figures))
    fractions = None
    try:
        fractions = fractions_of(learner)
        stdout.print(fractions_table(fractions))
    except NotOfferedError as error:
        say(f"true-return fractions are left out: {error}")
    if not plans_policy(learner) and has_policy(learner):
        returns = measure_returns(learner, env, N_EPISODES, seed=learner.seed)
        stdout.print(returns_table(returns))
        config = {**config, "true_returns": returns.to_dict()}
    write_results(learner, env, folder)
    folder.add_json(
        "config.json",
        {
            **config,
            "timesteps": learner.num_timesteps,
            "figures": figures,
            "true_return_fractions": fractions,
        },
    )
    files = folder.files()
    width = max(map(len, files))
    say(f"In {folder.path}:", style="bold")
    for file, about in files.items():
        say(f"  {file:<{width}}  {about}")
    for name, why in folder.left_out.items():
        say(f"{name} is left out: {why}", style="yellow")
