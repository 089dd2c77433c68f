"""A point on a line that can be put anywhere, and what a learner needs there at least."""

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlsp_sb3.presets import FAST

STEP = 0.5

FIT = {"n_updates": 5, "batch_size": 16, "learning_rate": 1e-3}
TINY = replace(  # its arguments of the solver are all, and not what differs
    FAST.updated(
        {
            "n_transitions": 200,
            "episode_length": 10,
            "n_trajectories": 10,
            "dynamics": {"hidden": [8], "fit": FIT, "refit": None},
            "inverse_policy": {"hidden": [8], "first_fit": FIT, "fit": FIT, "n_rollouts": 10},
        }
    ),
    solver=replace(
        FAST.solver,
        n_envs=2,
        n_steps=50,
        hidden=(8,),
        kwargs={"learning_rate": 1e-2, "batch_size": 16, "learning_starts": 10},
    ),
)


class Point(gym.Env[np.ndarray, np.ndarray]):
    """Moves by half of the action, from near 0; at ``wall`` or beyond an episode terminates.

    Beyond ``edge`` nothing is known: observations are NaN.
    """

    def __init__(self, wall: float = np.inf, edge: float = np.inf) -> None:
        self.observation_space = spaces.Box(-100, 100, (1,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.wall, self.edge = wall, edge
        self.x = np.zeros(1, np.float32)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x = self.np_random.uniform(-0.1, 0.1, 1).astype(np.float32)
        return self.x.copy(), {}

    def step(self, action: Any) -> Any:
        self.x = (self.x + STEP * np.asarray(action)).astype(np.float32)
        if abs(self.x[0]) > self.edge:
            self.x = np.full(1, np.nan, np.float32)
        return self.x.copy(), float(self.x[0]), bool(self.x[0] >= self.wall), False, {}

    def set_state_from_observation(self, observation: Any) -> None:
        self.x = np.array(observation, np.float32)


class Counting:
    """A policy with a memory: a tenth of the number of steps since the start of the episode."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> Any:
        count = 0 if state is None or np.all(episode_start) else state + 1
        return np.full_like(observation, count / 10), count


def distance_from_one(observations: Any) -> np.ndarray:
    """A feature: how near a point is to 1."""
    return -np.abs(np.asarray(observations, dtype=np.float64) - 1)
