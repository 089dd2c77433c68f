"""A ring of elements of any space, and actions of any space that go around it."""

from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from scipy.sparse import csr_array

N_PLACES = 3
N_ACTIONS = 2


def elements(space: spaces.Space[Any], n: int = N_PLACES) -> list[Any]:
    """Different elements of a space."""
    space.seed(0)
    if space.shape is None:
        return [space.sample() for _ in range(n)]
    if len(space.shape) == 3:  # pictures that a small model tells apart
        return [np.full(space.shape, 60 * (i + 1), space.dtype) for i in range(n)]
    found: list[Any] = []
    while len(found) < n:
        element = space.sample()
        if not any(np.array_equal(element, each) for each in found):
            found.append(element)
    return found


class Ring(gym.Env[Any, Any]):
    """Shows elements of its observations one after the other, for any action that is not 0.

    It insists on actions of its own.
    """

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]):
        self.observation_space = observation_space
        self.action_space = action_space
        self.shown = elements(observation_space)
        self.place = self.n_steps = 0

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place = self.n_steps = 0
        return self.shown[0], {}

    def step(self, action: Any) -> Any:
        if not self.action_space.contains(action):
            raise ValueError(f"action={action!r}: expected one in {self.action_space}")
        self.place = (self.place + int(np.any(np.asarray(action) > 0))) % N_PLACES
        self.n_steps += 1
        return self.shown[self.place], 0.0, False, self.n_steps == 10, {}


class RestoredRing(Ring):
    """The same, and it can be put into the state of an observation."""

    def set_state_from_observation(self, observation: Any) -> None:
        distances = [np.not_equal(observation, each).mean() for each in self.shown]
        self.place = int(np.argmin(distances))


class TabularRing(Ring):
    """The same, whose states are enumerated."""

    feature_names = ("first", "second", "third")
    horizon = 3

    @property
    def mdp(self) -> Any:
        transitions = np.zeros((N_PLACES * N_ACTIONS, N_PLACES))
        for place in range(N_PLACES):
            for action in range(N_ACTIONS):
                transitions[place * N_ACTIONS + action, (place + action) % N_PLACES] = 1
        return SimpleNamespace(
            transitions=csr_array(transitions),
            features=np.eye(N_PLACES),
            initial_distribution=np.eye(N_PLACES)[0],
            n_actions=N_ACTIONS,
            default_action=0,
        )

    def state_indices(self, observations: Any) -> Any:
        shown = np.array(self.shown)
        equal = (np.asarray(observations)[:, None] == shown).reshape(
            -1, N_PLACES, max(1, shown[0].size)
        )
        return equal.all(axis=2).argmax(axis=1)

    def observations(self, indices: Any) -> Any:
        return np.array(self.shown)[indices]

    def features(self, observations: Any) -> Any:
        return np.eye(N_PLACES)[self.state_indices(observations)]
