"""Films of a policy, as GIF or mp4."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray
from PIL import Image

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.protocols import Policy
from rlsp_sb3.type_aliases import Seed
from rlsp_sb3.utils.checks import check_positive
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types

_SUFFIXES = (".gif", ".mp4")
_DEFAULT_FPS = 30.0
_MAX_GIF_FPS = 50.0
"""Browsers show GIFs with more pictures a second in slow motion."""
_MAX_GIF_SIDE = 480  # pixels
_DISPLAYS = {"DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"}
"""Environment variables that say where MuJoCo renders."""

Picture = NDArray[np.uint8]


class Film(Protocol):
    """A film that is being made."""

    def add(self, picture: Picture) -> None:
        """Add a picture (height, width, 3)."""

    def close(self, write: bool) -> None:
        """Finish; whether the file matters."""


@checks_types
def record(
    policy: Policy,
    env: gym.Env[Any, Any],
    path: str | Path,
    n_episodes: int = 1,
    *,
    fps: float | None = None,
    seed: Seed = None,
    deterministic: bool = True,
    max_steps: int | None = None,
) -> list[Episode]:
    """Film a policy.

    Args:
        policy: What acts, see :func:`~rlsp_sb3.data.rollout_env`.
        env: The environment, with the render mode "rgb_array".
        path: The film, ".gif" or ".mp4". A GIF is at most 480 pixels wide and high, and leaves out
            pictures if there are more than 50 a second.
        n_episodes: How many episodes, one after the other.
        fps: Steps a second; None for what the environment says.
        seed: Seeds the environment and the policy's actions.
        deterministic: Whether the policy takes its most probable action.
        max_steps: Cut episodes after so many steps.

    Returns:
        The episodes.

    Raises:
        DependencyNotInstalled: If it takes a package that is not installed.
        NotOfferedError: If the environment gives no pictures.
        ValueError: If the path has another suffix, or a number is out of range.
    """
    if fps is None:
        fps = fps_of(env)
    with open_film(path, fps) as film:
        return rollout_env(
            policy,
            _Camera(env, film),
            n_episodes,
            seed=seed,
            deterministic=deterministic,
            max_steps=max_steps,
        )


@contextmanager
def open_film(
    path: str | Path, fps: float, max_gif_side: int | None = _MAX_GIF_SIDE
) -> Iterator[Film]:
    """Make a film of pictures, all of it or nothing.

    Args:
        path: The film, ".gif" or ".mp4".
        fps: Pictures a second, above 0; a GIF leaves some out if there are more than 50.
        max_gif_side: How many pixels a GIF is wide and high at most; None for as many as there are.

    Yields:
        What takes the pictures, all of one size.

    Raises:
        DependencyNotInstalled: If it takes a package that is not installed.
        ValueError: If the path has another suffix, or a number is out of range.
    """
    path = Path(path)
    check_film(path)
    check_positive("fps", fps)
    with atomic_write(path) as unfinished:
        is_gif = path.suffix == ".gif"
        film: Film = _Gif(unfinished, fps, max_gif_side) if is_gif else _Mp4(unfinished, fps)
        try:
            yield film
        except BaseException:
            film.close(write=False)
            raise
        film.close(write=True)


@checks_types
def make_for_film(env_id: str) -> gym.Env[Any, Any]:
    """Make an environment that gives pictures, without a display where there is none.

    Raises:
        NotOfferedError: If it has no render mode "rgb_array".
    """
    # Gymnasium makes one with a render mode that it has not, and warns.
    probe = env_util.make_env(env_id)
    modes = list(probe.metadata.get("render_modes") or [])
    probe.close()
    if "rgb_array" not in modes:
        raise NotOfferedError(
            f"{env_id} gives no pictures: expected the render mode 'rgb_array', and it has {modes}"
        )
    choose_gl_backend()
    return env_util.make_env(env_id, render_mode="rgb_array")


def choose_gl_backend() -> None:
    """Let MuJoCo render without a display where there is none.

    It would try one, and fail; in some processes all that is rendered afterwards crashes.
    """
    if sys.platform.startswith("linux") and not _DISPLAYS & set(os.environ):
        for backend, library in {"egl": "EGL", "osmesa": "OSMesa"}.items():
            if find_library(library):
                os.environ["MUJOCO_GL"] = backend
                return


@contextmanager
def rendering() -> Iterator[None]:
    """Rendering; where there is no display that is a NotOfferedError that says what to do."""
    mujoco = sys.modules.get("mujoco")  # if the environment is one of MuJoCo, it is imported
    without_display = (RuntimeError, *([] if mujoco is None else [mujoco.FatalError]))
    try:
        yield
    except without_display as error:
        raise NotOfferedError(
            f"the environment cannot be filmed: {error}; where there is no display, set "
            "MUJOCO_GL=egl or MUJOCO_GL=osmesa"
        ) from error


def fps_of(env: gym.Env[Any, Any]) -> float:
    """Frames per second of an environment, as it says; 30 if it does not."""
    return float(env.metadata.get("render_fps") or _DEFAULT_FPS)


def render_image(env: gym.Env[Any, Any]) -> Picture:
    """Render an environment as an image (height, width, 3).

    Raises:
        NotOfferedError: If it gives no picture.
    """
    picture = env.render()
    if not isinstance(picture, np.ndarray) or picture.ndim != 3:
        raise NotOfferedError("the environment renders no pictures")
    return picture


def check_film(path: str | Path) -> None:
    """Raise an error if a film of that name cannot be written.

    Raises:
        DependencyNotInstalled: If it takes a package that is not installed.
        ValueError: If the suffix is neither ".gif" nor ".mp4".
    """
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"path={str(path)!r}: expected a name that ends in '.gif' or '.mp4'")
    if path.suffix == ".mp4":
        _ffmpeg()


class _Camera(gym.Wrapper[Any, Any, Any, Any]):
    """Takes a picture of each state."""

    def __init__(self, env: gym.Env[Any, Any], film: Film) -> None:
        super().__init__(env)
        self.film = film

    def reset(self, **kwargs: Any) -> Any:
        result = self.env.reset(**kwargs)
        self._look()
        return result

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        self._look()
        return result

    def _look(self) -> None:
        self.film.add(render_image(self.env))


class _Gif:
    """A GIF by Pillow."""

    def __init__(self, path: Path, fps: float, max_side: int | None) -> None:
        self.path = path
        self.max_side = max_side
        self.every = ceil(fps / _MAX_GIF_FPS)
        self.duration = 1000 * self.every / fps  # ms
        self.count = 0
        self.pictures: list[Image.Image] = []

    def add(self, picture: Picture) -> None:
        if self.count % self.every == 0:
            image = Image.fromarray(picture)
            if self.max_side is not None:
                image.thumbnail((self.max_side, self.max_side))
            self.pictures.append(image.quantize())  # a third of the memory
        self.count += 1

    def close(self, write: bool) -> None:
        if write:
            first, *rest = self.pictures
            # GIFs count in hundredths of a second, so that rounding each would change the speed.
            ends = [round(i * self.duration / 10) * 10 for i in range(len(self.pictures) + 1)]
            first.save(
                self.path,
                format="GIF",
                save_all=True,
                append_images=rest,
                duration=np.diff(ends).tolist(),
                loop=0,
            )


class _Mp4:
    """A film by ffmpeg."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path = path
        self.fps = fps
        self.writer: Any = None

    def add(self, picture: Picture) -> None:
        height, width, _ = picture.shape
        picture = np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])  # H.264: even
        if self.writer is None:
            self.writer = _ffmpeg().write_frames(
                str(self.path),
                (picture.shape[1], picture.shape[0]),
                fps=self.fps,
                macro_block_size=1,
                output_params=["-f", "mp4"],  # the name does not say so while it is unfinished
            )
            self.writer.send(None)
        self.writer.send(picture)

    def close(self, write: bool) -> None:
        if self.writer is not None:
            self.writer.close()


def _ffmpeg() -> Any:
    try:
        return import_module("imageio_ffmpeg")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"mp4 films need a package that is not installed ({error}): run "
            "`pip install imageio-ffmpeg`, or write a GIF by a name that ends in .gif"
        ) from error
