"""Learners that plan their policy in a tabular environment."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, TypeGuard, get_args

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.env_util import has_too_many_states
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.planning.dynamic_programming import value_iteration
from rlsp_sb3.planning.planned_policy import PlannedPolicy, TimedPolicy
from rlsp_sb3.planning.reachable_policy import ReachablePolicy
from rlsp_sb3.protocols import TabularEnv, TabularMDP
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.simulators.trials import interfering_wrapper
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_HORIZON, check_choice, check_int, check_mdp, check_positive
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types

Combination = Literal["additive", "bayesian"]
"""Combinations of the inferred reward and the task reward."""

DEFAULT_TIME_LIMIT = 20  # actions, as in the published evaluation


class TabularLearner(RewardLearner):
    """A learner whose policy is optimal for the task reward and the inferred one.

    They are combined in one of the two ways of Shah et al. 2019 (section 5 and appendix):
    "additive" plans for the task reward plus a weight times the inferred one; "bayesian" is for
    learners with a prior, which it centers at the task reward, so that the inferred reward contains
    the task and is planned for alone. The policy plans for the time limit of the environment,
    without a temperature.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        observed_states: Observations (n, *observation_shape) of the states that the person left
            behind; None for those that the environment offers.
        inferred_weight: How much the policy minds the inferred reward, at least 0; 1 if the
            combination is "bayesian".
        combination: "additive" or "bayesian".
        **kwargs: See :class:`~rlsp_sb3.RewardLearner`.

    Raises:
        TypeError: If an argument has a wrong type, the environment is not tabular, or a wrapper
            changes its observations or actions.
        ValueError: If an argument is out of range, or the combination is "bayesian" and the
            environment offers no task reward.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: Any = None,
        *,
        inferred_weight: float = 1.0,
        combination: Combination = "additive",
        **kwargs: Any,
    ) -> None:
        check_positive("inferred_weight", inferred_weight, zero=True)
        check_choice("combination", combination, get_args(Combination))
        if combination == "bayesian" and inferred_weight != 1:
            raise ValueError(
                f"inferred_weight={inferred_weight!r}: expected 1 with "
                'combination="bayesian", where the inferred reward is planned for alone'
            )
        self.inferred_weight = inferred_weight
        self.combination = combination
        self._policy: TimedPolicy | None = None
        super().__init__(env, observed_states, **kwargs)

    @property
    @abstractmethod
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,), or of each state at each time (n, S)."""

    @property
    def planned_rewards(self) -> FloatArray:
        """Rewards that the policy is planned for: (S,), or (n, S) if they depend on time."""
        if self.combination == "bayesian":
            return self.inferred_rewards
        task_rewards = self.mdp.features @ self.task_reward
        return task_rewards + self.inferred_weight * self.inferred_rewards

    @property
    def task_reward(self) -> FloatArray:
        """The weights (F,) of the task reward; 0 if the environment offers none."""
        zeros = np.zeros(len(self.unwrapped_env.feature_names))
        return np.asarray(getattr(self.unwrapped_env, "task_reward", zeros), dtype=np.float64)

    @property
    def prior_mean(self) -> FloatArray:
        """Mean of a prior of reward weights (F,)."""
        return self.task_reward if self.combination == "bayesian" else 0 * self.task_reward

    @property
    def policy(self) -> TimedPolicy:
        """The policy, planned at first use and again when the reward has changed."""
        if self._policy is None:
            self._policy = self._make_policy()
        return self._policy

    def _make_policy(self) -> TimedPolicy:
        env = self.unwrapped_env
        if not has_too_many_states(env):
            return self.plan(self.planned_rewards)
        return ReachablePolicy(env, self._planned_weights, self._time_limit, self.rng)

    @property
    def _planned_weights(self) -> FloatArray:
        """The weights (F,) that the policy is planned for, of a reward that is linear."""
        reward = self.reward
        if not isinstance(reward, LinearReward):
            raise NotOfferedError(
                f"env={self.unwrapped_env} has too many states for {type(self).__name__}, whose "
                "reward is not linear in features: expected an environment with fewer states"
            )
        if self.combination == "bayesian":
            return reward.weights
        return self.task_reward + self.inferred_weight * reward.weights

    @property
    def _time_limit(self) -> int:
        spec = self.env.get_attr("spec")[0]  # the unwrapped one may not know the limit
        return (spec and spec.max_episode_steps) or DEFAULT_TIME_LIMIT

    def plan(self, rewards: FloatArray) -> PlannedPolicy:
        """The best policy for other rewards.

        Args:
            rewards: The reward of each state (S,), or of each state at each time (n, S), the last
                one for all times from n - 1 on.
        """
        horizon = self._time_limit + 1
        plan = value_iteration(self.mdp.transitions, rewards, horizon, temperature=0)
        return PlannedPolicy(self.unwrapped_env, plan.policy, self.rng)

    def _plan_once(self, total_timesteps: int, callback: BaseCallback) -> None:
        """Plan, where that is all there is to do; it takes all timesteps, and is one step."""
        if self.num_timesteps < total_timesteps:
            self._policy = self._make_policy()
            self.num_timesteps = total_timesteps
            self._end_step(callback)

    @property
    def mdp(self) -> TabularMDP:
        """The environment's transitions and features."""
        mdp: TabularMDP = self.unwrapped_env.mdp
        return mdp

    def _check_horizon(self, horizon: int | None) -> int:
        """The number of states that the person passed through; None for what the environment says.

        Raises:
            TypeError: If it is no int.
            ValueError: If it is less than 1, or nobody says what it is.
        """
        if horizon is None:
            horizon = getattr(self.unwrapped_env, "horizon", None)
        if horizon is None:
            raise ValueError(
                "horizon=None: this environment does not say for how long the person acted, so "
                "pass the number of states that the person passed through"
            )
        check_int("horizon", horizon, 1, MAX_HORIZON)
        return horizon

    def _check_wrappers(self, env: VecEnv, unwrapped_env: Any) -> None:
        offers_states = has_too_many_states(unwrapped_env) or isinstance(unwrapped_env, TabularEnv)
        if offers_states and (name := interfering_wrapper(env)):
            raise TypeError(
                f"env has the wrapper {name}, which changes observations or actions, and "
                f"{type(self).__name__} plans for the states and actions of "
                f"{type(unwrapped_env).__name__}: pass env without it"
            )

    def _prepare(self, env: Any) -> None:
        if has_too_many_states(env):
            _check_numbered_from_0(env.action_space)
        else:
            self._check_tabular(env)
        if self.combination == "bayesian" and not hasattr(env, "task_reward"):
            raise ValueError(
                f'combination="bayesian": env={env} offers no task_reward to center the prior at'
            )
        self._policy = None

    def _check_tabular(self, env: Any) -> None:
        if not isinstance(env, TabularEnv):
            raise TypeError(
                f"env={env}: {type(self).__name__} needs a tabular environment, with the "
                "attributes mdp and feature_names and the methods state_indices and features (see "
                "rlsp_sb3.protocols.TabularEnv), as the gridworlds of rlsp-envs are"
            )
        check_mdp(env.mdp, env.feature_names)
        check_mdp_actions(env)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(self.unwrapped_env.feature_names)


def plans_policy(learner: RewardLearner) -> TypeGuard[TabularLearner]:
    """Return whether a learner can plan policies in its environment, for any reward of states."""
    if not isinstance(learner, TabularLearner) or has_too_many_states(learner.unwrapped_env):
        return False
    return isinstance(learner.unwrapped_env, TabularEnv)


def _check_numbered_from_0(space: spaces.Space[Any]) -> None:
    """Raise a ValueError unless actions can be the rows of an MDP."""
    if not isinstance(space, spaces.Discrete) or space.start != 0:
        raise ValueError(f"env has the action_space {space}: expected Discrete(A), from 0 on")


def check_mdp_actions(env: Any) -> None:
    """Raise a ValueError unless the actions of a tabular environment are those of its MDP."""
    space = env.action_space
    n_rows, n_states = env.mdp.transitions.shape
    n_actions = n_rows // n_states
    if not isinstance(space, spaces.Discrete) or space.start != 0 or space.n != n_actions:
        raise ValueError(
            f"env has the action_space {space}: expected Discrete({n_actions}), because its "
            f"mdp.transitions has {n_rows} rows, one for each of {n_states} states and each action "
            "from 0 on"
        )
