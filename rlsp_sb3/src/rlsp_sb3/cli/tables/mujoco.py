"""The command ``rlsp table mujoco``."""

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

MUJOCO_EXAMPLES = """Examples:

- `rlsp table mujoco --env InvertedPendulum-v5 --preset smoke --seeds 1`

- `rlsp table mujoco --n-states 1 10 50 --methods rlsp average-features waypoints --jobs 2`

- `rlsp table mujoco --set rlsp.horizon=10 --set rlsp.hyperparameters.n_epochs=40 --out runs/longer`

- `rlsp table mujoco --preset paper --ray-address auto`
"""


def mujoco(
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV …",
            help="The environments; otherwise those of the paper that have an expert.",
        ),
    ] = None,
    experts: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder with ENV.zip of each environment, without `package:`: the expert that "
            "leaves the observed states, as made by `rlsp expert` or `rlsp import-expert`; "
            "otherwise those that the package brings (`rlsp experts`).",
        ),
    ] = None,
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
    figures: FiguresOption = "png",
    progress: ProgressOption = None,
) -> None:
    """Compare methods in the MuJoCo environments, as table 1 of Lindner et al. (2021) does.

    From states that an expert leaves behind, each method infers a reward and trains a policy along
    with it, and then another policy is retrained for the reward at the end. Shows the true returns
    of both policies, and the EPIC distance of the inferred reward from the true one.

    Each result is written at once. A run that was stopped, or killed, goes on where it was with the
    same command; what has been computed with the same configuration is not computed again. Writes
    **table.md**, **table.csv**, **table.tex**, **jobs.csv** with a line for each job,
    **table.png**, **config.json**, and **jobs** with the result and the learner of each.
    """
    from rlsp_sb3.experiments.mujoco.plan import plan_mujoco_table
    from rlsp_sb3.experiments.table_plan import TableOptions

    with user_errors():
        options = TableOptions(
            n_states=n_states or (1, 10, 50),
            methods=methods,
            n_seeds=seeds,
            preset=preset,
            assignments=settings or (),
        )
        plan = plan_mujoco_table(experts, env, options)
    compute_table(
        plan, out, n_workers=jobs, ray_address=ray_address, progress=progress, figures=figures
    )
