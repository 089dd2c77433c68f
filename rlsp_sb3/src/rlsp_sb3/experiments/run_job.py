"""Computing the result of a job, on whatever machine."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3 import plugins
from rlsp_sb3.base import RewardLearner
from rlsp_sb3.callbacks import checkpoints
from rlsp_sb3.epic import Transitions, epic_distance
from rlsp_sb3.episodes import Episode
from rlsp_sb3.experiments.executors import Report
from rlsp_sb3.experiments.job import EXPERT, RLSP_METHODS, Figures, Job
from rlsp_sb3.fresh_policy import train_fresh_policy
from rlsp_sb3.policies import load_policy
from rlsp_sb3.protocols import Policy
from rlsp_sb3.returns import Returns, measure_returns
from rlsp_sb3.rlsp import RLSP
from rlsp_sb3.rollouts import sample_observed_states
from rlsp_sb3.settings import arguments_of
from rlsp_sb3.simulate import make_simulator
from rlsp_sb3.transitions import collect
from rlsp_sb3.true_reward import SimulatedReward

EPISODE_LENGTH = 1_000  # at most, of those on which rewards are compared
LEARNER = "learner.zip"
N_COMPARED = 1_024  # transitions on which rewards are compared, at most
N_MEAN = 32  # imagined transitions for each expectation; each is simulated
TELL_EVERY = 0.5  # seconds


class Outcome(NamedTuple):
    """What a job leaves behind.

    Attributes:
        figures: Its result.
        learner: The file of the learner; None if there is none.
    """

    figures: Figures
    learner: bytes | None


def run_job(report: Report, job: Job, work: Path | None = None) -> Outcome:
    """Compute the result of a job.

    It depends on the job alone: jobs need no results of each other. Those of AverageFeatures and
    Waypoints fit the encoder as RLSP does before its first epoch, from the same random numbers, so
    that it is the same to the bit as that of the RLSP run with the same states and seed, at a small
    part of its cost. (The paper hands the encoder on, so that a lost run costs three.)

    Args:
        report: Is told how it goes.
        job: The job.
        work: A folder for what it takes to go on if this process is killed, made if it is
            missing; None for none.

    Raises:
        FloatingPointError: If what is learned is no number any more.
        ImportError: If a package is not installed.
        TypeError: If the learner and the environment do not fit together.
        ValueError: If an argument is out of range.
    """
    # One thread, whatever the number of jobs: results are the same to the bit, and networks small.
    torch.set_num_threads(1)
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    env = plugins.make(job.env_id)
    try:
        expert = _load_expert(job)
        if job.method == EXPERT:
            report("evaluating", 0.0)
            returns = measure_returns(expert, env, job.config.episodes, seed=job.seed)
            details = {"in_loop": returns.to_dict()}
            return Outcome(Figures(returns.mean, None, None, None, None, (), details), None)
        report("sampling states", 0.0)
        observed = sample_observed_states(expert, job.n_states, job.seed, env=env)
        is_resumed = work is not None and any(work.iterdir())
        start = time.perf_counter()
        learner = _learn(job, expert, observed, report, work)
        seconds = None if is_resumed else time.perf_counter() - start
        if work is None:
            with TemporaryDirectory() as folder:
                archive = _archive(learner, Path(folder))
        else:
            archive = _archive(learner, work)
        figures = _measure(job, env, expert, learner, seconds, report)
    finally:
        env.close()
    return Outcome(figures, archive)


def _archive(learner: RewardLearner, folder: Path) -> bytes:
    """The file of a learner, which is left in a folder: a job that is killed later has it."""
    path = folder / LEARNER
    if hasattr(learner, "checkpoint_dir"):
        learner.checkpoint_dir = None  # it is this job's, and will be gone
    learner.save(path)
    return path.read_bytes()


def _load_expert(job: Job) -> Policy:
    with TemporaryDirectory() as folder:
        path = Path(folder, "expert.zip")
        path.write_bytes(job.expert)
        return load_policy(path, plugins.make(job.env_id))


def _learn(
    job: Job, expert: Policy, observed: NDArray[Any], report: Report, work: Path | None
) -> RewardLearner:
    """A learner that has learned; it goes on from the last one that is in the folder."""
    learner_class = plugins.load_learner(job.method)
    progress = _Progress(report, "learning")
    env = plugins.make(job.env_id)
    if work is not None and (work / LEARNER).exists():
        return learner_class.load(work / LEARNER, env)
    if job.method == "gail":
        arguments = {**job.config.gail, "demonstrations": _demonstrations(job, expert, observed)}
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
        ready = RLSP(plugins.make(job.env_id), observed, seed=job.seed, **arguments).learn(0)
        own = arguments_of(learner_class)
        arguments = {name: value for name, value in arguments.items() if name in own}
        arguments |= {"encoder": ready.encoder, "transitions": ready.transitions}
    learner = learner_class(env, observed, seed=job.seed, **arguments, **resumable)
    return learner.learn(callback=progress)


def _demonstrations(job: Job, expert: Policy, observed: NDArray[Any]) -> list[Episode]:
    """What the expert does in each of the observed states: episodes of one step."""
    simulator = make_simulator(plugins.make(job.env_id), np.random.default_rng(job.seed))
    actions, _ = expert.predict(observed, deterministic=True)
    after = simulator.step(observed, actions)
    return [
        Episode(np.stack([state, following]), action[None], np.zeros(1), False, True)
        for state, action, following in zip(observed, actions, after, strict=True)
    ]


def _measure(
    job: Job,
    env: gym.Env[Any, Any],
    expert: Policy,
    learner: RewardLearner,
    seconds: float | None,
    report: Report,
) -> Figures:
    """Measure what was learned."""
    config, notes = job.config, []
    report("evaluating", 0.0)
    details: dict[str, Returns] = {}
    details["in_loop"] = measure_returns(learner, env, config.episodes, seed=job.seed)
    fresh_seconds = None
    if job.method in RLSP_METHODS:
        start = time.perf_counter()
        fresh = train_fresh_policy(
            learner, config.fresh_timesteps, _Progress(report, "fresh policy"), seed=job.seed
        )
        fresh_seconds = time.perf_counter() - start
        report("evaluating", 0.5)
        details["fresh"] = measure_returns(fresh, env, config.episodes, seed=job.seed)
    else:
        notes.append("no fresh policy: the reward is none of states, and depends on the policy")
    report("comparing rewards", 0.0)
    try:
        epic = _epic(job, env, expert, learner)
    except (TypeError, ValueError) as error:  # the returns are good without
        epic = None
        notes.append(f"no EPIC distance: {error}")
    return Figures(
        details["in_loop"].mean,
        details["fresh"].mean if "fresh" in details else None,
        epic,
        seconds,
        fresh_seconds,
        tuple(notes),
        {name: returns.to_dict() for name, returns in details.items()},
    )


def _epic(job: Job, env: gym.Env[Any, Any], expert: Policy, learner: RewardLearner) -> float:
    """The distance of the inferred reward from what the environment gives.

    It is taken on transitions of random actions, the expert, and the learned policy, as many each.
    """
    rng = np.random.default_rng(job.seed)
    policies = (
        None,
        lambda observation: expert.predict(observation, deterministic=True)[0],
        lambda observation: learner.predict(observation, deterministic=True)[0],
    )
    n = job.config.transitions
    parts = [collect(env, n, rng, max_length=EPISODE_LENGTH, policy=each) for each in policies]
    before, actions, after, _ = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return epic_distance(
        learner.reward,
        SimulatedReward(env, job.seed),
        Transitions(before, actions, after),
        n_samples=N_COMPARED,
        n_mean=N_MEAN,
        seed=job.seed,
    )


class _Progress(BaseCallback):
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
