"""An environment that offers no more than a tabular one must."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from scipy.sparse import csr_array


class Corridor(gym.Env[np.ndarray, np.int64]):
    """Three cells in a row, and a person who went from the left one to the right one."""

    feature_names = ("left", "middle", "right")
    horizon = 3
    observed_states = np.array([[0.0, 0.0, 1.0]], dtype=np.float32)

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 1, (3,), np.float32)
        self.action_space = spaces.Discrete(2)

    @property
    def mdp(self) -> Any:
        transitions = np.zeros((6, 3))
        for state in range(3):
            for action, step in enumerate((-1, 1)):
                transitions[2 * state + action, min(max(state + step, 0), 2)] = 1
        mdp: Any = type("MDP", (), {})()
        mdp.transitions = csr_array(transitions)
        mdp.features = np.eye(3)
        mdp.initial_distribution = np.array([1.0, 0.0, 0.0])
        return mdp

    def state_indices(self, observations: Any) -> np.ndarray:
        return np.asarray(observations).argmax(axis=1)

    def features(self, observations: Any) -> np.ndarray:
        return np.asarray(observations, dtype=float)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.eye(3, dtype=np.float32)[0], {}

    def render(self) -> Any:
        return np.zeros((8, 24, 3), dtype=np.uint8)
