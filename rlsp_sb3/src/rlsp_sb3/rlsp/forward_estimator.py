"""Forward estimator: pasts sampled from where episodes start, weighed by where they end."""

from __future__ import annotations

import copy

import numpy as np
from gymnasium.vector.utils import batch_space
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.data.transitions import collect
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.io.state_arrays import flatten_arrays, subtree
from rlsp_sb3.rlsp.branched_scores import branched_scores
from rlsp_sb3.rlsp.gradient import features_of
from rlsp_sb3.rlsp.gradient_estimator import (
    GradientEstimate,
    GradientEstimator,
    GradientProblem,
)
from rlsp_sb3.rlsp.kernel_likelihood import KernelLikelihood, candidates
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.rlsp.regression_adjustment import adjusted_weights
from rlsp_sb3.rlsp.trajectory_weights import (
    effective_sample_size,
    kernel_weights,
    spread,
    state_differences,
)
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.rollout import Trajectories, rollout_simulator
from rlsp_sb3.simulators.trials import looks_deterministic
from rlsp_sb3.solvers.base import SB3Solver
from rlsp_sb3.solvers.factory import SolverSpec, make_model
from rlsp_sb3.solvers.training_env import make_simulated_env
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.timer import Timer

SMALLEST_NORM = 0.1
"""Below this norm per action a gradient is small, and the step shorter than it can be."""

SMALLEST_STD = 1e-6
"""Smallest standard deviation of where episodes start that is not taken for rounding."""

NEGLIGIBLE = 1e-4
"""States whose weight is below this share of the largest weight do not count."""

MAX_COEFFICIENTS = 1_000
"""Observations of more entries, images, are told apart by their features alone."""

TRAJECTORIES_PER_COMPONENT = 10
"""So many at least for each coefficient of the regression on where they start."""


class ForwardEstimator(GradientEstimator):
    """Gradient estimator that samples pasts forward, in a simulator.

    Nobody says when the person was seen: a state s can be that of any time t up to the horizon, so
    that its likelihood is the mean of p(s_t = s) over them. The gradient of its logarithm is

        Σ_t p(s_t = s) E[Σ_{k<t} Q_kt(s_k, a_k) - V_kt(s_k) | s_t = s] / Σ_t p(s_t = s),

    with Q_kt and V_kt the expected features from time k to t with and without the action, and
    expectations over trajectories of the person's policy from where episodes start. All states on
    all trajectories are candidates for s, with weights for how near they are: for many trajectories
    and a narrow kernel the gradient is exact, and no inverse model is needed (the likelihood by
    kernel density estimation, as in approximate Bayesian computation). With fewer trajectories the
    kernel is wide, and a regression on how states differ from s takes away what that changes
    (:mod:`~rlsp_sb3.rlsp.regression_adjustment`). Times at which the person's policy does not come
    near s count for little, so that pasts grow as it gets better. Several observed states count as
    independent.

    Where dynamics are deterministic the inner sum is Σ_{k≤t} φ(s_k) - V_0t(s_0). V_0t is a
    regression on what the first state shows and its features: nobody chose where an episode starts,
    and what is explained by that says nothing of the person. Where dynamics are random that would
    take luck for a choice, and Q - V is estimated by
    :mod:`~rlsp_sb3.rlsp.branched_scores`.

    Args:
        problem: What the gradient is estimated of.
        simulator: What follows from actions.
        solver: Finds the policy.
        is_random: Whether the same action may lead from the same state to different ones.
    """

    solver: SB3Solver

    def __init__(
        self,
        problem: GradientProblem,
        simulator: Simulator,
        solver: SB3Solver,
        *,
        is_random: bool = False,
    ) -> None:
        super().__init__(problem)
        self.observed = problem.observed_states
        self.simulator = simulator
        self.solver = solver
        self.is_random = is_random
        self._encoder = problem.encoder
        self._likelihood: KernelLikelihood | None = None

    def setup(self, rng: np.random.Generator) -> dict[str, float]:
        """Fit the encoder to random behavior, if it is not yet."""
        if self._encoder.is_fitted:
            return {}
        usual = collect(self.simulator.env, self.problem.hyperparameters.n_transitions, rng)
        return self._encoder.fit(usual.observations, rng, usual.next_observations)

    def estimate(self, horizon: int, rng: np.random.Generator, timer: Timer) -> GradientEstimate:
        """Sample trajectories, and compare the ways to near the observed states with all."""
        with timer("past"):
            starts = self.simulator.reset(self.problem.n_trajectories)
            trajectories = _stable(
                rollout_simulator(self.simulator, self.solver.act, starts, horizon - 1)
            )
        with timer("likelihood"):
            likelihood = self._log_likelihoods(trajectories.observations, rng)
        with timer("gradient"):
            features = features_of(self._encoder, trajectories.observations)
            weights, diagnostics = self._weights(trajectories.observations, features)
            terms = self._terms(trajectories, features, weights, rng)
            gradient = terms.sum(axis=0)
            error = float(np.sqrt(len(terms) * terms.var(axis=0).sum()))
        norm = float(np.linalg.norm(gradient))
        return GradientEstimate(
            gradient,
            norm / max(error, 1e-12),
            {},
            {"likelihood_gradient_norm": norm, **diagnostics, **likelihood},
        )

    def bounded(self, gradient: FloatArray) -> FloatArray:
        """Scale a gradient of the log posterior (F,) to norm 1, unless it is small."""
        return gradient / max(float(np.linalg.norm(gradient)), SMALLEST_NORM)

    def _terms(
        self,
        trajectories: Trajectories,
        features: FloatArray,
        weights: FloatArray,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Parts of the gradient (N, F), of each of N trajectories."""
        if self.is_random:
            return branched_scores(
                trajectories,
                weights,
                simulator=self.simulator,
                policy=self.solver.act,
                features=self._encoder,
                rng=rng,
            )
        basis = _basis(trajectories.observations[0], features[0])
        return _excess_counts(features, weights, basis)

    def _log_likelihoods(
        self, trajectories: Observations, rng: np.random.Generator
    ) -> dict[str, float]:
        """The log likelihood of the observed states, and what it gains on random behavior."""
        if self._likelihood is None:
            forward = self.problem.hyperparameters.forward
            behavior = random_behavior(
                self.simulator, self.problem.n_trajectories, len(trajectories) - 1, rng
            )
            behavior = behavior[:, finite(behavior[-1])]
            size = forward.effective_share * behavior.shape[1]
            self._likelihood = KernelLikelihood.of_random_behavior(
                behavior, self.observed, forward.kernel, size
            )
        found = self._likelihood.estimate(trajectories, self.observed)
        gain = self._likelihood.gain(found)
        return {
            "log_likelihood": found.value,
            "log_likelihood_gain": gain.value,
            "log_likelihood_gain_error": gain.error,
        }

    def _weights(
        self, trajectories: Observations, features: FloatArray
    ) -> tuple[FloatArray, dict[str, float]]:
        """Weights of the states at each time but the first, of N trajectories of T states.

        Args:
            trajectories: What the states show (T, N, *observation_shape).
            features: Their features (T, N, F).

        Returns:
            Weights (T - 1, N), whose sum is that of the observed states per action, and what to
            log.
        """
        forward = self.problem.hyperparameters.forward
        n_actions, n = len(trajectories) - 1, trajectories.shape[1]
        weights = np.zeros(n_actions * n)
        logged = []
        states, known = candidates(trajectories), candidates(features)
        std, feature_std = spread(trajectories), spread(features)
        each = state_differences(states, self.observed, std)
        for differences, own in zip(each, self._encoder(self.observed), strict=True):
            squared = differences**2
            found = kernel_weights(squared, forward.effective_share * n, forward.kernel)
            counts = found > NEGLIGIBLE * found.max()
            told = (known[counts] - own) / feature_std
            if differences.shape[1] <= MAX_COEFFICIENTS:
                told = np.concatenate([differences[counts], told], axis=1)
            weights[counts] += adjusted_weights(found[counts] / found[counts].sum(), told)
            length = found.reshape(n_actions, n).sum(axis=1) @ np.arange(1, n_actions + 1)
            mean_squared = squared.mean(axis=1)
            logged.append(
                (effective_sample_size(found), length, mean_squared.mean(), found @ mean_squared)
            )
        size, length, distance, weighted = np.mean(logged, axis=0)
        return weights.reshape(n_actions, n) / n_actions, {
            "effective_pasts": float(size),
            "past_length": float(length),
            "distance": float(np.sqrt(distance)),
            "weighted_distance": float(np.sqrt(weighted)),
        }

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        likelihood = {} if self._likelihood is None else self._likelihood.arrays()
        return flatten_arrays(solver=self.solver.arrays(), likelihood=likelihood)

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        self.solver.set_arrays(subtree(arrays, "solver"))
        saved = subtree(arrays, "likelihood")
        kernel = self.problem.hyperparameters.forward.kernel
        self._likelihood = (
            KernelLikelihood.from_arrays(saved, self.observed, kernel) if saved else None
        )


def random_behavior(
    simulator: Simulator, n: int, n_actions: int, rng: np.random.Generator
) -> Observations:
    """Observations (T, n, *observation_shape) of random actions from where episodes start.

    Neither the simulator nor the generator, which decides all, draws other numbers afterwards.
    """
    seed = int(copy.deepcopy(rng).integers(2**31))
    space = batch_space(copy.deepcopy(simulator.action_space), n)
    space.seed(seed)
    own = simulator.rng
    try:
        simulator.seed(seed)
        starts = simulator.reset(n)
        return rollout_simulator(
            simulator, lambda observations, time: space.sample(), starts, n_actions
        ).observations
    finally:
        simulator.rng = own


def _stable(trajectories: Trajectories) -> Trajectories:
    """Those trajectories that did not become unstable."""
    rows = finite(trajectories.observations[-1])
    return Trajectories(*(each[:, rows] for each in trajectories))


def _basis(starts: Observations, features: FloatArray) -> FloatArray:
    """Orthonormal functions (N, M) of where N trajectories start, the constant one included.

    Args:
        starts: What the first states show (N, *observation_shape).
        features: Their features (N, F).

    Returns:
        The constant, and the largest principal components of all that differs.
    """
    n = len(starts)
    known = np.concatenate([starts.reshape(n, -1).astype(np.float64), features], axis=1)
    centered = known - known.mean(axis=0)
    scale = centered.std(axis=0)
    varies = scale > SMALLEST_STD * np.maximum(np.abs(known).max(axis=0), 1)
    components, sizes, _ = np.linalg.svd(centered[:, varies] / scale[varies], full_matrices=False)
    matters = sizes > SMALLEST_STD * np.sqrt(n)
    components = components[:, matters][:, : n // TRAJECTORIES_PER_COMPONENT]
    return np.concatenate([np.full((n, 1), n**-0.5), components], axis=1)


def _excess_counts(features: FloatArray, weights: FloatArray, basis: FloatArray) -> FloatArray:
    """Weighted feature counts less those that follow from the start, by trajectory.

    Args:
        features: The features of N trajectories of T states (T, N, F).
        weights: How much the way to each state but the first counts (T - 1, N).
        basis: Orthonormal functions of their starts (N, M), which V_t is a sum of.

    Returns:
        Terms (N, F), whose sum is Σ_{t, i} w_ti (Σ_{k≤t} φ_ki - V_t(s_0i)).
    """
    # Σ_t w_t Σ_{k≤t} φ_k = Σ_k φ_k Σ_{t≥k} w_t, and the first state is on the way to all. Least
    # squares are a projection, which weights can undergo as well as features.
    to_come = weights[::-1].cumsum(axis=0)[::-1]
    to_come = np.concatenate([to_come[:1], to_come])
    excess = to_come - (to_come @ basis) @ basis.T
    residual = features - basis @ (basis.T @ features)
    return np.asarray(np.einsum("kn,knf->nf", excess, residual))


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
    training_env = make_simulated_env(
        venv,
        lambda observations: np.asarray(encoder(observations) @ theta),
        rng,
        algorithm=solver.algorithm,
        hyperparameters=problem.hyperparameters,
        keep_termination=keep_termination,
    )
    model = make_model(solver, training_env, encoder, theta, int(rng.integers(2**31)))
    n_steps = problem.hyperparameters.solver.n_steps
    return ForwardEstimator(
        problem,
        training_env.simulator,
        SB3Solver(model, encoder, n_steps),
        is_random=not looks_deterministic(first_base_env(venv)),
    )
