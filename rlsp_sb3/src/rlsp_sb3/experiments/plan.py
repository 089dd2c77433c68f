"""Which jobs a table of the MuJoCo environments takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from rlsp_sb3 import plugins
from rlsp_sb3.checks import check_int
from rlsp_sb3.experiments.config import Config, load_config
from rlsp_sb3.experiments.job import EXPERT, METHODS, RLSP_METHODS, Job
from rlsp_sb3.policies import load_policy
from rlsp_sb3.rlsp import RLSP
from rlsp_sb3.suggest import did_you_mean

PUBLISHED_ENVS = (
    *("InvertedPendulum-v5", "HalfCheetah-FW-v2", "HalfCheetah-BW-v2"),
    *("Hopper-FW-v2", "Hopper-FW-Penalty-v2"),
)
OLDER = {"InvertedPendulum-v5": "InvertedPendulum-v4"}  # what Gymnasium 0.29 has instead
GAIL_PACKAGE = "imitation"
HOW_TO_GET = {
    "gail": 'run `pip install "rlsp-baselines[gail]"`',
    "average-features": "run `pip install rlsp-baselines`",
    "waypoints": "run `pip install rlsp-baselines`",
}


class Plan(NamedTuple):
    """What a table consists of.

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
    budget: str = "fast",
    assignments: Iterable[str] = (),
) -> Plan:
    """Plan a table.

    Args:
        experts: The folder with the files of the experts, ENV.zip.
        env_ids: The environments; None for those of the paper that have an expert.
        states: From how many observed states to infer.
        methods: Some of :data:`~rlsp_sb3.experiments.job.METHODS`; None for all that are installed.
        n_seeds: How many seeds, from 0 on, at least 1.
        budget: The name of a budget in the configurations.
        assignments: Changes of the configurations.

    Raises:
        FileNotFoundError: If an expert is missing.
        ImportError: If a method is not installed.
        TypeError: If the configuration does not fit to an environment.
        ValueError: If something is unknown or out of range, or if nothing is left.
    """
    check_int("--seeds", n_seeds, 1)
    for n in states:
        check_int("--states", n, 1)
    left_out: dict[str, str] = {}
    chosen_methods = find_methods(methods, left_out)
    chosen_envs = _find_envs(env_ids, experts, left_out)
    assignments = list(assignments)
    configs, jobs = {}, []
    for env_id in chosen_envs:
        config = configs[env_id] = load_config(env_id, budget, assignments)
        file = experts / f"{env_id}.zip"
        env = plugins.make(env_id)
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
    return Plan(chosen_envs, chosen_methods, different_states, configs, jobs, left_out)


def check_fits(env: gym.Env[Any, Any], methods: Sequence[str], config: Config) -> None:
    """Raise an error now, and not in each job, if a configuration does not fit to an environment.

    Raises:
        TypeError: If something has a wrong type for it.
        ValueError: If something is out of range for it.
    """
    if set(RLSP_METHODS) & set(methods):
        RLSP(env, np.array([env.reset(seed=0)[0]]), seed=0, **config.rlsp)


def find_methods(names: Sequence[str] | None, left_out: dict[str, str]) -> list[str]:
    """The methods that are meant, if they are installed.

    Args:
        names: Some of :data:`~rlsp_sb3.experiments.job.METHODS`; None for all that are installed.
        left_out: Gets why a method is none of them, by its name.

    Raises:
        ImportError: If a method that is named is not installed.
        ValueError: If there is no such method.
    """
    found = []
    for name in dict.fromkeys(METHODS if names is None else names):
        if name not in METHODS:
            raise ValueError(
                f"--methods {name}: there is no such method{did_you_mean(name, METHODS)}: expected "
                f"some of {', '.join(METHODS)}"
            )
        installed = name in plugins.learner_names()
        if name == "gail":
            installed = installed and find_spec(GAIL_PACKAGE) is not None
        if installed:
            found.append(name)
            continue
        if names is not None:
            raise ImportError(f"--methods {name}: it is not installed: {HOW_TO_GET[name]}")
        left_out[name] = f"it is not installed ({HOW_TO_GET[name]})"
    return found


def _find_envs(names: Sequence[str] | None, experts: Path, left_out: dict[str, str]) -> list[str]:
    """The environments that are meant."""
    plugins.register_envs()
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
