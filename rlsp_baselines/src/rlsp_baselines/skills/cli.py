"""The command ``rlsp skills``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsp_sb3.cli import ProgressOption, say, user_errors

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")


@app.callback(epilog="Example: `rlsp skills discover HalfCheetah-v5 --velocities 8`")
def about() -> None:
    """Discover skills without a reward, and look at them."""


def entries(text: str | None, option: str) -> list[int] | None:
    """The entries of observations that are named, such as "0,1"; None if there is no text.

    Raises:
        ValueError: If they are no whole numbers.
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ValueError(
            f"{option} {text}: expected numbers of entries of observations, such as 0,1"
        ) from None


@app.command(
    epilog="""Examples:

- `rlsp skills discover PointVase-v0 --coordinates 0,1`

- `rlsp skills discover HalfCheetah-v5 --velocities 0,1,8 --timesteps 2000000`

- `rlsp skills discover Pendulum-v1 --coordinates 0,1 --skill-dim 1 --n-skills 6`
"""
)
def discover(
    env: Annotated[
        str, typer.Argument(metavar="ENV", help="The id of an environment, as in `rlsp learn`.")
    ],
    n_skills: Annotated[
        int,
        typer.Option(
            min=2, metavar="N", help="How many skills; of continuous ones, how many to show."
        ),
    ] = 8,
    skill_dim: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Learn continuous skills with so many entries."),
    ] = None,
    coordinates: Annotated[
        str | None,
        typer.Option(
            metavar="I,J,…",
            help="Entries of observations whose changes skills are to be known by; otherwise all, "
            "or none if there are velocities.",
        ),
    ] = None,
    velocities: Annotated[
        str | None,
        typer.Option(
            metavar="I,J,…",
            help="Entries whose values skills are to be known by: velocities of what observations "
            "leave out.",
        ),
    ] = None,
    timesteps: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many environment steps to learn for.")
    ] = 1_000_000,
    learner: Annotated[
        str, typer.Option(metavar="NAME", help="dads, or diayn for its control.")
    ] = "dads",
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="The hyperparameters: fast, paper or smoke.")
    ] = "fast",
    episodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many episodes of each skill to write.")
    ] = 10,
    max_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Cut them after N steps; otherwise after as many as in training.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seeds everything.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder for the results; otherwise runs/skills/ENV."),
    ] = None,
    progress: ProgressOption = True,
) -> None:
    """Discover skills, and write what they do.

    Writes the learner **skills.zip**, episodes of each skill in **rollouts/skill_K.npz**, the
    figure **trajectories.png**, **summary.json**, and, where the environment gives pictures of
    states that it is put into, the **contact_sheet.png**: a row of pictures for each skill.

    `rlsp table skills --env ENV --rollout DIR/rollouts/*.npz` then learns the skills from single
    states.
    """
    from rlsp_baselines.skills.discovery import Discovery, discover_skills

    with user_errors():
        discovery = Discovery(
            env_id=env,
            n_skills=n_skills,
            skill_dim=skill_dim,
            coordinates=entries(coordinates, "--coordinates"),
            velocities=entries(velocities, "--velocities") or [],
            timesteps=timesteps,
            learner=learner,
            preset=preset,
            n_episodes=episodes,
            max_steps=max_steps,
            seed=seed,
        )
        folder = out or Path("runs", "skills", env.rpartition(":")[2].replace("/", "-"))
        for line in discover_skills(discovery, folder, progress_bar=progress):
            say(line)
