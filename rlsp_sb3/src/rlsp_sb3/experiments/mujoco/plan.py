"""The plan of a table of methods in MuJoCo environments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym

from rlsp_sb3 import env_util
from rlsp_sb3.experiments.config import Config, load_config
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.methods import EXPERT, check_fits
from rlsp_sb3.experiments.mujoco.figure import mujoco_plot
from rlsp_sb3.experiments.mujoco.job import MujocoJob
from rlsp_sb3.experiments.mujoco.run_job import run_mujoco_job
from rlsp_sb3.experiments.mujoco.table import gather_results, mujoco_tables, write_mujoco_csv
from rlsp_sb3.experiments.table_plan import TableOptions, TablePlan, WrittenTable, make_jobs
from rlsp_sb3.io.file_names import env_file_name
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.policies.shipped_experts import find_shipped_expert, serves
from rlsp_sb3.policies.vec_normalize import NormalizedPolicy
from rlsp_sb3.utils.install_command import install_command

PUBLISHED_ENVS = (
    *("InvertedPendulum-v5", "HalfCheetah-FW-v2", "HalfCheetah-BW-v2"),
    *("Hopper-FW-v2", "Hopper-FW-Penalty-v2"),
)

_OLDER = {"InvertedPendulum-v5": "InvertedPendulum-v4"}  # what Gymnasium 0.29 has instead


@dataclass(frozen=True)
class MujocoPlan(TablePlan[MujocoJob]):
    """The table of methods in MuJoCo environments.

    Attributes:
        env_ids: The environments.
        experts: The folder with the files of the experts; None for those that are shipped.
    """

    kind = "mujoco"

    env_ids: list[str]
    experts: Path | None

    def own_words(self) -> list[str]:
        """The options of the command that only this table has."""
        experts = [] if self.experts is None else ["--experts", str(self.experts)]
        return ["--env", *self.env_ids, *experts]

    @property
    def run_job(self) -> Callable[..., Outcome]:
        """The function that computes a job."""
        return run_mujoco_job

    def write(self, folder: Path, done: Sequence[tuple[MujocoJob, Any]]) -> WrittenTable | None:
        """Write table.csv and jobs.csv, if anything but an expert is done."""
        results = gather_results(done)
        if not results.rows:
            return None
        files = write_mujoco_csv(folder, done)
        draw = partial(
            mujoco_plot,
            env_ids=self.env_ids,
            n_states=self.n_states,
            methods=self.methods,
            results=results,
        )
        tables = mujoco_tables(self.env_ids, self.n_states, self.methods, results)
        return WrittenTable(tables, files, {"table.png": draw})


def plan_mujoco_table(
    experts: Path | None,
    env_ids: Sequence[str] | None = None,
    options: TableOptions | None = None,
) -> MujocoPlan:
    """Plan a table of methods in MuJoCo environments.

    Args:
        experts: The folder with the files of the experts, ENV.zip: the expert of "my_envs:Walk-v0"
            is Walk-v0.zip, and that of "mine/Walk-v0" is mine-Walk-v0.zip.
            The statistics of one that was trained with VecNormalize are ENV/vecnormalize.pkl.
            None for the experts that are shipped.
        env_ids: The environments; None for those of the paper that have an expert.
        options: What else to choose; None for the defaults.

    Raises:
        FileNotFoundError: If the file of an expert is missing.
        ImportError: If a method is not installed.
        TypeError: If the configuration does not fit to an environment.
        ValueError: If something is unknown or out of range, if no expert is shipped for an
            environment, or if nothing is left.
    """
    options = options or TableOptions()
    methods, left_out = options.find_methods()
    chosen = _find_envs(env_ids, experts, left_out)
    configs: dict[str, Config] = {}
    experts_of: dict[str, dict[str, bytes]] = {}
    for env_id in chosen:
        config = configs[env_id] = load_config(env_id, options.preset, options.assignments)
        file = _expert_file(experts, env_id)
        env = env_util.make_env(env_id)
        policy = load_policy(file, env)
        check_fits(env, methods, config)
        env.close()
        experts_of[env_id] = {"expert": file.read_bytes()}
        if isinstance(policy, NormalizedPolicy):
            experts_of[env_id]["vec_normalize"] = policy.file.read_bytes()

    def make_job(env_id: str, method: str, n_states: int, seed: int) -> MujocoJob:
        return MujocoJob(
            env_id=env_id,
            method=method,
            n_states=n_states,
            seed=seed,
            config=configs[env_id],
            **experts_of[env_id],
        )

    references = [make_job(env_id, EXPERT, 0, 0) for env_id in chosen]
    return MujocoPlan(
        methods=methods,
        options=options,
        configs=configs,
        jobs=make_jobs(make_job, options, chosen, methods, references),
        left_out=left_out,
        env_ids=chosen,
        experts=experts,
    )


def _expert_file(experts: Path | None, env_id: str) -> Path:
    """The file of an expert, which need not be there.

    Raises:
        ValueError: If it is to be a shipped one, and there is none.
    """
    if experts is None:
        return find_shipped_expert(env_id).actor
    return experts / f"{env_file_name(env_id)}.zip"


def _why_no_expert(experts: Path | None, env_id: str) -> str:
    """The reason that there is no expert of an environment; "" if there is one."""
    if experts is None:
        return "" if serves(env_id) else "no expert is shipped for it"
    file = _expert_file(experts, env_id)
    return "" if file.is_file() else f"it has no expert {file}"


def _find_envs(
    names: Sequence[str] | None, experts: Path | None, left_out: dict[str, str]
) -> list[str]:
    """The environments that are meant."""
    env_util.register_envs()
    if names is not None:
        for name in names:
            if not (file := _expert_file(experts, name)).is_file():
                raise FileNotFoundError(
                    f"{file} is missing, the expert that leaves the observed states: train one by "
                    f"`rlsp expert {name} --timesteps N --out {file}`, import one by "
                    "`rlsp import-expert`, or name another folder by --experts"
                )
        return list(dict.fromkeys(names))
    found = []
    for published in PUBLISHED_ENVS:
        name = published if published in gym.registry else _OLDER.get(published, published)
        if name not in gym.registry:
            left_out[name] = (
                f"no installed package brings it (run {install_command('rlsp-envs', 'mujoco')})"
            )
        elif why := _why_no_expert(experts, name):
            left_out[name] = f"{why} (make one by `rlsp expert`, and name its folder by --experts)"
        else:
            found.append(name)
    if not found:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise ValueError(f"there is no environment to compare methods in: {reasons}")
    return found
