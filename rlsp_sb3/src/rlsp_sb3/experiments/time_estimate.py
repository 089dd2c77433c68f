"""Estimate of how long jobs take: from jobs that are done, and from timed pieces of others."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from rlsp_sb3 import env_util
from rlsp_sb3.experiments.executors.base import TASK_ERRORS
from rlsp_sb3.experiments.job import Job, Outcome
from rlsp_sb3.experiments.methods import EXPERT, RANDOM, RLSP_METHODS
from rlsp_sb3.rlsp.rlsp import RLSP

_PIECE_STEPS = 16_384  # of a policy that is retrained, or of a generator
_SHORT = 3  # a job with no more of anything than so many pieces is not worth a piece

Shares = dict[str, float]
"""The number of pieces in the whole job, by stage."""


class StageTimer:
    """A report that measures how long stages take, and how long it takes until one has begun.

    Attributes:
        seconds: The time in each stage after its first progress, by its name.
        seconds_before: The time in each stage before, in which what is needed is prepared.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self.seconds_before: dict[str, float] = {}
        self._clock = clock
        self._stage, self._fraction, self._since = "", 0.0, clock()

    def __call__(self, stage: str, fraction: float) -> None:
        """Take note of how far a job is."""
        now = self._clock()
        found = self.seconds if self._fraction > 0 else self.seconds_before
        found[self._stage] = found.get(self._stage, 0.0) + now - self._since
        if stage != self._stage:
            self._fraction = 0.0
        self._stage, self._fraction, self._since = stage, max(self._fraction, fraction), now

    def whole(self, shares: Shares) -> float:
        """The seconds of a job of which this is a piece.

        What is prepared counts once, unless all of a stage is done at once, without any progress.
        """
        total = sum(shares.get(name, 1.0) * each for name, each in self.seconds.items())
        for name, each in self.seconds_before.items():
            total += each * (1.0 if name in self.seconds else shares.get(name, 1.0))
        return total


def expected_seconds(
    todo: Sequence[Job],
    done: Sequence[tuple[Job, Any]],
    run_job: Callable[..., Outcome],
    tell: Callable[[str], None],
) -> dict[str, float]:
    """The seconds that jobs are expected to take, by their names.

    A job takes as long as those that are done of its method on the same subject, or of others on
    it; if none is, as long as a piece of the first job on it says, which is timed here. Of what is
    short nothing is expected: to know takes as long as to do it.

    Args:
        todo: The jobs that have no result yet.
        done: Those that have one, with it.
        run_job: Computes a job.
        tell: Is told before something takes time.
    """
    known: dict[tuple[str, str], list[float]] = {}
    for job, figures in done:
        if figures.learning_seconds > 0:
            known.setdefault((job.subject, job.method), []).append(figures.learning_seconds)
    for subject in dict.fromkeys(job.subject for job in todo):
        learning = [job for job in todo if job.subject == subject and not _is_reference(job)]
        if not learning or any(subject == each for each, _ in known):
            continue
        job = learning[0]
        piece, shares = piece_of(job)
        if max(shares.values()) > _SHORT:
            tell(f"Times a piece of {job.title}")
            timer = StageTimer()
            with suppress(*TASK_ERRORS):  # which the job will fail with, too
                run_job(timer, piece)
                timer("", 0.0)
                known[job.subject, job.method] = [timer.whole(shares)]
    return {job.name: seconds for job in todo if (seconds := _mean(known, job)) is not None}


def piece_of(job: Job) -> tuple[Job, Shares]:
    """A piece of a job, with one epoch and one episode, and its shares."""
    config = job.config
    if job.method in RLSP_METHODS:
        env = env_util.make_env(job.env_id)
        learner = RLSP(env, np.array([env.reset(seed=0)[0]]), seed=0, **config.rlsp)
        n_pieces: float = learner.n_epochs
        env.close()
    else:
        n_pieces = max(1.0, config.gail_timesteps / _PIECE_STEPS)
    smaller = replace(
        config,
        rlsp={**config.rlsp, "n_epochs": 1},
        retrain_timesteps=min(config.retrain_timesteps, _PIECE_STEPS),
        gail_timesteps=min(config.gail_timesteps, _PIECE_STEPS),
        episodes=1,
    )
    return replace(job, config=smaller), {
        "learning": n_pieces,
        "retrained policy": config.retrain_timesteps / smaller.retrain_timesteps,
        "evaluating": float(config.episodes),
    }


def total_seconds(expected: Mapping[str, float], n_workers: int) -> float:
    """The seconds that jobs take together, by workers that are busy to the end."""
    return sum(expected.values()) / max(1, min(n_workers, len(expected)))


def _is_reference(job: Job) -> bool:
    return job.method in (EXPERT, RANDOM)


def _mean(known: Mapping[tuple[str, str], list[float]], job: Job) -> float | None:
    """The mean of what is known of a job's method on its subject, or else of all on it."""
    if _is_reference(job):
        return None
    own = known.get((job.subject, job.method))
    found = own or [
        each for (subject, _), many in known.items() if subject == job.subject for each in many
    ]
    return float(np.mean(found)) if found else None
