"""Deviation: a penalty for changing what the person left (Shah et al. 2019)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.fixed import FixedRewardLearner
from rlsp_sb3 import RewardFn
from rlsp_sb3.learners import checks_types
from rlsp_sb3.type_aliases import FloatArray


class Deviation(FixedRewardLearner):
    """Penalty for the distance of the features from those of the observed state.

    The inferred reward of a state s is -‖f(s) - f(s_T)‖ with s_T the observed state (Shah et al.
    2019, section 5); of several observed states, the mean of it.

    Args:
        env: A tabular environment, a vector environment of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        inferred_weight: How much the policy minds the penalty beside the task reward, at least 0;
            0.5 as published.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Accepted as in SB3; everything runs on the CPU.

    Raises:
        TypeError: If an argument has a wrong type or the environment is not tabular.
        ValueError: If an argument is out of range.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        inferred_weight: float = 0.5,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        super().__init__(
            env,
            observed_states,
            inferred_weight=inferred_weight,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )

    @property
    def reward(self) -> RewardFn:
        """The negative distance from the observed state, as a reward of transitions."""
        return self._reward

    @property
    def inferred_rewards(self) -> FloatArray:
        """The negative distance of each state (S,) from the observed one."""
        return self._closeness(self.mdp.features)

    def _reward(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> FloatArray:
        return self._closeness(self.unwrapped_env.features(next_state))

    def _closeness(self, features: FloatArray) -> FloatArray:
        observed = self.unwrapped_env.features(self.observed_states)
        distances = np.linalg.norm(features[:, None] - observed, axis=2)
        closeness: FloatArray = -distances.mean(axis=1)
        return closeness
