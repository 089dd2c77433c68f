"""Writer of run folders."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from gymnasium.error import DependencyNotInstalled
from stable_baselines3.common.logger import Logger, configure

from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.io.folder_lock import LOCK_FILE, lock_folder
from rlsp_sb3.io.unwritten_files import reason
from rlsp_sb3.runs.run_config import CONFIG_FILE, CONTENTS, RunConfig
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types

_DISTRIBUTIONS = (
    *("numpy", "scipy", "torch", "gymnasium", "mujoco", "stable-baselines3", "imitation"),
    *("rlsp-envs", "rlsp-sb3", "rlsp-baselines"),
)


class RunFolder:
    """A folder with the files of one run, see :mod:`rlsp_sb3.runs.run_config`.

    Args:
        path: The folder; it is made if it is not there.
        config: The first configuration. Others can tell by it what this run is while it goes on.
        force: Whether the folder may hold an earlier run, whose files are removed.

    Attributes:
        left_out: Why a file is not written, by its name: the environment or the learner does not
            offer what it takes.
        unwritten: Why a file cannot be written, by its name: a disk that is full, for example.

    No other process writes there until :meth:`release`, or the end of this one.

    Raises:
        FileExistsError: If there is something in it.
        InUseError: If another process writes there.
        OSError: If it cannot be made or written to.
    """

    @checks_types
    def __init__(self, path: Path, config: RunConfig, *, force: bool = False) -> None:
        self.path = path
        self.left_out: dict[str, str] = {}
        self.unwritten: dict[str, str] = {}
        if not force:
            self._check_empty()
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(path, "another folder by --out")
            for name in CONTENTS:
                for old in path.glob(name):
                    old.unlink()
            self.write_config(config)
        except OSError as error:
            raise OSError(
                f"{path} cannot be written to ({error.strerror}): choose another folder (--out)"
            ) from error

    def _check_empty(self) -> None:
        if self.path.is_dir() and any(each.name != LOCK_FILE for each in self.path.iterdir()):
            raise FileExistsError(
                f"{self.path} is not empty: choose another folder (--out), or overwrite what an "
                "earlier run left there (--force)"
            )

    @contextmanager
    def released_at_error(self) -> Iterator[None]:
        """A step of the run; if it fails, others may write to the folder."""
        try:
            yield
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others write to the folder."""
        self._lock.release()

    def logger(self) -> Logger:
        """The logger of SB3 that writes the log, as CSV and for TensorBoard."""
        return configure(str(self.path), ["csv", "tensorboard"])

    def tensorboard_logger(self) -> Logger:
        """A logger that adds to the log for TensorBoard alone, such as a figure."""
        return configure(str(self.path), ["tensorboard"])

    def write_config(self, config: RunConfig) -> None:
        """Write ``config.json``; an argument that JSON does not know is written as text."""
        text = json.dumps(config.to_dict(), indent=2, default=str)
        with atomic_write(self.path / CONFIG_FILE) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")

    def add(self, name: str, write: Callable[[Path], None]) -> None:
        """Write a file, or remember why it is not there, so that others can be written."""
        self.unwritten.pop(name, None)
        try:
            write(self.path / name)
        except (NotOfferedError, DependencyNotInstalled) as error:
            self.left_out[name] = str(error)
        except OSError as error:
            self.unwritten[name] = reason(error)

    def check_written(self) -> None:
        """Raise an OSError if a file cannot be written."""
        if self.unwritten:
            reasons = "; ".join(f"{name} ({why})" for name, why in self.unwritten.items())
            raise OSError(
                f"{self.path} lacks what cannot be written: {reasons}; all else is there: make "
                "room, or choose another folder (--out)"
            )

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
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
