"""Relative reachability: a penalty for making states unreachable (Krakovna et al. 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.fixed import FixedRewardLearner
from rlsp_baselines.reachability import lost_coverage
from rlsp_sb3 import RewardFn
from rlsp_sb3.learners import check_int, checks_types
from rlsp_sb3.planning import occupancies
from rlsp_sb3.type_aliases import FloatArray


class RelativeReachability(FixedRewardLearner):
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
        check_int("horizon", horizon, 1)
        self.horizon = horizon
        self._penalties: FloatArray | None = None
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
        """The negative penalty against the observed state itself, as a reward of transitions."""
        return self._reward

    @property
    def inferred_rewards(self) -> FloatArray:
        """The negative penalty of each state at each time (horizon, S)."""
        if self._penalties is None:
            self._penalties = self._compute_penalties()
        return -self._penalties

    def _prepare(self, env: Any) -> None:
        super()._prepare(env)
        if not hasattr(env.mdp, "default_action"):
            raise TypeError(
                f"env={env}: RelativeReachability needs to know which action does nothing, the "
                "attribute default_action of its mdp"
            )
        self._penalties = None

    def _compute_penalties(self) -> FloatArray:
        mdp = self.unwrapped_env.mdp
        n_states = len(mdp.features)
        observed = self.unwrapped_env.state_indices(self.observed_states)
        starts = np.bincount(observed, minlength=n_states) / len(observed)
        doing_nothing = np.zeros((self.horizon - 1, n_states, mdp.n_actions))
        doing_nothing[:, :, mdp.default_action] = 1
        baseline = occupancies(mdp.transitions, doing_nothing, starts)
        possible = np.flatnonzero(baseline.any(axis=0))
        lost = lost_coverage(mdp.transitions, possible, self.horizon)
        penalties = baseline[:, possible] @ lost
        largest = penalties.max()
        scaled: FloatArray = penalties / largest if largest > 0 else penalties
        return scaled

    def _reward(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> FloatArray:
        rewards: FloatArray = self.inferred_rewards[0, self.unwrapped_env.state_indices(next_state)]
        return rewards
