"""Callbacks for learners."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    ConvertCallback,
    ProgressBarCallback,
)
from stable_baselines3.common.type_aliases import MaybeCallback

KEPT = 2


class LearnerProgressBar(ProgressBarCallback):
    """SB3's progress bar for learners, whose timesteps need not be those of the environment."""

    def _on_training_start(self) -> None:
        super()._on_training_start()
        self._first = self.model.num_timesteps

    def _on_step(self) -> bool:
        self.pbar.update(self.model.num_timesteps - self._first - self.pbar.n)
        if notes := getattr(self.model, "progress_notes", None):
            self.pbar.set_postfix(notes)
        return True


class Checkpoints(BaseCallback):
    """Writes a learner, with what its solver replays, every so many steps of the callback.

    The newest two files stay, so that there is always one that is whole.

    Args:
        folder: Where to; made if it is missing.
        interval: Every how many steps, at least 1.
    """

    def __init__(self, folder: str | Path, interval: int) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.interval = interval

    def _on_training_start(self) -> None:
        """Try the folder now, rather than after hours of work."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise OSError(
                f"checkpoint_dir={str(self.folder)!r} cannot be written to ({error.strerror}): "
                "expected a folder, or the name of one that can be made"
            ) from error

    def _on_step(self) -> bool:
        if self.n_calls % self.interval == 0:
            learner: Any = self.model
            learner.save(
                self.folder / f"checkpoint_{self.num_timesteps:012d}.zip", include_replay=True
            )
            for old in checkpoints(self.folder)[:-KEPT]:
                old.unlink()
        return True


def with_checkpoints(callback: MaybeCallback, folder: str | Path, interval: int) -> BaseCallback:
    """A callback, and :class:`Checkpoints` after it."""
    return CallbackList([as_callback(callback), Checkpoints(folder, interval)])


def as_callback(callback: MaybeCallback) -> BaseCallback:
    """Make a callback of anything that SB3 accepts as one."""
    if isinstance(callback, list):
        return CallbackList(callback)
    return callback if isinstance(callback, BaseCallback) else ConvertCallback(callback)


def checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, the newest last."""
    return sorted(Path(folder).glob("checkpoint_*.zip"))
