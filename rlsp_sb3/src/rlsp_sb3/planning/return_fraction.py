"""The fraction of the best true return that a robot gets which plans with an inferred reward."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.planning.dynamic_programming import expected_sums, value_iteration
from rlsp_sb3.protocols import TabularMDP
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array, check_int
from rlsp_sb3.utils.type_checks import checks_types

HORIZON = 20
LIVING_REWARD = 1.0


@checks_types
def true_return_fraction(
    mdp: TabularMDP,
    planned_rewards: FloatArray,
    true_rewards: FloatArray,
    start: int,
    horizon: int = HORIZON,
) -> float:
    """The true return of a robot that plans with some reward, relative to the best possible.

    As published (Shah et al. 2019, section 5), the robot plans without a temperature from a given
    state for a number of states, that one included, and a living reward of 1 for each of them is
    added to both returns.

    Args:
        mdp: The environment.
        planned_rewards: What the robot plans with: the reward of each state (S,), or of each state
            at each time (n, S), the last one for all times from n - 1 on.
        true_rewards: What counts, the true reward of each state (S,).
        start: The index of the state from which the robot starts.
        horizon: The number of states, at least 1.

    Returns:
        A fraction, at most 1.
    """
    n_states = len(mdp.initial_distribution)
    check_array("planned_rewards", planned_rewards, (n_states,), ("n", n_states))
    check_array("true_rewards", true_rewards, (n_states,))
    check_int("start", start, 0, n_states - 1)

    def true_return(rewards: FloatArray) -> float:
        policy = value_iteration(mdp.transitions, rewards, horizon, temperature=0).policy
        achieved = expected_sums(mdp.transitions, policy, true_rewards)[0, start]
        return float(achieved + LIVING_REWARD * horizon)

    return true_return(planned_rewards) / true_return(np.asarray(true_rewards))
