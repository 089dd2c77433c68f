"""Discovery of skills into a folder: the learner, rollouts, and pictures of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlsp_baselines.skills.contact_sheet import write_contact_sheet
from rlsp_baselines.skills.coordinates import Coordinates
from rlsp_baselines.skills.dads import DADS
from rlsp_baselines.skills.diayn import DIAYN
from rlsp_baselines.skills.skill_learner import SkillLearner
from rlsp_baselines.skills.statistics import skill_predictability
from rlsp_baselines.skills.trajectory_figure import draw_trajectories, places
from rlsp_sb3.data import rollout_env, save_episodes
from rlsp_sb3.env_util import make_env
from rlsp_sb3.io import write_json
from rlsp_sb3.learners import check_choice

LEARNERS: dict[str, type[SkillLearner]] = {"dads": DADS, "diayn": DIAYN}


@dataclass(frozen=True)
class Discovery:
    """Discovery of skills, and of what is written of it.

    Attributes:
        env_id: The environment.
        n_skills: The number of skills; of continuous ones, how many are written.
        skill_dim: The number of entries of continuous skills; None for numbered ones.
        coordinates: See :class:`DADS`.
        velocities: See there.
        timesteps: For how many environment steps to learn.
        learner: "dads" or "diayn".
        preset: The name of the hyperparameters.
        n_episodes: The number of episodes of each skill.
        max_steps: The length of these; None for that in training.
        seed: Seeds everything.
    """

    env_id: str
    n_skills: int
    skill_dim: int | None
    coordinates: list[int] | None
    velocities: list[int]
    timesteps: int
    learner: str
    preset: str
    n_episodes: int
    max_steps: int | None
    seed: int


def discover_skills(
    discovery: Discovery, folder: Path, progress_bar: bool = False
) -> Iterator[str]:
    """Learn skills, and write them to a folder.

    Args:
        discovery: What to discover.
        folder: Where to.
        progress_bar: Whether to show one while skills are learned.

    Yields:
        Lines that say what there is.

    Raises:
        FileExistsError: If there are skills in the folder.
        ValueError: If the environment, the learner, the preset, or an entry is unknown.
    """
    check_choice("learner", discovery.learner, LEARNERS)
    if (folder / "skills.zip").exists():
        raise FileExistsError(f"{folder} holds skills: choose another folder by --out")
    env = make_env(discovery.env_id)
    learner = LEARNERS[discovery.learner](
        env,
        discovery.n_skills if discovery.skill_dim is None else None,
        skill_dim=discovery.skill_dim,
        coordinates=discovery.coordinates,
        velocities=discovery.velocities,
        preset=discovery.preset,
        seed=discovery.seed,
    )
    start = time.process_time()
    learner.learn(discovery.timesteps, progress_bar=progress_bar)
    seconds = time.process_time() - start
    learner.save(folder / "skills.zip")
    yield f"{folder}/skills.zip holds the skills, learned in {seconds:,.0f} CPU seconds"
    steps = discovery.max_steps or learner.hyperparameters.episode_length
    chosen = shown_skills(discovery)
    episodes = [
        rollout_env(
            learner.skill_policy(skill),
            env,
            discovery.n_episodes,
            seed=discovery.seed,
            max_steps=steps,
        )
        for skill in chosen
    ]
    for i, of_skill in enumerate(episodes):
        save_episodes(folder / "rollouts" / f"skill_{i}.npz", of_skill)
    yield f"{folder}/rollouts has {discovery.n_episodes} episodes of each of {len(chosen)} skills"
    coordinates = Coordinates(
        sum(env.observation_space.shape or ()), learner.coordinates, learner.velocities
    )
    predictability = skill_predictability(
        [np.array([places(coordinates, each)[-1] for each in of_skill]) for of_skill in episodes]
    )
    draw_trajectories(folder / "trajectories.png", episodes, coordinates)
    summary: dict[str, Any] = {
        **asdict(discovery),
        "skills": np.asarray(chosen).tolist(),
        "predictability": predictability,
        "seconds": seconds,
    }
    write_json(folder / "summary.json", summary)
    yield f"{predictability:.1%} of the variance of where episodes end is between skills"
    yield f"{folder}/trajectories.png shows where skills go"
    try:
        firsts = [of_skill[0] for of_skill in episodes]
        write_contact_sheet(folder / "contact_sheet.png", discovery.env_id, firsts)
    except TypeError as error:  # it offers no pictures, or cannot be put into a state
        yield f"No contact sheet: {error}"
    else:
        yield f"{folder}/contact_sheet.png has a row of pictures for each skill"


def shown_skills(discovery: Discovery) -> list[Any]:
    """All skills; of continuous ones, those on a line or a circle, or some at random."""
    n, size = discovery.n_skills, discovery.skill_dim
    if size is None:
        return list(range(n))
    if size == 1:
        return [[z] for z in np.linspace(-1, 1, n)]
    if size == 2:
        angles = 2 * np.pi * np.arange(n) / n
        return list(np.column_stack([np.cos(angles), np.sin(angles)]))
    return list(np.random.default_rng(discovery.seed).uniform(-1, 1, (n, size)))
