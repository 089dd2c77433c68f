"""Transitions that were seen in an environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.io.state_arrays import optional_arrays, read_elements, read_optional
from rlsp_sb3.protocols import Policy
from rlsp_sb3.state_reset import state_setter
from rlsp_sb3.type_aliases import Array, Arrays
from rlsp_sb3.utils.checks import MAX_COUNT, check_array, check_int, check_policy
from rlsp_sb3.utils.observations import check_shown
from rlsp_sb3.utils.progress import stage
from rlsp_sb3.utils.type_checks import check_type, checks_types


class Transitions(NamedTuple):
    """N transitions, which need not follow each other; none crosses the end of an episode.

    Attributes:
        observations: What was seen before (N, *observation_shape).
        actions: What was done (N, *action_shape).
        next_observations: What was seen after (N, *observation_shape).
        dones: Whether the environment ended the episode there, other than by a limit of time (N,);
            None if nobody says.
    """

    observations: Array
    actions: Array
    next_observations: Array
    dones: NDArray[np.bool_] | None = None

    @classmethod
    def from_episodes(cls, episodes: Iterable[Episode]) -> Transitions:
        """All transitions of some episodes.

        Raises:
            TypeError: If they are no episodes.
            ValueError: If there is no episode, or their observations or actions differ in shape.
        """
        check_type("episodes", episodes, Iterable)
        episodes = list(episodes)
        if not episodes:
            raise ValueError("episodes is empty: expected at least one")
        for i, episode in enumerate(episodes):
            check_type(f"episodes[{i}]", episode, Episode)
        return cls(
            np.concatenate([episode.observations[:-1] for episode in episodes]),
            np.concatenate([episode.actions for episode in episodes]),
            np.concatenate([episode.states for episode in episodes]),
            np.concatenate([_ends(episode) for episode in episodes]),
        )

    def arrays(self) -> Arrays:
        """The attributes by name, to be saved."""
        return optional_arrays(self._asdict())

    @classmethod
    def from_arrays(
        cls, arrays: Arrays, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
    ) -> Transitions:
        """The transitions that :meth:`arrays` was asked of.

        Args:
            arrays: The attributes by name.
            observation_space: What could be seen.
            action_space: What could be done.

        Raises:
            KeyError: If an attribute is missing.
            ValueError: If one does not fit to the others or to the spaces.
        """
        check_type("arrays", arrays, Mapping)
        check_type("observation_space", observation_space, spaces.Space)
        check_type("action_space", action_space, spaces.Space)
        observations = read_elements(arrays, "observations", observation_space, None)
        n = len(observations)
        return cls(
            observations,
            read_elements(arrays, "actions", action_space, n),
            read_elements(arrays, "next_observations", observation_space, n),
            read_optional(arrays, "dones", np.bool_, (n,)),
        )


def concatenate(*parts: Transitions) -> Transitions:
    """All transitions of some; ``dones`` is None if it is for one of them."""
    dones = [part.dones for part in parts if part.dones is not None]
    return Transitions(
        np.concatenate([part.observations for part in parts]),
        np.concatenate([part.actions for part in parts]),
        np.concatenate([part.next_observations for part in parts]),
        np.concatenate(dones) if len(dones) == len(parts) else None,
    )


def _ends(episode: Episode) -> NDArray[np.bool_]:
    """Termination flags of an episode's steps (L,)."""
    ends = np.zeros(len(episode), dtype=np.bool_)
    ends[-1] = episode.terminated
    return ends


@checks_types
def collect(
    env: gym.Env[Any, Any],
    n_steps: int,
    rng: np.random.Generator,
    *,
    starts: Array | None = None,
    max_length: int | None = None,
    policy: Policy | None = None,
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
        policy: What acts, always by its most probable action, see
            :func:`~rlsp_sb3.data.rollout_env`; None for actions at random.

    Returns:
        The transitions.

    Raises:
        TypeError: If there are starts, and the environment cannot be put there, or the policy is
            none.
        ValueError: If a number is out of range, starts are empty, or the environment shows
            something that is not finite.
    """
    check_int("n_steps", n_steps, 1, MAX_COUNT)
    if max_length is not None:
        check_int("max_length", max_length, 1)
    if policy is not None:
        check_policy("policy", policy)
    if starts is not None:
        check_array("starts", starts, ("n", *(env.observation_space.shape or ())))
    set_state = None if starts is None else state_setter(env)
    env.action_space.seed(int(rng.integers(2**31)))
    seen: list[tuple[Any, Any, Any, bool]] = []
    n_episodes = 0
    with stage("collecting transitions", n_steps) as shown:
        while len(seen) < n_steps:
            shown.done = len(seen)
            observation = np.array(env.reset(seed=int(rng.integers(2**31)))[0])
            if set_state is not None and starts is not None and n_episodes % 2:
                observation = starts[rng.integers(len(starts))]
                set_state(observation)
            n_episodes += 1
            check_shown(env, observation, f"at the start of episode {n_episodes}")
            memory = None
            for step in range(min(max_length or n_steps, n_steps - len(seen))):
                if policy is None:
                    action = env.action_space.sample()
                else:
                    start = np.array([step == 0])
                    action, memory = policy.predict(observation, memory, start, deterministic=True)
                next_observation, _, terminated, truncated, _ = env.step(action)
                next_observation = np.array(
                    next_observation
                )  # the environment may show the next one in its place
                check_shown(env, next_observation, f"after step {len(seen) + 1} of all")
                seen.append((observation, action, next_observation, bool(terminated)))
                observation = next_observation
                if terminated or truncated:
                    break
    return Transitions(*map(np.array, zip(*seen, strict=True)))
