"""Learners that climb the gradient of the log posterior of linear reward weights."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_sb3.checks import check_choice, check_int, check_positive, check_vector
from rlsp_sb3.planning import FloatArray
from rlsp_sb3.priors import PRIORS, Prior, PriorName
from rlsp_sb3.reward import LinearReward
from rlsp_sb3.tabular import TabularLearner


class GradientAscentLearner(TabularLearner):
    """Finds the weights θ of the environment's features by gradient ascent.

    A timestep is one gradient step. Starts at the centre of the prior plus 0.01 N(0, 1).

    Args:
        env: A tabular environment, a vector environment of SB3, or the id of a registered one.
        observed_states: Observations (n, *observation_shape) of the states that the person left
            behind; None for those that the environment offers.
        horizon: The number of states that the person passed through, at least 1; None for what
            the environment says.
        prior: "gaussian", "laplace" or "uniform", centred at 0.
        prior_std: The width of the prior, above 0.
        learning_rate: The step size, above 0.
        n_epochs: How many gradient steps ``learn`` takes if it is not told, at least 1.
        **kwargs: See :class:`~rlsp_sb3.tabular.TabularLearner`.

    Raises:
        TypeError: If an argument has a wrong type or the environment is not tabular.
        ValueError: If an argument is out of range or there is no horizon.
    """

    timestep: str = "gradient step"

    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None,
        *,
        horizon: int | None,
        prior: PriorName,
        prior_std: float,
        learning_rate: float,
        n_epochs: int,
        **kwargs: Any,
    ) -> None:
        check_choice("prior", prior, PRIORS)
        check_positive("prior_std", prior_std)
        check_positive("learning_rate", learning_rate)
        check_int("n_epochs", n_epochs, 1)
        super().__init__(env, observed_states, **kwargs)
        self.horizon = self._check_horizon(horizon)
        self.prior = prior
        self.prior_std = prior_std
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        noise = self.rng.standard_normal(len(self.feature_names))
        self.theta = self.prior_mean + 0.01 * noise

    @abstractmethod
    def _likelihood_gradient(self) -> tuple[FloatArray, dict[str, float]]:
        """The gradient (F,) of the log likelihood at θ, and what to log."""

    @property
    def _prior(self) -> Prior:
        return PRIORS[self.prior](self.prior_mean, self.prior_std)

    @property
    def reward(self) -> LinearReward:
        """The inferred reward."""
        return LinearReward(self.theta, self.feature_names, self.unwrapped_env.features)

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,)."""
        return self.mdp.features @ self.theta

    @property
    def _default_timesteps(self) -> int:
        return self.n_epochs

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        while self.num_timesteps < total_timesteps:
            gradient, to_log = self._likelihood_gradient()
            gradient = gradient + self._prior.gradient(self.theta)
            self.theta = self.theta + self.learning_rate * gradient
            self._policy = None
            self.num_timesteps += 1
            to_log["gradient_norm"] = float(np.linalg.norm(gradient))
            to_log["reward_norm"] = float(np.linalg.norm(self.theta))
            self._record("rlsp", to_log)
            if not self._end_step(callback):
                break
            if self.num_timesteps % log_interval == 0:
                self.dump_logs()

    def _check_theta(self, theta: ArrayLike) -> FloatArray:
        return check_vector("theta", theta, len(self.feature_names))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"theta": self.theta}

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.theta = self._check_theta(arrays["theta"])
