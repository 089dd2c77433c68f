"""Policy that is planned from where it is, in environments with too many states to tabulate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.planning.dynamic_programming import backup
from rlsp_sb3.planning.layers import make_layers
from rlsp_sb3.planning.planned_policy import TimedPolicy
from rlsp_sb3.protocols import ReachableEnv, TabularEnv
from rlsp_sb3.type_aliases import Array, FloatArray


class ReachablePolicy(TimedPolicy):
    """The optimal policy for a reward that is linear in the features of states.

    It is planned to the end of the episode from the first state in which it is asked, and anew in a
    state that this plan does not lead to.

    Args:
        env: The environment.
        weights: The reward weights (F,).
        n_steps: The number of actions of an episode, at least 1. Past its end the last step is
            repeated.
        rng: Draws the actions, unless they are deterministic.
    """

    def __init__(
        self, env: ReachableEnv, weights: FloatArray, n_steps: int, rng: np.random.Generator
    ) -> None:
        super().__init__(env.observation_space, rng)
        self._env = env
        self._weights = weights
        self._n_steps = n_steps
        self._plan: PartialPlan | None = None

    def _probabilities(self, observations: Array, steps: NDArray[np.int64]) -> FloatArray:
        steps = np.minimum(steps, self._n_steps - 1)
        return np.stack(
            [self._of_one(each, step) for each, step in zip(observations, steps, strict=True)]
        )

    def _of_one(self, observation: Array, step: int) -> FloatArray:
        found = None if self._plan is None else self._plan.probabilities(observation, step)
        if found is None:
            part = self._env.reachable(self._n_steps + 1 - int(step), observation)
            self._plan = PartialPlan(part, self._weights, int(step), self._n_steps)
            found = self._plan.probabilities(observation, step)
        if found is None:
            raise ValueError(
                f"env.reachable(…, observation) of {self._env} does not contain the state of the "
                "observation: expected it as the one with an initial probability above 0"
            )
        return found


class PartialPlan:
    """The optimal policy from the initial states of a part of an environment on.

    Args:
        part: The part.
        weights: The reward weights (F,).
        first: The time step at its initial states.
        n_steps: The time step at which the episode ends.
    """

    def __init__(self, part: TabularEnv, weights: FloatArray, first: int, n_steps: int) -> None:
        mdp = part.mdp
        rewards = mdp.features @ weights
        starts = np.flatnonzero(mdp.initial_distribution)
        layers = make_layers(mdp.transitions, [starts], n_steps + 1 - first)
        values = rewards[layers[-1].states]
        policies = []
        for layer in reversed(layers[:-1]):
            policy, values = backup(layer.transitions, rewards[layer.states], values, 0)
            policies.append(policy.astype(np.bool_))  # one action is certain
        self._part = part
        self._first = first
        self._states = [layer.states for layer in layers[:-1]]
        self._policies = policies[::-1]

    def probabilities(self, observation: Array, step: int) -> FloatArray | None:
        """The probability of each action (A,) at a time step; None where the plan does not lead."""
        time = step - self._first
        if not 0 <= time < len(self._states):
            return None
        (state,) = self._part.state_indices(observation[None])
        states = self._states[time]
        row = np.searchsorted(states, state)
        if row == len(states) or states[row] != state:
            return None
        probabilities: FloatArray = self._policies[time][row].astype(np.float64)
        return probabilities
