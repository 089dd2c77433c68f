"""A walk on the integers, a solver that tosses a coin at each step, and an estimator with both."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlsp_sb3.data import Episode
from rlsp_sb3.encoders.base import FunctionEncoder
from rlsp_sb3.presets import FAST
from rlsp_sb3.rlsp.forward_estimator import ForwardEstimator
from rlsp_sb3.rlsp.gradient_estimator import GradientProblem
from rlsp_sb3.simulators import Simulator


class Walk(Simulator):
    """A walk on the integers, from one of some on."""

    def __init__(self, starts=(0,)):
        self.starts = np.array(starts, np.float32)
        env = gym.Env()
        env.observation_space = spaces.Box(-np.inf, np.inf, (1,))
        env.action_space = spaces.Discrete(2)
        super().__init__(env, np.random.default_rng(0))

    def reset(self, n):
        return self.rng.choice(self.starts, size=(n, 1))

    def _advance(self, states, actions):
        following = states + np.where(actions, 1, -1)[:, None].astype(np.float32)
        return following, following.copy()


class CoinTosses:
    """A solver whose policy is to toss a coin."""

    def __init__(self):
        self.rng = np.random.default_rng(1)  # not what draws the starts

    def act(self, observations, time):
        return self.rng.integers(2, size=len(observations))


def episode(*xs):
    """A walk."""
    states = np.array(xs, np.float32)[:, None]
    return Episode(states, (np.diff(xs) > 0).astype(np.int64), np.zeros(len(xs) - 1))


def x_and_square(observations):
    """Features: x and x²."""
    x = np.asarray(observations, dtype=np.float64)[:, :1]
    return np.hstack([x, x**2])


def walker(observed, n=20_000, horizon=5):
    """A forward estimator of walks from 0, with a narrow kernel."""
    problem = GradientProblem(
        observed_states=np.array(observed, np.float32)[:, None],
        encoder=FunctionEncoder(x_and_square, ("x", "x²")),
        horizon=horizon,
        n_trajectories=n,
        trajectory_weights="uniform",
        hyperparameters=replace(FAST, forward=replace(FAST.forward, effective_share=0.02)),
    )
    return ForwardEstimator(problem, Walk(), CoinTosses())
