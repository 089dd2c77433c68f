"""Policies that depend on the time step, such as one that was planned for each state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.type_aliases import Array, FloatArray
from rlsp_sb3.utils.checks import check_array
from rlsp_sb3.utils.type_checks import checks_types, shown


class TimedPolicy(ABC):
    """Policy whose actions depend on the time step.

    With a finite horizon the best action depends on the time left. SB3's ``predict`` has a place
    for what a policy remembers, the ``state`` of recurrent policies: here it is the time step.
    Without it each call is the first step of an episode.

    Args:
        observation_space: The space of one observation.
        rng: Draws the actions, unless they are deterministic.
    """

    def __init__(self, observation_space: spaces.Space[Any], rng: np.random.Generator) -> None:
        self._observation_space = observation_space
        self._rng = rng

    @abstractmethod
    def _probabilities(self, observations: Array, steps: NDArray[np.int64]) -> FloatArray:
        """The probability of each action (N, A) for N observations at their time steps (N,)."""

    @checks_types
    def predict(
        self,
        observation: ArrayLike,
        state: tuple[NDArray[np.int64], ...] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]:
        """Choose actions.

        Args:
            observation: One observation or a batch of N.
            state: What the last call returned: the time step of each environment (N,).
            episode_start: Which environments were just reset (N,).
            deterministic: Whether to take the most probable action instead of a random one.

        Returns:
            The action, of shape () as SB3's policies return it, or N of them; and the state for
            the next call.

        Raises:
            TypeError: If an argument has a wrong type.
            ValueError: If the observation has another shape than the environment's, or there is
                not a time step for each.
        """
        observations = np.asarray(observation)
        single = observations.shape == self._observation_space.shape
        observations = observations[None] if single else observations
        steps = np.zeros(observations.shape[:1] or 1, dtype=np.int64)
        if state is not None:
            steps = _of_each("state", state[0] if len(state) == 1 else None, "iu", steps)
        if episode_start is not None:
            steps = np.where(_of_each("episode_start", episode_start, "b", steps), 0, steps)
        probabilities = self._probabilities(observations, steps)
        actions = probabilities.argmax(axis=1) if deterministic else self._draw(probabilities)
        return (actions.squeeze(axis=0) if single else actions), (steps + 1,)

    def _draw(self, probabilities: FloatArray) -> NDArray[np.int64]:
        draws = self._rng.random((len(probabilities), 1))
        return np.asarray((probabilities.cumsum(axis=1) > draws).argmax(axis=1))


class PlannedPolicy(TimedPolicy):
    """Policy given by a table with a row for each time step and state.

    Past the end of the plan the last step is repeated.

    Args:
        env: The environment, which tells states from observations.
        table: The probability of each action, π[t, s, a], of shape (T - 1, S, A).
        rng: Draws the actions, unless they are deterministic.
    """

    @checks_types
    def __init__(self, env: TabularEnv, table: FloatArray, rng: np.random.Generator) -> None:
        super().__init__(env.observation_space, rng)
        self.table = check_array("table", table, ("T - 1", "S", "A"), empty=True)
        self._env = env

    def act(self, observations: ArrayLike, time: int) -> NDArray[np.int64]:
        """Draw actions (N,) in the states of N observations at a time step."""
        return self._draw(self.table[time, self._env.state_indices(observations)])

    def _probabilities(self, observations: Array, steps: NDArray[np.int64]) -> FloatArray:
        indices = self._env.state_indices(observations)
        probabilities: FloatArray = self.table[np.minimum(steps, len(self.table) - 1), indices]
        return probabilities


def _of_each(name: str, given: Any, kinds: str, steps: NDArray[np.int64]) -> NDArray[Any]:
    """An argument as an array with an entry for each environment (N,)."""
    array = np.asarray(given)
    if array.dtype.kind not in kinds or array.shape not in ((), steps.shape):
        raise ValueError(
            f"{name}={shown(given)}: expected "
            + ("what the last call returned" if name == "state" else "a bool")
            + f" for each of {len(steps)} environments"
        )
    return np.broadcast_to(array, steps.shape)
