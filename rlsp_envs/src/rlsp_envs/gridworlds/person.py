"""A person who acts well: the best plan for a reward, and the state that it leaves behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.mdp import TabularMDP


def best_actions(mdp: TabularMDP, rewards: NDArray[np.float64], horizon: int) -> NDArray[np.int64]:
    """Optimal actions (T - 1, S) for an undiscounted reward of each state (S,), by induction.

    Args:
        mdp: The environment.
        rewards: The reward of each state (S,).
        horizon: The number T of states of a trajectory.
    """
    actions = np.empty((horizon - 1, mdp.n_states), dtype=np.int64)
    values = rewards
    for t in reversed(range(horizon - 1)):  # V_t(s) = r(s) + max_a Σ_s' P(s' | s, a) V_t+1(s')
        q = (mdp.transitions @ values).reshape(mdp.n_states, mdp.n_actions)
        actions[t] = q.argmax(axis=1)
        values = rewards + q.max(axis=1)
    return actions


def expected_return(
    mdp: TabularMDP, actions: NDArray[np.int64], rewards: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The return (S,) of actions (T - 1, S) from each state on.

    Args:
        mdp: The environment.
        actions: What is done at each time in each state (T - 1, S).
        rewards: The reward of each state (S,).
    """
    values = rewards
    for chosen in actions[::-1]:
        rows = np.arange(mdp.n_states) * mdp.n_actions + chosen
        values = rewards + mdp.transitions[rows] @ values
    return values


def last_state(
    mdp: TabularMDP, actions: NDArray[np.int64], start: int, rng: np.random.Generator
) -> int:
    """The state that actions (T - 1, S) lead to, where what is random is drawn.

    Args:
        mdp: The environment.
        actions: What is done at each time in each state (T - 1, S).
        start: The index of the state to start from.
        rng: Draws what follows.
    """
    state = start
    for chosen in actions:
        row = mdp.transitions[[state * mdp.n_actions + chosen[state]]]
        state = int(rng.choice(row.indices, p=row.data))
    return state
