"""Episodes: what was seen and done from a reset on, and the files that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.hub_files import local_file
from rlsp_sb3.io.npz import read_npz, write_npz
from rlsp_sb3.io.restricted_pickle import PickledTrajectory, read_pickle
from rlsp_sb3.utils.type_checks import check_type, checks_types

_FORMAT = "rlsp-episodes-1"
EPISODE_SUFFIXES = (".npz", ".pkl")
"""The endings of files that :func:`load_episodes` reads."""


@dataclass(frozen=True, eq=False)
class Episode:
    """An episode of L steps, or an excerpt of one.

    Args:
        observations: The observations, the first and that after each action
            (L + 1, *observation_shape).
        actions: The actions (L, *action_shape).
        rewards: The rewards (L,); NaN where they are not known.
        terminated: Whether the environment ended it, in a state of its own kind.
        truncated: Whether it was cut, by a limit of time or by who made it.

    Raises:
        ValueError: If there is no action, if the lengths do not fit, or if something is not made
            of numbers.
    """

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    terminated: bool = False
    truncated: bool = False

    def __post_init__(self) -> None:
        for name in ("terminated", "truncated"):
            check_type(name, getattr(self, name), bool)
        for name in ("observations", "actions", "rewards"):
            array = _numbers(name, getattr(self, name))
            object.__setattr__(self, name, array.astype(float) if name == "rewards" else array)
        n = len(self.actions)
        if n == 0:
            raise ValueError("actions are empty: expected an episode of at least 1 step")
        if len(self.observations) != n + 1:
            raise ValueError(
                f"observations are {len(self.observations)} and actions {n}: expected one more "
                "observation than actions, the first being that of the start"
            )
        if self.rewards.shape != (n,):
            raise ValueError(f"rewards have shape {self.rewards.shape}: expected ({n},)")

    def __len__(self) -> int:
        """The number of steps L."""
        return len(self.actions)

    @property
    def states(self) -> NDArray[Any]:
        """The states that actions led to (L, *observation_shape): all but that of the start."""
        return self.observations[1:]

    @property
    def total_reward(self) -> float:
        """The return, without a discount."""
        return float(self.rewards.sum())


def _numbers(name: str, value: Any) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise ValueError(
            f"{name} are of type {array.dtype} and shape {array.shape}: expected an array of "
            "numbers, one row a step"
        )
    return array


@checks_types
def save_episodes(path: str | Path, episodes: Sequence[Episode]) -> None:
    """Write episodes to an npz file, all of it or nothing.

    Args:
        path: The file, with the suffix ".npz".
        episodes: The episodes, at least one, all with observations and actions of one shape.

    Raises:
        ValueError: If the suffix is another, if there is no episode, or if shapes differ.
    """
    path = Path(path)
    check_npz_name(path)
    episodes = list(episodes)
    if not episodes:
        raise ValueError("episodes are empty: expected at least 1")
    for i, episode in enumerate(episodes):
        check_type(f"episodes[{i}]", episode, Episode)
    for name in ("observations", "actions"):
        shapes = {getattr(episode, name).shape[1:] for episode in episodes}
        if len(shapes) > 1:
            raise ValueError(f"episodes have {name} of the shapes {shapes}: expected one shape")
    arrays: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(episode, name) for episode in episodes])
        for name in ("observations", "actions", "rewards")
    }
    arrays["lengths"] = np.array([len(episode) for episode in episodes])
    for name in ("terminated", "truncated"):
        arrays[name] = np.array([getattr(episode, name) for episode in episodes], dtype=bool)
    write_npz(path, {"format": np.array(_FORMAT), **arrays})


def check_npz_name(path: Path) -> None:
    """Raise a ValueError unless episodes can be written to a file of that name."""
    if path.suffix != ".npz":
        raise ValueError(f"path={str(path)!r}: expected a name that ends in '.npz'")


@checks_types
def load_episodes(path: str | Path) -> list[Episode]:
    """Read episodes from a file: npz, or a pickle of ``imitation`` or of the published code.

    Pickles are read by :mod:`rlsp_sb3.io.restricted_pickle` and run no code. They hold trajectories
    of imitation (those of 0.1, as the published demonstrations, do not say how an episode ended) or
    rollouts of skills (a dictionary with ``observations`` (n, L, *observation_shape) and
    ``actions`` (n, L, *action_shape), where the last action has no state after it and is left out).
    What is not said to have ended is an excerpt, and counts as truncated.

    Args:
        path: A file that :func:`save_episodes` wrote, with the suffix ".npz", or a pickle with the
            suffix ".pkl". It may be on the Hugging Face Hub, "hf://org/repo/file.npz".

    Raises:
        FileNotFoundError: If there is no such file.
        RefusedPickleError: If a pickle asks for anything but arrays and demonstrations.
        ValueError: If it is not such a file.
    """
    path = local_file(path)
    if path.suffix not in EPISODE_SUFFIXES:
        raise ValueError(f"path={str(path)!r}: expected a name that ends in '.npz' or '.pkl'")
    read = _read_npz_episodes if path.suffix == ".npz" else _read_legacy_episodes
    return read(path)


def _read_npz_episodes(path: Path) -> list[Episode]:
    content = path.read_bytes()
    try:
        arrays = read_npz(content)
        if "format" not in arrays:
            raise ValueError(
                f"it has the arrays {sorted(arrays)}: expected those that save_episodes writes, or "
                "a single one where states are asked for"
            )
        if str(arrays["format"]) != _FORMAT:
            raise ValueError(f"expected the format {_FORMAT!r}, not {str(arrays['format'])!r}")
        lengths = arrays["lengths"]
        if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or np.any(lengths < 1):
            raise ValueError("lengths are not a list of numbers from 1 on")
        ends = np.cumsum(lengths)
        totals = {
            "observations": int(ends[-1]) + len(lengths),
            **dict.fromkeys(("actions", "rewards"), int(ends[-1])),
            **dict.fromkeys(("terminated", "truncated"), len(lengths)),
        }
        for name, total in totals.items():
            if arrays[name].shape[:1] != (total,):
                raise ValueError(f"{name} have shape {arrays[name].shape}: expected {total} rows")
        starts = ends - lengths
        return [
            Episode(
                arrays["observations"][start + i : end + i + 1],
                arrays["actions"][start:end],
                arrays["rewards"][start:end],
                bool(arrays["terminated"][i]),
                bool(arrays["truncated"][i]),
            )
            for i, (start, end) in enumerate(zip(starts, ends, strict=True))
        ]
    except (ValueError, LookupError) as error:
        raise ValueError(f"path={str(path)!r} is not a file of episodes: {error}") from error


def _read_legacy_episodes(path: Path) -> list[Episode]:
    content = read_pickle(path)
    try:
        if isinstance(content, dict) and {"observations", "actions"} <= set(content):
            return _episodes_of_rollouts(content["observations"], content["actions"])
        if isinstance(content, PickledTrajectory):
            content = [content]
        if isinstance(content, list) and all(isinstance(t, PickledTrajectory) for t in content):
            return [_episode_of_trajectory(trajectory) for trajectory in content]
    except (ValueError, TypeError) as error:
        raise ValueError(f"path={str(path)!r} has no episodes: {error}") from error
    raise ValueError(
        f"path={str(path)!r} has no episodes: expected a list of demonstrations, or a dictionary "
        "with 'observations' and 'actions'"
    )


def _episode_of_trajectory(trajectory: PickledTrajectory) -> Episode:
    rewards, infos = trajectory.rews, trajectory.infos
    if rewards is None:
        rewards = np.full(len(trajectory.acts), np.nan)
    last = infos[-1] if isinstance(infos, list) and infos else None
    terminated = has_terminated(bool(trajectory.terminal), last)
    return Episode(trajectory.obs, trajectory.acts, rewards, terminated, not terminated)


@checks_types
def has_terminated(done: bool, info: Mapping[str, Any] | None = None) -> bool:
    """Return whether the environment ended an episode of imitation, rather than a time limit.

    For imitation, an episode that ran out of time has ended as well.

    Args:
        done: Whether it ended.
        info: What the environment said at the last step; None if that is not known.
    """
    return done and not (info or {}).get("TimeLimit.truncated", False)


def _episodes_of_rollouts(observations: Iterable[Any], actions: Iterable[Any]) -> list[Episode]:
    episodes = []
    for seen, done in zip(observations, actions, strict=True):
        states, taken = _numbers("observations", seen), _numbers("actions", done)
        n = len(states) - 1
        if len(taken) not in (n, n + 1):
            raise ValueError(f"{len(states)} observations and {len(taken)} actions")
        episodes.append(Episode(states, taken[:n], np.full(n, np.nan), truncated=True))
    return episodes
