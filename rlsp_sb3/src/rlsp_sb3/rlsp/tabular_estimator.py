"""Gradient estimator for tabular environments, whose states can be enumerated."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.encoders.base import Encoder, FunctionEncoder
from rlsp_sb3.io.state_arrays import flatten_arrays, subtree
from rlsp_sb3.models.networks import IMAGE_AXES
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.rlsp.backward_estimator import BackwardEstimator, FeatureDifferences, Weighting
from rlsp_sb3.rlsp.categorical_codec import CategoricalCodec, ImageCodec, StateIndexCodec
from rlsp_sb3.rlsp.gradient import feature_advantages
from rlsp_sb3.rlsp.gradient_estimator import GradientProblem
from rlsp_sb3.rlsp.inverse_models import InverseModels
from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories
from rlsp_sb3.rlsp.state_index_env import StateIndexEnv
from rlsp_sb3.rlsp.trajectory_weights import (
    cosine_weights,
    count_impossible,
    tempered_weights,
    uniform_weights,
)
from rlsp_sb3.simulators.rollout import make_simulator, rollout_simulator
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
from rlsp_sb3.solvers.base import PlanningSolver, SB3Solver
from rlsp_sb3.solvers.factory import SolverSpec, make_model
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.type_checks import checks_types

BLOCK = 4096  # states whose observations are in memory at a time
FIRST_FITS = 5  # of the inverse models before the first gradient
N_EXPLORED = 8192  # random trajectories from the start, and as many from the end
N_TRIES = 32  # of each step that could have happened; one does where nothing is random
MIN_EFFECTIVE_SHARE = 0.05  # of all trajectories, as effective sample size
MAX_POWER = 50.0  # of the weights: one impossible step is then as good as no weight


class TabularGradientEstimator(BackwardEstimator):
    """Gradient estimator with time-dependent inverse models of discrete observations.

    Only the solver may plan with ``mdp``, which says where episodes can start as well: everything
    else is simulated. Pasts lead to the start,
    since the inverse models see trajectories that begin there. Where dynamics are random, the
    gradient does without what was luck.

    If the environment can be asked what it shows in a state, the numbers of states are simulated,
    which is faster, and of images the only way.

    Args:
        env: A :class:`~rlsp_sb3.protocols.TabularEnv`.
        problem: What the gradient is estimated of. The encoder is fitted, if it is not yet, to what
            random actions lead to. With the trajectory weights "initial" those past trajectories
            count that the simulator can reproduce from an initial state.
        rng: The source of random numbers.

    Raises:
        ValueError: If the observations do not look discrete.
    """

    @checks_types
    def __init__(self, env: Any, problem: GradientProblem, rng: np.random.Generator) -> None:
        super().__init__(problem)
        self._env = env
        self._encoder = problem.encoder
        self._horizon = horizon = problem.horizon
        self._is_numbered = hasattr(env, "observations")
        simulated: Any = env
        if self._is_numbered:
            simulated = StateIndexEnv(env)
        self._simulated = simulated
        self.observed = problem.observed_states
        if self._is_numbered:
            self.observed = env.state_indices(problem.observed_states)
        self.action_space = env.action_space
        self._simulator = make_simulator(self._simulated, rng)
        self.solver = PlanningSolver(self._simulated, lambda: self.state_features, horizon, rng)
        n_rows, n_states = env.mdp.transitions.shape
        n_actions = n_rows // n_states
        self._explored = self._explore(n_actions)
        self._models = InverseModels(self._make_codec(n_states), horizon - 1, n_actions, rng)
        self.inverse_policy = self._models.policy
        self.inverse_dynamics = self._models.dynamics

    def train_by(self, solver: SolverSpec, theta: FloatArray) -> None:
        """Let an algorithm of SB3 find the policy instead of planning it.

        Args:
            solver: Which algorithm, and how it is set up.
            theta: The first weights (F,).
        """
        rng, encoder = self._simulator.rng, self._encoder
        training_env = SimulatorVecEnv(
            make_simulator(self._env, rng),
            n_envs=solver.hyperparameters.n_envs,
            episode_length=max(self._horizon - 1, 1),
            reward=lambda observations: np.asarray(encoder(observations) @ theta),
            rng=rng,
            share_of_starts=0,
        )
        model = make_model(solver, training_env, encoder, theta, int(rng.integers(2**31)))
        self.solver = SB3Solver(model, encoder, solver.hyperparameters.n_steps, self._show)

    @cached_property
    def state_features(self) -> FloatArray:
        """The features of each state (S, F), once the encoder is fitted."""
        return state_features(self._env, self._encoder)

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Fit the encoder, if it is not yet, to each step that was seen, once."""
        if self._encoder.is_fitted:
            return {}
        steps = np.stack([self._explored[:-1], self._explored[1:]], axis=2)
        steps = np.unique(steps.reshape(-1, *steps.shape[2:]), axis=0)
        return self._encoder.fit(self._show(steps[:, 0]), rng, self._show(steps[:, 1]))

    def fit_inverse_models(
        self, past: PastTrajectories | None, rng: np.random.Generator
    ) -> dict[str, float]:
        """Fit the inverse models to trajectories of the policy from the start."""
        hyperparameters = self.problem.hyperparameters.inverse_policy
        starts = self._simulator.reset(hyperparameters.n_rollouts)
        rollouts = rollout_simulator(self._simulator, self.solver.act, starts, self._horizon - 1)
        features = self._features(rollouts.observations)
        n_updates = hyperparameters.fit.n_updates
        for _ in range(FIRST_FITS - 1 if past is None else 0):
            # Where the past will be is not known yet: look, and look again.
            focus = None if past is None else self._features(past.observations)
            self._models.fit(rollouts, features, focus, n_updates, rng)
            past = self.simulate_past(self._horizon, rng)
        focus = None if past is None else self._features(past.observations)
        return self._models.fit(rollouts, features, focus, n_updates, rng)

    def trajectory_weights(self, past: PastTrajectories) -> Weighting:
        """Importance weights of past trajectories (N,)."""
        n = past.observations.shape[1]
        first = past.observations[0]
        indices = first if self._is_numbered else self._env.state_indices(first)
        known = (indices >= 0) & (self._env.mdp.initial_distribution[indices] > 0)
        impossible = count_impossible(past, known, self._simulator, N_TRIES)
        chosen = self.problem.trajectory_weights
        if chosen == "initial":
            # If there are enough trajectories without impossible steps, the others count nothing.
            weights = tempered_weights(
                -impossible.astype(np.float64), MIN_EFFECTIVE_SHARE * n, max_power=MAX_POWER
            )
        elif chosen == "cosine":
            start = self._show(self._simulator.reset(1))[0]
            weights = cosine_weights(self._show(past.observations[0]), start)
        else:
            weights = uniform_weights(n)
        return Weighting(weights, {"possible_pasts": float(np.mean(impossible == 0))})

    def feature_differences(self, past: PastTrajectories) -> FeatureDifferences:
        """The advantages of the actions of past trajectories (N, F)."""
        advantages = feature_advantages(past, self.solver.act, self._simulator, self._features)
        return FeatureDifferences(advantages, {})

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        return flatten_arrays(
            models=self._models.arrays(), solver=self.solver.arrays(), past=self.past_arrays()
        )

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self._models.set_arrays(subtree(arrays, "models"))
        self.solver.set_arrays(subtree(arrays, "solver"))
        self.set_past_arrays(subtree(arrays, "past"))

    def _explore(self, n_actions: int) -> Observations:
        """States of all kinds (T, n, *shape): where random actions lead from the start and end."""
        rng = np.random.default_rng(0)  # for a loaded learner to know the same ones
        simulator = make_simulator(self._simulated, rng)
        ends = self.observed[rng.integers(len(self.observed), size=N_EXPLORED)]
        starts = np.concatenate([simulator.reset(N_EXPLORED), ends])

        def act(states: Observations, time: int) -> NDArray[np.int64]:
            return rng.integers(n_actions, size=len(states))

        return rollout_simulator(simulator, act, starts, max(self._horizon - 1, 1)).observations

    def _make_codec(self, n_states: int) -> CategoricalCodec:
        """The codes of what is simulated."""
        explored = self._explored.reshape(-1, *self._explored.shape[2:])
        if not self._is_numbered:
            return CategoricalCodec(explored)
        if len(self._env.observation_space.shape) == IMAGE_AXES:
            return ImageCodec(explored)
        return StateIndexCodec(explored, n_states, self._env.observations, self._env.state_indices)

    def _features(self, simulated: Observations) -> FloatArray:
        """The features (…, F) of what is simulated (…, *shape)."""
        if self._is_numbered:
            return self.state_features[simulated.astype(np.int64)]
        shape = self._env.observation_space.shape
        leading = simulated.shape[: simulated.ndim - len(shape)]
        return self._encoder(simulated.reshape(-1, *shape)).reshape(*leading, -1)

    def _show(self, simulated: Observations) -> Observations:
        """The observations (N, *observation_shape) of what is simulated (N, *shape)."""
        if not self._is_numbered:
            return simulated
        return np.asarray(self._env.observations(simulated.astype(np.int64)))


@checks_types
def state_features(env: TabularEnv, encoder: Encoder) -> FloatArray:
    """The features of each state of an environment (S, F)."""
    if isinstance(encoder, FunctionEncoder) and encoder.features == env.features:
        return env.mdp.features
    observe: Any = getattr(env, "observations", None)
    if observe is None:
        raise TypeError(
            f"encoder={encoder}: env={env} has to offer observations(indices), the observations "
            "(N, *observation_shape) of N states, for features other than its own"
        )
    n_states = env.mdp.transitions.shape[1]
    blocks = np.array_split(np.arange(n_states), max(1, n_states // BLOCK))
    return np.concatenate([encoder(observe(block)) for block in blocks])
