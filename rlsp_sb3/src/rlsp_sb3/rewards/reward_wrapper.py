"""Environment with another reward function."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from rlsp_sb3.rewards.state_reward import (
    StateReward,
    StateRewardFn,
    as_state_reward,
    check_inferred_weight,
    rewards_of,
    weighted,
)
from rlsp_sb3.utils.observations import check_array_space, check_shown
from rlsp_sb3.utils.type_checks import checks_types


class RewardWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Environment with a reward of the state reached instead of its own.

    >>> env = RewardWrapper(gym.make("InvertedPendulum-v5"), load_reward("reward.json"))

    By default, where the environment ends an episode counts as running out of time
    (``truncated``), because the number of steps would leak its reward. Its own reward is
    ``info["env_reward"]``.

    :class:`~rlsp_sb3.VectorRewardWrapper` is the same for vector environments of Gymnasium,
    :class:`~rlsp_sb3.rewards.RewardVecEnv` for those of SB3.

    Args:
        env: The environment, with arrays as observations.
        reward: A reward of states, such as ``learner.reward``, or a function that maps observations
            (N, *observation_shape) to rewards (N,).
        keep_termination: Whether an episode that the environment ends is one that ended
            (``terminated``).
        inferred_weight: How much the reward counts beside the environment's own, the task reward;
            at least 0; None for the reward alone.

    Raises:
        TypeError: If observations are no arrays, or the reward is one of transitions.
        ValueError: If the weight is negative or not finite.
    """

    @checks_types
    def __init__(
        self,
        env: gym.Env[Any, Any],
        reward: StateReward | StateRewardFn,
        keep_termination: bool = False,
        inferred_weight: float | None = None,
    ) -> None:
        # For env.spec. Not copied: the reward may hold an environment.
        RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            reward=reward,
            keep_termination=keep_termination,
            inferred_weight=inferred_weight,
        )
        gym.Wrapper.__init__(self, env)
        check_array_space(env.observation_space)
        check_inferred_weight(inferred_weight)
        self.reward = as_state_reward(reward)
        self.keep_termination = keep_termination
        self.inferred_weight = inferred_weight

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action.

        Raises:
            ValueError: If the environment shows something that is not finite.
        """
        observation, own, terminated, truncated, info = self.env.step(action)
        check_shown(self.env, observation, "after a step")
        rewards = rewards_of(self.reward, np.asarray(observation)[None])
        (reward,) = weighted(rewards, own, self.inferred_weight)
        info = {**info, "env_reward": own}
        if not self.keep_termination:
            terminated, truncated = False, terminated or truncated
        return observation, float(reward), terminated, truncated, info
