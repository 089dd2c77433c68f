"""Gymnasium's vector environment with another reward function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.rewards.state_reward import (
    StateReward,
    StateRewardFn,
    as_state_reward,
    check_inferred_weight,
    rewards_of,
    weighted,
)
from rlsp_sb3.utils.observations import check_array_space, check_shown, finite_rows
from rlsp_sb3.utils.type_checks import check_type

if TYPE_CHECKING or hasattr(gym.vector, "VectorWrapper"):
    from gymnasium.vector import VectorWrapper
else:
    from gymnasium.experimental.vector import VectorWrapper  # of 0.29, for what make_vec makes

_FINAL = ("final_obs", "final_observation")  # from Gymnasium 1.1 on, and before


class VectorRewardWrapper(VectorWrapper):  # type: ignore[misc, type-arg, unused-ignore]
    """Vector environment of Gymnasium with a reward of the states reached instead of its own.

    >>> envs = gym.make_vec("HalfCheetah-v5", num_envs=4)
    >>> envs = VectorRewardWrapper(envs, load_reward("reward.json"))

    The same as :class:`~rlsp_sb3.RewardWrapper` for each environment: where one is reset in the
    step that ends its episode, the reward is that of the last observation of the episode; where it
    is reset in the next step, the reward of that one is 0, as Gymnasium's own.

    Args:
        env: The vector environment, with arrays as observations.
        reward: A reward of states, such as ``learner.reward``, or a function that maps observations
            (N, *observation_shape) to rewards (N,).
        keep_termination: Whether episodes that an environment ends are ones that ended
            (``terminations``).
        inferred_weight: How much the reward counts beside the environment's own, the task reward;
            at least 0; None for the reward alone.

    Raises:
        TypeError: If observations are no arrays, or the reward is one of transitions.
        ValueError: If the weight is negative or not finite.
    """

    def __init__(
        self,
        env: Any,
        reward: StateReward | StateRewardFn,
        keep_termination: bool = False,
        inferred_weight: float | None = None,
    ) -> None:
        super().__init__(env)  # before anything can fail, or its __del__ does
        check_type("keep_termination", keep_termination, bool)
        check_inferred_weight(inferred_weight)
        check_array_space(env.single_observation_space)
        self.reward = as_state_reward(reward)
        self.keep_termination = keep_termination
        self.inferred_weight = inferred_weight
        self._to_reset = np.zeros(env.num_envs, dtype=np.bool_)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode in each environment, or in those of ``options["reset_mask"]``."""
        mask = (kwargs.get("options") or {}).get("reset_mask", True)
        self._to_reset &= ~np.asarray(mask)
        observations, info = self.env.reset(**kwargs)
        return observations, info

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Take an action in each environment.

        Raises:
            ValueError: If an environment shows something that is not finite.
        """
        observations, own, terminations, truncations, info = self.env.step(actions)
        reached, was_reset = _states_reached(np.asarray(observations), info)
        for i in np.flatnonzero(~finite_rows(reached)):
            check_shown(self.env, reached[i], f"after a step of copy {i}")
        rewards = weighted(rewards_of(self.reward, reached), own, self.inferred_weight)
        rewards = np.where(self._to_reset, 0.0, rewards)
        # One that was reset in this step is not to be reset in the next one.
        self._to_reset = (terminations | truncations) & ~was_reset
        if not self.keep_termination:
            terminations, truncations = np.zeros_like(terminations), terminations | truncations
        return observations, rewards, terminations, truncations, {**info, "env_reward": own}


def _states_reached(
    observations: NDArray[Any], info: dict[str, Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The states that transitions led to, and which environments were reset after them."""
    reached, was_reset = np.array(observations), np.zeros(len(observations), dtype=np.bool_)
    for name in _FINAL:
        if name in info:
            was_reset = np.asarray(info[f"_{name}"], dtype=np.bool_)
            for i in np.flatnonzero(was_reset):
                reached[i] = info[name][i]
    return reached, was_reset
