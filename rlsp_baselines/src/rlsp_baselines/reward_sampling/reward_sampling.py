"""Samples of rewards from their posterior, by Markov chain Monte Carlo."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.reward_sampling.diagnostics import effective_sample_size, split_r_hat
from rlsp_sb3 import LinearReward
from rlsp_sb3.learners import (
    Combination,
    TabularLearner,
    check_choice,
    check_int,
    check_positive,
    check_vector,
    checks_types,
    read_array,
    read_scalar,
)
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.rewards import PRIORS, Prior
from rlsp_sb3.tabular_rlsp import InitialStates, StateLikelihood
from rlsp_sb3.type_aliases import FloatArray

ProperPrior = Literal["gaussian", "laplace"]

TARGET_ACCEPTANCE = 0.3  # between the best for one weight, 0.44, and for many, 0.23
ADAPTATION_DECAY = 0.6
DIAGNOSE_EVERY = 100  # timesteps: it takes longer than a timestep
LARGEST_R_HAT = 1.01  # as Vehtari et al. (2021) recommend, like 100 independent samples a chain
SMALLEST_SIZE = 100


class Diagnostics(NamedTuple):
    """Convergence diagnostics of the chains.

    Attributes:
        acceptance_rate: The share of the proposals of each chain (chains,) that were accepted.
        r_hat: Split-R̂ of each weight (F,), near 1 if the chains agree.
        effective_sample_size: How many independent samples of each weight (F,) all are worth.
    """

    acceptance_rate: FloatArray
    r_hat: FloatArray
    effective_sample_size: FloatArray


class RewardSampling(TabularLearner):
    """Bayesian RLSP: samples from the posterior of the reward, instead of its maximum.

    Metropolis-Hastings over the exact likelihood of the observed states (Shah et al. 2019,
    Algorithm 1 of the appendix): each chain starts at a sample from the prior, proposes to add
    Gaussian noise to its reward weights θ, and accepts that with the probability by which the
    posterior rises, at most 1. Rewards of the burn-in are not kept. The inferred reward is the mean
    of the posterior, since the expected return of a policy is linear in the reward.

    ``learn`` warns if split-R̂ is above 1.01 or the effective sample size below 100 a chain. Chains
    that agree may still be too short for the sign of a small weight: see ``standard_errors``.

    A timestep of ``learn`` is one proposal of each chain; an episode, for callbacks that count
    them, too.

    Args:
        env: A tabular environment, a vector environment of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers. Several count as
            independent.
        horizon: The number T of states that the person passed through, the first and the observed
            one included; at least 1. None for what the environment says.
        temperature: τ > 0: the larger, the more random the person's actions.
        prior: "gaussian" or "laplace", centered at 0, or at the task reward if the combination is
            "bayesian". A uniform prior would leave a posterior that does not integrate to 1.
        prior_std: The width of the prior, above 0: the standard deviation of the Gaussian, the
            scale of the Laplace distribution.
        n_samples: How many samples each chain is to keep if ``learn`` is not told, at least 1.
        n_chains: How many chains, at least 1.
        burn_in: How many steps each chain takes before its samples are kept, at least 0.
        step_size: The standard deviation of the proposals, above 0. None for one that is tuned
            during the burn-in, and fixed from then on, such that 3 of 10 are accepted.
        initial_states: Where the person started: "known" for the environment's initial
            distribution, "uniform" for any state.
        inferred_weight: How much the policy minds the inferred reward beside the task reward that
            the environment offers, if any; 1 if the combination is "bayesian".
        combination: "additive" for a policy that plans for the task reward plus the inferred one;
            "bayesian" for a prior that is centered at the task reward.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Accepted as in SB3; everything runs on the CPU.

    Raises:
        TypeError: If an argument has a wrong type or the environment is not tabular.
        ValueError: If an argument is out of range, there is no horizon, or an observed state
            cannot be reached within it.

    Example:
        >>> import rlsp_envs
        >>> from rlsp_baselines import RewardSampling
        >>> learner = RewardSampling("RoomDefault-v0", n_samples=500, seed=0).learn()
        >>> learner.samples.shape
        (4, 500, 4)
        >>> learner.reward["broken_vases"] < 0
        True
    """

    timestep: str = "sampling step"

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        horizon: int | None = None,
        temperature: float = 1.0,
        prior: ProperPrior = "gaussian",
        prior_std: float = 0.5,
        n_samples: int = 5000,
        n_chains: int = 4,
        burn_in: int = 1000,
        step_size: float | None = None,
        initial_states: InitialStates = "known",
        inferred_weight: float = 1.0,
        combination: Combination = "additive",
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        check_positive("temperature", temperature)
        check_choice("prior", prior, get_args(ProperPrior))
        check_positive("prior_std", prior_std)
        check_int("n_samples", n_samples, 1, 10**9)
        check_int("n_chains", n_chains, 1, 10**6)
        check_int("burn_in", burn_in, 0)
        if step_size is not None:
            check_positive("step_size", step_size)
        check_choice("initial_states", initial_states, get_args(InitialStates))
        self.temperature = temperature
        self.prior = prior
        self.prior_std = prior_std
        self.n_samples = n_samples
        self.n_chains = n_chains
        self.burn_in = burn_in
        self.step_size = step_size
        self.initial_states = initial_states
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
        self._likelihood = self._make_likelihood(self.unwrapped_env)
        n_features = len(self.feature_names)
        draw = {"gaussian": self.rng.normal, "laplace": self.rng.laplace}[prior]
        self._chains = draw(self.prior_mean, prior_std, size=(n_chains, n_features))
        self._samples: list[FloatArray] = []
        self._n_steps = 0
        self._n_accepted = np.zeros(n_chains)
        # What would be best were the posterior the prior (Gelman et al. 1996).
        self._scale = 2.38 * prior_std / np.sqrt(n_features) if step_size is None else step_size

    @property
    def samples(self) -> FloatArray:
        """The samples that were kept (chains, draws, F)."""
        kept = np.array(self._samples).reshape(-1, *self._chains.shape)
        return np.ascontiguousarray(kept.swapaxes(0, 1))

    @property
    def posterior(self) -> dict[str, FloatArray]:
        """The samples of each weight (chains, draws) by its name, as ArviZ takes them.

        For example ``arviz.summary(learner.posterior)``, or ``arviz.convert_to_dataset``.
        """
        return dict(zip(self.feature_names, self.samples.transpose(2, 0, 1), strict=True))

    @property
    def theta(self) -> FloatArray:
        """The mean (F,) of the samples; that of where the chains are while none is kept."""
        mean: FloatArray = np.mean(self._samples or [self._chains], axis=(0, 1))
        return mean

    @property
    def reward(self) -> LinearReward:
        """The mean of the posterior."""
        return LinearReward(self.theta, self.feature_names, self.unwrapped_env.features)

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,)."""
        return self.mdp.features @ self.theta

    @property
    def diagnostics(self) -> Diagnostics:
        """Convergence diagnostics since the burn-in; NaN where there are too few samples to say.

        By ArviZ if it is installed (``pip install arviz``).
        """
        samples = self.samples
        n_draws = len(self._samples)
        rate = self._n_accepted / n_draws if n_draws else np.full(self.n_chains, np.nan)
        return Diagnostics(rate, split_r_hat(samples), effective_sample_size(samples))

    @property
    def standard_errors(self) -> FloatArray:
        """Monte Carlo standard error of each weight (F,) of the reward.

        Where weights are smaller than that, the policy for them may be the result of chance. NaN
        where there are too few samples to say.
        """
        if not self._samples:
            return np.full(len(self.feature_names), np.nan)
        deviations: FloatArray = self.samples.std(axis=(0, 1))
        return deviations / np.sqrt(self.diagnostics.effective_sample_size)

    def log_posterior(self, theta: ArrayLike) -> float:
        """The log density of reward weights (F,) given the observed states, up to a constant.

        Raises:
            ValueError: If the weights are not F finite numbers.
        """
        theta = check_vector("theta", theta, len(self.feature_names))
        try:
            return self._likelihood.log_likelihood(theta) + self._prior.log_prob(theta)
        except FloatingPointError:  # so unlikely that it underflows
            return -np.inf

    def report(self) -> dict[str, float]:
        """The diagnostics of the worst weight and the mean of the chains, for ``rlsp learn``."""
        diagnostics = self.diagnostics
        return {
            "acceptance rate": float(diagnostics.acceptance_rate.mean()),
            "largest split-R̂ (near 1 once the chains agree)": float(diagnostics.r_hat.max()),
            "smallest effective sample size": float(diagnostics.effective_sample_size.min()),
            "largest standard error of a weight": float(self.standard_errors.max()),
        }

    def figures(self) -> dict[str, Callable[[Path], None]]:
        """The posterior of each weight as a picture, for ``rlsp learn``."""
        from rlsp_baselines.reward_sampling.posterior_plot import posterior_plot

        def write(path: Path) -> None:
            posterior_plot(self, path)

        return {"posterior": write} if self._samples else {}

    @property
    def _prior(self) -> Prior:
        return PRIORS[self.prior](self.prior_mean, self.prior_std)

    @property
    def _default_timesteps(self) -> int:
        return max(self.burn_in - self._n_steps, 0) + self.n_samples

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        episode_ends = np.ones(self.env.num_envs, dtype=np.bool_)
        log_posteriors = self._log_posteriors_of(self._chains)
        while self.num_timesteps < total_timesteps:
            accepted, log_posteriors = self._step(log_posteriors)
            self.num_timesteps += 1
            self.logger.record_mean("sampling/acceptance_rate", float(accepted.mean()))
            self.logger.record("sampling/log_posterior", float(log_posteriors.mean()))
            self.logger.record("sampling/step_size", self._scale)
            if self.num_timesteps % DIAGNOSE_EVERY == 0 or self.num_timesteps == total_timesteps:
                diagnostics = self.diagnostics
                smallest = float(diagnostics.effective_sample_size.min())
                self.logger.record("sampling/r_hat", float(diagnostics.r_hat.max()))
                self.logger.record("sampling/effective_sample_size", smallest)
            callback.update_locals({"dones": episode_ends})
            if not callback.on_step():
                break
            if self.num_timesteps % log_interval == 0:
                self.dump_logs()
        self._warn_unless_converged()

    def _warn_unless_converged(self) -> None:
        diagnostics = self.diagnostics
        r_hat = float(diagnostics.r_hat.max())
        size = float(diagnostics.effective_sample_size.min())
        if r_hat > LARGEST_R_HAT or size < SMALLEST_SIZE * self.n_chains:
            warnings.warn(
                f"the chains have not converged: split-R̂ is {r_hat:.3f} (expected: at most "
                f"{LARGEST_R_HAT}) and the effective sample size {size:.0f} (at least "
                f"{SMALLEST_SIZE * self.n_chains}), so call learn(…, reset_num_timesteps=False) "
                f"for more samples, or raise n_samples={self.n_samples} and "
                f"burn_in={self.burn_in}",
                stacklevel=4,
            )

    def _log_posteriors_of(self, thetas: FloatArray) -> FloatArray:
        return np.array([self.log_posterior(theta) for theta in thetas])

    def _step(self, log_posteriors: FloatArray) -> tuple[NDArray[np.bool_], FloatArray]:
        """Let each chain propose a step and take it, or not.

        Args:
            log_posteriors: The log posterior (chains,) of where the chains are.

        Returns:
            Which chains took theirs (chains,), and the log posterior after it (chains,).
        """
        proposals = self._chains + self._scale * self.rng.standard_normal(self._chains.shape)
        proposed = self._log_posteriors_of(proposals)
        # The logarithm of uniform random numbers; each difference is NaN, which is never accepted,
        # while neither is possible.
        threshold = -self.rng.standard_exponential(self.n_chains)
        with np.errstate(invalid="ignore"):
            accepted: NDArray[np.bool_] = threshold < proposed - log_posteriors
        self._chains = np.where(accepted[:, None], proposals, self._chains)
        self._n_steps += 1
        if self._n_steps > self.burn_in:
            self._samples.append(self._chains)
            self._n_accepted += accepted
            self._policy = None
        elif self.step_size is None:
            gain = self._n_steps**-ADAPTATION_DECAY
            self._scale *= float(np.exp(gain * (accepted.mean() - TARGET_ACCEPTANCE)))
        return accepted, np.where(accepted, proposed, log_posteriors)

    def _prepare(self, env: Any) -> None:
        super()._prepare(env)
        if hasattr(self, "_chains"):  # not before everything else is set up
            check_vector("theta", self.theta, len(env.feature_names))
            self._likelihood = self._make_likelihood(env)

    def _make_likelihood(self, env: TabularEnv) -> StateLikelihood:
        return StateLikelihood.of_env(
            env, self.observed_states, self.initial_states, self.horizon, self.temperature
        )

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "samples": self.samples,
            "chains": self._chains,
            "n_accepted": self._n_accepted,
            "n_steps": np.array(self._n_steps),
            "scale": np.array(self._scale),
        }

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        shape = (self.n_chains, None, len(self.feature_names))
        self._samples = list(read_array(arrays, "samples", np.float64, shape).swapaxes(0, 1))
        self._chains = read_array(arrays, "chains", np.float64, self._chains.shape)
        self._n_accepted = read_array(arrays, "n_accepted", np.float64, (self.n_chains,))
        self._n_steps = read_scalar(arrays, "n_steps", int)
        self._scale = read_scalar(arrays, "scale", float)
        self._policy = None
