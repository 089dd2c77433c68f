"""Callbacks for learners."""

from __future__ import annotations

from stable_baselines3.common.callbacks import ProgressBarCallback


class LearnerProgressBar(ProgressBarCallback):
    """SB3's progress bar for learners, whose timesteps need not be those of the environment."""

    def _on_training_start(self) -> None:
        super()._on_training_start()
        self._first = self.model.num_timesteps

    def _on_step(self) -> bool:
        self.pbar.update(self.model.num_timesteps - self._first - self.pbar.n)
        return True
