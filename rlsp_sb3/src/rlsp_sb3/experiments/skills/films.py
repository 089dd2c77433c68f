"""Films of learned policies, each beside the skill that it was to learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rlsp_sb3.data.episodes import load_episodes
from rlsp_sb3.experiments.job import count_states
from rlsp_sb3.experiments.methods import RANDOM, label_of
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.skills.job import SkillJob
from rlsp_sb3.state_reset import set_state_from_observation
from rlsp_sb3.video.recording import Picture, fps_of, make_for_film, open_film, render_image
from rlsp_sb3.video.side_by_side import side_by_side

_MAX_SIDE = 320  # pixels of each picture
_NO_DITHER = Image.Dither.NONE
_SEED = 0  # whose policies are filmed


def film_path(folder: ResultFolder, job: SkillJob, suffix: str) -> Path:
    """The file of the film of a job."""
    return folder.path / "films" / f"{job.name}{suffix}"


def films_of(jobs: Sequence[SkillJob], folder: ResultFolder, suffix: str) -> list[str]:
    """The names of the films of jobs that have one."""
    paths = [film_path(folder, job, suffix) for job in jobs]
    return [path.name for path in paths if path.exists()]


def jobs_to_film(jobs: Sequence[SkillJob], folder: ResultFolder, suffix: str) -> list[SkillJob]:
    """The jobs of the first seed that have no film, or one that is older than their result."""
    found = []
    for job in jobs:
        if job.method == RANDOM or job.seed != _SEED:
            continue
        film, episodes = film_path(folder, job, suffix), folder.episodes(job)
        if not film.exists() or film.stat().st_mtime_ns < episodes.stat().st_mtime_ns:
            found.append(job)
    return found


def make_films(
    jobs: Sequence[SkillJob],
    folder: ResultFolder,
    suffix: str,
    tell: Callable[[Path], None] = lambda path: None,
) -> None:
    """Film what jobs have learned, at the left, and the skill, at the right.

    Both are drawn from their observations: the simulator is put into the state of each. So both are
    seen alike, and what observations leave out (the horizontal position, with MuJoCo) stays 0.

    Args:
        jobs: Jobs in one environment, whose results are in the folder.
        folder: The folder.
        suffix: ".gif" or ".mp4".
        tell: Is told which film is ready.

    Raises:
        DependencyNotInstalled: If it takes a package or a library that is not installed.
        NotOfferedError: If the environment gives no pictures.
        TypeError: If it cannot be put into the state of an observation.
    """
    if not jobs:
        return
    env = make_for_film(jobs[0].env_id)
    try:
        env.reset(seed=0)
        drawn: dict[str, list[Picture]] = {}  # the skills, of which there are few
        for job in jobs:
            skill = job.skill
            if skill.name not in drawn:
                drawn[skill.name] = _draw(env, skill.episodes()[0].observations)
            learned = _draw(env, load_episodes(folder.episodes(job))[0].observations)
            learner = f"{label_of(job.method)}, from {count_states(job.n_states)}"
            names = learner, f"the skill: {skill.name}"
            path = film_path(folder, job, suffix)
            _write(path, names, (learned, drawn[skill.name]), fps_of(env))
            tell(path)
    finally:
        env.close()


def _draw(env: gym.Env[Any, Any], observations: NDArray[Any]) -> list[Picture]:
    """Pictures of the states of observations."""
    pictures = []
    for observation in observations:
        set_state_from_observation(env, observation)
        pictures.append(render_image(env))
    return pictures


def _write(path: Path, names: Sequence[str], films: Sequence[list[Picture]], fps: float) -> None:
    """Write a film; what ends earlier stays as it was."""
    palette = None
    with open_film(path, fps, max_gif_side=None) as film:
        for step in range(max(map(len, films))):
            reached = [min(step, len(pictures) - 1) for pictures in films]
            pictures = (pictures[i] for pictures, i in zip(films, reached, strict=True))
            below = [f"step {i}" for i in reached]
            frame = side_by_side(
                dict(zip(names, pictures, strict=True)), below, "step 0000", _MAX_SIDE
            )
            # The scene stays the same: with one palette, a GIF takes a third of the space.
            palette = palette or frame.quantize()
            film.add(np.asarray(frame.quantize(palette=palette, dither=_NO_DITHER).convert("RGB")))
