"""Run folders: the files that a run leaves behind."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from gymnasium.error import DependencyNotInstalled

from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.utils.errors import NotOfferedError

CONTENTS = {
    "learner.zip": "the learner, to be loaded again",
    "reward.json": "the inferred reward",
    "config.json": "how it was made, and how good it is",
    "progress.csv": "the log",
    "events.out.tfevents.*": "the log for TensorBoard",
    "reward.png": "the inferred reward as a figure",
    "figure-*.png": "a figure that only this learner has",
    "robot.gif": "the robot without and with the inferred reward",
    "policy.gif": "the policy for the inferred reward",
}
DISTRIBUTIONS = (
    *("numpy", "scipy", "torch", "gymnasium", "mujoco", "stable-baselines3", "imitation"),
    *("rlsp-envs", "rlsp-sb3", "rlsp-baselines"),
)


class RunFolder:
    """A folder with the files of one run, see :data:`CONTENTS`.

    Args:
        path: The folder; it is made if it is not there.
        force: Whether it may hold an earlier run, whose files are removed.

    Attributes:
        left_out: Why a file was not written, by its name.

    Raises:
        FileExistsError: If there is something in it.
        OSError: If it cannot be made or written to.
    """

    def __init__(self, path: Path, force: bool = False) -> None:
        self.path = path
        self.left_out: dict[str, str] = {}
        if path.is_dir() and any(path.iterdir()) and not force:
            raise FileExistsError(
                f"{path} is not empty: choose another folder by --out, or overwrite what an "
                "earlier run left there by --force"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name in CONTENTS:
                for old in path.glob(name):
                    old.unlink()
            self.add_json("config.json", {})  # an error now if that cannot be written, not later
        except OSError as error:
            raise OSError(
                f"{path} cannot be written to ({error.strerror}): choose another folder by --out"
            ) from error

    def add(self, name: str, write: Callable[[Path], None]) -> None:
        """Write a file, or remember why the environment or the learner does not allow it."""
        try:
            write(self.path / name)
        except (NotOfferedError, DependencyNotInstalled) as error:
            self.left_out[name] = str(error)

    def add_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file; what JSON does not know is written as text."""
        text = json.dumps(content, indent=2, default=str)
        with atomic_write(self.path / name) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")

    def files(self) -> dict[str, str]:
        """The names of the files that are there, and what each is."""
        return {
            file.name: about
            for name, about in CONTENTS.items()
            for file in sorted(self.path.glob(name))
        }


def versions() -> dict[str, str | None]:
    """The versions of what a run depends on; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
