"""Relative reachability: a penalty for making states unreachable (Krakovna et al. 2018)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.inaction import InactionPenaltyLearner
from rlsp_baselines.reachability import lost_coverage
from rlsp_sb3.learners import checks_types
from rlsp_sb3.type_aliases import FloatArray


class RelativeReachability(InactionPenaltyLearner):
    """Penalty for states from which less can be reached than if the robot had done nothing.

    The penalty of a state at a time is what it lacks in coverage (see ``reachability.py``) against
    the state in which the environment would be at that time if the robot had done nothing since the
    observed state, scaled such that the largest penalty is 1 (Krakovna et al. 2018, with the
    undiscounted, time-dependent penalty of Shah et al. 2019, section 5). Of several observed states
    each counts alike.

    Args:
        env: A tabular environment, a vector environment of SB3, or the id of a registered one.
            Its ``mdp`` must say what its ``default_action``, doing nothing, is.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        inferred_weight: How much the policy minds the penalty beside the task reward, at least 0.
        horizon: In how many steps a state has to be reached, and for how many the environment
            without the robot is looked at; at least 1.
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
        inferred_weight: float = 1.0,
        horizon: int = 20,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        super().__init__(
            env,
            observed_states,
            inferred_weight=inferred_weight,
            horizon=horizon,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )

    def _penalties_against(self, baselines: NDArray[np.int64]) -> FloatArray:
        return lost_coverage(self.mdp.transitions, baselines, self.horizon)
