"""Contact sheet of films: a row of pictures for each skill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rlsp_sb3.data import Episode
from rlsp_sb3.learners import NotOfferedError
from rlsp_sb3.plotting import save_png
from rlsp_sb3.state_reset import set_state_from_observation
from rlsp_sb3.video import make_for_film

_SIDE = 1.3  # inches of a picture


def write_contact_sheet(
    path: Path, env_id: str, episodes: Sequence[Episode], n_pictures: int = 8
) -> None:
    """Write a picture with a row for each episode, from left to right.

    States are drawn from their observations, so that what these leave out stays as it is: robots
    of MuJoCo walk on the spot, and do not leave the picture.

    Args:
        path: Where to write a PNG.
        env_id: The environment.
        episodes: An episode of each skill.
        n_pictures: The number of pictures of a row.

    Raises:
        NotOfferedError: If the environment gives no pictures.
        TypeError: If it is not known how to put it into the state of an observation.
    """
    env = make_for_film(env_id)
    size = (_SIDE * n_pictures, _SIDE * len(episodes))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(episodes), n_pictures, squeeze=False)
    try:
        env.reset(seed=0)
        for i, (row, episode) in enumerate(zip(grid, episodes, strict=True)):
            steps = np.linspace(0, len(episode), n_pictures).astype(int)
            for axes, step in zip(row, steps, strict=True):
                set_state_from_observation(env, episode.observations[step])
                picture = env.render()
                if not isinstance(picture, np.ndarray) or picture.ndim != 3:
                    raise NotOfferedError("the environment renders no pictures")
                axes.imshow(picture)
                axes.set_axis_off()
                axes.set_title(f"step {step}" if step else f"skill {i}", fontsize=7)
    finally:
        env.close()
    save_png(figure, path)
