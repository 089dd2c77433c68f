"""Gradient estimator for continuous environments, where SB3 finds the policy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.data.transitions import Transitions, collect, concatenate
from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.io.state_arrays import flatten_arrays, load_module, module_arrays, subtree
from rlsp_sb3.models.delta_model import DeltaModel
from rlsp_sb3.models.normalization import find_clock_entries
from rlsp_sb3.models.training import FitSettings
from rlsp_sb3.presets import Budget
from rlsp_sb3.rlsp.gradient import feature_counts, simulate_forward
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimator, TrajectoryWeights
from rlsp_sb3.rlsp.inverse_dynamics import DeltaInverseDynamics
from rlsp_sb3.rlsp.inverse_policy import StationaryInversePolicy
from rlsp_sb3.rlsp.past_trajectories import Observations, PastTrajectories
from rlsp_sb3.rlsp.trajectory_weights import cosine_weights, initial_weights, uniform_weights
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.learned import LearnedSimulator
from rlsp_sb3.simulators.rollout import Trajectories, rollout_simulator
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
from rlsp_sb3.solvers.base import SB3Solver
from rlsp_sb3.solvers.factory import Algorithm, make_model
from rlsp_sb3.solvers.training_env import ForwardModel, is_simulated, make_training_env
from rlsp_sb3.type_aliases import Arrays, FloatArray

logger = logging.getLogger(__name__)

SMALLEST_SHARE = 0.2  # of the trajectories that count, as effective sample size
MARGIN = 10.0  # how far pasts may leave the range that was seen, in widths of that range


class ContinuousGradientEstimator(GradientEstimator):
    """Gradient estimator with an SB3 policy and inverse models of continuous observations.

    The inverse models do not know the time. The inverse dynamics are fitted to transitions that
    were collected, and again to what training the policy came upon, because transitions of random
    actions say little about where a good policy goes.

    Args:
        env: The environment.
        observed_states: Observations (n, *observation_shape).
        encoder: The features φ; fitted if it is not yet.
        simulator: What follows from actions.
        solver: Finds the policy.
        inverse_policy: Draws which action was before.
        inverse_dynamics: Computes what was before; fitted if it is not yet.
        transitions: What these are fitted to; None to collect them.
        horizon: The full horizon, the number T of states of a trajectory.
        budget: How much work to put into what.
        weights: Which pasts count.
    """

    solver: SB3Solver
    inverse_policy: StationaryInversePolicy
    inverse_dynamics: DeltaInverseDynamics

    def __init__(
        self,
        env: gym.Env[Any, Any],
        observed_states: Observations,
        encoder: Encoder,
        simulator: Simulator,
        solver: SB3Solver,
        inverse_policy: StationaryInversePolicy,
        inverse_dynamics: DeltaInverseDynamics,
        transitions: Transitions | None,
        horizon: int,
        budget: Budget,
        weights: TrajectoryWeights,
    ) -> None:
        self.observed = observed_states
        self.solver = solver
        self.inverse_policy = inverse_policy
        self.inverse_dynamics = inverse_dynamics
        self.transitions = transitions
        self.simulator = simulator
        self._env = env
        self._encoder = encoder
        self._horizon = horizon
        self._budget = budget
        self._weights = weights
        self._n_fits = 0

    @property
    def is_learned(self) -> bool:
        """True if the forward dynamics are learned, too."""
        return isinstance(self.simulator, LearnedSimulator)

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Collect transitions, and fit the encoder and the inverse dynamics to them."""
        budget, losses = self._budget, dict[str, float]()
        if not self._encoder.is_fitted:
            # To nothing near the observed states: what is unusual about them has to stand out.
            usual = collect(self._env, budget.n_transitions, rng)
            losses |= self._encoder.fit(usual.observations, rng, usual.next_observations)
        if self.transitions is None:
            self.transitions = collect(
                self._env,
                budget.n_transitions,
                rng,
                starts=None if isinstance(self.simulator, LearnedSimulator) else self.observed,
                max_length=budget.episode_length,
            )
        seen = self.transitions
        if not self.inverse_dynamics.model.is_fitted:
            loss = self.inverse_dynamics.fit(seen, budget.dynamics, rng)
            losses["inverse_dynamics_loss"] = loss
        if isinstance(self.simulator, LearnedSimulator):
            loss = self.simulator.fit(seen, budget.dynamics, rng)
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
            raise RuntimeError("no transitions have been collected yet: call prepare first")
        return self.transitions

    @property
    def observation_bounds(self) -> tuple[FloatArray, FloatArray]:
        """Bounds (*observation_shape) of the observations of pasts: near what was seen."""
        collected = self._collected
        seen = [self.observed, collected.observations, collected.next_observations]
        low = np.min([each.min(axis=0) for each in seen], axis=0).astype(np.float64)
        high = np.max([each.max(axis=0) for each in seen], axis=0).astype(np.float64)
        width = MARGIN * (high - low)
        space: Any = self._env.observation_space
        return np.maximum(low - width, space.low), np.minimum(high + width, space.high)

    def fit_inverse_models(
        self, past: PastTrajectories | None, rng: np.random.Generator
    ) -> dict[str, float]:
        """Fit the inverse policy to what the policy does, and at times the dynamics."""
        budget, n = self._budget, self._budget.n_rollouts
        starts = self.simulator.reset(n)
        ends = self.observed if past is None else past.states
        starts[n // 2 :] = ends[rng.integers(len(ends), size=n - n // 2)]
        actions, after = steps_of(
            rollout_simulator(self.simulator, self.solver.act, starts, self._horizon - 1)
        )
        schedule = budget.inverse_policy
        if self._n_fits == 0:
            schedule = budget.first_inverse_policy
        elif not budget.keep_inverse_policy:
            self.inverse_policy.reinitialize(rng)
        losses = {"inverse_policy_loss": self.inverse_policy.fit(actions, after, schedule, rng)}
        if budget.dynamics_again and self._n_fits % budget.again_every == 0:
            losses |= self._fit_dynamics(budget.dynamics_again, rng)
        self._n_fits += 1
        return losses

    def _fit_dynamics(self, schedule: FitSettings, rng: np.random.Generator) -> dict[str, float]:
        """Fit the dynamics again, to old and new transitions in equal parts."""
        seen = self._collected
        new = self.solver.transitions(len(seen.actions), rng)
        if new is not None:
            seen = concatenate(seen, new)
        losses = {"inverse_dynamics_loss": self.inverse_dynamics.fit(seen, schedule, rng)}
        if isinstance(self.simulator, LearnedSimulator):
            losses["forward_dynamics_loss"] = self.simulator.fit(seen, schedule, rng)
        return losses

    def trajectory_weights(self, past: PastTrajectories) -> tuple[FloatArray, dict[str, float]]:
        """Importance weights of past trajectories (N,)."""
        reached = past.observations[0]
        if self._weights == "cosine":
            return cosine_weights(reached, self.simulator.reset(1)[0]), {}
        if self._weights == "none":
            return uniform_weights(len(reached)), {}
        # A past that is shorter than the full horizon begins where the person was on the way.
        n_before = self._horizon - len(past.observations)
        starts = self.simulator.reset(len(reached))
        on_the_way = rollout_simulator(
            self.simulator, self.solver.act, starts, n_before
        ).observations[-1]
        smallest_size = SMALLEST_SHARE * len(reached)
        scaling = self.inverse_dynamics.model.origin
        known = on_the_way[finite(on_the_way)]
        seen = self._collected
        is_clock = find_clock_entries(seen.observations, seen.next_observations).reshape(
            reached.shape[1:]
        )
        # The time at which the states were observed says nothing of where the person was.
        reached, known = (np.where(is_clock, 0, each) for each in (reached, known))
        return initial_weights(reached, known, scaling, smallest_size), {}

    def feature_differences(self, past: PastTrajectories) -> tuple[FloatArray, dict[str, float]]:
        """The features of each past minus those of the policy from the same start (N, F).

        That is the gradient where nothing is random (Lindner et al. 2021, equation 5).
        """
        backward = feature_counts(self._encoder, past.observations)
        ahead = simulate_forward(past, self.solver.act, self.simulator)
        forward = feature_counts(self._encoder, ahead)
        n_states = len(past.observations)
        return backward - forward, {
            "features_backward": float(np.linalg.norm(np.nanmean(backward, axis=0)) / n_states),
            "features_forward": float(np.linalg.norm(np.nanmean(forward, axis=0)) / n_states),
        }

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        seen = {} if self.transitions is None else self.transitions.arrays()
        learned_simulator = (
            self.simulator.arrays() if isinstance(self.simulator, LearnedSimulator) else {}
        )
        return flatten_arrays(
            solver=self.solver.arrays(),
            inverse_policy=module_arrays(self.inverse_policy),
            inverse_policy_scaling=self.inverse_policy.after.arrays(),
            inverse_dynamics=self.inverse_dynamics.model.arrays(),
            transitions=seen,
            simulator=learned_simulator,
            fits={"n": np.array(self._n_fits)},
        )

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self.solver.set_arrays(subtree(arrays, "solver"))
        load_module(self.inverse_policy, subtree(arrays, "inverse_policy"))
        self.inverse_policy.after.set_arrays(subtree(arrays, "inverse_policy_scaling"))
        self.inverse_dynamics.model.set_arrays(subtree(arrays, "inverse_dynamics"))
        seen = subtree(arrays, "transitions")
        if seen:
            self.transitions = Transitions(**seen)
        if isinstance(self.simulator, LearnedSimulator):
            self.simulator.set_arrays(subtree(arrays, "simulator"))
        self._n_fits = int(subtree(arrays, "fits")["n"])


def steps_of(trajectories: Trajectories) -> tuple[NDArray[Any], NDArray[Any]]:
    """The actions (n, *action_shape) of all trajectories and the finite observations after them."""
    after = trajectories.observations[1:].reshape(-1, *trajectories.observations.shape[2:])
    actions = trajectories.actions.reshape(len(after), *trajectories.actions.shape[2:])
    known = finite(after)
    return actions[known], after[known]


def make_continuous_estimator(
    venv: VecEnv,
    observed_states: Observations,
    encoder: Encoder,
    theta: FloatArray,
    solver: Algorithm,
    solver_kwargs: Mapping[str, Any],
    horizon: int,
    budget: Budget,
    weights: TrajectoryWeights,
    forward_model: ForwardModel,
    keep_termination: bool,
    inverse_dynamics: DeltaInverseDynamics | None,
    transitions: Transitions | None,
    rng: np.random.Generator,
    device: torch.device,
) -> ContinuousGradientEstimator:
    """Make the estimator; the arguments are those of RLSP and of ContinuousGradientEstimator.

    Raises:
        TypeError: If the environment does not offer what this takes.
        ValueError: If arguments do not fit together.
    """
    env = first_base_env(venv)
    seeds = rng.integers(2**31, size=4)
    shape = env.observation_space.shape or ()
    simulated = is_simulated(venv, forward_model)
    logger.info("what follows is %s", "simulated" if simulated else "learned")

    def reward(observations: Observations) -> FloatArray:
        return np.asarray(encoder(observations) @ theta)

    training_env = make_training_env(venv, reward, solver, budget, simulated, keep_termination, rng)
    simulator: Simulator
    if isinstance(training_env, SimulatorVecEnv):
        simulator = training_env.simulator
    else:
        forward = DeltaModel(shape, env.action_space, budget.dynamics_hidden, seed=int(seeds[0]))
        simulator = LearnedSimulator(env, rng, forward)
    model = make_model(
        solver, solver_kwargs, training_env, encoder, theta, budget, int(seeds[1]), device
    )
    if inverse_dynamics is None:
        inverse_dynamics = DeltaInverseDynamics(
            DeltaModel(shape, env.action_space, budget.dynamics_hidden, seed=int(seeds[2]))
        )
    inverse_policy = StationaryInversePolicy(
        shape, env.action_space, budget.inverse_policy_hidden, seed=int(seeds[3])
    )
    return ContinuousGradientEstimator(
        env,
        observed_states,
        encoder,
        simulator,
        SB3Solver(model, encoder, budget.solver_steps),
        inverse_policy,
        inverse_dynamics,
        transitions,
        horizon,
        budget,
        weights,
    )
