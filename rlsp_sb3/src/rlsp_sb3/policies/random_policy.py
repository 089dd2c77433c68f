"""Policy that acts at random."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.type_checks import checks_types


class RandomPolicy:
    """Policy whose actions are uniformly distributed over the action space.

    Args:
        env: The environment in which it acts.
        seed: Seeds the actions.
    """

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], seed: int) -> None:
        check_int("seed", seed, 0)
        # A copy, so that what others draw from the environment's space stays the same.
        self._space = copy.deepcopy(env.action_space)
        self._space.seed(int(seed))

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """An action, whatever is observed."""
        return np.asarray(self._space.sample()), None
