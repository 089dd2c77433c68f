"""Learning of a job's method, which goes on where it was when its process was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import gymnasium as gym
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.experiments.executors.base import Report
from rlsp_sb3.experiments.job import Job
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.callbacks import checkpoints
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.utils.arguments import arguments_of

_LEARNER = "learner.zip"
TELL_EVERY = 0.5  # seconds


class Learned(NamedTuple):
    """A learner that has learned, as a job has it.

    Attributes:
        learner: The learner.
        archive: Its file.
        seconds: How long it took; None if it was interrupted and resumed.
    """

    learner: RewardLearner
    archive: bytes
    seconds: float | None


@contextmanager
def job_env(job: Job, work: Path | None) -> Iterator[gym.Env[Any, Any]]:
    """The environment of a job, closed at the end, in a process that is set up for the job.

    Args:
        job: The job.
        work: A folder for what it takes to go on if this process is killed, made if it is
            missing; None for none.
    """
    # One thread, whatever the number of jobs: results are the same to the bit, and networks small.
    torch.set_num_threads(1)
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    env = env_util.make_env(job.env_id)
    try:
        yield env
    finally:
        env.close()


def learn_job(
    job: Job,
    observed: NDArray[Any],
    demonstrations: Callable[[], list[Episode]],
    report: Report,
    work: Path | None = None,
) -> Learned:
    """Let the method of a job learn.

    Args:
        job: The job.
        observed: The observed states (n, *observation_shape).
        demonstrations: Gives what GAIL imitates; not called for other methods.
        report: Is told how it goes.
        work: A folder for what it takes to go on if this process is killed, from which it goes on
            if something is in it; None for none.
    """
    is_resumed = work is not None and any(work.iterdir())
    start = time.perf_counter()
    learner = _learn(job, observed, demonstrations, report, work)
    seconds = None if is_resumed else time.perf_counter() - start
    return Learned(learner, _archive(learner, work), seconds)


def _learn(
    job: Job,
    observed: NDArray[Any],
    demonstrations: Callable[[], list[Episode]],
    report: Report,
    work: Path | None,
) -> RewardLearner:
    """A learner that has learned."""
    learner_class = registry.load_learner(job.method)
    progress = ProgressReporter(report, "learning")
    env = env_util.make_env(job.env_id)
    if work is not None and (work / _LEARNER).exists():
        return learner_class.load(work / _LEARNER, env)
    if job.method == "gail":
        arguments = {**job.config.gail, "demonstrations": demonstrations()}
        learner = learner_class(env, seed=job.seed, **arguments)
        return learner.learn(job.config.gail_timesteps, progress)
    resumable: dict[str, Any] = {} if work is None else {"checkpoint_dir": str(work)}
    found = [] if work is None else checkpoints(work)
    if found:
        learner = learner_class.load(found[-1], env, **resumable)
        return learner.learn(callback=progress, reset_num_timesteps=False)
    arguments = {"eval_interval": 0, **job.config.rlsp}
    if job.method != "rlsp":
        report("fitting the encoder", 0.0)
        # Nothing but what comes before the first epoch.
        ready = RLSP(env_util.make_env(job.env_id), observed, seed=job.seed, **arguments).learn(0)
        own = arguments_of(learner_class)
        arguments = {name: value for name, value in arguments.items() if name in own}
        arguments["encoder"] = ready.encoder
    learner = learner_class(env, observed, seed=job.seed, **arguments, **resumable)
    return learner.learn(callback=progress)


def _archive(learner: RewardLearner, work: Path | None) -> bytes:
    """The file of a learner, which is left in the folder: a job that is killed later has it."""
    if work is None:
        with TemporaryDirectory() as folder:
            return _archive(learner, Path(folder))
    path = work / _LEARNER
    if hasattr(learner, "checkpoint_dir"):
        learner.checkpoint_dir = None  # it is this job's, and will be gone
    learner.save(path)
    return path.read_bytes()


class ProgressReporter(BaseCallback):
    """Reports how many of its timesteps an algorithm has taken."""

    def __init__(self, report: Report, stage: str) -> None:
        super().__init__()
        self._report = report
        self._stage = stage
        self._total = 1
        self._told = 0.0

    def _on_training_start(self) -> None:
        self._total = max(1, int(self.locals["total_timesteps"]))
        self._report(self._stage, min(1.0, self.num_timesteps / self._total))

    def _on_step(self) -> bool:
        now = time.monotonic()
        if now - self._told > TELL_EVERY:
            self._told = now
            self._report(self._stage, min(1.0, self.num_timesteps / self._total))
        return True
