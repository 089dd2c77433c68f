"""Contact sheet of films: a row of pictures for each skill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_sb3.data import rollout_env
from rlsp_sb3.learners import NotOfferedError
from rlsp_sb3.plotting import save_png
from rlsp_sb3.protocols import Policy
from rlsp_sb3.video import make_for_film

_SIDE = 1.3  # inches of a picture


class _Photographer(gym.Wrapper[Any, Any, Any, Any]):
    """Takes pictures at some steps of an episode."""

    def __init__(self, env: gym.Env[Any, Any], moments: Sequence[int]) -> None:
        super().__init__(env)
        self.moments = set(moments)
        self.pictures: list[NDArray[np.uint8]] = []
        self._step = 0

    def reset(self, **kwargs: Any) -> Any:
        self._step = 0
        self.pictures = []
        result = self.env.reset(**kwargs)
        self._look()
        return result

    def step(self, action: Any) -> Any:
        self._step += 1
        result = self.env.step(action)
        self._look()
        return result

    def _look(self) -> None:
        if self._step in self.moments:
            picture = self.env.render()
            if not isinstance(picture, np.ndarray) or picture.ndim != 3:
                raise NotOfferedError("the environment renders no pictures")
            self.pictures.append(picture)


def write_contact_sheet(
    path: Path,
    env_id: str,
    policies: Sequence[Policy],
    *,
    n_steps: int,
    seed: int,
    n_pictures: int = 8,
) -> None:
    """Write a picture with a row for each policy: an episode, from left to right.

    Args:
        path: Where to write a PNG.
        env_id: The environment.
        policies: The policies, which take their most probable actions.
        n_steps: The number of steps of an episode.
        seed: Seeds the environment.
        n_pictures: The number of pictures of a row.

    Raises:
        NotOfferedError: If the environment gives no pictures.
    """
    moments = np.linspace(0, n_steps, n_pictures).astype(int).tolist()
    env = _Photographer(make_for_film(env_id), moments)
    size = (_SIDE * n_pictures, _SIDE * len(policies))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(policies), n_pictures, squeeze=False)
    try:
        for i, (row, policy) in enumerate(zip(grid, policies, strict=True)):
            rollout_env(policy, env, 1, seed=seed, deterministic=True, max_steps=n_steps)
            for axes in row:
                axes.set_axis_off()
            for axes, picture, step in zip(row, env.pictures, moments, strict=False):
                axes.imshow(picture)
                axes.set_title(f"step {step}" if step else f"skill {i}", fontsize=7)
    finally:
        env.close()
    save_png(figure, path)
