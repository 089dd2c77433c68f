"""Evaluation metrics of a learner, from the true reward where there is one."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.learners.true_return import true_return_fractions
from rlsp_sb3.type_aliases import FloatArray

MAX_STEPS = 1_000


def measure_learner(learner: RewardLearner, rng: np.random.Generator) -> dict[str, float]:
    """Measure the reward and the policy of a learner by the reward of its environment.

    That reward is not used to learn.

    Args:
        learner: The learner.
        rng: Seeds the episode.

    Returns:
        For an environment to plan in, the fraction of the best true return that the robot gets, if
        there is a true reward. Otherwise the returns of one episode of the policy, at most 1,000
        steps long, by the environment's reward and by the inferred one, and the correlation of both
        rewards over its steps.
    """
    if plans_policy(learner):
        true_reward = getattr(learner.unwrapped_env, "true_reward", None)
        if true_reward is None:
            return {}
        true_rewards = learner.mdp.features @ true_reward
        fraction = list(true_return_fractions(learner).values())[-1]
        return {
            "true_return_fraction": fraction,
            "reward_correlation": correlation(learner.inferred_rewards, true_rewards),
        }
    (episode,) = rollout_env(
        learner, first_base_env(learner.env), seed=rng, deterministic=True, max_steps=MAX_STEPS
    )
    before, after = episode.observations[:-1], episode.observations[1:]
    done = np.zeros(len(after), dtype=np.bool_)
    inferred = np.asarray(learner.reward(before, episode.actions, after, done), dtype=np.float64)
    return {
        "true_return": episode.total_reward,
        "inferred_return": float(inferred.sum()),
        "reward_correlation": correlation(inferred, episode.rewards),
    }


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's correlation of two vectors (N,); NaN if one of them does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
