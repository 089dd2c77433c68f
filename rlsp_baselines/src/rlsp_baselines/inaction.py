"""Base class of penalties for what the robot changes against doing nothing."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.fixed import FixedRewardLearner
from rlsp_sb3 import RewardFn
from rlsp_sb3.learners import check_int
from rlsp_sb3.planning import occupancies
from rlsp_sb3.type_aliases import FloatArray


class InactionPenaltyLearner(FixedRewardLearner):
    """A penalty of states against those in which the environment were without the robot.

    The penalty of a state at a time is its expected deviation, as a subclass measures it, from the
    state at that time if the robot had done nothing since the observed state; scaled such that the
    largest penalty is 1. Of several observed states each counts alike.

    Args:
        env: A tabular environment whose ``mdp`` says what its ``default_action``, doing nothing,
            is.
        observed_states: Observations (n, *observation_shape); None for those of the environment.
        horizon: For how many states penalties are computed, at least 1.
        **kwargs: See :class:`~rlsp_sb3.learners.TabularLearner`.
    """

    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None,
        *,
        horizon: int,
        **kwargs: Any,
    ) -> None:
        check_int("horizon", horizon, 1)
        self.horizon = horizon
        self._penalties: FloatArray | None = None
        super().__init__(env, observed_states, **kwargs)

    @abstractmethod
    def _penalties_against(self, baselines: NDArray[np.int64]) -> FloatArray:
        """The deviation of each state from each of n baseline states (n, S)."""

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
                f"env={env}: {type(self).__name__} needs to know which action does nothing, the "
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
        penalties = baseline[:, possible] @ self._penalties_against(possible)
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
