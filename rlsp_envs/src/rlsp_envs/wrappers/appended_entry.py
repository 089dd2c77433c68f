"""Base class of wrappers that append an entry to observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_envs.wrappers.entry_point_wrapper import EntryPointWrapper

Observation = NDArray[np.float64]


class AppendedEntry(EntryPointWrapper, ABC):
    """Base class of wrappers that append an entry in [0, 1] to observations.

    What follows on the entry depends on it and the action alone. So an observation shows all of its
    state, and :meth:`next_entries` says it for many at once: what a simulator of the wrapped
    environment needs to simulate this one. With ``reset(options={"observation": …})`` and
    :meth:`set_state_from_observation` the entry comes from the observation, and the wrapped
    environment gets the rest of it.

    A subclass records its arguments by ``RecordConstructorArgs.__init__`` first, and says by
    ``entry_name`` what figures call the entry.

    Args:
        env: An environment with observations of shape (D,).

    Raises:
        ValueError: If the observations have another shape.
    """

    entry_name: ClassVar[str]

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise ValueError(
                f"env has the observation space {space}: expected a Box of shape (D,); flatten "
                "observations with gymnasium.wrappers.FlattenObservation first"
            )
        self._entry = 0.0
        self.observation_space = spaces.Box(
            np.append(space.low, 0), np.append(space.high, 1), dtype=np.float64
        )

    @abstractmethod
    def next_entries(
        self, entries: NDArray[np.float64], actions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """The entries (N,) that follow on entries (N,) under actions (N, *action_shape)."""

    @abstractmethod
    def _first_entry(self) -> float:
        """The entry at the start of an episode, after the wrapped environment was reset."""

    def _nearest_entry(self, entry: float) -> float:
        """The entry that one in an observation stands for."""
        return float(np.clip(entry, 0, 1))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; with ``options["observation"]``, in the state of an observation."""
        shown = (options or {}).get("observation")
        if shown is not None:
            shown = self._checked(shown)
            options = {**(options or {}), "observation": shown[:-1]}
        observation, info = self.env.reset(seed=seed, options=options)
        self._entry = self._first_entry() if shown is None else self._nearest_entry(shown[-1])
        return self._append(observation), info

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take an action."""
        observation, *rest = self.env.step(action)
        self._entry = float(self.next_entries(np.array([self._entry]), np.asarray(action)[None])[0])
        return self._append(observation), *rest  # type: ignore[return-value]

    def set_state_from_observation(self, observation: ArrayLike) -> None:
        """Put the environment into the state of an observation (D + 1,), the entry included.

        Raises:
            AttributeError: If the wrapped environment has no such method.
            ValueError: If the observation has another shape.
        """
        set_state = self.env.get_wrapper_attr("set_state_from_observation")
        observation = self._checked(observation)
        set_state(observation[:-1])
        self._entry = self._nearest_entry(observation[-1])

    def _checked(self, observation: ArrayLike) -> Observation:
        observation = np.asarray(observation, dtype=np.float64)
        if observation.shape != self.observation_space.shape:
            raise ValueError(
                f"observation has shape {observation.shape}: expected "
                f"{self.observation_space.shape}, the last entry being that of a "
                f"{type(self).__name__}"
            )
        return observation

    def _append(self, observation: NDArray[Any]) -> Observation:
        return np.append(observation, self._entry)
