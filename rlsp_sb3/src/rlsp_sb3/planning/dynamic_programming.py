"""Finite-horizon value iteration in tabular environments, as pure functions.

Throughout, t counts the T states of a trajectory (horizon T, so T - 1 actions), s and s' are
states, a is an action and f a feature; arrays are indexed in the order [t, s, a] and [t, s, f].
The transitions are a sparse matrix (S·A, S) whose row s·A + a holds P(s' | s, a). Nothing is
discounted, and every state of a trajectory is rewarded, the first one included.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_HORIZON, check_array, check_int, check_positive
from rlsp_sb3.utils.type_checks import checks_types


class Plan(NamedTuple):
    """Policy and its values.

    Attributes:
        policy: The probability of each action (T - 1, S, A).
        values: The return from each state on (T, S); soft values if the temperature is above 0.
    """

    policy: FloatArray
    values: FloatArray


@checks_types
def value_iteration(
    transitions: csr_array, rewards: ArrayLike, horizon: int, temperature: float = 1.0
) -> Plan:
    """Plan by backward induction.

    Let Q_t(s, a) = r_t(s) + Σ_s' P(s' | s, a) V_{t+1}(s') and V_{T-1} = r_{T-1}. A temperature
    τ > 0 gives the Boltzmann-rational policy π_t = exp((Q_t - V_t) / τ), where
    V_t = τ log Σ_a exp(Q_t / τ), and τ = 0 the optimal one, where V_t = max_a Q_t and ties go to
    the action with the smallest number (Shah et al. 2019, section 3).

    Args:
        transitions: P(s' | s, a), (S·A, S).
        rewards: The reward of each state (S,), or of each state at each time (n, S), the last one
            for all times from n - 1 on.
        horizon: T, at least 1.
        temperature: τ, at least 0.

    Raises:
        ValueError: If an argument is out of range or the rewards have another shape.
    """
    n_states = transitions.shape[1]
    check_int("horizon", horizon, 1, MAX_HORIZON)
    check_positive("temperature", temperature, zero=True)
    rewards = np.atleast_2d(check_array("rewards", rewards, (n_states,), ("n", n_states)))
    rewards = rewards[np.minimum(np.arange(horizon), len(rewards) - 1)]
    policy = np.empty((horizon - 1, n_states, transitions.shape[0] // n_states))
    values = np.empty((horizon, n_states))
    values[-1] = rewards[-1]
    for t in reversed(range(horizon - 1)):
        policy[t], values[t] = backup(transitions, rewards[t], values[t + 1], temperature)
    return Plan(policy, values)


def backup(
    transitions: csr_array, rewards: FloatArray, next_values: FloatArray, temperature: float
) -> tuple[FloatArray, FloatArray]:
    """One step of value iteration: the policy (n, A) and values (n,) of n states.

    All arrays but the transitions may have a further axis, of M rewards at once.

    Args:
        transitions: P(s' | s, a) from these n states to n' states, (n·A, n').
        rewards: The rewards (n,) of the n states, or (n, M).
        next_values: The values (n',) of the n' states, or (n', M).
        temperature: 0 for the optimal policy, above 0 for the Boltzmann-rational one.
    """
    # Q_t(s, a) = r_t(s) + Σ_s' P(s' | s, a) V_t+1(s')
    onward = transitions @ next_values
    q = rewards[:, None] + onward.reshape(len(rewards), -1, *rewards.shape[1:])
    best = q.max(axis=1)
    if temperature == 0:
        policy = np.zeros_like(q)
        np.put_along_axis(policy, q.argmax(axis=1)[:, None], 1, axis=1)
        return policy, best
    # π_t = exp((Q_t - V_t) / τ), V_t = τ log Σ_a exp(Q_t / τ), less the maximum against overflow
    policy = np.exp((q - best[:, None]) / temperature)
    total = policy.sum(axis=1)
    policy /= total[:, None]
    return policy, best + temperature * np.log(total)


@checks_types
def occupancies(
    transitions: csr_array, policy: FloatArray, initial_distribution: ArrayLike
) -> FloatArray:
    """The probability of each state at each time, α_{t+1} = α_t π_t P.

    Args:
        transitions: P(s' | s, a), (S·A, S).
        policy: The probability of each action (T - 1, S, A).
        initial_distribution: The probability of each state at the start (S,).

    Returns:
        α of shape (T, S).
    """
    n_states = transitions.shape[1]
    policy = check_array("policy", policy, _policy_shape(transitions), empty=True)
    probabilities = [check_array("initial_distribution", initial_distribution, (n_states,))]
    for pi in policy:  # α_t+1(s') = Σ_s,a α_t(s) π_t(a | s) P(s' | s, a)
        state_actions = probabilities[-1][:, None] * pi
        probabilities.append(transitions.T @ state_actions.ravel())
    return np.stack(probabilities)


@checks_types
def expected_sums(transitions: csr_array, policy: FloatArray, quantity: ArrayLike) -> FloatArray:
    """Expected sums of a quantity of the states from each state and time on under a policy.

    Args:
        transitions: P(s' | s, a), (S·A, S).
        policy: The probability of each action (T - 1, S, A).
        quantity: The quantity: rewards (S,), whose sums are the values of the policy, or features
            (S, F), whose sums are the feature expectations F_t.

    Returns:
        Sums of shape (T, S) or (T, S, F).
    """
    n_states = transitions.shape[1]
    policy = check_array("policy", policy, _policy_shape(transitions), empty=True)
    quantity = check_array("quantity", quantity, (n_states,), (n_states, "F"))
    sums = [quantity]
    for pi in policy[::-1]:  # F_t(s) = f(s) + Σ_a π_t(a | s) Σ_s' P(s' | s, a) F_t+1(s')
        future = (transitions @ sums[-1]).reshape(*pi.shape, *quantity.shape[1:])
        sums.append(quantity + np.einsum("sa,sa...->s...", pi, future))
    return np.stack(sums[::-1])


def _policy_shape(transitions: csr_array) -> tuple[int | str, ...]:
    n_rows, n_states = transitions.shape
    return "T - 1", n_states, n_rows // n_states
