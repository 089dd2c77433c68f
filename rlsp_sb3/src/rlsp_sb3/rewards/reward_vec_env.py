"""Vector environment with another reward function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from rlsp_sb3.utils.observations import check_shown, finite_rows
from rlsp_sb3.utils.type_checks import checks_types


class RewardVecEnv(VecEnvWrapper):
    """Vector environment with a reward of the state reached instead of its own.

    By default, where the environment ends an episode counts as running out of time, because the
    number of steps would leak its reward.

    Args:
        venv: The environment.
        reward: Maps observations (N, *observation_shape) to rewards (N,).
        keep_termination: Whether an episode that the environment ends is one that ended.
    """

    @checks_types
    def __init__(
        self,
        venv: VecEnv,
        reward: Callable[[NDArray[Any]], NDArray[np.float64]],
        keep_termination: bool = False,
    ) -> None:
        super().__init__(venv)
        self._n_steps = 0
        self.reward = reward
        self.keep_termination = keep_termination

    def reset(self) -> VecEnvObs:
        """Start an episode in each copy."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Return the transitions, with rewards of the states reached.

        Raises:
            ValueError: If the environment shows something that is not finite.
        """
        observations, _, dones, infos = self.venv.step_wait()
        self._n_steps += 1
        reached = np.array(observations)
        for i in np.flatnonzero(dones):
            reached[i] = infos[i]["terminal_observation"]
            if not self.keep_termination:
                infos[i]["TimeLimit.truncated"] = True
        for shown in (reached, np.asarray(observations)):
            for copy in np.flatnonzero(~finite_rows(shown)).tolist():
                env = self.venv.get_attr("unwrapped", [copy])[0]
                check_shown(env, shown[copy], f"after step {self._n_steps} of copy {copy}")
        return observations, self.reward(reached).astype(np.float32), dones, infos
