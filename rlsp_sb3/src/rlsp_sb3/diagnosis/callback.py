"""Callback that diagnoses the gradients of a run of RLSP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.diagnosis.estimator_wrapper import EstimatorWrapper
from rlsp_sb3.diagnosis.gradient_diagnosis import DiagnosisRow, GradientDiagnosis
from rlsp_sb3.diagnosis.real_pasts import check_episodes
from rlsp_sb3.io.atomic_write import write_csv
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate, GradientEstimator
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.timer import Timer
from rlsp_sb3.utils.type_checks import checks_types, shown


class DiagnosisCallback(BaseCallback):
    """Evaluation callback of RLSP with an expert's episodes: is the gradient right?

    In an epoch it computes, for the same policy, the gradient from the expert's real pasts (its
    episodes, up to the observed states) beside that from simulated ones, and logs their cosine as
    ``rlsp/oracle_cosine``; see :class:`DiagnosisRow` for all else. The learner is not told: it
    infers what it infers without the callback, to the bit.

    A simulated past need not be the one that there was: even the exact gradient, which is the mean
    over all ways in which the policy may have come to the observed state, has a cosine of 1 only
    where that policy acts like the expert.

    Args:
        episodes: Episodes of the expert. Each observed state of the learner is in one of them.
        interval: Every how many epochs, at least 1.

    Attributes:
        rows: What was found, by epoch and length.

    Raises:
        TypeError: If an argument has a wrong type; when learning begins, if the learner is no RLSP
            that samples pasts forward or simulates them by networks.
        ValueError: If there is no episode or the interval is out of range; when learning begins, if
            an observed state is in no episode.
    """

    @checks_types
    def __init__(self, episodes: Sequence[Episode], interval: int = 1) -> None:
        super().__init__()
        check_int("interval", interval, 1)
        check_episodes("episodes", episodes)
        self.episodes = episodes
        self.interval = interval
        self.rows: list[DiagnosisRow] = []

    def _on_training_start(self) -> None:
        learner: Any = self.model
        if not isinstance(learner, RLSP):
            raise TypeError(f"model={shown(learner)}: expected an RLSP to be diagnosed")
        diagnosis = GradientDiagnosis(learner.gradient_estimator, self.episodes)

        def diagnose(estimate: GradientEstimate, horizon: int) -> dict[str, float]:
            epoch = learner.curriculum.epoch + 1
            if epoch % self.interval:
                return {}
            found = diagnosis.rows(
                estimate,
                horizon,
                learner.seed,
                epoch=epoch,
                timesteps=learner.num_timesteps,
            )
            self.rows += found
            return next((row.metrics for row in found if row.is_used), {})

        learner.gradient_estimator = _DiagnosedEstimator(learner.gradient_estimator, diagnose)

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        learner: Any = self.model
        if isinstance(learner.gradient_estimator, _DiagnosedEstimator):
            learner.gradient_estimator = learner.gradient_estimator.inner

    @checks_types
    def save(self, path: str | Path) -> None:
        """Write the rows to a CSV file, whole or not at all."""
        write_csv(Path(path), DiagnosisRow._fields, self.rows)


class _DiagnosedEstimator(EstimatorWrapper):
    """Estimator whose every gradient is diagnosed, which is logged with it."""

    def __init__(
        self,
        inner: GradientEstimator,
        diagnose: Callable[[GradientEstimate, int], dict[str, float]],
    ) -> None:
        super().__init__(inner)
        self._diagnose = diagnose

    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Estimate the gradient, and diagnose it."""
        estimate = self.inner.estimate(horizon, rng, timer)
        with timer("diagnosis"):
            metrics = self._diagnose(estimate, horizon)
        return estimate._replace(diagnostics={**estimate.diagnostics, **metrics})
