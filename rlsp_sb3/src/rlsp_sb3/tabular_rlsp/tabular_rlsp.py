"""Exact RLSP in tabular environments: reward learning by simulating the past (Shah et al. 2019)."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_sb3.learners.tabular import Combination, TabularLearner
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.rewards.priors import PRIORS, Prior, PriorName
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.tabular_rlsp.likelihood import InitialStates, StateLikelihood
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_choice, check_int, check_positive, check_vector


class TabularRLSP(TabularLearner):
    """Exact RLSP: the reward under which the observed states are most likely.

    Gradient ascent on the log probability that a person who is Boltzmann-rational for the reward
    θ·f(s) leaves the observed states behind, plus the log prior of θ (Shah et al. 2019, section 4),
    from the center of the prior plus 0.01 N(0, 1).
    The environment must offer a :class:`~rlsp_sb3.protocols.TabularMDP` as ``mdp``.

    A timestep of ``learn`` is one gradient step; an episode, for callbacks that count them, too.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers. Several count as
            independent.
        horizon: The number T of states that the person passed through, the first and the observed
            one included, so T - 1 actions; at least 1. None for what the environment says.
        temperature: τ > 0: the larger, the more random the person's actions.
        prior: "gaussian", "laplace" or "uniform", centered at 0, or at the task reward if the
            combination is "bayesian".
        prior_std: The width of the prior, above 0: the standard deviation of the Gaussian, the
            scale of the Laplace distribution.
        learning_rate: The step size of the gradient ascent, above 0.
        n_epochs: How many gradient steps ``learn`` takes if it is not told, at least 1.
        initial_states: Where the person started: "known" for the environment's initial
            distribution, "uniform" for any state.
        inferred_weight: How much the policy minds the inferred reward beside the task reward that
            the environment offers, if any; 1 if the combination is "bayesian".
        combination: How the task reward counts (Shah et al. 2019, section 5 and appendix):
            "additive" for a policy that plans for it plus the inferred reward; "bayesian" for a
            prior that is centered at it, so that the inferred reward contains it.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Accepted as in SB3; everything runs on the CPU.

    Raises:
        TypeError: If an argument has a wrong type or the environment offers no ``mdp``.
        ValueError: If an argument is out of range, there is no horizon, an observed state cannot
            be reached within it, or the combination is "bayesian" and there is no task reward or
            the prior is uniform, which has no center.

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

    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        horizon: int | None = None,
        temperature: float = 1.0,
        prior: PriorName = "gaussian",
        prior_std: float = 0.5,
        learning_rate: float = 0.1,
        n_epochs: int = 50,
        initial_states: InitialStates = "known",
        inferred_weight: float = 1.0,
        combination: Combination = "additive",
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        check_positive("temperature", temperature)
        check_choice("prior", prior, PRIORS)
        check_positive("prior_std", prior_std)
        check_positive("learning_rate", learning_rate)
        check_int("n_epochs", n_epochs, 1)
        check_choice("initial_states", initial_states, get_args(InitialStates))
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
        self.horizon = self._check_horizon(horizon)
        self.temperature = temperature
        self.prior = prior
        self.prior_std = prior_std
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        self.initial_states = initial_states
        noise = self.rng.standard_normal(len(self.feature_names))
        self.theta = self.prior_mean + 0.01 * noise
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

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        while self.num_timesteps < total_timesteps:
            prior = self._prior
            log_likelihood, gradient = self._likelihood.value_and_gradient(self.theta)
            log_posterior = log_likelihood + prior.log_prob(self.theta)
            gradient = gradient + prior.gradient(self.theta)
            self.theta = self.theta + self.learning_rate * gradient
            self._policy = None
            self.num_timesteps += 1
            to_log = {
                "log_likelihood": log_likelihood,
                "log_posterior": log_posterior,
                "gradient_norm": float(np.linalg.norm(gradient)),
                "reward_norm": float(np.linalg.norm(self.theta)),
            }
            self._record("rlsp", to_log)
            if not self._end_step(callback):
                break
            if self.num_timesteps % log_interval == 0:
                self.dump_logs()

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
        return {"theta": self.theta}

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.theta = self._check_theta(arrays["theta"])
