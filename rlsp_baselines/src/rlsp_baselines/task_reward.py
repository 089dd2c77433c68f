"""Task reward alone: the robot that only does what it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.fixed import FixedRewardLearner
from rlsp_sb3 import LinearReward
from rlsp_sb3.learners import checks_types
from rlsp_sb3.type_aliases import FloatArray


class TaskReward(FixedRewardLearner):
    """Infers nothing: the inferred reward is 0 and the policy minds the task reward alone.

    Args:
        env: A tabular environment, a vector environment of SB3, or the id of a registered one.
        observed_states: Not used, but checked.
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
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        super().__init__(
            env,
            observed_states,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )

    @property
    def reward(self) -> LinearReward:
        """A reward of 0."""
        zeros = np.zeros(len(self.feature_names))
        return LinearReward(zeros, self.feature_names, self.unwrapped_env.features)

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,): 0."""
        return np.zeros(len(self.mdp.features))
