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


class SolverCallback(BaseCallback):
    """Passes on to a learner's callback what happens while its solver is trained.

    So a callback is called at every step of the solver's environment, with the ``locals`` that SB3
    gives it there; its ``model`` is the learner, whose timesteps are counted.

    Args:
        learner: The learner.
        callback: Its callback.

    Attributes:
        is_stopped: Whether the callback said to stop.
    """

    def __init__(self, learner: Any, callback: BaseCallback) -> None:
        super().__init__()
        self.learner = learner
        self.callback = callback
        self.is_stopped = False

    def _on_training_start(self) -> None:
        self._before = self.learner.num_timesteps - self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        self.callback.update_locals(self.locals)
        self.callback.on_rollout_start()

    def _on_step(self) -> bool:
        self.learner.num_timesteps = self._before + self.model.num_timesteps
        self.callback.update_locals(self.locals)
        self.is_stopped = not self.callback.on_step()
        return not self.is_stopped

    def _on_rollout_end(self) -> None:
        self.callback.update_locals(self.locals)
        self.callback.on_rollout_end()


class Checkpoints:
    """Writes a learner, with what its solver replays, every so many epochs.

    The newest two files stay, so that there is always one that is whole.

    Args:
        folder: Where to; made if it is missing.
        interval: Every how many epochs, at least 1.
    """

    def __init__(self, folder: str | Path, interval: int) -> None:
        self.folder = Path(folder)
        self.interval = interval
        self._n_epochs = 0

    def start(self) -> None:
        """Try the folder now, rather than after hours of work.

        Raises:
            OSError: If it cannot be written to.
        """
        self._n_epochs = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise OSError(
                f"checkpoint_dir={str(self.folder)!r} cannot be written to ({error.strerror}): "
                "expected a folder, or the name of one that can be made"
            ) from error

    def end_epoch(self, learner: Any) -> None:
        """Write a learner whose epoch is over, if it is time to."""
        self._n_epochs += 1
        if self._n_epochs % self.interval == 0:
            learner.save(
                self.folder / f"checkpoint_{learner.num_timesteps:012d}.zip", include_replay=True
            )
            for old in checkpoints(self.folder)[:-KEPT]:
                old.unlink()


def as_callback(callback: MaybeCallback) -> BaseCallback:
    """Make a callback of anything that SB3 accepts as one."""
    if isinstance(callback, list):
        return CallbackList(callback)
    return callback if isinstance(callback, BaseCallback) else ConvertCallback(callback)


def checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, the newest last."""
    return sorted(Path(folder).glob("checkpoint_*.zip"))
