"""Episodes in folders that ``imitation`` saves, which are datasets of Hugging Face."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled

from rlsp_sb3.data.episodes import Episode, has_terminated
from rlsp_sb3.utils.type_checks import checks_types, shown

_INFO = "dataset_info.json"


def is_dataset_folder(path: str | Path) -> bool:
    """Return whether a path is that of a folder with a dataset of Hugging Face."""
    return (Path(path) / _INFO).is_file()


@checks_types
def load_imitation(source: Any) -> list[Episode]:
    """Read the episodes of a dataset that ``imitation`` saved.

    Its columns are read as they are, so that no code runs. What the environment said at each step
    is JSON from which imitation makes objects; here it only tells whether a time limit ended an
    episode.

    Args:
        source: The folder that ``imitation.data.serialize.save`` wrote, or a ``datasets.Dataset``
            with the columns obs, acts, infos and terminal, and perhaps rews.

    Raises:
        DependencyNotInstalled: If it is a folder, and the package ``datasets`` is not installed.
        TypeError: If it is something else.
        ValueError: If it is no such folder, or a column is missing or holds something else.
    """
    if isinstance(source, (str, Path)):
        return _load_folder(Path(source))
    if not hasattr(source, "column_names"):
        raise TypeError(
            f"source={shown(source)}: expected a folder that imitation saved, or a datasets.Dataset"
        )
    missing = {"obs", "acts", "infos", "terminal"} - set(source.column_names)
    if missing:
        raise ValueError(
            f"source has no column {sorted(missing)[0]}: it has {', '.join(source.column_names)}"
        )
    arrays = source.with_format("numpy", columns=["obs", "acts"])
    return [_episode(row, array) for row, array in zip(source, arrays, strict=True)]


def _load_folder(path: Path) -> list[Episode]:
    if not is_dataset_folder(path):
        raise ValueError(
            f"path={str(path)!r} is not a folder of episodes that imitation saved: it has no "
            f"{_INFO}"
        )
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"path={str(path)!r} is a folder, and those of imitation need the package datasets: "
            "run `pip install datasets`, or use an npz file"
        ) from error
    try:
        return load_imitation(datasets.load_from_disk(str(path)))
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(
            f"path={str(path)!r} is not a folder of episodes that imitation saved: {error}"
        ) from error


def _episode(row: dict[str, Any], arrays: dict[str, Any]) -> Episode:
    rewards = row.get("rews")
    if rewards is None:
        rewards = np.full(len(row["acts"]), np.nan)
    last = json.loads(row["infos"][-1]) if row["infos"] else None
    terminated = has_terminated(bool(row["terminal"]), last)
    return Episode(
        np.stack(arrays["obs"]), np.stack(arrays["acts"]), rewards, terminated, not terminated
    )
