"""Computation of a job of the MuJoCo table, on whatever machine."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.rollouts import sample_observed_states
from rlsp_sb3.data.transitions import collect, concatenate
from rlsp_sb3.evaluation.epic import epic_distance
from rlsp_sb3.evaluation.returns import Returns, measure_returns
from rlsp_sb3.evaluation.simulated_reward import SimulatedReward
from rlsp_sb3.experiments.executors.base import Report
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.learning import Learned, ProgressReporter, job_env, learn_job
from rlsp_sb3.experiments.methods import EXPERT, RLSP_METHODS
from rlsp_sb3.experiments.mujoco.job import MujocoFigures, MujocoJob
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.policies.retrain import retrain_policy
from rlsp_sb3.protocols import Policy
from rlsp_sb3.simulators.rollout import make_simulator

_EPISODE_LENGTH = 1_000  # at most, of those on which rewards are compared
_N_COMPARED = 1_024  # transitions on which rewards are compared, at most
_N_MEAN = 32  # imagined transitions for each expectation; each is simulated


def run_mujoco_job(report: Report, job: MujocoJob, work: Path | None = None) -> Outcome:
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
    with job_env(job, work) as env:
        expert = _load_expert(job)
        if job.method == EXPERT:
            report("evaluating", 0.0)
            returns = measure_returns(expert, env, job.config.episodes, seed=job.seed)
            details = {"in_loop": returns.to_dict()}
            return Outcome(MujocoFigures(returns.mean, details=details), None)
        report("sampling states", 0.0)
        observed = sample_observed_states(expert, job.n_states, job.seed, env=env)
        demonstrations = partial(_demonstrations, job, expert, observed)
        learned = learn_job(job, observed, demonstrations, report, work)
        figures = _measure(job, env, expert, learned, report)
    return Outcome(figures, learned.archive)


def _load_expert(job: MujocoJob) -> Policy:
    with TemporaryDirectory() as folder:
        files = {"expert.zip": job.expert, "vecnormalize.pkl": job.vec_normalize}
        for name, content in files.items():
            if content is not None:
                Path(folder, name).write_bytes(content)
        return load_policy(Path(folder, "expert.zip"), env_util.make_env(job.env_id))


def _demonstrations(job: MujocoJob, expert: Policy, observed: NDArray[Any]) -> list[Episode]:
    """Demonstrations of the expert from each of the observed states: episodes of one step.

    Raises:
        TypeError: If the expert acts by what it remembers, which observed states do not say.
    """
    simulator = make_simulator(env_util.make_env(job.env_id), np.random.default_rng(job.seed))
    actions, memory = expert.predict(observed, deterministic=True)
    if memory is not None:
        raise TypeError(
            f"the expert of {job.env_id} is recurrent: what it does in an observed state depends "
            "on what it saw before; expected a policy without a memory for gail, which imitates "
            "single steps: leave gail out, or train another expert"
        )
    after = simulator.step(observed, actions)
    return [
        Episode(np.stack([state, following]), action[None], np.zeros(1), False, True)
        for state, action, following in zip(observed, actions, after, strict=True)
    ]


def _measure(
    job: MujocoJob,
    env: gym.Env[Any, Any],
    expert: Policy,
    learned: Learned,
    report: Report,
) -> MujocoFigures:
    """Measure what was learned."""
    config, learner, notes = job.config, learned.learner, []
    report("evaluating", 0.0)
    details: dict[str, Returns] = {}
    details["in_loop"] = measure_returns(learner, env, config.episodes, seed=job.seed)
    retrain_seconds = None
    if job.method in RLSP_METHODS:
        start = time.perf_counter()
        retrained = retrain_policy(
            learner,
            config.retrain_timesteps,
            ProgressReporter(report, "retrained policy"),
            seed=job.seed,
        )
        retrain_seconds = time.perf_counter() - start
        report("evaluating", 0.5)
        details["retrained"] = measure_returns(retrained, env, config.episodes, seed=job.seed)
    else:
        notes.append("no retrained policy: the reward is none of states, and depends on the policy")
    report("comparing rewards", 0.0)
    try:
        epic = _epic(job, env, expert, learner)
    except (TypeError, ValueError) as error:  # the returns are good without
        epic = None
        notes.append(f"no EPIC distance: {error}")
    return MujocoFigures(
        in_loop=details["in_loop"].mean,
        retrained=details["retrained"].mean if "retrained" in details else None,
        epic=epic,
        seconds=learned.seconds,
        retrain_seconds=retrain_seconds,
        notes=tuple(notes),
        details={name: returns.to_dict() for name, returns in details.items()},
    )


def _epic(job: MujocoJob, env: gym.Env[Any, Any], expert: Policy, learner: RewardLearner) -> float:
    """The distance of the inferred reward from what the environment gives.

    It is taken on transitions of random actions, the expert, and the learned policy, as many each.
    """
    rng = np.random.default_rng(job.seed)
    policies = (None, expert, learner)
    n = job.config.transitions
    parts = [collect(env, n, rng, max_length=_EPISODE_LENGTH, policy=each) for each in policies]
    return epic_distance(
        learner.reward,
        SimulatedReward(env, job.seed),
        concatenate(*parts)._replace(dones=None),
        n_samples=_N_COMPARED,
        n_mean=_N_MEAN,
        seed=job.seed,
    )
