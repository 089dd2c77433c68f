"""Learned simulator, for environments that cannot be put into a state."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.io.state_arrays import array_like, flatten_arrays, subtree
from rlsp_sb3.models.delta_model import DeltaModel
from rlsp_sb3.simulators.base import Simulator, check_observations
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.checks import MAX_COUNT, check_int
from rlsp_sb3.utils.observations import as_observations, check_shown, space_bounds
from rlsp_sb3.utils.type_checks import checks_types


class LearnedSimulator(Simulator):
    """Simulator with a learned model of the forward dynamics.

    Where observations are integers, what the model says is rounded to the nearest in the space.

    Args:
        env: The environment, which is only reset, for its initial observations.
        rng: Decides which of them.
        model: Maps observations and actions to next observations.
        n_initial: How many initial observations are kept, at least 1.
    """

    @checks_types
    def __init__(
        self,
        env: gym.Env[Any, Any],
        rng: np.random.Generator,
        model: DeltaModel,
        n_initial: int = 500,
    ) -> None:
        super().__init__(env, rng)
        check_int("n_initial", n_initial, 1, MAX_COUNT)
        self.model = model
        seeds = rng.integers(2**31, size=n_initial)
        initial = [np.array(env.reset(seed=int(seed))[0]) for seed in seeds]
        for i, observation in enumerate(initial):
            check_shown(env, observation, f"after reset {i + 1}")
        self.initial = check_observations("initial observations", initial, self.observation_space)

    def reset(self, n: int) -> Array:
        """Initial observations of the environment, drawn from those that are kept."""
        check_int("n", n, 1, MAX_COUNT)
        return self.initial[self.rng.integers(len(self.initial), size=n)]

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        predicted = self.model(states, actions)
        space = self.observation_space
        if np.dtype(space.dtype).kind == "f":
            following = predicted.astype(space.dtype)
        else:
            following = as_observations(np.clip(predicted, *space_bounds(space)), space.dtype)
        return following, following.copy()

    def fit(
        self, transitions: Transitions, settings: FitSettings, rng: np.random.Generator
    ) -> float:
        """Fit the model, from where it is, to transitions.

        Returns:
            The mean squared error of scaled changes that were held out.
        """
        before, after = transitions.observations, transitions.next_observations
        return self.model.fit(before, transitions.actions, after, settings, rng)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model and the initial observations, to be saved."""
        return {**flatten_arrays(model=self.model.arrays()), "initial": self.initial}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        self.model.set_arrays(subtree(arrays, "model"))
        self.initial = array_like(self.initial, arrays, "initial")
