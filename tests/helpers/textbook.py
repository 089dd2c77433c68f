"""Exact RLSP as the paper writes it (Shah et al. 2019), on the whole state space.

Slow, and plain enough to be trusted: what the product is tested and measured against.
"""

from itertools import product
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from scipy.sparse import csr_array
from scipy.special import logsumexp


class World(NamedTuple):
    """The least that an MDP must offer."""

    transitions: csr_array
    features: np.ndarray
    initial_distribution: np.ndarray

    @property
    def dense(self):
        """P(s' | s, a) of shape (S, A, S)."""
        n_states = self.transitions.shape[1]
        return self.transitions.toarray().reshape(n_states, -1, n_states)


def random_world(seed, n_states=3, n_actions=2, n_features=2, deterministic=False):
    rng = np.random.default_rng(seed)
    rows = n_states * n_actions
    if deterministic:
        transitions = np.eye(n_states)[rng.integers(n_states, size=rows)]
    else:
        transitions = rng.dirichlet(np.full(n_states, 0.7), size=rows)
        transitions[transitions < 0.1] = 0  # some things cannot happen
        transitions /= transitions.sum(axis=1, keepdims=True)
    return World(
        csr_array(transitions),
        rng.normal(size=(n_states, n_features)),
        rng.dirichlet(np.ones(n_states)),
    )


def random_policy(rng, horizon, n_states, n_actions):
    return rng.dirichlet(np.ones(n_actions), size=(horizon - 1, n_states))


def trajectories(world, policy, start):
    """Each possible sequence of states from a start, with its probability, one by one."""
    dense = world.dense
    n_states, n_actions = dense.shape[:2]
    paths = [((start,), 1.0)]
    for pi in policy:
        paths = [
            ((*path, following), probability * pi[path[-1], action] * step)
            for path, probability in paths
            for action, following in product(range(n_actions), range(n_states))
            if (step := dense[path[-1], action, following]) > 0
        ]
    return paths


def plan(world, rewards, horizon, temperature):
    """The Boltzmann-rational policy (T - 1, S, A) for rewards (S,)."""
    n_states = len(rewards)
    values, policies = rewards, []
    for _ in range(horizon - 1):
        q = rewards[:, None] + (world.transitions @ values).reshape(n_states, -1)
        values = temperature * logsumexp(q / temperature, axis=1)
        policies.append(np.exp((q - values[:, None]) / temperature))
    return policies[::-1]


def log_likelihood_and_gradient(
    world, theta, observed, initial_distribution, horizon, temperature=1.0
):
    """log α_{T-1}(s) of one observed state and its gradient, by the paper's forward recursion."""
    features = world.features
    n_states, n_features = features.shape
    policies = plan(world, features @ theta, horizon, temperature)

    def expect(feature_sums):  # Σ_s' P(s' | s, a) F(s'), of shape (S, A, F)
        return (world.transitions @ feature_sums).reshape(n_states, -1, n_features)

    sums = [features]  # F_t, the expected features from t on
    for pi in policies[::-1]:
        sums.append(features + np.einsum("sa,saf->sf", pi, expect(sums[-1])))
    sums.reverse()

    alpha = initial_distribution
    derivative = np.zeros((n_states, n_features))  # of alpha by theta
    for t, pi in enumerate(policies):
        score = features[:, None] + expect(sums[t + 1]) - sums[t][:, None]
        score /= temperature  # of log π_t(a | s)
        flow = pi[..., None] * (derivative[:, None] + alpha[:, None, None] * score)
        derivative = world.transitions.T @ flow.reshape(-1, n_features)
        alpha = world.transitions.T @ (alpha[:, None] * pi).ravel()
    return float(np.log(alpha[observed])), derivative[observed] / alpha[observed]


def central_differences(function, point, step=1e-5):
    """The gradient of a function of a vector."""
    return np.array(
        [
            (function(point + offset) - function(point - offset)) / (2 * step)
            for offset in step * np.eye(len(point))
        ]
    )


class LineEnv(gym.Env):
    """Somebody else's environment: a line of cells, and nothing but what is asked for."""

    observation_space = spaces.Discrete(5)
    action_space = spaces.Discrete(2)
    feature_names = ("left_end", "right_end")

    def __init__(self):
        left = np.eye(5)[[0, 0, 1, 2, 3]]
        right = np.eye(5)[[1, 2, 3, 4, 4]]
        self.mdp = World(
            csr_array(np.stack([left, right], axis=1).reshape(10, 5)),
            np.eye(5)[:, [0, 4]],
            np.eye(5)[2],
        )
        self.cell = 2

    def state_indices(self, observations):
        return np.asarray(observations, dtype=np.int64)

    def features(self, observations):
        return self.mdp.features[self.state_indices(observations)]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = 2
        return self.cell, {}

    def step(self, action):
        self.cell = int(np.clip(self.cell + (1 if action else -1), 0, 4))
        return self.cell, 0.0, False, False, {}
