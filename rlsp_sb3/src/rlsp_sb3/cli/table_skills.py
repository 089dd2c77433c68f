"""The command ``rlsp table skills``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from rlsp_sb3.cli.console import say, stdout, user_errors
from rlsp_sb3.cli.job_options import (
    JobsOption,
    MethodsOption,
    NStatesOption,
    PresetOption,
    ProgressOption,
    RayAddressOption,
    SetOption,
    compute_jobs,
    learning_seconds,
)
from rlsp_sb3.experiments.report import markdown
from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.utils.errors import NotOfferedError

if TYPE_CHECKING:
    from rlsp_sb3.experiments.result_folder import ResultFolder
    from rlsp_sb3.experiments.skills.plan import SkillPlan

EXAMPLES = """Examples:

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
            help='Kind of the films: gif, or mp4, which needs `pip install "rlsp-sb3[video]"`.',
        ),
    ] = "gif",
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results.")] = Path(
        "runs", "skills"
    ),
    progress: ProgressOption = None,
) -> None:
    """Learn skills from states of a rollout, as section 4.2 of Lindner et al. (2021) does.

    There is no true reward to measure success by. So the learned policies are filmed beside the
    skill, and a classifier is trained to tell their states from those of the skill: its
    cross-entropy on states that were held out is the higher the more alike they are.

    Each result is written at once. A run that was stopped, or killed, goes on where it was with the
    same command. Writes **table.md**, **table.csv**, **curves.csv**, **jobs.csv**, a figure
    **SKILL.png** for each skill, **films** of the first seed, **config.json**, and **jobs** with
    the result, the learner and the episodes of each.
    """
    from rlsp_sb3.experiments.result_folder import InUseError, ResultFolder
    from rlsp_sb3.experiments.run_log import RunLog
    from rlsp_sb3.experiments.skills.films import films_of
    from rlsp_sb3.experiments.skills.plan import make_skill_plan
    from rlsp_sb3.experiments.skills.run_job import run_skill_job
    from rlsp_sb3.experiments.table_metadata import TableConfig
    from rlsp_sb3.video.recording import check_film

    suffix = f".{film.removeprefix('.')}"
    with user_errors():
        check_film(f"film{suffix}")
        plan = make_skill_plan(
            rollout, env, n_states or (1, 10, 50), methods, seeds, preset, settings or ()
        )
    left_out = [f"{name} is left out: {why}" for name, why in plan.left_out.items()]
    for line in left_out:
        say(line, style="yellow")
    configs = {plan.env_id: plan.config.to_dict()}
    say(f"Configuration ({preset})", style="bold")
    say(yaml.safe_dump(configs, sort_keys=False, default_flow_style=None).rstrip())
    command = ["rlsp", "table", "skills", "--rollout", *map(str, rollout), "--env", env]
    command += ["--n-states", *map(str, plan.states), "--methods", *plan.methods]
    command += ["--seeds", str(seeds), "--preset", preset, "--film", film, "--out", str(out)]
    command += [word for setting in settings or [] for word in ("--set", setting)]
    folder = ResultFolder(out)
    in_use = user_errors((InUseError,), status=1)
    with user_errors((OSError, ImportError)), in_use, folder.locked():
        config, log = TableConfig(out, command, configs, seeds, len(plan.jobs)), RunLog(out)
        config.write(log, learning_seconds(plan.jobs, folder))
        reasons = compute_jobs(plan.jobs, folder, log, run_skill_job, jobs, ray_address, progress)
        failed = [f"{name} failed: {why}" for name, why in reasons.items()]
        shown = show(plan, folder, suffix, [*left_out, *failed])
        films = films_of(plan.jobs, folder, suffix)
        config.write(log, learning_seconds(plan.jobs, folder), files_of(plan), films)
    for line in failed:
        say(line, style="yellow")
    if failed or not shown:
        raise typer.Exit(1)


def show(plan: SkillPlan, folder: ResultFolder, suffix: str, missing: Sequence[str]) -> bool:
    """Print and write the table of what is done; returns whether there is anything.

    Args:
        plan: What the table consists of.
        folder: Where results are kept.
        suffix: Of the films.
        missing: Why something has no result; that is written only.
    """
    from rlsp_sb3.experiments.runner import finished_jobs
    from rlsp_sb3.experiments.skills.figure import skill_plot
    from rlsp_sb3.experiments.skills.table import (
        TITLE,
        gather_curves,
        skill_table,
        write_skill_tables,
    )
    from rlsp_sb3.experiments.table_cells import EXPLANATION
    from rlsp_sb3.experiments.table_metadata import CONFIG, TABLE

    pairs = finished_jobs(plan.jobs, folder)
    if not pairs:
        return False
    curves = gather_curves(pairs)
    say(TITLE, style="bold")
    table = skill_table(plan, curves)
    stdout.print(table)
    say(EXPLANATION)
    write_skill_tables(folder.path, curves, pairs)
    for skill in plan.skills:
        with atomic_write(folder.path / f"{skill.name}.png") as unfinished_png:
            skill_plot(plan, skill.name, curves, unfinished_png)
    notes = sorted({note for _, figures in pairs for note in figures.notes})
    for note in notes:
        say(f"note: {note}")
    markdown.write_markdown_tables(
        folder.path / TABLE, {TITLE: table}, EXPLANATION, [*notes, *missing]
    )
    files = ", ".join([TABLE, *files_of(plan), CONFIG])
    say(f"In {folder.path}: {files}, and each result in jobs")
    make_missing_films(plan, folder, suffix)
    return True


def files_of(plan: SkillPlan) -> list[str]:
    """The names of the files of numbers and of the figures."""
    return ["table.csv", "curves.csv", "jobs.csv", *(f"{each.name}.png" for each in plan.skills)]


def make_missing_films(plan: SkillPlan, folder: ResultFolder, suffix: str) -> None:
    """Film what has not been filmed; the table is good without."""
    from gymnasium.error import Error

    from rlsp_sb3.experiments.runner import finished_jobs
    from rlsp_sb3.experiments.skills.films import jobs_to_film, make_films

    todo = jobs_to_film([job for job, _ in finished_jobs(plan.jobs, folder)], folder, suffix)
    try:
        make_films(todo, folder, suffix, lambda path: say(f"film: {path}"))
    except (NotOfferedError, TypeError, Error) as error:
        say(f"no films: {error}", style="yellow")
