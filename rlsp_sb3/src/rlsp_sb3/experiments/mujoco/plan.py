"""Plan of a table of the MuJoCo environments: its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym

from rlsp_sb3 import env_util
from rlsp_sb3.experiments.config import Config, load_config
from rlsp_sb3.experiments.job import Job
from rlsp_sb3.experiments.methods import EXPERT, check_fits, find_methods
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.utils.checks import check_int

PUBLISHED_ENVS = (
    *("InvertedPendulum-v5", "HalfCheetah-FW-v2", "HalfCheetah-BW-v2"),
    *("Hopper-FW-v2", "Hopper-FW-Penalty-v2"),
)
OLDER = {"InvertedPendulum-v5": "InvertedPendulum-v4"}  # what Gymnasium 0.29 has instead


class TablePlan(NamedTuple):
    """Plan of a table: its environments, methods, configurations and jobs.

    Attributes:
        env_ids: The environments.
        methods: The methods.
        states: The numbers of observed states.
        configs: How methods are run, by environment.
        jobs: All jobs: those of the experts, then those of the first seed, and so on.
        left_out: Why something is not part of it, by what it is.
    """

    env_ids: list[str]
    methods: list[str]
    states: list[int]
    configs: dict[str, Config]
    jobs: list[Job]
    left_out: dict[str, str]


def make_plan(
    experts: Path,
    env_ids: Sequence[str] | None = None,
    states: Sequence[int] = (1, 10, 50),
    methods: Sequence[str] | None = None,
    n_seeds: int = 5,
    preset: str = "fast",
    assignments: Iterable[str] = (),
) -> TablePlan:
    """Plan a table.

    Args:
        experts: The folder with the files of the experts, ENV.zip.
        env_ids: The environments; None for those of the paper that have an expert.
        states: From how many observed states to infer.
        methods: Some of :data:`~rlsp_sb3.experiments.METHODS`; None for all that are installed.
        n_seeds: How many seeds, from 0 on, at least 1.
        preset: The name of a preset in the configurations.
        assignments: Changes of the configurations.

    Raises:
        FileNotFoundError: If an expert is missing.
        ImportError: If a method is not installed.
        TypeError: If the configuration does not fit to an environment.
        ValueError: If something is unknown or out of range, or if nothing is left.
    """
    check_int("--seeds", n_seeds, 1)
    for n in states:
        check_int("--n-states", n, 1)
    left_out: dict[str, str] = {}
    chosen_methods = find_methods(methods, left_out)
    chosen_envs = _find_envs(env_ids, experts, left_out)
    assignments = list(assignments)
    configs, jobs = {}, []
    for env_id in chosen_envs:
        config = configs[env_id] = load_config(env_id, preset, assignments)
        file = experts / f"{env_id}.zip"
        env = env_util.make_env(env_id)
        load_policy(file, env)
        check_fits(env, chosen_methods, config)
        env.close()
    contents = {env_id: (experts / f"{env_id}.zip").read_bytes() for env_id in chosen_envs}
    different_states = list(dict.fromkeys(states))
    for env_id in chosen_envs:
        jobs.append(Job(env_id, EXPERT, 0, 0, configs[env_id], contents[env_id]))
    places = product(range(n_seeds), chosen_envs, different_states, chosen_methods)
    for seed, env_id, n, method in places:
        jobs.append(Job(env_id, method, n, seed, configs[env_id], contents[env_id]))
    return TablePlan(chosen_envs, chosen_methods, different_states, configs, jobs, left_out)


def _find_envs(names: Sequence[str] | None, experts: Path, left_out: dict[str, str]) -> list[str]:
    """The environments that are meant."""
    env_util.register_envs()
    if names is not None:
        for name in names:
            if not (experts / f"{name}.zip").is_file():
                raise FileNotFoundError(
                    f"{experts / f'{name}.zip'} is missing, the expert that leaves the observed "
                    f"states: train one by `rlsp expert {name} --timesteps N --out "
                    f"{experts / f'{name}.zip'}`, import one by `rlsp import-expert`, or name "
                    "another folder by --experts"
                )
        return list(dict.fromkeys(names))
    found = []
    for published in PUBLISHED_ENVS:
        name = published if published in gym.registry else OLDER.get(published, published)
        if name not in gym.registry:
            left_out[name] = (
                'no installed package brings it (run `pip install "rlsp-envs[mujoco]"`)'
            )
        elif not (experts / f"{name}.zip").is_file():
            left_out[name] = (
                f"it has no expert {experts / f'{name}.zip'} (make one by `rlsp expert`)"
            )
        else:
            found.append(name)
    if not found:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise ValueError(f"there is no environment to compare methods in: {reasons}")
    return found
