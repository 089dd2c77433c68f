"""Gradient estimator for continuous environments, where SB3 finds the policy."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.data.transitions import Transitions, collect, concatenate
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.io.state_arrays import (
    flatten_arrays,
    load_module,
    module_arrays,
    read_scalar,
    subtree,
)
from rlsp_sb3.models.delta_model import DeltaModel
from rlsp_sb3.models.normalization import find_clock_entries
from rlsp_sb3.rlsp.backward_estimator import BackwardEstimator, FeatureDifferences, Weighting
from rlsp_sb3.rlsp.gradient import feature_counts, simulate_forward
from rlsp_sb3.rlsp.gradient_estimator import GradientProblem
from rlsp_sb3.rlsp.inverse_dynamics import DeltaInverseDynamics
from rlsp_sb3.rlsp.inverse_policy import StationaryInversePolicy
from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories
from rlsp_sb3.rlsp.trajectory_weights import cosine_weights, initial_weights, uniform_weights
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.learned import LearnedSimulator
from rlsp_sb3.simulators.rollout import Trajectories, rollout_simulator
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
from rlsp_sb3.solvers.base import SB3Solver
from rlsp_sb3.solvers.factory import SolverSpec, make_model
from rlsp_sb3.solvers.training_env import ForwardModel, is_simulated, make_training_env
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.observations import space_bounds
from rlsp_sb3.utils.type_checks import checks_types

logger = logging.getLogger(__name__)

MIN_EFFECTIVE_SHARE = 0.2  # of all trajectories, as effective sample size
TOLERANCE = 0.01  # how far outside an error of the model may be, in widths of that range
MARGIN = 10.0  # how far pasts may leave the range that was seen, in widths of that range


class ContinuousGradientEstimator(BackwardEstimator):
    """Gradient estimator with an SB3 policy and inverse models of any observations.

    The inverse models do not know the time. The inverse dynamics are fitted to transitions that
    were collected, and again to what training the policy came upon, because transitions of random
    actions say little about where a good policy goes.

    Args:
        problem: What the gradient is estimated of.
        env: The environment.
        simulator: What follows from actions.
        solver: Finds the policy.
        inverse_policy: Draws which action was before.
        inverse_dynamics: Computes what was before; fitted if it is not yet.

    Attributes:
        transitions: What the inverse dynamics are fitted to; None until they are collected.
    """

    solver: SB3Solver
    inverse_policy: StationaryInversePolicy
    inverse_dynamics: DeltaInverseDynamics

    @checks_types
    def __init__(
        self,
        problem: GradientProblem,
        env: gym.Env[Any, Any],
        *,
        simulator: Simulator,
        solver: SB3Solver,
        inverse_policy: StationaryInversePolicy,
        inverse_dynamics: DeltaInverseDynamics,
    ) -> None:
        super().__init__(problem)
        self.observed = problem.observed_states
        self.solver = solver
        self.inverse_policy = inverse_policy
        self.inverse_dynamics = inverse_dynamics
        self.transitions: Transitions | None = None
        self.simulator = simulator
        self._env = env
        self.action_space = env.action_space
        self._encoder = problem.encoder
        self._horizon = problem.horizon
        self._n_fits = 0

    @property
    def is_learned(self) -> bool:
        """True if the forward dynamics are learned, too."""
        return isinstance(self.simulator, LearnedSimulator)

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Collect transitions, and fit the encoder and the inverse dynamics to them."""
        hyperparameters, losses = self.problem.hyperparameters, dict[str, float]()
        if not self._encoder.is_fitted:
            # To nothing near the observed states: what is unusual about them has to stand out.
            usual = collect(self._env, hyperparameters.n_transitions, rng)
            losses |= self._encoder.fit(usual.observations, rng, usual.next_observations)
        if self.transitions is None:
            self.transitions = collect(
                self._env,
                hyperparameters.n_transitions,
                rng,
                starts=None if isinstance(self.simulator, LearnedSimulator) else self.observed,
                max_length=hyperparameters.episode_length,
            )
        seen = self.transitions
        if not self.inverse_dynamics.model.is_fitted:
            loss = self.inverse_dynamics.fit(seen, hyperparameters.dynamics.fit, rng)
            losses["inverse_dynamics_loss"] = loss
        if isinstance(self.simulator, LearnedSimulator):
            loss = self.simulator.fit(seen, hyperparameters.dynamics.fit, rng)
            losses["forward_dynamics_loss"] = loss
        self.inverse_policy.after.fit(seen.next_observations)
        return losses

    def initial_theta(self, theta: FloatArray) -> FloatArray:
        """The features of the observed states, with norm 1 (Lindner et al. 2021, Algorithm 1)."""
        total = self._encoder(self.observed).sum(axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12))

    @property
    def _collected(self) -> Transitions:
        if self.transitions is None:
            raise RuntimeError("no transitions have been collected yet: call setup first")
        return self.transitions

    @property
    def observation_bounds(self) -> tuple[FloatArray, FloatArray]:
        """Bounds (*observation_shape) of the observations of pasts: near what was seen."""
        low, high = self._range
        width = MARGIN * (high - low)
        least, largest = space_bounds(self._env.observation_space)
        return np.maximum(low - width, least), np.minimum(high + width, largest)

    @property
    def observation_tolerance(self) -> FloatArray:
        """Distance (*observation_shape) from the bounds that is only an error of the models.

        States at the bounds of the space are common (an upright pendulum shows a cosine of 1), and
        there half of all errors lead outside. Errors are well below a hundredth of the range that
        was seen, and what is wrong with a model is not. Whole numbers are rounded to the nearest.
        """
        low, high = self._range
        is_whole = np.dtype(self._env.observation_space.dtype).kind in "biu"
        return np.maximum(TOLERANCE * (high - low), 0.5 if is_whole else 0.0)

    @property
    def _range(self) -> tuple[FloatArray, FloatArray]:
        """The least and the largest (*observation_shape) of what was seen."""
        collected = self._collected
        seen = [self.observed, collected.observations, collected.next_observations]
        low = np.min([each.min(axis=0) for each in seen], axis=0).astype(np.float64)
        high = np.max([each.max(axis=0) for each in seen], axis=0).astype(np.float64)
        return low, high

    def fit_inverse_models(
        self, past: PastTrajectories | None, rng: np.random.Generator
    ) -> dict[str, float]:
        """Fit the inverse policy to what the policy does, and at times the dynamics."""
        hyperparameters = self.problem.hyperparameters
        n = hyperparameters.inverse_policy.n_rollouts
        starts = self.simulator.reset(n)
        ends = self.observed if past is None else past.states
        starts[n // 2 :] = ends[rng.integers(len(ends), size=n - n // 2)]
        actions, after = steps_of(
            rollout_simulator(self.simulator, self.solver.act, starts, self._horizon - 1)
        )
        settings = hyperparameters.inverse_policy.fit
        if self._n_fits == 0:
            settings = hyperparameters.inverse_policy.first_fit
        elif not hyperparameters.inverse_policy.warm_start:
            self.inverse_policy.reinitialize(rng)
        losses = {"inverse_policy_loss": self.inverse_policy.fit(actions, after, settings, rng)}
        dynamics = hyperparameters.dynamics
        if dynamics.refit and self._n_fits % dynamics.refit_interval == 0:
            losses |= self._fit_dynamics(dynamics.refit, rng)
        self._n_fits += 1
        return losses

    def _fit_dynamics(self, settings: FitSettings, rng: np.random.Generator) -> dict[str, float]:
        """Fit the dynamics again, to old and new transitions in equal parts."""
        seen = self._collected
        new = self.solver.transitions(len(seen.actions), rng)
        if new is not None:
            seen = concatenate(seen, new)
        losses = {"inverse_dynamics_loss": self.inverse_dynamics.fit(seen, settings, rng)}
        if isinstance(self.simulator, LearnedSimulator):
            losses["forward_dynamics_loss"] = self.simulator.fit(seen, settings, rng)
        return losses

    def trajectory_weights(self, past: PastTrajectories) -> Weighting:
        """Importance weights of past trajectories (N,)."""
        reached = past.observations[0]
        if self.problem.trajectory_weights == "cosine":
            return Weighting(cosine_weights(reached, self.simulator.reset(1)[0]), {})
        if self.problem.trajectory_weights == "uniform":
            return Weighting(uniform_weights(len(reached)), {})
        # A past that is shorter than the full horizon begins where the person was on the way.
        n_before = self._horizon - len(past.observations)
        starts = self.simulator.reset(len(reached))
        on_the_way = rollout_simulator(
            self.simulator, self.solver.act, starts, n_before
        ).observations[-1]
        min_effective_size = MIN_EFFECTIVE_SHARE * len(reached)
        normalizer = self.inverse_dynamics.model.origin
        known = on_the_way[finite(on_the_way)]
        seen = self._collected
        is_clock = find_clock_entries(seen.observations, seen.next_observations).reshape(
            reached.shape[1:]
        )
        # The time at which the states were observed says nothing of where the person was.
        reached, known = (np.where(is_clock, 0, each) for each in (reached, known))
        return Weighting(initial_weights(reached, known, normalizer, min_effective_size), {})

    def feature_differences(self, past: PastTrajectories) -> FeatureDifferences:
        """The features of each past minus those of the policy from the same start (N, F).

        That is the gradient where nothing is random (Lindner et al. 2021, equation 5).
        """
        backward = feature_counts(self._encoder, past.observations)
        ahead = simulate_forward(past, self.solver.act, self.simulator)
        forward = feature_counts(self._encoder, ahead)
        n_states = len(past.observations)
        return FeatureDifferences(
            backward - forward,
            {
                "features_backward": float(np.linalg.norm(np.nanmean(backward, axis=0)) / n_states),
                "features_forward": float(np.linalg.norm(np.nanmean(forward, axis=0)) / n_states),
            },
        )

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        seen = {} if self.transitions is None else self.transitions.arrays()
        learned_simulator = (
            self.simulator.arrays() if isinstance(self.simulator, LearnedSimulator) else {}
        )
        return flatten_arrays(
            solver=self.solver.arrays(),
            inverse_policy=module_arrays(self.inverse_policy),
            inverse_policy_normalizer=self.inverse_policy.after.arrays(),
            inverse_dynamics=self.inverse_dynamics.model.arrays(),
            transitions=seen,
            past=self.past_arrays(),
            simulator=learned_simulator,
            fits={"n": np.array(self._n_fits)},
        )

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self.solver.set_arrays(subtree(arrays, "solver"))
        load_module(self.inverse_policy, subtree(arrays, "inverse_policy"))
        self.inverse_policy.after.set_arrays(subtree(arrays, "inverse_policy_normalizer"))
        self.inverse_dynamics.model.set_arrays(subtree(arrays, "inverse_dynamics"))
        seen = subtree(arrays, "transitions")
        if seen:
            self.transitions = Transitions.from_arrays(
                seen, self._env.observation_space, self._env.action_space
            )
        if isinstance(self.simulator, LearnedSimulator):
            self.simulator.set_arrays(subtree(arrays, "simulator"))
        self.set_past_arrays(subtree(arrays, "past"))
        self._n_fits = read_scalar(subtree(arrays, "fits"), "n", int)
        if self._n_fits > 0 and not self.inverse_dynamics.model.is_fitted:
            raise ValueError("inverse_dynamics: the arrays of a fitted model are missing")


def steps_of(trajectories: Trajectories) -> tuple[NDArray[Any], NDArray[Any]]:
    """The actions (n, *action_shape) of all trajectories and the finite observations after them."""
    after = trajectories.observations[1:].reshape(-1, *trajectories.observations.shape[2:])
    actions = trajectories.actions.reshape(len(after), *trajectories.actions.shape[2:])
    known = finite(after)
    return actions[known], after[known]


def make_continuous_estimator(
    problem: GradientProblem,
    venv: VecEnv,
    theta: FloatArray,
    rng: np.random.Generator,
    *,
    solver: SolverSpec,
    forward_model: ForwardModel,
    keep_termination: bool,
) -> ContinuousGradientEstimator:
    """Put a gradient estimator together.

    Args:
        problem: What the gradient is estimated of.
        venv: The environment.
        theta: The first reward weights θ (F,).
        rng: Decides all that is random.
        solver: Which algorithm trains the policy, and how it is set up.
        forward_model: See :class:`~rlsp_sb3.RLSP`.
        keep_termination: See there.

    Raises:
        TypeError: If the environment does not offer what this takes.
        ValueError: If arguments do not fit together.
    """
    env = first_base_env(venv)
    seeds = rng.integers(2**31, size=4)
    simulated = is_simulated(venv, forward_model)
    logger.info("what follows is %s", "simulated" if simulated else "learned")
    encoder, hyperparameters = problem.encoder, problem.hyperparameters

    def reward(observations: Observations) -> FloatArray:
        return np.asarray(encoder(observations) @ theta)

    training_env = make_training_env(
        venv,
        reward,
        rng,
        algorithm=solver.algorithm,
        hyperparameters=hyperparameters,
        simulated=simulated,
        keep_termination=keep_termination,
    )

    def dynamics_model(seed: int) -> DeltaModel:
        hidden = hyperparameters.dynamics.hidden
        return DeltaModel(env.observation_space, env.action_space, hidden, seed=seed)

    simulator: Simulator
    if isinstance(training_env, SimulatorVecEnv):
        simulator = training_env.simulator
    else:
        simulator = LearnedSimulator(env, rng, dynamics_model(int(seeds[0])))
    model = make_model(solver, training_env, encoder, theta, int(seeds[1]))
    return ContinuousGradientEstimator(
        problem,
        env,
        simulator=simulator,
        solver=SB3Solver(model, encoder, hyperparameters.solver.n_steps),
        inverse_dynamics=DeltaInverseDynamics(dynamics_model(int(seeds[2]))),
        inverse_policy=StationaryInversePolicy(
            env.observation_space,
            env.action_space,
            hyperparameters.inverse_policy.hidden,
            seed=int(seeds[3]),
        ),
    )
