"""Wrappers that the published MuJoCo environments have around Gymnasium's (Lindner et al. 2021)."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import ArrayLike, NDArray

Observation = NDArray[np.float64]


class EntryPointWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """A wrapper that an entry point may return."""

    @property
    def spec(self) -> EnvSpec | None:
        """The specification; Gymnasium 0.29's ``make_vec`` sets that of what it gets."""
        return super().spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._cached_spec = None
        self.env.spec = spec


class TimeFeature(EntryPointWrapper):
    """Wrapper that appends the remaining time to observations: 1 - t / limit, after t steps.

    Beyond the limit the feature stays at 0. With ``reset(options={"observation": …})`` and
    :meth:`set_state_from_observation` it comes from the observation, so that t continues from
    there; the wrapped environment gets the rest of the observation. It is only a clock: when
    episodes are truncated is up to Gymnasium's ``TimeLimit``.

    Args:
        env: An environment with observations of shape (D,).
        limit: After how many steps no time remains, at least 1.

    Raises:
        ValueError: If the observations have another shape, or the limit is less than 1.
    """

    def __init__(self, env: gym.Env[Any, Any], limit: int = 1000) -> None:
        RecordConstructorArgs.__init__(self, limit=limit)
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise ValueError(
                f"env has the observation space {space}: expected a Box of shape (D,); flatten "
                "observations with gymnasium.wrappers.FlattenObservation first"
            )
        if limit < 1:
            raise ValueError(f"limit={limit}: expected at least 1 step")
        self.limit = limit
        self._steps = 0
        self.observation_space = spaces.Box(
            np.append(space.low, 0), np.append(space.high, 1), dtype=np.float64
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, at time 0 or at that of ``options["observation"]``."""
        if options and "observation" in options:
            options = {**options, "observation": self._set_clock(options["observation"])}
        else:
            self._steps = 0
        observation, info = self.env.reset(seed=seed, options=options)
        return self._append(observation), info

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take an action."""
        observation, *rest = self.env.step(action)
        self._steps += 1
        return self._append(observation), *rest  # type: ignore[return-value]

    def set_state_from_observation(self, observation: ArrayLike) -> None:
        """Put the environment into the state of an observation (D + 1,) and set the clock.

        Raises:
            AttributeError: If the wrapped environment has no such method.
            ValueError: If the observation has another shape.
        """
        set_state = self.env.get_wrapper_attr("set_state_from_observation")
        set_state(self._set_clock(observation))

    def _set_clock(self, observation: ArrayLike) -> Observation:
        """Set the clock to the nearest step, and return the rest of the observation (D,)."""
        observation = np.asarray(observation, dtype=np.float64)
        if observation.shape != self.observation_space.shape:
            raise ValueError(
                f"observation has shape {observation.shape}: expected "
                f"{self.observation_space.shape}, the last entry being the remaining time"
            )
        self._steps = round((1 - np.clip(observation[-1], 0, 1)) * self.limit)
        return observation[:-1]

    def _append(self, observation: NDArray[Any]) -> Observation:
        return np.append(observation, max(1 - self._steps / self.limit, 0))


class TerminationPenalty(EntryPointWrapper):
    """Wrapper that lowers the reward where an episode would end, instead of ending it.

    ``info["reward_termination"]`` is minus the penalty there, and 0 elsewhere.

    Args:
        env: The environment.
        penalty: What to subtract from the reward.
    """

    def __init__(self, env: gym.Env[Any, Any], penalty: float = 1.0) -> None:
        RecordConstructorArgs.__init__(self, penalty=penalty)
        super().__init__(env)
        self.penalty = penalty

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take an action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        cost = -self.penalty if terminated else 0.0
        info = {**info, "reward_termination": cost}
        return observation, float(reward) + cost, False, truncated, info
