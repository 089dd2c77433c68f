"""Episodes in folders that ``imitation`` saves, which are datasets of Hugging Face."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled

from rlsp_sb3.data.episodes import Episode, has_terminated


def is_dataset_folder(path: str | Path) -> bool:
    """Return whether a path is that of a folder with a dataset of Hugging Face."""
    return (Path(path) / "dataset_info.json").is_file()


def load_imitation_folder(path: Path) -> list[Episode]:
    """Read the episodes of a folder that ``imitation.data.serialize.save`` wrote.

    Its columns are read as they are, so that no code runs. What the environment said at each step
    is JSON from which imitation makes objects; here it only tells whether a time limit ended an
    episode.

    Raises:
        DependencyNotInstalled: If the package ``datasets`` is not installed.
        ValueError: If it is no such folder.
    """
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"path={str(path)!r} is a folder, and those of imitation need the package datasets: "
            "run `pip install datasets`, or use an npz file"
        ) from error
    try:
        return episodes_of_dataset(datasets.load_from_disk(str(path)))
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(
            f"path={str(path)!r} is not a folder of episodes that imitation saved: {error}"
        ) from error


def episodes_of_dataset(dataset: Any) -> list[Episode]:
    """The episodes of a ``datasets.Dataset`` of imitation.

    Args:
        dataset: One with the columns obs, acts, infos and terminal, and perhaps rews.

    Raises:
        ValueError: If a column is missing, or holds something else.
    """
    missing = {"obs", "acts", "infos", "terminal"} - set(dataset.column_names)
    if missing:
        raise ValueError(f"it has no column {sorted(missing)[0]}: it has {dataset.column_names}")
    arrays = dataset.with_format("numpy", columns=["obs", "acts"])
    return [_episode(row, array) for row, array in zip(dataset, arrays, strict=True)]


def _episode(row: dict[str, Any], arrays: dict[str, Any]) -> Episode:
    rewards = row.get("rews")
    if rewards is None:
        rewards = np.full(len(row["acts"]), np.nan)
    last = json.loads(row["infos"][-1]) if row["infos"] else None
    terminated = has_terminated(row["terminal"], last)
    return Episode(
        np.stack(arrays["obs"]), np.stack(arrays["acts"]), rewards, terminated, not terminated
    )
