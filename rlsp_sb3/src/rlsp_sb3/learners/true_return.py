"""True returns of robots that plan with and without the inferred reward."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.learners.tabular import TabularLearner
from rlsp_sb3.planning.planned_policy import PlannedPolicy
from rlsp_sb3.planning.return_fraction import true_return_fraction
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types

TASK_ONLY = "task reward only"


def robots(learner: TabularLearner) -> dict[str, FloatArray]:
    """Rewards that robots plan with, by name: of each state (S,), or at each time too (n, S).

    The last one is the learner's own; the one that knows only the task comes before, if the
    environment says what the task is.
    """
    if not hasattr(learner.unwrapped_env, "task_reward"):
        return {"inferred reward": learner.planned_rewards}
    task_only = {TASK_ONLY: learner.mdp.features @ learner.task_reward}
    if learner.combination == "bayesian":
        return {**task_only, "inferred reward, task as prior": learner.planned_rewards}
    weight = learner.inferred_weight
    inferred = "inferred reward" if weight == 1 else f"{weight:g} × inferred reward"
    return {**task_only, f"task + {inferred}": learner.planned_rewards}


@checks_types
def true_return_fractions(learner: TabularLearner) -> dict[str, float]:
    """Mean fraction of the best true return that each robot gets from the observed states.

    Raises:
        NotOfferedError: If the environment does not say what the true reward is.
    """
    return {name: fraction_of(learner, rewards) for name, rewards in robots(learner).items()}


def fraction_of(learner: TabularLearner, planned_rewards: FloatArray) -> float:
    """Mean fraction of the best true return that a robot gets from the observed states.

    Args:
        learner: Whose environment and observed states count.
        planned_rewards: What the robot plans with: the reward of each state (S,), or at each time
            too (n, S).

    Raises:
        NotOfferedError: If the environment does not say what the true reward is.
    """
    env, mdp = learner.unwrapped_env, learner.mdp
    true_reward = getattr(env, "true_reward", None)
    if true_reward is None:
        raise NotOfferedError("the environment offers no true_reward")
    starts = env.state_indices(learner.observed_states)
    true_rewards = mdp.features @ true_reward
    fractions = [true_return_fraction(mdp, planned_rewards, true_rewards, s) for s in starts]
    return float(np.mean(fractions))


def policies(learner: TabularLearner) -> dict[str, PlannedPolicy]:
    """The policy of each robot."""
    return {name: learner.plan(rewards) for name, rewards in robots(learner).items()}
