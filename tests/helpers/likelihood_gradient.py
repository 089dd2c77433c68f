"""Gradient of the log likelihood of an observed state at θ = 0, by differences, for tables."""

import numpy as np
from scipy.special import logsumexp

STEP = 1e-4


def likelihood(theta, transitions, features, initial, state, n_actions):
    """The probabilities p(s_t = state) for t = 1, …, n_actions (n_actions,).

    The person maximizes θ·φ over the states up to the one at t, at temperature 1.

    Args:
        theta: The weights (F,).
        transitions: P(s' | s, a) (S, A, S).
        features: Those of each state (S, F).
        initial: The probability of each state at the start (S,).
        state: The index of the observed state.
        n_actions: The largest t.
    """
    rewards, found = features @ theta, []
    for last in range(1, n_actions + 1):
        value, policies = rewards, []
        for _ in range(last):
            q = rewards[:, None] + transitions @ value
            value = logsumexp(q, axis=1)
            policies.insert(0, np.exp(q - value[:, None]))
        there = initial
        for policy in policies:
            there = np.einsum("s,sa,sat->t", there, policy, transitions)
        found.append(there[state])
    return np.array(found)


def likelihood_gradient(transitions, features, initial, state, n_actions):
    """The gradient (F,) at θ = 0 of the log of the mean likelihood, per action."""
    at_zero = np.zeros(features.shape[1])
    arguments = (transitions, features, initial, state, n_actions)
    gradient = [
        np.log(likelihood(at_zero + step, *arguments).sum())
        - np.log(likelihood(at_zero - step, *arguments).sum())
        for step in STEP * np.eye(len(at_zero))
    ]
    return np.array(gradient) / (2 * STEP) / n_actions
