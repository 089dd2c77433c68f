"""Episodes as Minari datasets, which other tools for offline data read."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.utils.type_checks import checks_types, shown

DAMAGED = (OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError)
"""Errors of Minari when a file is not as it expects."""

DATASET_ID = re.compile(r"([\w-]+/)*[\w-]+-v\d+")


def import_minari() -> Any:
    """The package ``minari``.

    Raises:
        DependencyNotInstalled: If it is not installed.
    """
    try:
        import_module("h5py")  # in which Minari stores data
        return import_module("minari")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"Minari datasets need a package that is not installed ({error}): run "
            '`pip install "minari[hdf5]"`, or use an npz file'
        ) from error


def check_new_dataset(dataset_id: str) -> None:
    """Raise an error if a dataset of that id cannot be stored.

    Raises:
        DependencyNotInstalled: If Minari is not installed.
        ValueError: If the id is malformed or taken.
    """
    minari = import_minari()
    if not DATASET_ID.fullmatch(dataset_id):
        raise ValueError(
            f"dataset_id={dataset_id!r}: expected an id such as 'halfcheetah/expert-v0'"
        )
    if dataset_id in minari.list_local_datasets():
        raise ValueError(
            f"dataset_id={dataset_id!r} is taken: choose another id, or delete that dataset by "
            f"`minari delete {dataset_id}`"
        )


@checks_types
def save_minari(
    dataset_id: str, episodes: Sequence[Episode], env: gym.Env[Any, Any] | str, **metadata: Any
) -> Any:
    """Store episodes as a Minari dataset, in the folder where Minari keeps its own.

    Args:
        dataset_id: The id of a new dataset, such as "halfcheetah/expert-v0".
        episodes: The episodes, at least one.
        env: The environment they are from.
        **metadata: Passed on to ``minari.create_dataset_from_buffers``: ``algorithm_name``,
            ``author``, ``description``, … Images are stored as they are, not as JPEGs, unless
            there is ``jpeg_encoding=True``.

    Returns:
        The ``MinariDataset``.

    Raises:
        DependencyNotInstalled: If Minari is not installed.
        ValueError: If there is no episode, or if the id is malformed or taken.
    """
    minari = import_minari()
    if not episodes:
        raise ValueError("episodes are empty: expected at least 1")
    if "jpeg_encoding" in inspect.signature(minari.create_dataset_from_buffers).parameters:
        metadata = {"jpeg_encoding": False, **metadata}  # entries would differ by up to 130 of 255
    buffers = [
        minari.data_collector.EpisodeBuffer(
            observations=episode.observations,
            actions=episode.actions,
            rewards=list(episode.rewards),
            terminations=_at_the_end(episode, episode.terminated),
            truncations=_at_the_end(episode, episode.truncated),
            infos={},
        )
        for episode in episodes
    ]
    with warnings.catch_warnings():
        # It warns of each piece of metadata that is left out.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"minari\.")
        return minari.create_dataset_from_buffers(dataset_id, buffers, env=env, **metadata)


def _at_the_end(episode: Episode, value: bool) -> list[bool]:
    return [False] * (len(episode) - 1) + [value]


@checks_types
def load_minari(dataset: Any) -> list[Episode]:
    """Read the episodes of a Minari dataset.

    Observations and actions of several parts (Dict and Tuple spaces) are flattened as
    ``gymnasium.wrappers.FlattenObservation`` does.

    Args:
        dataset: A ``MinariDataset``, or the id of one on this machine.

    Raises:
        DependencyNotInstalled: If there is an id and Minari is not installed.
        FileNotFoundError: If there is no dataset of that id.
        TypeError: If it is something else.
        ValueError: If its observations or actions are not numbers, or its files are damaged.
    """
    if isinstance(dataset, str):
        return _read_dataset(dataset)
    if not hasattr(dataset, "iterate_episodes"):
        raise TypeError(f"dataset={shown(dataset)}: expected a Minari dataset or the id of one")
    return [
        Episode(
            _flat(dataset.observation_space, stored.observations),
            _flat(dataset.action_space, stored.actions),
            stored.rewards,
            bool(np.any(stored.terminations)),
            bool(np.any(stored.truncations)),
        )
        for stored in dataset.iterate_episodes()
    ]


def _read_dataset(dataset_id: str) -> list[Episode]:
    minari = import_minari()
    try:
        return load_minari(minari.load_dataset(dataset_id))
    except FileNotFoundError as error:
        here = sorted(minari.list_local_datasets())
        raise FileNotFoundError(
            f"dataset={dataset_id!r} is not on this machine: expected one of "
            f"{here or 'those that are (there are none)'}, or the id of one of Minari's own "
            f"after `minari download {dataset_id}`"
        ) from error
    except DAMAGED as error:
        folder = import_module("minari.storage.local").get_dataset_path(dataset_id)
        raise ValueError(
            f"dataset={dataset_id!r} cannot be read from {folder}: {type(error).__name__}: {error}"
        ) from error


def _flat(space: spaces.Space[Any], values: Any) -> Any:
    """Values of a space, step by step, as arrays (n, *shape)."""
    if not isinstance(space, (spaces.Dict, spaces.Tuple)):
        return values
    first = values
    while isinstance(first, (dict, tuple, list)):
        first = next(iter(first.values() if isinstance(first, dict) else first))
    steps = range(len(first))
    return np.stack([np.asarray(spaces.flatten(space, _at(values, step))) for step in steps])


def _at(values: Any, step: int) -> Any:
    """The parts of a value at one step."""
    if isinstance(values, dict):
        return {name: _at(part, step) for name, part in values.items()}
    if isinstance(values, (tuple, list)):
        return tuple(_at(part, step) for part in values)
    return values[step]
