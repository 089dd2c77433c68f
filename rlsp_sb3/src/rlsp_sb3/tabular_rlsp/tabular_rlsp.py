"""Exact RLSP in tabular environments: reward learning by simulating the past (Shah et al. 2019)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_sb3.io.state_arrays import read_scalar
from rlsp_sb3.learners.tabular import Combination, TabularLearner
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.rewards.priors import PRIORS, Prior, PriorName
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.tabular_rlsp.horizons import Horizon, check_horizon
from rlsp_sb3.tabular_rlsp.lbfgs import climb
from rlsp_sb3.tabular_rlsp.likelihood import InitialStates, StateLikelihood
from rlsp_sb3.tabular_rlsp.posterior import RewardPosterior, sample_posterior
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_choice, check_int, check_positive, check_vector
from rlsp_sb3.utils.type_checks import checks_types

Optimizer = Literal["lbfgs", "ascent"]
"""Ways to find the maximum of the posterior."""

LEARNING_RATE = 0.1  # the published one
TOLERANCE = 1e-3  # the slope at which the published code stops


class TabularRLSP(TabularLearner):
    """Exact RLSP: the reward under which the observed states are most likely.

    Maximizes the log probability that a person who is Boltzmann-rational for the reward θ·f(s)
    leaves the observed states behind, plus the log prior of θ (Shah et al. 2019, section 4), from
    the center of the prior plus 0.01 N(0, 1), with the exact gradient: by L-BFGS-B, which needs no
    step size, or by the published gradient ascent, which finds the same maximum if its step size
    suits the prior and the number of observed states.
    The environment must offer a :class:`~rlsp_sb3.protocols.TabularMDP` as ``mdp``, or where it has
    too many states for that, those within reach (:class:`~rlsp_sb3.protocols.ReachableEnv`).

    A timestep of ``learn`` is one gradient step, with L-BFGS-B one iteration; an episode, for
    callbacks that count them, too. L-BFGS-B ends at the maximum, which may be before
    ``total_timesteps``. Whether ``learn`` came to the maximum is in the log
    (``rlsp/gradient_norm``), in :attr:`gradient_norm` and :attr:`has_converged`, and a warning if
    it did not. No warning is given if a callback stopped it, or it was told to take fewer than
    ``n_epochs`` timesteps and came nearer.

    A uniform prior leaves the likelihood alone, which often grows for ever in some direction:
    weights are then those where it has become flat, and a warning says so. The Laplace prior has
    a kink, at which L-BFGS-B puts weights that matter little exactly; the ascent jumps about it.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers. Several count as
            independent.
        horizon: The number T of states that the person passed through, the first and the observed
            one included, so T - 1 actions; at least 1. Several are equally likely. "auto" for any
            up to twice the shortest way, with a probability in proportion to 1 / T. None for what
            the environment says.
        temperature: τ > 0: the larger, the more random the person's actions.
        prior: "gaussian", "laplace" or "uniform", centered at 0, or at the task reward if the
            combination is "bayesian".
        prior_std: The width of the prior, above 0: the standard deviation of the Gaussian, the
            scale of the Laplace distribution.
        learning_rate: The step size of the gradient ascent, above 0; 0.1 if the optimizer is
            "lbfgs", which has none.
        n_epochs: How many timesteps ``learn`` takes if it is not told, at least 1; with "lbfgs", at
            most.
        initial_states: Where the person started: "known" for the environment's initial
            distribution, "uniform" for any state.
        inferred_weight: How much the policy minds the inferred reward beside the task reward that
            the environment offers, if any; 1 if the combination is "bayesian".
        combination: How the task reward counts (Shah et al. 2019, section 5 and appendix):
            "additive" for a policy that plans for it plus the inferred reward; "bayesian" for a
            prior that is centered at it, so that the inferred reward contains it.
        optimizer: "lbfgs" for SciPy's L-BFGS-B; "ascent" for the published gradient ascent with a
            constant step size.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Accepted as in SB3; everything runs on the CPU.

    Raises:
        TypeError: If an argument has a wrong type or the environment offers no ``mdp``.
        ValueError: If an argument is out of range, there is no horizon, an observed state cannot
            be reached within it, there is a learning rate for "lbfgs", or the combination is
            "bayesian" and there is no task reward or the prior is uniform, which has no center.

    Example:
        >>> import rlsp_envs
        >>> from rlsp_sb3 import TabularRLSP
        >>> print(TabularRLSP("RoomDefault-v0", seed=0).learn().reward)
        broken_vases  -0.2596
        on_carpet     +0.1214
        on_goal_1     -0.0328
        on_goal_2     +0.3297
    """

    timestep: str = "gradient step"

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        horizon: Horizon | None = None,
        temperature: float = 1.0,
        prior: PriorName = "gaussian",
        prior_std: float = 0.5,
        learning_rate: float = LEARNING_RATE,
        n_epochs: int = 50,
        initial_states: InitialStates = "known",
        inferred_weight: float = 1.0,
        combination: Combination = "additive",
        optimizer: Optimizer = "lbfgs",
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        check_positive("temperature", temperature)
        check_choice("prior", prior, PRIORS)
        check_positive("prior_std", prior_std)
        check_positive("learning_rate", learning_rate)
        check_int("n_epochs", n_epochs, 1)
        check_choice("optimizer", optimizer, get_args(Optimizer))
        if optimizer == "lbfgs" and learning_rate != LEARNING_RATE:
            raise ValueError(
                f'learning_rate={learning_rate!r}: expected none with optimizer="lbfgs", which '
                'finds its steps itself: leave it out, or pass optimizer="ascent"'
            )
        check_choice("initial_states", initial_states, get_args(InitialStates))
        check_choice("combination", combination, get_args(Combination))
        if combination == "bayesian" and prior == "uniform":
            raise ValueError(
                'prior="uniform" has no center: expected "gaussian" or "laplace" with '
                'combination="bayesian", where the prior is centered at the task reward'
            )
        super().__init__(
            env,
            observed_states,
            inferred_weight=inferred_weight,
            combination=combination,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        self.horizon = check_horizon(self._check_horizon(None) if horizon is None else horizon)
        self.temperature = temperature
        self.prior = prior
        self.prior_std = prior_std
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        self.initial_states = initial_states
        self.optimizer = optimizer
        noise = self.rng.standard_normal(len(self.feature_names))
        self.theta = self.prior_mean + 0.01 * noise
        self._start = self.theta  # of L-BFGS-B, and its iterations from there to theta
        self._n_iterations = 0
        self._likelihood = self._make_likelihood(self.unwrapped_env)

    def log_likelihood(self, theta: ArrayLike) -> float:
        """The log probability of the observed states for reward weights (F,), without the prior.

        Raises:
            ValueError: If the weights are not F finite numbers.
        """
        return self._likelihood.log_likelihood(self._check_theta(theta))

    def log_likelihood_gradient(self, theta: ArrayLike) -> FloatArray:
        """The gradient (F,) of :meth:`log_likelihood`.

        Raises:
            ValueError: If the weights are not F finite numbers.
        """
        return self._likelihood.gradient(self._check_theta(theta))

    def sample_posterior(self, n_samples: int = 2000) -> RewardPosterior:
        """Sample the posterior of the reward weights, and compute its evidence.

        By importance sampling that starts from the Laplace approximation at the inferred weights,
        so call ``learn`` first. The same learner gives the same samples.

        Args:
            n_samples: How many samples, at least 100.

        Raises:
            ValueError: If there are fewer, or the prior is uniform, which leaves no posterior.
        """
        return sample_posterior(self._likelihood, self._prior, self.theta, n_samples)

    @property
    def reward(self) -> LinearReward:
        """The inferred reward."""
        return LinearReward(self.theta, self.feature_names, self.unwrapped_env.features)

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,)."""
        return self.mdp.features @ self.theta

    @property
    def _prior(self) -> Prior:
        return PRIORS[self.prior](self.prior_mean, self.prior_std)

    @property
    def _default_timesteps(self) -> int:
        return self.n_epochs

    @property
    def gradient_norm(self) -> float:
        """The norm of the gradient of the log posterior at the inferred weights; 0 at a maximum."""
        return self._gradient_norm(self._likelihood.gradient(self.theta))

    @property
    def has_converged(self) -> bool:
        """True if the log posterior is flat at the inferred weights, as it is at a maximum.

        What is flat: less than .001 for weights that differ by the width of the prior, or by the
        temperature if that is less.
        """
        return self._unit * self.gradient_norm <= TOLERANCE

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        if self.num_timesteps >= total_timesteps:
            return
        before = self._slope()
        if self.optimizer == "ascent":
            stopped = self._ascend(total_timesteps, callback, log_interval)
        else:
            stopped = self._climb(total_timesteps, callback, log_interval)
        is_short = self.num_timesteps == total_timesteps < self.n_epochs
        if not stopped and not (is_short and self._slope() <= before):
            self._warn_of_no_maximum()

    def _ascend(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> bool:
        """Take gradient steps; True if a callback stopped them."""
        while self.num_timesteps < total_timesteps:
            try:
                log_likelihood, gradient = self._likelihood.value_and_gradient(self.theta)
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"learning_rate={self.learning_rate!r}: the ascent has gone so far that the "
                    "probability of an observed state underflows: expected a smaller step, or "
                    'optimizer="lbfgs", which needs none'
                ) from error
            at, self.theta = (
                self.theta,
                self.theta + self.learning_rate * (gradient + self._prior.gradient(self.theta)),
            )
            if not self._end_iteration(at, (log_likelihood, gradient), callback, log_interval):
                return True
        return False

    def _climb(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> bool:
        """Take iterations of L-BFGS-B; True if a callback stopped them."""
        n_passed = 0
        is_back = stopped = False

        def take(theta: FloatArray) -> bool:
            nonlocal n_passed, is_back, stopped
            n_passed += 1
            if not is_back:
                # What L-BFGS-B knows of the curvature is in the iterations that led here, and
                # going through them again leads on as if it had never been stopped.
                if n_passed < self._n_iterations:
                    return True
                is_back = np.array_equal(theta, self.theta)
                return is_back
            self.theta, self._n_iterations = theta, n_passed
            found = self._likelihood.value_and_gradient(theta)
            stopped = not self._end_iteration(theta, found, callback, log_interval)
            return not stopped and self.num_timesteps < total_timesteps

        if self._n_iterations:
            climb(self._likelihood, self._prior, self._start, self._unit, take)
        if not is_back:  # at the first time, and if the weights or the environment were changed
            n_passed, self._n_iterations, is_back = 0, 0, True
            self._start = self.theta
            climb(self._likelihood, self._prior, self._start, self._unit, take)
        return stopped

    def _end_iteration(
        self,
        at: FloatArray,
        found: tuple[float, FloatArray],
        callback: BaseCallback,
        log_interval: int,
    ) -> bool:
        """Log the likelihood and its gradient at weights, and tell callbacks; False to stop."""
        self._policy = None
        self.num_timesteps += 1
        log_likelihood, gradient = found
        to_log = {
            "log_likelihood": log_likelihood,
            "log_posterior": log_likelihood + self._prior.log_prob(at),
            "gradient_norm": self._gradient_norm(gradient, at),
            "reward_norm": float(np.linalg.norm(self.theta)),
        }
        self._record("rlsp", to_log)
        if not self._end_step(callback):
            return False
        if self.num_timesteps % log_interval == 0:
            self.dump_logs()
        return True

    def _gradient_norm(self, gradient: FloatArray, theta: FloatArray | None = None) -> float:
        at = self.theta if theta is None else theta
        return float(np.linalg.norm(self._prior.posterior_gradient(at, gradient)))

    @property
    def _unit(self) -> float:
        """The change of weights that matters."""
        if self.prior == "uniform":
            return float(self.temperature)
        return float(min(self.prior_std, self.temperature))

    def _slope(self) -> float:
        """The norm of the gradient, infinite where the likelihood underflows."""
        try:
            return self.gradient_norm
        except FloatingPointError:
            return float("inf")

    def _warn_of_no_maximum(self) -> None:
        norm = self._slope()
        if self._unit * norm > TOLERANCE:
            advice = (
                'pass optimizer="lbfgs", a smaller learning_rate or more n_epochs'
                if self.optimizer == "ascent"
                else "go on with learn(reset_num_timesteps=False), or pass more n_epochs or a "
                "narrower prior"
            )
            warnings.warn(
                f"the reward is not the most likely one: after {self.num_timesteps} timesteps the "
                f"gradient of the log posterior has the norm {norm:.3g} instead of 0: {advice}",
                stacklevel=4,
            )
        elif self.prior == "uniform" and self._is_flat_onward():
            warnings.warn(
                'prior="uniform": no reward is the most likely one, since the observed states are '
                "as likely with twice the weights that were found: these are where the likelihood "
                'has become flat, and their size means nothing; pass prior="gaussian" for a '
                "maximum",
                stacklevel=4,
            )

    def _is_flat_onward(self) -> bool:
        """True if the observed states are at least as likely with weights twice as large."""
        try:
            onward = self._likelihood.log_likelihood(2 * self.theta)
        except FloatingPointError:
            return False
        return onward >= self._likelihood.log_likelihood(self.theta)

    def _prepare(self, env: Any) -> None:
        super()._prepare(env)
        if hasattr(self, "theta"):  # not before everything else is set up
            check_vector("theta", self.theta, len(env.feature_names))
            self._likelihood = self._make_likelihood(env)

    def _make_likelihood(self, env: TabularEnv) -> StateLikelihood:
        return StateLikelihood.of_env(
            env, self.observed_states, self.initial_states, self.horizon, self.temperature
        )

    def _check_theta(self, theta: ArrayLike) -> FloatArray:
        return check_vector("theta", theta, len(self.feature_names))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"theta": self.theta}
        if self._n_iterations:
            arrays["start"] = self._start
            arrays["n_iterations"] = np.array(self._n_iterations)
        return arrays

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.theta = self._check_theta(arrays["theta"])
        self._start, self._n_iterations = self.theta, 0
        if {"start", "n_iterations"} & set(arrays):
            self._start = check_vector("start", arrays["start"], len(self.theta))
            self._n_iterations = max(read_scalar(arrays, "n_iterations", int), 0)
