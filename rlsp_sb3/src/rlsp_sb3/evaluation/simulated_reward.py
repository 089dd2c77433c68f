"""Reward that an environment gives for transitions, asked of its simulator."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.state_reset import state_setter
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array, check_int
from rlsp_sb3.utils.type_checks import checks_types


class SimulatedReward:
    """The reward of an environment as a function of transitions, as ``RewardFn`` is.

    The environment is put into the state of an observation and takes the action there. What follows
    is its own next state: of imagined transitions the next state does not count, so that this is
    the reward R(s, a) = E[R(s, a, s')], for which the same policies are best.

    Args:
        env: An environment that :func:`~rlsp_sb3.state_reset.set_state_from_observation` works
            for; it is reset and stepped.
        seed: Seeds the environment, once.

    Raises:
        TypeError: If it is not known how to put it into a state; says what to implement.
    """

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], seed: int | None = None) -> None:
        if seed is not None:
            check_int("seed", seed, 0)
        self._set_state = state_setter(env)
        self.env = env
        env.reset(seed=seed)

    def __call__(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> FloatArray:
        """The rewards (N,) of N transitions.

        Args:
            state: The observations before (N, *observation_shape).
            action: The actions (N, *action_shape).
            next_state: Not used.
            done: Not used.

        Raises:
            TypeError: If states or actions are no arrays of numbers.
            ValueError: If they have other shapes than those of the environment, or are not finite.
        """
        check_array("state", state, ("N", *(self.env.observation_space.shape or ())))
        check_array("action", action, (len(state), *(self.env.action_space.shape or ())))
        rewards = np.empty(len(state))
        for i, (observation, chosen) in enumerate(zip(state, action, strict=True)):
            self._set_state(observation)
            _, reward, terminated, truncated, _ = self.env.step(chosen)
            rewards[i] = float(reward)
            if terminated or truncated:
                self.env.reset()  # wrappers may refuse to step on
        return rewards
