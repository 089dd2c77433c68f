"""Callbacks for learners."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    ConvertCallback,
)
from stable_baselines3.common.type_aliases import MaybeCallback

from rlsp_sb3.io.folder_lock import lock_folder
from rlsp_sb3.io.unwritten_files import reason
from rlsp_sb3.utils.progress import show_progress, stage
from rlsp_sb3.utils.type_checks import checks_types, shown

KEPT = 2


class ProgressCallback(BaseCallback):
    """Shows the progress of a learner or of an algorithm of SB3, and of what it does in between."""

    def _on_training_start(self) -> None:
        self._shown = ExitStack()
        self._shown.enter_context(show_progress())
        self._first = self.model.num_timesteps
        total = int(self.locals["total_timesteps"]) - self._first
        self._stage = self._shown.enter_context(stage("learning", total))

    def _on_step(self) -> bool:
        self._stage.done = self.model.num_timesteps - self._first
        notes = getattr(self.model, "progress_notes", {})
        self._stage.notes = ", ".join(f"{name} {value}" for name, value in notes.items())
        return True

    def _on_training_end(self) -> None:
        self._shown.close()


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


class Checkpoints(BaseCallback):
    """Writes a learner, with what its solver replays, every so many epochs.

    The newest two files stay, so that there is always one that is whole. While the learner learns
    nobody else writes to the folder, and checkpoints of other runs are never touched.

    Args:
        folder: Where to; made if it is missing.
        interval: Every how many epochs, at least 1.
    """

    def __init__(self, folder: str | Path, interval: int) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.interval = interval
        self._n_epochs = 0
        self._written: list[Path] = []

    def _on_training_start(self) -> None:
        """Try and lock the folder now, rather than after hours of work.

        Raises:
            FileExistsError: If it holds checkpoints that the learner does not go on from.
            InUseError: If another learner writes there.
            OSError: If it cannot be written to.
        """
        self._n_epochs = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self.folder, "another folder by checkpoint_dir")
        except OSError as error:
            raise OSError(
                f"checkpoint_dir={str(self.folder)!r} cannot be written to ({error.strerror}): "
                "expected a folder, or the name of one that can be made"
            ) from error
        try:
            self._check_owner()
        except BaseException:
            self._lock.release()
            raise

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self._lock.release()

    def _check_owner(self) -> None:
        """Raise an error if the learner neither wrote nor is loaded from the newest checkpoint."""
        found = [path for path in checkpoints(self.folder) if path not in self._written]
        if not found:
            return
        learner: Any = self.model
        if learner.loaded_from != found[-1].resolve():
            raise FileExistsError(
                f"checkpoint_dir={str(self.folder)!r} holds checkpoints of another run: go on from "
                f"the newest by {type(learner).__name__}.load({str(found[-1])!r}, env, "
                "checkpoint_dir=…), choose another folder, or remove them"
            )
        self._written = [*found, *self._written]

    def end_epoch(self) -> None:
        """Write the learner, whose epoch is over, if it is time to.

        That it cannot be written is a warning: what is being learned is worth more.
        """
        self._n_epochs += 1
        if self._n_epochs % self.interval:
            return
        learner: Any = self.model
        path = self.folder / f"checkpoint_{learner.num_timesteps:012d}.zip"
        try:
            learner.save(path, include_replay=True)
        except OSError as error:
            warnings.warn(
                f"the checkpoint after {learner.num_timesteps:,} timesteps cannot be written to "
                f"{self.folder}, and learning goes on: {reason(error)}",
                stacklevel=2,
            )
            return
        # Of a run that counts anew, those with more timesteps are older.
        before = [each for each in self._written if each < path and each.exists()]
        kept = [*before[1 - KEPT :], path]
        for old in self._written:
            if old not in kept:
                old.unlink(missing_ok=True)
        self._written = kept


def as_callback(callback: MaybeCallback) -> BaseCallback:
    """Make a callback of anything that SB3 accepts as one.

    Raises:
        TypeError: If it is something else.
    """
    if isinstance(callback, list) and all(isinstance(each, BaseCallback) for each in callback):
        return CallbackList(callback)
    if isinstance(callback, BaseCallback):
        return callback
    if callback is not None and not callable(callback):
        raise TypeError(
            f"callback={shown(callback)}: expected a callback of SB3, a list of them, a function "
            "of locals and globals, or None"
        )
    return ConvertCallback(callback)


@checks_types
def checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, the newest last."""
    return sorted(Path(folder).glob("checkpoint_*.zip"))
