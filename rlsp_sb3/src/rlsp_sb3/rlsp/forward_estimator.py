"""Forward estimator: pasts sampled from where episodes start, weighed by where they end."""

from __future__ import annotations

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.data.transitions import collect
from rlsp_sb3.io.state_arrays import flatten_arrays, subtree
from rlsp_sb3.rlsp.gradient import feature_counts
from rlsp_sb3.rlsp.gradient_estimator import (
    GradientEstimate,
    GradientEstimator,
    GradientProblem,
)
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.rlsp.trajectory_weights import effective_sample_size, kernel_weights
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.rollout import rollout_simulator
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
from rlsp_sb3.solvers.base import SB3Solver
from rlsp_sb3.solvers.factory import SolverSpec, make_model
from rlsp_sb3.solvers.training_env import make_training_env
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.timer import Timer

SMALLEST_NORM = 0.1
"""Below this norm per action a gradient is taken for small, rather than scaled to norm 1."""


class ForwardEstimator(GradientEstimator):
    """Gradient estimator that samples pasts forward, in a simulator.

    The gradient of the log likelihood of an observed state s is E[Σ_t φ(s_t) | s_T = s] -
    E[Σ_t φ(s_t)] where dynamics are deterministic, with both expectations over trajectories of the
    person's policy from where episodes start. The first one is estimated by weights for how near a
    trajectory comes to s in the end: for many trajectories and a narrow kernel it is exact, and
    no inverse model is needed (the likelihood by kernel density estimation, as in approximate
    Bayesian computation).

    Args:
        problem: What the gradient is estimated of.
        simulator: What follows from actions.
        solver: Finds the policy.
    """

    solver: SB3Solver

    def __init__(self, problem: GradientProblem, simulator: Simulator, solver: SB3Solver) -> None:
        super().__init__(problem)
        self.observed = problem.observed_states
        self.simulator = simulator
        self.solver = solver
        self._encoder = problem.encoder

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Fit the encoder to random behavior, if it is not yet."""
        if self._encoder.is_fitted:
            return {}
        usual = collect(self.simulator.env, self.problem.hyperparameters.n_transitions, rng)
        return self._encoder.fit(usual.observations, rng, usual.next_observations)

    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Sample trajectories, and compare those that end near the observed states with all."""
        with timer("past"):
            starts = self.simulator.reset(self.problem.n_trajectories)
            trajectories = rollout_simulator(
                self.simulator, self.solver.act, starts, horizon - 1
            ).observations
            trajectories = trajectories[:, finite(trajectories[-1])]
        with timer("gradient"):
            counts = feature_counts(self._encoder, trajectories)
            scores = self.squared_scores(trajectories)
            weights = np.array([self._weights(each) for each in scores])
            # Σ_i w_i Σ_t φ - mean_i Σ_t φ, averaged over observed states, of each trajectory i.
            n = len(counts)
            excess = n * weights.mean(axis=0) - 1
            terms = excess[:, None] * (counts - counts.mean(axis=0)) / max(horizon - 1, 1)
            gradient = terms.mean(axis=0)
            error = float(np.sqrt((terms.var(axis=0) / n).sum()))
        norm = float(np.linalg.norm(gradient))
        squared = scores.mean(axis=2)
        diagnostics = {
            "likelihood_gradient_norm": norm,
            "effective_pasts": float(np.mean([effective_sample_size(each) for each in weights])),
            "distance": float(np.sqrt(squared.mean())),
            "weighted_distance": float(np.sqrt((weights * squared).sum(axis=1).mean())),
        }
        signal_to_noise = norm / max(error, 1e-12)
        return GradientEstimate(
            gradient / max(norm, SMALLEST_NORM), signal_to_noise, {}, diagnostics
        )

    def squared_scores(self, trajectories: Observations) -> FloatArray:
        """Squared differences (n, N, D) of where N trajectories end from the observed states.

        In standard deviations of all that the trajectories (T, N, *observation_shape) pass.
        """
        states = trajectories.reshape(*trajectories.shape[:2], -1).astype(np.float64)
        std = np.maximum(states.std(axis=(0, 1)), 1e-8)
        observed = self.observed.reshape(len(self.observed), -1).astype(np.float64)
        return np.asarray(((states[-1] - observed[:, None]) / std) ** 2)

    def _weights(self, squared_scores: FloatArray) -> FloatArray:
        """Weights (N,) of trajectories for an observed state."""
        forward = self.problem.hyperparameters.forward
        effective_size = forward.effective_share * len(squared_scores)
        return kernel_weights(squared_scores, effective_size, forward.kernel)

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        return flatten_arrays(solver=self.solver.arrays())

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self.solver.set_arrays(subtree(arrays, "solver"))


def make_forward_estimator(
    problem: GradientProblem,
    venv: VecEnv,
    theta: FloatArray,
    rng: np.random.Generator,
    *,
    solver: SolverSpec,
    keep_termination: bool,
) -> ForwardEstimator:
    """Put a forward estimator together.

    Args:
        problem: What the gradient is estimated of.
        venv: The environment, which can be simulated.
        theta: The first reward weights θ (F,).
        rng: Decides all that is random.
        solver: Which algorithm trains the policy, and how it is set up.
        keep_termination: Has to be False, as in every simulator.

    Raises:
        TypeError: If the environment does not offer what this takes.
        ValueError: If arguments do not fit together.
    """
    encoder = problem.encoder
    training_env = make_training_env(
        venv,
        lambda observations: np.asarray(encoder(observations) @ theta),
        rng,
        algorithm=solver.algorithm,
        hyperparameters=problem.hyperparameters,
        simulated=True,
        keep_termination=keep_termination,
    )
    assert isinstance(training_env, SimulatorVecEnv)  # since it is simulated
    model = make_model(solver, training_env, encoder, theta, int(rng.integers(2**31)))
    n_steps = problem.hyperparameters.solver.n_steps
    return ForwardEstimator(problem, training_env.simulator, SB3Solver(model, encoder, n_steps))
