"""Computation of a job of the table of skills, on whatever machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.rollouts import rollout_env, sample_observed_states
from rlsp_sb3.evaluation.policy_discriminator import held_out_cross_entropy, segments
from rlsp_sb3.experiments.executors.base import Report
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.learning import Learned, job_env, learn_job
from rlsp_sb3.experiments.methods import RANDOM
from rlsp_sb3.experiments.skills.job import SkillFigures, SkillJob, npz_of
from rlsp_sb3.policies.random_policy import RandomPolicy
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
    skill = job.skill.episodes()
    learned: Learned | None = None
    with job_env(job, work) as env:
        if job.method == RANDOM:
            policy: Policy = RandomPolicy(env, job.seed)
        else:
            report("sampling states", 0.0)
            observed = sample_observed_states(with_actions(skill), job.n_states, job.seed)
            demonstrations = partial(demonstrations_of, skill, observed)
            learned = learn_job(job, observed, demonstrations, report, work)
            policy = learned.learner
        report("acting", 0.0)
        n_steps = max(map(len, skill))
        acted = rollout_env(
            policy, env, len(skill), seed=job.seed, deterministic=True, max_steps=n_steps
        )
    report("telling apart", 0.0)
    space = env.observation_space
    figures = tell_apart(skill, acted, space, job.seed, learned and learned.seconds)
    return Outcome(figures, learned and learned.archive, npz_of(acted))


def tell_apart(
    skill: Sequence[Episode],
    acted: Sequence[Episode],
    space: spaces.Space[Any],
    seed: int,
    seconds: float | None,
) -> SkillFigures:
    """Train a discriminator of a skill's episodes and a policy's; returns its cross-entropy."""
    shown, reached = all_segments(skill), all_segments(acted)
    if len(reached) < FEWEST_SEGMENTS:
        why = f"no cross-entropy: a learned policy ended its episodes after {len(acted[0])} steps"
        return SkillFigures((), (), seconds, (why,))
    steps, cross_entropy = held_out_cross_entropy(shown, reached, seed, observation_space=space)
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
    """Demonstrations of the skill from each of the observed states: episodes of one step."""
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
