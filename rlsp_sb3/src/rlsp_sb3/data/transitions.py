"""Transitions that were seen in an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.state_reset import state_setter
from rlsp_sb3.utils.checks import check_int

Array = NDArray[Any]


class Transitions(NamedTuple):
    """N transitions, none of which crosses the end of an episode.

    Attributes:
        observations: What was seen before (N, *observation_shape).
        actions: What was done (N, *action_shape).
        next_observations: What was seen after (N, *observation_shape).
        rewards: The rewards of the environment (N,).
    """

    observations: Array
    actions: Array
    next_observations: Array
    rewards: NDArray[np.float64]


def concatenate(first: Transitions, second: Transitions) -> Transitions:
    """All transitions of both."""
    return Transitions(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))


def collect(
    env: gym.Env[Any, Any],
    n_steps: int,
    rng: np.random.Generator,
    *,
    starts: Array | None = None,
    max_length: int | None = None,
    policy: Callable[[Array], Array] | None = None,
) -> Transitions:
    """Act in an environment, at random if no policy is given.

    Args:
        env: The environment.
        n_steps: The number N of transitions, at least 1.
        rng: Draws actions and starts, and seeds the environment.
        starts: Observations (n, *observation_shape) in whose states every other episode starts,
            if the environment can be put there; None for those of the environment only.
        max_length: The number of steps of an episode, if the environment does not end it before; at
            least 1. None to leave the end to the environment.
        policy: Maps an observation to an action; None for actions at random.

    Returns:
        The transitions.

    Raises:
        TypeError: If there are starts, and the environment cannot be put there.
        ValueError: If a number is out of range, or starts are empty.
    """
    check_int("n_steps", n_steps, 1)
    if max_length is not None:
        check_int("max_length", max_length, 1)
    if starts is not None and not len(starts):
        raise ValueError("starts has no rows: expected at least one observation, or None")
    set_state = None if starts is None else state_setter(env)
    env.action_space.seed(int(rng.integers(2**31)))
    seen: list[tuple[Any, Any, Any, float]] = []
    n_episodes = 0
    while len(seen) < n_steps:
        observation = np.array(env.reset(seed=int(rng.integers(2**31)))[0])
        if set_state is not None and starts is not None and n_episodes % 2:
            observation = starts[rng.integers(len(starts))]
            set_state(observation)
        n_episodes += 1
        for _ in range(min(max_length or n_steps, n_steps - len(seen))):
            action = env.action_space.sample() if policy is None else policy(observation)
            following, reward, terminated, truncated, _ = env.step(action)
            following = np.array(following)  # the environment may show the next one in its place
            seen.append((observation, action, following, float(reward)))
            observation = following
            if terminated or truncated:
                break
    observations, actions, next_observations, rewards = zip(*seen, strict=True)
    return Transitions(
        np.array(observations), np.array(actions), np.array(next_observations), np.array(rewards)
    )
