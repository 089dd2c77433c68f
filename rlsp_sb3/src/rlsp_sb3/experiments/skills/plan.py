"""The plan of a table of skills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import load_episodes
from rlsp_sb3.experiments.config import load_config
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.methods import RANDOM, check_fits
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.skills.figure import skill_plot
from rlsp_sb3.experiments.skills.films import films_of, jobs_to_film, make_films
from rlsp_sb3.experiments.skills.job import Skill, SkillJob
from rlsp_sb3.experiments.skills.run_job import FEWEST_SEGMENTS, all_segments, run_skill_job
from rlsp_sb3.experiments.skills.table import TITLE, gather_curves, skill_table, write_skill_csv
from rlsp_sb3.experiments.table_plan import TableOptions, TablePlan, WrittenTable, make_jobs
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.video.recording import check_film

_ENV = "HalfCheetah-Plot-v2"
"""The environment of the published skills: they observe no time."""


@dataclass(frozen=True)
class SkillPlan(TablePlan[SkillJob]):
    """The table of skills.

    Attributes:
        env_id: The environment.
        skills: The skills.
        rollouts: Their files.
        film: The suffix of the films, ".gif" or ".mp4".
    """

    kind = "skills"

    env_id: str
    skills: list[Skill]
    rollouts: list[Path]
    film: str

    def own_words(self) -> list[str]:
        """The options of the command that only this table has."""
        words = ["--rollout", *map(str, self.rollouts), "--env", self.env_id]
        return [*words, "--film", self.film.removeprefix(".")]

    @property
    def run_job(self) -> Callable[..., Outcome]:
        """The function that computes a job."""
        return run_skill_job

    def write(self, folder: Path, done: Sequence[tuple[SkillJob, Any]]) -> WrittenTable | None:
        """Write table.csv, curves.csv and jobs.csv, if anything is done."""
        if not done:
            return None
        curves = gather_curves(done)
        files = write_skill_csv(folder, curves, done)
        names = [skill.name for skill in self.skills]
        figures: dict[str, Callable[[Path], None]] = {
            f"{name}.png": partial(
                skill_plot,
                skill=name,
                n_states=self.n_states,
                methods=self.methods,
                curves=curves,
            )
            for name in names
        }
        table = skill_table(names, self.n_states, self.methods, curves)
        return WrittenTable({TITLE: table}, files, figures)

    def make_films(
        self, folder: ResultFolder, done: Sequence[tuple[SkillJob, Any]]
    ) -> tuple[list[str], list[str]]:
        """Film what is done and has not been filmed; the table is good without."""
        todo = jobs_to_film([job for job, _ in done], folder, self.film)
        missing = []
        try:
            make_films(todo, folder, self.film)
        except (NotOfferedError, OSError, TypeError, gym.error.Error) as error:
            missing.append(f"no films: {error}")
        return films_of(self.jobs, folder, self.film), missing


def plan_skill_table(
    rollouts: Sequence[Path],
    env_id: str = _ENV,
    options: TableOptions | None = None,
    film: str = "gif",
) -> SkillPlan:
    """Plan a table of skills.

    Args:
        rollouts: Files of episodes, one for each skill, which is called after its file.
        env_id: The environment.
        options: What else to choose; None for the defaults, but for 3 seeds.
        film: The kind of the films, "gif" or "mp4".

    Raises:
        FileNotFoundError: If a rollout is missing.
        ImportError: If a method, or what makes films of that kind, is not installed.
        TypeError: If the configuration does not fit to the environment.
        ValueError: If something is unknown or out of range, if two skills have one name, or if a
            rollout is not of this environment or too short.
    """
    options = options or TableOptions(n_seeds=3)
    suffix = f".{film.removeprefix('.')}"
    check_film(f"film{suffix}")
    methods, left_out = options.find_methods()
    config = load_config(env_id, options.preset, options.assignments)
    files = list(dict.fromkeys(rollouts))
    env = env_util.make_env(env_id)
    skills = [_find_skill(path, env) for path in files]
    check_fits(env, methods, config)
    env.close()
    names = [skill.name for skill in skills]
    if len(set(names)) < len(names):
        raise ValueError(
            f"--rollout: the skills are called {', '.join(names)} after their files: expected "
            "different names"
        )

    def make_job(skill: Skill, method: str, n_states: int, seed: int) -> SkillJob:
        return SkillJob(
            env_id=env_id, method=method, n_states=n_states, seed=seed, config=config, skill=skill
        )

    seeds = range(options.n_seeds)
    references = [make_job(skill, RANDOM, 0, seed) for seed in seeds for skill in skills]
    return SkillPlan(
        methods=methods,
        options=options,
        configs={env_id: config},
        jobs=make_jobs(make_job, options, skills, methods, references),
        left_out=left_out,
        env_id=env_id,
        skills=skills,
        rollouts=files,
        film=suffix,
    )


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
                    f"are of {_ENV}"
                )
    if len(all_segments(episodes)) < FEWEST_SEGMENTS:
        n_steps = sum(map(len, episodes))
        raise ValueError(
            f"--rollout {path} has {n_steps} steps, of which a classifier cannot learn: expected "
            "some more, about 100"
        )
    return Skill(path.stem.removesuffix("_rollouts"), path.read_bytes(), path.suffix)
