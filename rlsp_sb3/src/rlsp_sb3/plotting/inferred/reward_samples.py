"""States with their inferred and true rewards, which figures of a reward are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.preprocessing import is_image_space

from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.plotting.inferred.observation_names import observation_names
from rlsp_sb3.policies.random_policy import RandomPolicy
from rlsp_sb3.protocols import Policy
from rlsp_sb3.rewards.state_reward import (
    StateReward,
    StateRewardFn,
    as_state_reward,
    rewards_of,
)
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_COUNT, check_int
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.observations import as_observations
from rlsp_sb3.utils.type_checks import checks_types

RANDOM = "random behavior"
LEARNED = "learned policy"


@dataclass(frozen=True, eq=False)
class Visited:
    """States that a behavior visits, in their order.

    Attributes:
        states: The observations (N, *observation_shape).
        inferred: Their inferred rewards (N,).
        true: The environment's rewards of the steps to them (N,).
    """

    states: NDArray[Any]
    inferred: FloatArray
    true: FloatArray


@dataclass(frozen=True, eq=False)
class RewardSamples:
    """States of an environment with their rewards: what figures of an inferred reward show.

    Attributes:
        reward: The inferred reward of observations (N, *observation_shape).
        space: Its observation space.
        names: The names of the entries of a flat observation.
        observed_states: The observed states (n, *observation_shape).
        observed_rewards: Their inferred rewards (n,).
        visited: States that are visited, by what acts.
    """

    reward: StateRewardFn
    space: spaces.Space[Any]
    names: tuple[str, ...]
    observed_states: NDArray[Any]
    observed_rewards: FloatArray
    visited: Mapping[str, Visited]

    @property
    def shows_images(self) -> bool:
        """True if observations are images, whose entries mean nothing one by one."""
        return is_image_space(self.space)

    def rewards(self, flat: FloatArray) -> FloatArray:
        """The inferred rewards (N,) of flat observations (N, D), rounded if they are integers."""
        states = as_observations(flat, self.space.dtype)
        return rewards_of(self.reward, states.reshape(-1, *(self.space.shape or ())))

    def of_reward(self, reward: StateReward | StateRewardFn) -> RewardSamples:
        """The same states with another inferred reward.

        Raises:
            TypeError: If it is no reward of states.
        """
        function = as_state_reward(reward)
        visited = {
            name: replace(each, inferred=rewards_of(function, each.states))
            for name, each in self.visited.items()
        }
        observed = rewards_of(function, self.observed_states)
        return replace(self, reward=function, observed_rewards=observed, visited=visited)

    def flat_states(self) -> FloatArray:
        """All states as flat observations (N, D), the observed ones first."""
        each = [self.observed_states, *(found.states for found in self.visited.values())]
        return np.concatenate([flat(states) for states in each])


def flat(states: NDArray[Any]) -> FloatArray:
    """Observations (N, *observation_shape) as (N, D)."""
    return states.reshape(len(states), -1).astype(np.float64)


@checks_types
def sample_rewards(
    reward: StateReward | StateRewardFn,
    env: gym.Env[Any, Any],
    observed_states: ArrayLike,
    *,
    policy: Policy | None = None,
    n_steps: int = 1_000,
    seed: int = 0,
) -> RewardSamples:
    """Sample states that are visited at random, and by a policy, with their rewards.

    Args:
        reward: The inferred reward, of states: such as ``learner.reward``, or what
            :func:`~rlsp_sb3.load_reward` returns.
        env: The environment, in which episodes are begun.
        observed_states: The observed states (n, *observation_shape).
        policy: What acts as well; None for random behavior only.
        n_steps: For how many steps each of them acts, at least 1.
        seed: Seeds all random numbers.

    Raises:
        TypeError: If the reward is none of states, or observations are not arrays of numbers.
        ValueError: If a number is out of range, observed states have another shape than
            observations, or a reward is not finite.
    """
    check_int("n_steps", n_steps, 1, MAX_COUNT)
    check_int("seed", seed, 0)
    state_reward = as_state_reward(reward)
    states = np.asarray(observed_states, dtype=env.observation_space.dtype)
    shape = env.observation_space.shape
    if states.ndim == 0 or states.shape[1:] != shape or not len(states):
        raise ValueError(
            f"observed_states have shape {states.shape}: expected (n, *{shape}), with n at least 1"
        )
    acting: dict[str, Policy] = {RANDOM: RandomPolicy(env, seed)}
    if policy is not None:
        acting[LEARNED] = policy
    visited = {
        name: _visit(state_reward, each, env, n_steps, seed) for name, each in acting.items()
    }
    return RewardSamples(
        reward=state_reward,
        space=env.observation_space,
        names=observation_names(env),
        observed_states=states,
        observed_rewards=rewards_of(state_reward, states),
        visited=visited,
    )


def learner_samples(learner: RewardLearner) -> RewardSamples:
    """Samples of what a learner has inferred, in its environment made anew.

    The learner's own environment, and its random numbers, stay as they are: one that goes on
    learning learns the same.

    Args:
        learner: A learner that has learned.

    Raises:
        NotOfferedError: If its reward is none of states, or its environment cannot be made again.
    """
    reward: Any = learner.reward
    try:
        as_state_reward(reward)
    except TypeError as error:
        raise NotOfferedError(
            f"the reward is a {type(reward).__name__}, and none of states"
        ) from error
    env = remade_env(learner)
    before = learner.rng.bit_generator.state
    try:
        return sample_rewards(
            reward, env, learner.observed_states, policy=_policy(learner), seed=learner.seed or 0
        )
    except NotImplementedError as error:
        raise NotOfferedError("the environment has no steps, and can be planned in only") from error
    except MemoryError:  # too many states to plan in
        return sample_rewards(reward, env, learner.observed_states, seed=learner.seed or 0)
    finally:
        learner.rng.bit_generator.state = before
        env.close()


def _policy(learner: RewardLearner) -> Policy | None:
    """A learner as a policy; None if it has none."""
    return learner if hasattr(learner.policy, "predict") else None


def remade_env(learner: RewardLearner, **kwargs: Any) -> gym.Env[Any, Any]:
    """The environment of a learner, made again by its specification.

    Args:
        learner: The learner.
        **kwargs: Arguments of ``gym.make``.

    Raises:
        NotOfferedError: If it has none, or wrappers that it does not tell how to make.
    """
    try:
        spec = first_base_env(learner.env).spec
    except TypeError as error:  # in another process
        raise NotOfferedError(str(error)) from error
    if spec is None:
        raise NotOfferedError(
            "the environment is not registered, and so cannot be made again: "
            "rlsp_sb3.plotting.sample_rewards takes another one of them"
        )
    limit = spec.max_episode_steps
    try:
        made = gym.make(spec.id, max_episode_steps=limit, **{**spec.kwargs, **kwargs})
        if _wrappers(made.spec) != _wrappers(spec):  # there are some around it
            made.close()
            made = gym.make(spec, **kwargs)
    except (TypeError, ValueError, gym.error.Error) as error:
        raise NotOfferedError(f"the environment cannot be made again: {error}") from error
    return made


def _wrappers(spec: EnvSpec | None) -> list[str]:
    return [] if spec is None else [each.name for each in spec.additional_wrappers]


def _visit(
    reward: StateRewardFn, policy: Policy, env: gym.Env[Any, Any], n_steps: int, seed: int
) -> Visited:
    """States that a policy visits in so many steps, in as many episodes as that takes."""
    rng = np.random.default_rng(seed)
    episodes, n_left = [], n_steps
    while n_left > 0:
        (episode,) = rollout_env(policy, env, seed=rng, deterministic=True, max_steps=n_left)
        episodes.append(episode)
        n_left -= len(episode)
    states = np.concatenate([episode.states for episode in episodes])
    true = np.concatenate([episode.rewards for episode in episodes])
    return Visited(states, rewards_of(reward, states), true)
