"""Simulating the past where the policy can be planned."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.budgets import Budget
from rlsp_sb3.encoders import Encoder, FunctionEncoder
from rlsp_sb3.inverse_models import InverseModels
from rlsp_sb3.named_arrays import joined, part
from rlsp_sb3.past import (
    Observations,
    Past,
    count_impossible,
    feature_advantages,
    weigh,
)
from rlsp_sb3.past_weights import cosine_weights, uniform_weights
from rlsp_sb3.planning import FloatArray
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.simulate import make_simulator, rollout
from rlsp_sb3.solvers import PlanningSolver
from rlsp_sb3.vocabulary import Vocabulary
from rlsp_sb3.worlds import Arrays, PastWeights, World

BLOCK = 4096  # states whose observations are in memory at a time
N_TRIES = 32  # of each step that could have happened; one does where nothing is random
N_EXPLORED = 8192  # random trajectories from the start, and as many from the end
SMALLEST_SHARE = 0.05  # of the trajectories that count, as effective sample size


class TabularWorld(World):
    """Plans the policy, and learns inverse models that are told the time.

    Only ``mdp`` is planned with: everything else is simulated. Pasts lead to the start, since the
    inverse models see trajectories that begin there. Where dynamics are random, feature advantages
    are the gradient.

    Args:
        env: A :class:`~rlsp_sb3.protocols.TabularEnv` with observations whose entries take few
            values.
        observed_states: Observations (n, *observation_shape).
        encoder: The features φ.
        state_features: The features of each state (S, F).
        horizon: The number T of states of a trajectory.
        budget: How many trajectories of the policy the inverse models see in each epoch, and how
            many gradient steps they take.
        weights: Which pasts count: "initial" for those that the simulator can reproduce from an
            initial state.
        rng: The source of random numbers.

    Raises:
        ValueError: If the observations do not look discrete.
    """

    def __init__(
        self,
        env: TabularEnv,
        observed_states: Observations,
        encoder: Encoder,
        state_features: FloatArray,
        horizon: int,
        budget: Budget,
        weights: PastWeights,
        rng: np.random.Generator,
    ) -> None:
        self.observed = observed_states
        self._env = env
        self._encoder = encoder
        self._horizon = horizon
        self._budget = budget
        self._weights = weights
        self._simulator = make_simulator(cast(Any, env), rng)
        self.solver = PlanningSolver(env, state_features, horizon, rng)
        n_rows, n_states = env.mdp.transitions.shape
        n_actions = n_rows // n_states
        self._models = InverseModels(
            Vocabulary(self._explore(n_actions)), horizon - 1, n_actions, rng
        )
        self.inverse_policy = self._models.policy
        self.inverse_dynamics = self._models.dynamics

    def _features(self, observations: Observations) -> FloatArray:
        """The features (…, F) of observations (…, *observation_shape)."""
        shape = self._simulator.observation_space.shape or ()
        leading = observations.shape[: observations.ndim - len(shape)]
        return self._encoder(observations.reshape(-1, *shape)).reshape(*leading, -1)

    def follow(self, past: Past | None, rng: np.random.Generator) -> dict[str, float]:
        """Fit the inverse models to trajectories of the policy from the start."""
        starts = self._simulator.reset(self._budget.n_rollouts)
        rollouts = rollout(self._simulator, self.solver.act, starts, self._horizon - 1)
        focus = None if past is None else self._features(past.observations)
        return self._models.fit(
            rollouts,
            self._features(rollouts.observations),
            focus,
            self._budget.inverse_policy.n_updates,
            rng,
        )

    def weigh(self, past: Past) -> tuple[FloatArray, dict[str, float]]:
        """How much each past counts (N,)."""
        n = past.observations.shape[1]
        impossible = count_impossible(past, self._simulator, N_TRIES)
        if self._weights == "initial":
            weights = weigh(impossible, SMALLEST_SHARE * n)
        elif self._weights == "cosine":
            weights = cosine_weights(past.observations[0], self._simulator.reset(1)[0])
        else:
            weights = uniform_weights(n)
        return weights, {"possible_pasts": float(np.mean(impossible == 0))}

    def credit(self, past: Past) -> tuple[FloatArray, dict[str, float]]:
        """The advantages of the actions of each past (N, F)."""
        return feature_advantages(past, self.solver.act, self._simulator, self._features), {}

    def _explore(self, n_actions: int) -> Observations:
        """Observations of all kinds: what random actions lead to from the start and the end."""
        rng = np.random.default_rng(0)  # for a loaded learner to know the same ones
        simulator = make_simulator(cast(Any, self._env), rng)
        ends = self.observed[rng.integers(len(self.observed), size=N_EXPLORED)]
        starts = np.concatenate([simulator.reset(N_EXPLORED), ends])

        def act(states: Observations, time: int) -> NDArray[np.int64]:
            return rng.integers(n_actions, size=len(states))

        explored = rollout(simulator, act, starts, self._horizon - 1).observations
        return explored.reshape(-1, *starts.shape[1:])

    def arrays(self) -> Arrays:
        """What was learned, to be saved."""
        return joined(models=self._models.arrays())

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self._models.set_arrays(part(arrays, "models"))


def state_features(env: TabularEnv, encoder: Encoder) -> FloatArray:
    """The features of each state of an environment (S, F)."""
    if isinstance(encoder, FunctionEncoder) and encoder.features == env.features:
        return env.mdp.features
    observe = cast(Any, env).observations
    n_states = env.mdp.transitions.shape[1]
    blocks = np.array_split(np.arange(n_states), max(1, n_states // BLOCK))
    return np.concatenate([encoder(observe(block)) for block in blocks])
