"""Tabular environment whose observations are the indices of its states."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.protocols import TabularMDP


class StateIndexEnv(gym.Env[np.int64, np.int64]):
    """Tabular environment with the index of the state as observation.

    What is simulated with it need not read states off observations, which takes most of the time
    of a simulation by tables. It is there for :func:`~rlsp_sb3.simulators.make_simulator` and
    :class:`~rlsp_sb3.planning.PlannedPolicy`, and has neither ``reset`` nor ``step``.

    Args:
        env: A :class:`~rlsp_sb3.protocols.TabularEnv`.
    """

    def __init__(self, env: Any) -> None:
        self.mdp: TabularMDP = env.mdp
        self.feature_names: tuple[str, ...] = env.feature_names
        self.observation_space: spaces.Discrete = spaces.Discrete(self.mdp.transitions.shape[1])
        self.action_space = env.action_space

    def state_indices(self, observations: ArrayLike) -> NDArray[np.int64]:
        """The states (N,) of N observations (N,): the same."""
        return np.asarray(observations, dtype=np.int64)

    def observations(self, indices: ArrayLike) -> NDArray[np.int64]:
        """The observations (N,) of N states (N,): the same."""
        return np.asarray(indices, dtype=np.int64)

    def features(self, observations: ArrayLike) -> NDArray[np.float64]:
        """The features (…, F) of observations (…)."""
        return np.asarray(self.mdp.features[np.asarray(observations)])
