"""The commands ``rlsp expert`` and ``rlsp import-expert``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from rlsp_sb3.cli.console import INTERRUPTED, ProgressOption, check_output, say, user_errors

SOLVER_NAMES = ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3", "FastPPO")
"""The algorithms that train experts, which take seconds to import."""

app = typer.Typer()


@app.command(
    "expert",
    epilog="""Examples:

- `rlsp expert RoomDefault-v0 --timesteps 20000 --out expert.zip`

- `rlsp expert Pendulum-v1 --timesteps 1e5 --out runs/pendulum.zip --solver TD3 --set gamma=0.98`

- `rlsp expert HalfCheetah-FW-v2 --timesteps 2e6 --out runs/cheetah.zip --tensorboard logs`

- `rlsp expert HalfCheetah-FW-v2 --timesteps 2e6 --out runs/cheetah.zip --resume`
""",
)
def expert_command(
    env: Annotated[
        str,
        typer.Argument(metavar="ENV", help="The id of an environment, as in `rlsp learn`."),
    ],
    timesteps: Annotated[
        float,
        typer.Option(min=1, metavar="N", help="For how many steps in the environment to train."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The zip file for the expert.")],
    solver: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"The algorithm: {', '.join(SOLVER_NAMES)}; otherwise SAC, or PPO where actions "
            "are not numbers.",
        ),
    ] = None,
    n_envs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="In how many copies of the environment to act; otherwise 1, or 128 for FastPPO. "
            "In more, SAC, TD3, DDPG and DQN learn less per step, unless you add "
            "--set gradient_steps=-1.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seeds all random numbers.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set a hyperparameter, an argument of the algorithm's constructor, with a value "
            "in YAML; may be given several times. A wrong name is answered with a list of all.",
        ),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Write a checkpoint every N steps; otherwise ten in all."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the newest checkpoint, or start if there is none."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the expert and the checkpoints of FILE.")
    ] = False,
    progress: ProgressOption = True,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Log to TensorBoard, in this folder.")
    ] = None,
) -> None:
    """Train an expert, by SB3 on the environment's own reward.

    The hyperparameters are those of Lindner et al. (2021) for their environments, and SB3's for
    others. Writes the expert as a file of SB3, and checkpoints beside it: those of **expert.zip**
    are in **expert.checkpoints**, a folder that you can delete when the expert is good.

    A resumed run goes on with the networks, the optimizers and the replay buffer of the checkpoint,
    in new episodes and with other random numbers.
    """
    from rlsp_sb3.io.folder_lock import InUseError
    from rlsp_sb3.policies.experts import ExpertRun

    with user_errors((InUseError,), status=1), user_errors():
        if timesteps != int(timesteps):
            raise ValueError(f"--timesteps {timesteps}: expected a whole number")
        out = check_output(out, ".zip")
        run = ExpertRun(
            env,
            out,
            solver=solver,
            seed=seed,
            n_envs=n_envs,
            settings=settings or [],
            tensorboard_log=tensorboard,
            resume=resume,
            force=force,
        )
    start_steps = run.model.num_timesteps
    n_copies = run.model.n_envs
    copies = f", {n_copies} environments" if n_copies > 1 else ""
    say(f"{type(run.model).__name__} on {run.env_id}, seed {seed}{copies}", style="bold")
    for name, value in run.arguments.items():
        say(f"  {name}: {value}")
    if resume:
        source = f"from the checkpoint at {start_steps:,} steps" if start_steps else "from 0 steps"
        say(f"Goes on {source}")
    start = time.perf_counter()
    try:
        with user_errors((OSError,)):
            run.learn(
                int(timesteps),
                checkpoint_every,
                progress_bar=progress,
            )
    except KeyboardInterrupt:
        say(f"Interrupted at {run.model.num_timesteps:,} steps: go on by --resume", style="yellow")
        raise typer.Exit(INTERRUPTED) from None
    steps = run.model.num_timesteps - start_steps
    say(f"{steps:,} steps in {time.perf_counter() - start:.1f} s")
    if run.recent_return is not None:
        say(f"Mean return of the last episodes of the training: {run.recent_return:,.1f}")
    say(f"{run.out} holds the expert, and {run.folder} the checkpoints")


@app.command(
    "import-expert",
    epilog="""Examples:

- `rlsp import-expert sac_cheetah_fw_2e6.zip --env HalfCheetah-FW-v2 --out cheetah.zip`

- `rlsp import-expert sac_ant_2e6.zip --env Ant-FW-v2 --inputs 0-26,111 --out ant.zip`
""",
)
def import_expert_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The zip file of a SAC policy, an MlpPolicy.")
    ],
    env: Annotated[
        str, typer.Option(metavar="ENV", help="The id of the environment in which it is to act.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The zip file for the expert.")],
    inputs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Which of the numbers that the policy observed the environment has, such as "
            "0-26,111; the others are taken to be 0. Otherwise all. The published ant needs "
            "0-26,111.",
        ),
    ] = None,
    episodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="In how many episodes to try it.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seeds these episodes.")] = 0,
) -> None:
    """Turn a SAC policy of Stable-Baselines 2 into one of SB3.

    Such are the published experts of Lindner et al. (2021). No code in the file is run. Prints what
    the policy earns in a few episodes, when it takes its most probable actions.
    """
    from rlsp_sb3.env_util import make_env
    from rlsp_sb3.evaluation.returns import measure_returns
    from rlsp_sb3.policies.experts import save_model
    from rlsp_sb3.policies.sb2_import import import_sb2_sac

    with user_errors():
        out = check_output(out, ".zip")
        made = make_env(env)
        model = import_sb2_sac(
            file, made, None if inputs is None else parse_indices(inputs), buffer_size=1
        )
        returns = measure_returns(model, made, episodes, seed=seed, progress_bar=True)
        save_model(model, out)
    say(
        f"Return {returns.mean:,.1f} ± {returns.std:,.1f} in {episodes} "
        f"episode{'s' if episodes > 1 else ''}, of {returns.lengths.mean():,.0f} steps on average"
    )
    say(f"{out} holds the expert")


def parse_indices(text: str) -> list[int]:
    """The numbers in a list with ranges, such as "0-26,111".

    Raises:
        ValueError: If it is none.
    """
    indices: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not (last.isdecimal() and int(last) >= int(first))):
            raise ValueError(
                f"--inputs {text}: expected numbers and ranges with commas between them, such as "
                "0-26,111"
            )
        indices += range(int(first), int(last if dash else first) + 1)
    return indices
