"""The command ``rlsp table mujoco``."""

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

if TYPE_CHECKING:
    from rlsp_sb3.experiments.mujoco.plan import TablePlan
    from rlsp_sb3.experiments.result_folder import ResultFolder

EXAMPLES = """Examples:

- `rlsp table mujoco --env InvertedPendulum-v5 --preset smoke --seeds 1`

- `rlsp table mujoco --n-states 1 10 50 --methods rlsp average-features waypoints --jobs 2`

- `rlsp table mujoco --set rlsp.horizon=10 --set rlsp.preset.n_epochs=40 --out runs/longer`

- `rlsp table mujoco --preset paper --ray-address auto`
"""

FILES = ("table.csv", "jobs.csv", "table.png")


def mujoco(
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV …",
            help="The environments; otherwise those of the paper that have an expert.",
        ),
    ] = None,
    experts: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="The folder with ENV.zip of each environment: the expert that leaves the observed "
            "states, as made by `rlsp expert` or `rlsp import-expert`.",
        ),
    ] = Path("experts"),
    n_states: NStatesOption = None,
    methods: MethodsOption = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many seeds, from 0 on.")] = 5,
    preset: PresetOption = "fast",
    settings: SetOption = None,
    jobs: JobsOption = 1,
    ray_address: RayAddressOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the results.")] = Path(
        "runs", "mujoco"
    ),
    progress: ProgressOption = None,
) -> None:
    """Compare methods in the MuJoCo environments, as table 1 of Lindner et al. (2021) does.

    From states that an expert leaves behind, each method infers a reward and trains a policy along
    with it, and then another policy is retrained for the reward at the end. Shows the true returns
    of both policies, and the EPIC distance of the inferred reward from the true one.

    Each result is written at once. A run that was stopped, or killed, goes on where it was with the
    same command; what has been computed with the same configuration is not computed again. Writes
    **table.md**, **table.csv**, **jobs.csv** with a line for each job, **table.png**,
    **config.json**, and **jobs** with the result and the learner of each.
    """
    from rlsp_sb3.experiments.mujoco.plan import make_plan
    from rlsp_sb3.experiments.mujoco.run_job import run_job
    from rlsp_sb3.experiments.result_folder import InUseError, ResultFolder
    from rlsp_sb3.experiments.run_log import RunLog
    from rlsp_sb3.experiments.table_metadata import TableConfig

    with user_errors():
        plan = make_plan(
            experts, env, n_states or (1, 10, 50), methods, seeds, preset, settings or ()
        )
    left_out = [f"{name} is left out: {why}" for name, why in plan.left_out.items()]
    for line in left_out:
        say(line, style="yellow")
    configs = {env_id: config.to_dict() for env_id, config in plan.configs.items()}
    say(f"Configuration ({preset})", style="bold")
    say(yaml.safe_dump(configs, sort_keys=False, default_flow_style=None).rstrip())
    command = ["rlsp", "table", "mujoco", "--env", *plan.env_ids, "--experts", str(experts)]
    command += ["--n-states", *map(str, plan.states), "--methods", *plan.methods]
    command += ["--seeds", str(seeds), "--preset", preset, "--out", str(out)]
    command += [word for setting in settings or [] for word in ("--set", setting)]
    folder = ResultFolder(out)
    in_use = user_errors((InUseError,), status=1)
    with user_errors((OSError, ImportError)), in_use, folder.locked():
        config, log = TableConfig(out, command, configs, seeds, len(plan.jobs)), RunLog(out)
        config.write(log, learning_seconds(plan.jobs, folder))
        reasons = compute_jobs(plan.jobs, folder, log, run_job, jobs, ray_address, progress)
        failed = [f"{name} failed: {why}" for name, why in reasons.items()]
        shown = show(plan, folder, [*left_out, *failed])
        config.write(log, learning_seconds(plan.jobs, folder), FILES)
    for line in failed:
        say(line, style="yellow")
    if failed or not shown:
        raise typer.Exit(1)


def show(plan: TablePlan, folder: ResultFolder, missing: Sequence[str]) -> bool:
    """Print and write the table of what is done; returns whether there is anything.

    Args:
        plan: What the table consists of.
        folder: Where results are kept.
        missing: Why something has no result; that is written only.
    """
    from rlsp_sb3.experiments.mujoco.figure import mujoco_plot
    from rlsp_sb3.experiments.mujoco.table import gather, tables, write_csv_tables
    from rlsp_sb3.experiments.runner import finished_jobs
    from rlsp_sb3.experiments.table_cells import EXPLANATION
    from rlsp_sb3.experiments.table_metadata import CONFIG, TABLE

    pairs = finished_jobs(plan.jobs, folder)
    results = gather(pairs)
    if not results.rows:
        return False
    shown = tables(plan, results)
    for title, table in shown.items():
        say(title, style="bold")
        stdout.print(table)
    say(EXPLANATION)
    write_csv_tables(folder.path, results, pairs)
    with atomic_write(folder.path / "table.png") as unfinished_png:
        mujoco_plot(plan, results, unfinished_png)
    notes = sorted({note for _, figures in pairs for note in figures.notes})
    for note in notes:
        say(f"note: {note}")
    markdown.write_markdown_tables(folder.path / TABLE, shown, EXPLANATION, [*notes, *missing])
    say(f"In {folder.path}: {', '.join((TABLE, *FILES, CONFIG))}, and each result in jobs")
    return True
