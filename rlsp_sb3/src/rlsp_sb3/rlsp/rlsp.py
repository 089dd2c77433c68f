"""Deep RLSP: reward learning by simulating the past (Lindner et al. 2021)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.io.state_arrays import flatten_arrays, read_scalar, subtree
from rlsp_sb3.learners.epoch import EpochLearner
from rlsp_sb3.presets import PresetName
from rlsp_sb3.protocols import Policy, TabularEnv
from rlsp_sb3.rewards.priors import PRIORS, PriorName
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.rlsp.continuous_estimator import make_continuous_estimator
from rlsp_sb3.rlsp.curriculum import Curriculum
from rlsp_sb3.rlsp.forward_estimator import make_forward_estimator
from rlsp_sb3.rlsp.gradient_estimator import (
    GradientEstimator,
    GradientProblem,
    TrajectoryWeights,
)
from rlsp_sb3.rlsp.sampling import Sampling, find_sampling
from rlsp_sb3.rlsp.tabular_estimator import TabularGradientEstimator
from rlsp_sb3.solvers.base import PlanningSolver, seeded_globally
from rlsp_sb3.solvers.factory import SolverSpec
from rlsp_sb3.solvers.training_env import ForwardModel
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import (
    MAX_COUNT,
    MAX_HORIZON,
    check_choice,
    check_int,
    check_positive,
    check_vector,
)
from rlsp_sb3.utils.timer import Timer
from rlsp_sb3.utils.type_checks import checks_types

DEFAULT_HORIZON = 30
LEAST_SIGNAL = 2.0  # standard errors; a mean of noise alone is about 1 long
NEGLIGIBLE = 1e-6  # change of the log likelihood within the width of the prior

DIAGNOSTICS = ("signal_to_noise", "log_likelihood_gain", "log_likelihood_gain_error")


class RLSP(EpochLearner):
    """Deep RLSP: the reward under which simulated pasts of the observed states make sense.

    In each epoch, the solver finds the policy of a person for whom θ·φ(s) is the reward; pasts of
    the observed states are sampled from what that policy does; and θ changes such that the features
    of these pasts become more likely than those that the policy collects anyway.

    **Forward** (``sampling="forward"``, the default where there is a simulator): the policy acts
    from where episodes start, and trajectories count by how near they come to an observed state.
    That is the gradient of the likelihood of exact RLSP (Shah et al. 2019), smoothed by a kernel.
    Where dynamics are random, branches from states on the way tell what the person chose from luck,
    which takes some three times as many simulated steps for a gradient. The policy has a
    temperature, as the person of that likelihood, and θ starts at 0. In the last part of training θ
    is kept and the temperature 0, so that ``predict`` acts as well as it can for the reward at the
    end. The log likelihood of the observed states is logged (``rlsp/log_likelihood``), and how much
    larger it is than under random behavior. See :mod:`rlsp_sb3.rlsp.forward_estimator`.

    **Backward** (``sampling="backward"``, as published; Lindner et al. 2021, Algorithm 1): the
    policy acts, and an inverse policy (which action led here?) and inverse dynamics (from where?)
    learn from that; they simulate the past of the observed states. This takes a simulator that can
    be put into the state of an observation (see :mod:`rlsp_sb3.state_reset`), or learns a forward
    model. What differs from the paper:

    - random Fourier features are the default, because a reward that is linear in the latent
      variables of an autoencoder wants more and more of something, rather than to be somewhere;
    - all networks are small and kept from epoch to epoch; rewards in a replay buffer follow θ and
      are standardized; the inverse dynamics also see what the policy comes upon;
    - θ's step size falls to 0, so that the policy at the end is one for the reward at the end.

    **Environments to plan in** (with ``mdp``, such as the gridworlds of rlsp-envs) are planned in,
    and sampled backward; a timestep is a gradient step, elsewhere it is one that the solver takes.
    There the inverse models are told the time and see trajectories that start where the person did,
    so that pasts lead there; pasts that the simulator cannot reproduce do not count; and the policy
    acts from each state of the past instead of the first one only, which is what the gradient is
    where dynamics are random. So rewards come out as exact RLSP has them.

    Args:
        env: The environment, a ``DummyVecEnv`` of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        horizon: The number T of states that the person passed through, the first and the observed
            one included, at least 1; for pasts that are sampled forward the largest number, at
            least 2, since how many there were is found, too. None for what the environment says,
            or else 30, and forward as many as an episode has.
        encoder: The features φ: an :class:`~rlsp_sb3.encoders.Encoder` (one that is fitted is used
            as it is), "features" (the environment's own), "fourier", "vae", "identity", a mapping
            such as ``{"name": "fourier", "bandwidth": 0.5}``, or a function from observations
            (N, *observation_shape) to features (N, F). "auto" for the environment's own features,
            or else the encoder of the preset.
        solver: What finds the policy: "planning", an algorithm of SB3, sb3-contrib or sbx, its
            class or its name ("FastSAC", "PPO", "sbx:SAC"). "auto" is planning in environments that
            offer ``mdp``, FastPPO where there is a simulator, and otherwise FastSAC or, for
            discrete actions, PPO. (With ``preset="paper"``, the latter two.)
        solver_kwargs: Arguments of the solver's class.
        preset: Where everything comes from that is not given: "fast" (small networks, minutes on
            one core, random Fourier features), "paper" (as published: an autoencoder and cosine
            weights, hours) or "smoke" (to see whether everything works; the result means nothing).
        hyperparameters: What differs from the preset, by owner, such as
            ``{"n_transitions": 20_000, "solver": {"n_steps": 20_000, "kwargs": {"gamma": 0.99}}}``;
            or an :class:`~rlsp_sb3.hyperparameters.RLSPHyperparameters`, for all of them.
        n_epochs: How many epochs ``learn`` takes if it is not told, at least 1; None for what the
            hyperparameters say.
        learning_rate: The step size of the gradient ascent, above 0, for the gradient of the log
            posterior divided by the T - 1 actions (forward scaled to norm 1 where it is longer than
            .1); None for what the hyperparameters say.
        n_trajectories: How many pasts are simulated in an epoch, at least 1; None for what the
            hyperparameters say.
        sampling: How pasts are sampled: "forward" from where episodes start, weighed by how near
            they end to the observed states, which takes a simulator; "backward" from the observed
            states by inverse models, as published; "auto" for "forward" where there is a simulator
            and the solver is FastPPO, which knows a temperature.
        trajectory_weights: Which pasts that are sampled backward count: "initial" for those that
            begin where the person can have been at that time; "uniform" for all alike; "cosine" as
            published; None for those of the preset.
        prior: "gaussian", "laplace" or "uniform", centered at 0; None for that of the preset.
        prior_std: The width of the prior, above 0: the standard deviation of the Gaussian, the
            scale of the Laplace distribution; None for that of the preset.
        forward_model: "simulator" to put the environment into states, "learned" to learn what
            follows from them; "auto" for the simulator where there is one.
        keep_termination: Whether the end of an episode by the environment counts while the policy
            is trained; it leaks the true reward. Needs ``forward_model="learned"``.
        inferred_weight: How much the final policy minds the inferred reward beside the task reward,
            if it is planned and the environment offers a task reward.
        eval_interval: Every how many epochs the reward and the policy are compared with the true
            reward, if there is one, to be logged; 0 for never. It is not used to learn.
        checkpoint_dir: The folder for checkpoints, from which ``RLSP.load(...)`` and then
            ``learn(reset_num_timesteps=False)`` go on to the same result to the bit; None for none.
        checkpoint_interval: Every how many epochs one is written.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where the solver's networks run; all others are small and run on the CPU.

    Attributes:
        signal_to_noise: The length of the gradient of the likelihood in standard errors over the
            pasts, in the epoch where it was largest; ``learn`` warns if it stays below 2, since the
            pasts said nothing then.
        log_likelihood_gain: By how many nats the log likelihood of the observed states is larger
            than under random behavior, for the last θ whose policy was sampled, where pasts are
            sampled forward; 0 before and backward. ``learn`` warns if it is not above 0 by two
            standard errors.
        log_likelihood_gain_error: Its standard error.

    Raises:
        ImportError: If the solver's package is not installed.
        TypeError: If an argument has a wrong type, the environment does not offer what it takes, or
            there is a ``checkpoint_dir`` and checkpoints cannot hold an argument.
        ValueError: If an argument is out of range, there are no observed states, or the solver does
            not fit to the environment.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        horizon: int | None = None,
        encoder: Any = "auto",
        solver: Any = "auto",
        solver_kwargs: dict[str, Any] | None = None,
        preset: PresetName = "fast",
        hyperparameters: Mapping[str, Any] | RLSPHyperparameters | None = None,
        n_epochs: int | None = None,
        learning_rate: float | None = None,
        n_trajectories: int | None = None,
        sampling: Sampling = "auto",
        trajectory_weights: TrajectoryWeights | None = None,
        prior: PriorName | None = None,
        prior_std: float | None = None,
        forward_model: ForwardModel = "auto",
        keep_termination: bool = False,
        inferred_weight: float = 1.0,
        eval_interval: int = 5,
        checkpoint_dir: str | Path | None = None,
        checkpoint_interval: int = 5,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        check_choice("sampling", sampling, get_args(Sampling))
        super().__init__(
            env,
            observed_states,
            encoder=encoder,
            solver=solver,
            solver_kwargs=solver_kwargs,
            preset=preset,
            hyperparameters=hyperparameters,
            n_epochs=n_epochs,
            forward_model=forward_model,
            keep_termination=keep_termination,
            eval_interval=eval_interval,
            checkpoint_dir=checkpoint_dir,
            checkpoint_interval=checkpoint_interval,
            inferred_weight=inferred_weight,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        self._choose(trajectory_weights, prior, prior_std)
        is_tabular = isinstance(self.unwrapped_env, TabularEnv)
        self.sampling = find_sampling(
            sampling, self.env, self.algorithm, is_simulated=self._is_simulated
        )
        self._is_forward = self.sampling == "forward"
        self.horizon = self._check_horizon(horizon)
        n_actions = max(self.horizon - 1, 1)
        if learning_rate is None:
            learning_rate = self._preset.hyperparameters.learning_rate
            learning_rate *= n_actions if is_tabular else 1
        if n_trajectories is None:
            chosen = self._preset.hyperparameters
            n_trajectories = (
                chosen.forward.n_trajectories if self._is_forward else chosen.n_trajectories
            )
        check_positive("learning_rate", learning_rate)
        check_int("n_trajectories", n_trajectories, 1, MAX_COUNT)
        self.learning_rate = learning_rate
        self.n_trajectories = n_trajectories
        self.theta = 0.01 * self.rng.standard_normal(len(self.encoder.feature_names))
        self._is_ready = False
        self._progress = 0.0
        self.signal_to_noise = 0.0
        self.log_likelihood_gain = self.log_likelihood_gain_error = 0.0
        self.gradient_estimator = self._make_gradient_estimator()
        self.curriculum = self._make_curriculum(is_tabular)
        self._check_checkpoints()

    def _make_curriculum(self, is_tabular: bool) -> Curriculum:
        """Horizons of the epochs: those of pasts that are sampled backward by networks grow."""
        first = self.horizon if is_tabular or self._is_forward else min(2, self.horizon)
        return Curriculum(
            first, self.horizon, self.n_epochs, self.hyperparameters.gradient_threshold
        )

    def _choose(
        self, trajectory_weights: Any, prior: PriorName | None, prior_std: float | None
    ) -> None:
        """Take what is given, or else what the preset says."""
        preset = self._preset
        self.trajectory_weights: TrajectoryWeights = (
            preset.trajectory_weights if trajectory_weights is None else trajectory_weights
        )
        self.prior: PriorName = preset.prior if prior is None else prior
        self.prior_std = preset.prior_std if prior_std is None else prior_std
        check_choice("trajectory_weights", self.trajectory_weights, get_args(TrajectoryWeights))
        check_choice("prior", self.prior, PRIORS)
        check_positive("prior_std", self.prior_std)

    def _make_gradient_estimator(self) -> GradientEstimator:
        """The estimator for an environment to plan in, or for any other."""
        problem = GradientProblem(
            self.observed_states,
            self.encoder,
            horizon=self.horizon,
            n_trajectories=self.n_trajectories,
            trajectory_weights=self.trajectory_weights,
            hyperparameters=self.hyperparameters,
        )
        if self.algorithm is None:
            self.timestep = "gradient step"
            return TabularGradientEstimator(self.unwrapped_env, problem, self.rng)
        solver = SolverSpec(
            self.algorithm, self.hyperparameters.solver, self.solver_kwargs or {}, self.device
        )
        if isinstance(self.unwrapped_env, TabularEnv):
            estimator = TabularGradientEstimator(self.unwrapped_env, problem, self.rng)
            estimator.train_by(solver, self.theta)
            return estimator
        arguments: dict[str, Any] = {"solver": solver, "keep_termination": self.keep_termination}
        if self._is_forward:
            return make_forward_estimator(problem, self.env, self.theta, self.rng, **arguments)
        return make_continuous_estimator(
            problem,
            self.env,
            self.theta,
            self.rng,
            forward_model=self.forward_model,
            **arguments,
        )

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        self._get_ready()
        while self.num_timesteps < total_timesteps and not self.curriculum.has_converged:
            timer = Timer()
            self._progress = self.num_timesteps / total_timesteps
            with self._in_epoch(), seeded_globally(self.rng):  # SB3's policies draw from the latter
                if not self._epoch(timer, callback):
                    break
            self._policy = None
            if not self._end_epoch(self.curriculum.epoch, timer, callback, log_interval):
                break
        self._warn_if_nothing_was_said()

    def _warn_if_nothing_was_said(self) -> None:
        """Warn if no gradient stood out from its noise, or θ explains no more than 0 does."""
        if not self.curriculum.epoch:
            return
        if self.signal_to_noise < LEAST_SIGNAL:
            warnings.warn(
                "the simulated pasts say nothing of the reward: in no epoch was the gradient more "
                f"than {LEAST_SIGNAL:g} standard errors over the pasts long (at most "
                f"{self.signal_to_noise:.2g}), so that the weights are little else than those to "
                "begin with; check that observations vary, that observed_states are near what the "
                "environment shows, and n_trajectories",
                stacklevel=4,
            )
        elif self.log_likelihood_gain < LEAST_SIGNAL * self.log_likelihood_gain_error:
            warnings.warn(
                "the inferred reward explains the observed states no better than random behavior "
                f"does: the log likelihood is {self.log_likelihood_gain:.2g} ± "
                f"{self.log_likelihood_gain_error:.2g} nats above; if that stays so with more "
                "timesteps and more n_trajectories, nothing can be inferred from these states: "
                "take some that random behavior does not leave, or another horizon",
                stacklevel=4,
            )

    def _get_ready(self) -> None:
        """Do once what comes before the first epoch."""
        if self._is_ready:
            return
        self._record("losses", self.gradient_estimator.setup(self.rng))
        self.theta = self.gradient_estimator.initial_theta(self.theta)
        self._is_ready = True

    def _epoch(self, timer: Timer, callback: BaseCallback) -> bool:
        """Train the policy and step along the gradient; False if it was stopped."""
        estimator, horizon = self.gradient_estimator, self.curriculum.horizon
        estimator.solver.temperature = 1.0 if self._is_forward and not self._is_final else 0.0
        with timer("solver"):
            if not self._train(estimator.solver, self.theta, estimator.starts, callback):
                return False
        if self._is_final:
            self.curriculum.advance(np.zeros_like(self.theta))
            return True
        estimate = estimator.estimate(horizon, self.rng, timer)
        matters = np.linalg.norm(estimate.gradient) * self.prior_std > NEGLIGIBLE
        signal_to_noise = estimate.signal_to_noise if matters else 0.0
        self.signal_to_noise = max(self.signal_to_noise, signal_to_noise)
        if self._is_forward:
            self.log_likelihood_gain = estimate.diagnostics["log_likelihood_gain"]
            self.log_likelihood_gain_error = estimate.diagnostics["log_likelihood_gain_error"]
        gradient = estimate.gradient + self._prior_gradient() / max(self.horizon - 1, 1)
        gradient = estimator.bounded(gradient)
        if not np.all(np.isfinite(gradient)):
            raise FloatingPointError(
                f"the gradient is not finite in epoch {self.curriculum.epoch + 1}: what was "
                "learned before is kept, and save() writes it; check what the environment shows"
            )
        self.theta = self.theta + self._step_size * gradient
        self.curriculum.advance(gradient)
        self._record("losses", estimate.losses)
        self._record(
            "rlsp",
            {
                **estimate.diagnostics,
                "signal_to_noise": signal_to_noise,
                "epoch": self.curriculum.epoch,
                "horizon": horizon,
                "gradient_norm": float(np.linalg.norm(gradient)),
                "reward_norm": float(np.linalg.norm(self.theta)),
            },
        )
        return True

    @property
    def _is_final(self) -> bool:
        """True if the reward is kept from now on, and only the policy trained for it."""
        return self._is_forward and self._progress >= 1 - self._final_share

    @property
    def _final_share(self) -> float:
        return self.hyperparameters.forward.final_share if self._is_forward else 0.0

    def _prior_gradient(self) -> FloatArray:
        prior = PRIORS[self.prior](np.zeros_like(self.theta), self.prior_std)
        return prior.gradient(self.theta)

    @property
    def _step_size(self) -> float:
        """The step size of the current epoch; annealed, as in SB3, over the steps of ``learn``."""
        share = self._progress / (1 - self._final_share)
        return self.learning_rate * (1 - share if self.hyperparameters.anneal else 1)

    @property
    def _default_timesteps(self) -> int:
        return self.n_epochs * self.gradient_estimator.solver.n_steps

    @property
    def progress_notes(self) -> dict[str, Any]:
        """Notes that a progress bar shows beside the number of timesteps."""
        return {
            "epoch": f"{self.curriculum.epoch}/{self.n_epochs}",
            "horizon": self.curriculum.horizon,
        }

    # What was learned.

    @property
    def reward(self) -> LinearReward:
        """The inferred reward."""
        return LinearReward(self.theta, self.feature_names, self.encoder)

    @property
    def policy(self) -> Policy:  # type: ignore[override]
        """The solver's policy; where it is planned, one for the task and the inferred reward."""
        is_planned = isinstance(self.gradient_estimator.solver, PlanningSolver)
        return super().policy if is_planned else self.gradient_estimator.solver.policy

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,) of an environment to plan in."""
        return self._state_features @ self.theta

    @property
    def _state_features(self) -> FloatArray:
        if isinstance(self.gradient_estimator, TabularGradientEstimator):
            return self.gradient_estimator.state_features
        raise TypeError(f"env={self.unwrapped_env} is not tabular: its states cannot be enumerated")

    def _check_horizon(self, horizon: int | None) -> int:
        if horizon is None:
            default = self.hyperparameters.episode_length if self._is_forward else DEFAULT_HORIZON
            horizon = getattr(self.unwrapped_env, "horizon", None) or default
        check_int("horizon", horizon, 2 if self._is_forward else 1, MAX_HORIZON)
        return horizon

    # Files.

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "theta": self.theta,
            "is_ready": np.array(self._is_ready),
            **{name: np.array(getattr(self, name)) for name in DIAGNOSTICS},
            **flatten_arrays(
                encoder=self.encoder.arrays(),
                gradient_estimator=self.gradient_estimator.arrays(),
                curriculum=self.curriculum.arrays(),
            ),
        }

    def _replay_arrays(self) -> dict[str, NDArray[Any]]:
        return flatten_arrays(replay=self.gradient_estimator.solver.replay_arrays())

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._is_ready = read_scalar(arrays, "is_ready", bool)
        for name in DIAGNOSTICS:
            setattr(self, name, read_scalar(arrays, name, float))
        self.encoder.set_arrays(subtree(arrays, "encoder"))
        if self._is_ready:
            self.encoder.check_fitted()
        self.theta = check_vector("theta", arrays["theta"], len(self.feature_names))
        self.gradient_estimator.set_arrays(subtree(arrays, "gradient_estimator"))
        self.gradient_estimator.solver.set_replay_arrays(subtree(arrays, "replay"))
        self.curriculum.set_arrays(subtree(arrays, "curriculum"), len(self.theta))
