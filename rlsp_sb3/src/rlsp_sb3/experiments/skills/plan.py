"""Plan of a table of skills: its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import load_episodes
from rlsp_sb3.experiments.config import Config, load_config
from rlsp_sb3.experiments.methods import check_fits, find_methods
from rlsp_sb3.experiments.skills.job import RANDOM, Skill, SkillJob
from rlsp_sb3.experiments.skills.run_job import FEWEST_SEGMENTS, all_segments
from rlsp_sb3.utils.checks import check_int

ENV = "HalfCheetah-Plot-v2"
"""The environment of the published skills: they observe no time."""


class SkillPlan(NamedTuple):
    """Plan of a table of skills: its skills, methods, configuration and jobs.

    Attributes:
        env_id: The environment.
        skills: The skills.
        methods: The methods.
        states: The numbers of observed states.
        config: How methods are run.
        jobs: All jobs: those of the first seed, then those of the second, and so on.
        left_out: Why something is not part of it, by what it is.
    """

    env_id: str
    skills: list[Skill]
    methods: list[str]
    states: list[int]
    config: Config
    jobs: list[SkillJob]
    left_out: dict[str, str]


def make_skill_plan(
    rollouts: Sequence[Path],
    env_id: str = ENV,
    states: Sequence[int] = (1, 10, 50),
    methods: Sequence[str] | None = None,
    n_seeds: int = 3,
    preset: str = "fast",
    assignments: Iterable[str] = (),
) -> SkillPlan:
    """Plan a table.

    Args:
        rollouts: Files of episodes, one for each skill, which is called after its file.
        env_id: The environment.
        states: From how many observed states to learn.
        methods: Some of :data:`~rlsp_sb3.experiments.METHODS`; None for all that are installed.
        n_seeds: How many seeds, from 0 on, at least 1.
        preset: The name of a preset in the configurations.
        assignments: Changes of the configuration.

    Raises:
        FileNotFoundError: If a rollout is missing.
        ImportError: If a method is not installed.
        TypeError: If the configuration does not fit to the environment.
        ValueError: If something is unknown or out of range, if two skills have one name, or if a
            rollout is not of this environment or too short.
    """
    check_int("--seeds", n_seeds, 1)
    for n in states:
        check_int("--n-states", n, 1)
    left_out: dict[str, str] = {}
    chosen = find_methods(methods, left_out)
    config = load_config(env_id, preset, assignments)
    env = env_util.make_env(env_id)
    skills = [_find_skill(path, env) for path in dict.fromkeys(rollouts)]
    check_fits(env, chosen, config)
    env.close()
    names = [skill.name for skill in skills]
    if len(set(names)) < len(names):
        raise ValueError(
            f"--rollout: the skills are called {', '.join(names)} after their files: expected "
            "different names"
        )
    different_states = list(dict.fromkeys(states))
    jobs = []
    for seed in range(n_seeds):
        jobs += [SkillJob(env_id, RANDOM, 0, seed, config, skill) for skill in skills]
        for skill, n, method in product(skills, different_states, chosen):
            jobs.append(SkillJob(env_id, method, n, seed, config, skill))
    return SkillPlan(env_id, skills, chosen, different_states, config, jobs, left_out)


def _find_skill(path: Path, env: gym.Env[Any, Any]) -> Skill:
    """The skill of a file, if it fits to the environment."""
    episodes = load_episodes(path)
    for name, space in (("observations", env.observation_space), ("actions", env.action_space)):
        for episode in episodes:
            shape = getattr(episode, name).shape[1:]
            if shape != space.shape:
                raise ValueError(
                    f"--rollout {path} has {name} of shape {shape}, and the environment of "
                    f"{space.shape}: expected the environment of the rollout; the published skills "
                    f"are of {ENV}"
                )
    if len(all_segments(episodes)) < FEWEST_SEGMENTS:
        n_steps = sum(map(len, episodes))
        raise ValueError(
            f"--rollout {path} has {n_steps} steps, of which a classifier cannot learn: expected "
            "some more, about 100"
        )
    return Skill(path.stem.removesuffix("_rollouts"), path.read_bytes(), path.suffix)
