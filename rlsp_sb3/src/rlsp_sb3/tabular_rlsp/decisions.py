"""Decisions of a robot that knows the reward only by a posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rlsp_sb3.learners.tabular import TabularLearner, plans_policy
from rlsp_sb3.planning.dynamic_programming import backup
from rlsp_sb3.utils.checks import check_array, check_int
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types

N_ACTIONS = 20  # as many as the published robot takes, and those of an environment without a limit
_TOLERANCE = 1e-9  # values that differ by less are equal


class Decision(NamedTuple):
    """A choice between the robot's action and the one that may be better than it.

    Attributes:
        action: The action that the plan for the mean reward takes, which is the one of the largest
            expected return, since the reward is linear in its weights.
        rival: The action that is better than this one in most samples.
        difference: The mean over samples of the value of the action, less that of the rival.
        action_share: The share of samples in which the action is better than the rival.
        rival_share: The share of samples in which the rival is better.
    """

    action: int
    rival: int
    difference: float
    action_share: float
    rival_share: float

    def is_undecided(self, confidence: float = 0.9) -> bool:
        """True if the rival is better with a probability of more than 1 - confidence."""
        return self.rival_share > 1 - confidence


@checks_types
def decide(
    learner: TabularLearner,
    samples: ArrayLike,
    observation: ArrayLike,
    n_actions_left: int = N_ACTIONS,
) -> Decision:
    """Compare the actions in a state under samples of the reward weights.

    The robot minds the task reward plus ``inferred_weight`` times each sample, or the sample alone
    if the combination is "bayesian". The value of an action in a sample is the best return after
    it, as if the reward were known from then on.

    Args:
        learner: Whose environment, task reward and combination count.
        samples: Weights (n, F) that are equally likely, such as those of a posterior.
        observation: The observation of the state.
        n_actions_left: How many actions there are to take, this one included, at least 1.

    Raises:
        NotOfferedError: If the learner's environment has too many states to tabulate.
        ValueError: If the samples are not for F features, or the number is out of range.
    """
    if not plans_policy(learner):
        raise NotOfferedError(
            f"learner={type(learner).__name__}: its environment has too many states to compare "
            "actions in: expected one that offers mdp"
        )
    check_int("n_actions_left", n_actions_left, 1)
    weights = check_array("samples", samples, ("n", len(learner.feature_names)))
    weights = np.concatenate([weights, weights.mean(axis=0, keepdims=True)])
    if learner.combination == "additive":
        weights = learner.task_reward + learner.inferred_weight * weights
    mdp, env = learner.mdp, learner.unwrapped_env
    state = int(env.state_indices(np.asarray(observation)[None])[0])
    rewards = values = mdp.features @ weights.T
    for _ in range(n_actions_left - 1):
        _, values = backup(mdp.transitions, rewards, values, temperature=0)
    n_actions = mdp.transitions.shape[0] // len(rewards)
    rows = state * n_actions + np.arange(n_actions)
    q = mdp.transitions[rows] @ values  # less the reward of the state, which is the same for all
    action = int(q[:, -1].argmax())  # the last one is the mean
    advantages = (q[action] - q)[:, :-1]
    rival_shares = (advantages < -_TOLERANCE).mean(axis=1)
    rival_shares[action] = -1  # is no rival of its own
    rival = int(rival_shares.argmax())
    return Decision(
        action=action,
        rival=rival,
        difference=float(advantages[rival].mean()),
        action_share=float((advantages[rival] > _TOLERANCE).mean()),
        rival_share=float(max(rival_shares[rival], 0)),
    )
