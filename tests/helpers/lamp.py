"""An environment of small pictures."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

NUMBERS = spaces.Box(-1, 1, (1,), np.float32)


class Lamp(gym.Env):
    """A picture whose red part is as bright as the lamp, which actions turn up and down."""

    def __init__(self, shape=(8, 8, 3), action_space=None):
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.action_space = action_space or spaces.Discrete(2)
        self.channel = (0,) if shape[0] == 3 else (..., 0)

    def _picture(self):
        picture = np.full(self.observation_space.shape, 20, np.uint8)
        picture[self.channel] = self.brightness
        return picture

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.brightness = int(self.np_random.integers(100, 150))
        return self._picture(), {}

    def step(self, action):
        change = 20 * (2 * action - 1) if np.shape(action) == () else 20 * float(action[0])
        self.brightness = int(np.clip(self.brightness + change, 0, 255))
        return self._picture(), 0.0, False, False, {}

    def set_state_from_observation(self, observation):
        self.brightness = int(observation[self.channel].mean())
