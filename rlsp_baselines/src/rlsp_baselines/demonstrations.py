"""Demonstrations: episodes of an expert, from wherever they are stored."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.data import (
    EPISODE_SUFFIXES,
    Episode,
    has_terminated,
    load_episodes,
    load_imitation,
    load_minari,
)

EXPECTED = (
    "expected episodes, trajectories or transitions of imitation, the path of an npz or pkl file "
    "or of a folder that imitation saved, or a Minari dataset or its id"
)


def find_demonstrations(
    demonstrations: Any, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> list[Episode]:
    """The demonstrations that are meant, as episodes.

    Args:
        demonstrations: An :class:`~rlsp_sb3.data.Episode`, a ``Trajectory`` of imitation, a
            list of such; ``Transitions`` of imitation; a ``datasets.Dataset`` of imitation, or the
            folder of one; the path of a file that :func:`~rlsp_sb3.data.load_episodes` reads; a
            Minari dataset or its id.
        observation_space: What is seen.
        action_space: What can be done. Numbers are clipped to it, as SB3 does.

    Raises:
        DependencyNotInstalled: If it is the id of a Minari dataset and Minari is not installed.
        FileNotFoundError: If there is no such file or dataset.
        TypeError: If it is something else.
        ValueError: If there are none, or if they do not fit to the spaces.
    """
    episodes = _episodes(demonstrations)
    if not episodes:
        raise ValueError(f"demonstrations={demonstrations!r} are empty: expected at least 1 step")
    return [
        _fitted(i, episode, observation_space, action_space) for i, episode in enumerate(episodes)
    ]


def _episodes(source: Any) -> list[Episode]:
    if source is None:
        raise ValueError(f"demonstrations=None: {EXPECTED}")
    is_folder = isinstance(source, (str, Path)) and Path(source).is_dir()
    if is_folder or hasattr(source, "column_names"):
        return load_imitation(source)
    if isinstance(source, Path) or (isinstance(source, str) and source.endswith(EPISODE_SUFFIXES)):
        return load_episodes(source)
    if isinstance(source, str) or hasattr(source, "iterate_episodes"):
        return load_minari(source)
    if hasattr(source, "next_obs"):
        pairs = zip(source.obs, source.next_obs, strict=True)
        infos = _infos(source, len(source.acts))
        rows = zip(pairs, source.acts, source.dones, infos, strict=True)
        return [
            Episode(
                np.stack(pair),
                np.asarray([action]),
                np.array([np.nan]),
                has_terminated(bool(done), info),
                True,
            )
            for pair, action, done, info in rows
        ]
    if _is_trajectory(source) and len(source.obs) == len(source.acts):
        raise TypeError(
            f"demonstrations are {type(source).__name__}, without the observations that follow: "
            f"{EXPECTED}"
        )
    if isinstance(source, Episode) or _is_trajectory(source):
        source = [source]
    if not isinstance(source, Iterable):
        raise TypeError(f"demonstrations={source!r}: {EXPECTED}")
    return [_episode(each) for each in source]


def _is_trajectory(value: Any) -> bool:
    return hasattr(value, "obs") and hasattr(value, "acts")


def _episode(value: Any) -> Episode:
    if isinstance(value, Episode):
        return value
    if not _is_trajectory(value):
        raise TypeError(f"demonstrations have a {type(value).__name__}: {EXPECTED}")
    terminal = has_terminated(
        bool(getattr(value, "terminal", False)), *_infos(value, len(value.acts))[-1:]
    )
    rewards = getattr(value, "rews", np.full(len(value.acts), np.nan))
    return Episode(value.obs, value.acts, rewards, terminal, not terminal)


def _infos(value: Any, n: int) -> list[Any]:
    """Info dicts of n steps, as imitation keeps them."""
    infos = getattr(value, "infos", None)
    return [{}] * n if infos is None else [dict(info or {}) for info in infos]


def _fitted(
    number: int,
    episode: Episode,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Episode:
    """An episode in the types of the spaces, if it fits."""
    observations, actions = episode.observations, episode.actions
    if isinstance(action_space, spaces.Box) and actions.shape[1:] == action_space.shape:
        actions = np.clip(actions, action_space.low, action_space.high)
    return Episode(
        _all_in(observation_space, observations, f"demonstrations[{number}].observations"),
        _all_in(action_space, actions, f"demonstrations[{number}].actions"),
        episode.rewards,
        episode.terminated,
        episode.truncated,
    )


def _all_in(space: spaces.Space[Any], values: NDArray[Any], name: str) -> NDArray[Any]:
    if values.shape[1:] != space.shape:
        expected = ", ".join(map(str, ("n", *(space.shape or ()))))
        raise ValueError(
            f"{name} have shape {values.shape}: expected ({expected}) for the space {space} of "
            "this environment"
        )
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise ValueError(f"{name} are not all in the space {space}: expected finite numbers")
    cast = values.astype(space.dtype)
    exact = cast.dtype.kind == "f" or np.array_equal(cast, values)
    if not exact or not all(space.contains(each) for each in cast):
        raise ValueError(f"{name} are not all in the space {space} of this environment")
    return cast
