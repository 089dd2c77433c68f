"""Computation of the result of a job of the table of skills, on whatever machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.rollouts import rollout_env, sample_observed_states
from rlsp_sb3.evaluation.policy_discriminator import held_out_cross_entropy, segments
from rlsp_sb3.experiments.executors.base import Report
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.learning import archived, learn_job
from rlsp_sb3.experiments.skills.job import RANDOM, SkillFigures, SkillJob, npz_of
from rlsp_sb3.protocols import Policy

FEWEST_SEGMENTS = 2  # one to learn from, and one that is held out


def run_skill_job(report: Report, job: SkillJob, work: Path | None = None) -> Outcome:
    """Compute the result of a job.

    The learned policy is that which was trained along with the reward. It acts as often and as long
    as the skill did, without randomness, from where the environment starts.

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
    torch.set_num_threads(1)  # whatever the number of jobs: results are the same to the bit
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    skill = job.skill.episodes()
    env = env_util.make_env(job.env_id)
    try:
        if job.method == RANDOM:
            policy: Policy = RandomPolicy(env, job.seed)
            archive = seconds = None
        else:
            report("sampling states", 0.0)
            observed = sample_observed_states(with_actions(skill), job.n_states, job.seed)
            is_resumed = work is not None and any(work.iterdir())
            demonstrations = partial(demonstrations_of, skill, observed)
            start = time.perf_counter()
            policy = learner = learn_job(job, observed, demonstrations, report, work)
            seconds = None if is_resumed else time.perf_counter() - start
            archive = archived(learner, work)
        report("acting", 0.0)
        n_steps = max(map(len, skill))
        acted = rollout_env(
            policy, env, len(skill), seed=job.seed, deterministic=True, max_steps=n_steps
        )
    finally:
        env.close()
    report("telling apart", 0.0)
    return Outcome(tell_apart(skill, acted, job.seed, seconds), archive, npz_of(acted))


def tell_apart(
    skill: Sequence[Episode], acted: Sequence[Episode], seed: int, seconds: float | None
) -> SkillFigures:
    """Train a discriminator of a skill's episodes and a policy's; returns its cross-entropy."""
    shown, reached = all_segments(skill), all_segments(acted)
    if len(reached) < FEWEST_SEGMENTS:
        why = f"no cross-entropy: a learned policy ended its episodes after {len(acted[0])} steps"
        return SkillFigures((), (), seconds, (why,))
    steps, cross_entropy = held_out_cross_entropy(shown, reached, seed)
    return SkillFigures(tuple(steps.tolist()), tuple(cross_entropy.tolist()), seconds)


def all_segments(episodes: Sequence[Episode]) -> list[NDArray[Any]]:
    """The segments of all episodes."""
    return [segment for episode in episodes for segment in segments(episode.observations)]


def with_actions(skill: Sequence[Episode]) -> list[Episode]:
    """Episodes without their last state, in which nothing is done that GAIL could imitate."""
    return [
        Episode(each.observations[:-1], each.actions[:-1], each.rewards[:-1], truncated=True)
        for each in skill
        if len(each) > 1
    ]


def demonstrations_of(skill: Sequence[Episode], observed: NDArray[Any]) -> list[Episode]:
    """Demonstrations of a skill in each of the observed states: episodes of one step."""
    found = []
    for state in observed:
        episode, step = next(
            (episode, step)
            for episode in skill
            for step in range(len(episode))
            if np.array_equal(episode.observations[step], state)
        )
        both, action = episode.observations[step : step + 2], episode.actions[step : step + 1]
        found.append(Episode(both, action, np.zeros(1), truncated=True))
    return found


class RandomPolicy:
    """Takes actions that are uniformly distributed.

    Args:
        env: The environment in which it acts.
        seed: Seeds the actions.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int) -> None:
        self._space = copy.deepcopy(env.action_space)
        self._space.seed(seed)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """An action, whatever is observed."""
        return np.asarray(self._space.sample()), None
