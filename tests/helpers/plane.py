"""A point on a plane without walls, and cells in a ring: where the best skills are known."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

N_CELLS = 5


class Plane(gym.Env[np.ndarray, np.ndarray]):
    """Goes by a tenth of the action in each direction, from near the middle."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-100, 100, (2,), np.float64)
        self.action_space = spaces.Box(-1, 1, (2,), np.float32)
        self.at = np.zeros(2)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at = self.np_random.uniform(-0.1, 0.1, 2)
        return self.at.copy(), {}

    def step(self, action: Any) -> Any:
        (self.at,) = self.next_observations(self.at[None], np.asarray(action)[None])
        return self.at.copy(), 0.0, False, False, {}

    def next_observations(self, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return observations + 0.1 * np.clip(actions.astype(np.float64), -1, 1)

    def set_state_from_observation(self, observation: Any) -> None:
        self.at = np.array(observation, np.float64)


class RingOfCells(gym.Env[np.ndarray, np.int64]):
    """Goes left, stays, or goes right, in a ring of cells that observations show one-hot.

    In each cell there are three next ones, so no skills say more of the next cell than log 3.
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 1, (N_CELLS,), np.float64)
        self.action_space = spaces.Discrete(3)
        self.shown = np.eye(N_CELLS)[0]

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.shown = np.eye(N_CELLS)[self.np_random.integers(N_CELLS)]
        return self.shown.copy(), {}

    def step(self, action: Any) -> Any:
        (self.shown,) = self.next_observations(self.shown[None], np.asarray(action)[None])
        return self.shown.copy(), 0.0, False, False, {}

    def next_observations(self, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
        cells = observations.argmax(axis=1) + np.asarray(actions).reshape(-1) - 1
        return np.eye(N_CELLS)[cells % N_CELLS]

    def set_state_from_observation(self, observation: Any) -> None:
        self.shown = np.eye(N_CELLS)[int(np.argmax(observation))]
