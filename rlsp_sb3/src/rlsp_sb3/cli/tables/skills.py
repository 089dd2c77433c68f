"""The command ``rlsp table skills``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsp_sb3.cli.console import user_errors
from rlsp_sb3.cli.job_options import (
    FiguresOption,
    JobsOption,
    MethodsOption,
    NStatesOption,
    PresetOption,
    ProgressOption,
    RayAddressOption,
    SetOption,
    compute_table,
)

SKILLS_EXAMPLES = """Examples:

- `rlsp table skills --rollout balancing_rollouts.pkl --preset smoke --seeds 1`

- `rlsp table skills --rollout balancing_rollouts.pkl jumping_rollouts.pkl --n-states 1 --jobs 2`

- `rlsp table skills --rollout hop.npz --env Hopper-FW-v2 --methods rlsp waypoints --film mp4`
"""


def skills(
    rollout: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE …",
            help="Episodes of the skills: npz files of `rlsp rollout`, or rollouts of the "
            "published code (pkl); each skill is called after its file.",
        ),
    ],
    env: Annotated[
        str, typer.Option(metavar="ENV", help="The environment that the rollouts are of.")
    ] = "HalfCheetah-Plot-v2",
    n_states: NStatesOption = None,
    methods: MethodsOption = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many seeds, from 0 on.")] = 3,
    preset: PresetOption = "fast",
    settings: SetOption = None,
    jobs: JobsOption = 1,
    ray_address: RayAddressOption = None,
    film: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Kind of the films: gif, or mp4, which needs `pip install imageio-ffmpeg`.",
        ),
    ] = "gif",
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results.")] = Path(
        "runs", "skills"
    ),
    figures: FiguresOption = "png",
    progress: ProgressOption = None,
) -> None:
    """Learn skills from states of a rollout, as section 3.4 of Lindner et al. (2021) does.

    There is no true reward to measure success by. So the learned policies are filmed beside the
    skill, and a classifier is trained to tell their states from those of the skill: its
    cross-entropy on states that were held out is the higher the more alike they are.

    Each result is written at once. A run that was stopped, or killed, goes on where it was with the
    same command. Writes **table.md**, **table.csv**, **table.tex**, **curves.csv**, **jobs.csv**, a
    figure **SKILL.png** for each skill, **films** of the first seed, **config.json**, and **jobs**
    with the result, the learner and the episodes of each.
    """
    from rlsp_sb3.experiments.skills.plan import plan_skill_table
    from rlsp_sb3.experiments.table_plan import TableOptions

    with user_errors():
        options = TableOptions(
            n_states=n_states or (1, 10, 50),
            methods=methods,
            n_seeds=seeds,
            preset=preset,
            assignments=settings or (),
        )
        plan = plan_skill_table(rollout, env, options, film)
    compute_table(
        plan, out, n_workers=jobs, ray_address=ray_address, progress=progress, figures=figures
    )
