"""Vector environment with another reward function."""

from __future__ import annotations

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from rlsp_sb3.rewards.state_reward import (
    StateReward,
    StateRewardFn,
    as_state_reward,
    check_inferred_weight,
    rewards_of,
    weighted,
)
from rlsp_sb3.utils.observations import check_shown, finite_rows
from rlsp_sb3.utils.type_checks import checks_types


class RewardVecEnv(VecEnvWrapper):
    """Vector environment of SB3 with a reward of the states reached instead of its own.

    The same as :class:`~rlsp_sb3.RewardWrapper` for each copy: where an episode ends, the reward is
    that of ``terminal_observation``, and the end counts as running out of time
    (``TimeLimit.truncated``), because the number of steps would leak the environment's reward. That
    is ``infos[i]["env_reward"]``.

    Args:
        venv: The environment.
        reward: A reward of states, such as ``learner.reward``, or a function that maps observations
            (N, *observation_shape) to rewards (N,).
        keep_termination: Whether an episode that the environment ends is one that ended.
        inferred_weight: How much the reward counts beside the environment's own, the task reward;
            at least 0; None for the reward alone.

    Raises:
        TypeError: If the reward is one of transitions.
        ValueError: If the weight is negative or not finite.
    """

    @checks_types
    def __init__(
        self,
        venv: VecEnv,
        reward: StateReward | StateRewardFn,
        keep_termination: bool = False,
        inferred_weight: float | None = None,
    ) -> None:
        super().__init__(venv)
        check_inferred_weight(inferred_weight)
        self._n_steps = 0
        self.reward = as_state_reward(reward)
        self.keep_termination = keep_termination
        self.inferred_weight = inferred_weight

    def reset(self) -> VecEnvObs:
        """Start an episode in each copy."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Return the transitions, with rewards of the states reached.

        Raises:
            ValueError: If the environment shows something that is not finite.
        """
        observations, own, dones, infos = self.venv.step_wait()
        self._n_steps += 1
        reached = np.array(observations)
        for info, each in zip(infos, own, strict=True):
            info["env_reward"] = float(each)
        for i in np.flatnonzero(dones):
            reached[i] = infos[i]["terminal_observation"]
            if not self.keep_termination:
                infos[i]["TimeLimit.truncated"] = True
        for shown in (reached, np.asarray(observations)):
            for copy in np.flatnonzero(~finite_rows(shown)).tolist():
                env = self.venv.get_attr("unwrapped", [copy])[0]
                check_shown(env, shown[copy], f"after step {self._n_steps} of copy {copy}")
        rewards = weighted(rewards_of(self.reward, reached), own, self.inferred_weight)
        return observations, rewards.astype(np.float32), dones, infos
