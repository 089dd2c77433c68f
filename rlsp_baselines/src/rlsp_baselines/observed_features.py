"""Base class of learners whose reward is made of the observed states' features alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.waypoint_reward import WaypointReward
from rlsp_sb3 import LinearReward
from rlsp_sb3.data import collect
from rlsp_sb3.encoders import FunctionEncoder
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.learners import EpochLearner, Timer, flatten_arrays, read_array, subtree
from rlsp_sb3.presets import PresetName
from rlsp_sb3.protocols import Policy
from rlsp_sb3.rewards import FeatureFn
from rlsp_sb3.rlsp import state_features
from rlsp_sb3.solvers import (
    Algorithm,
    ForwardModel,
    SB3Solver,
    SolverSpec,
    is_simulated,
    make_model,
    make_training_env,
)
from rlsp_sb3.type_aliases import FloatArray

ONE = np.ones(1)
"""The weight of the reward, which is the only feature that a solver is told."""


class ObservedFeaturesLearner(EpochLearner):
    """Trains or plans a policy for a reward made of φ(s_i), the features of observed states s_i.

    The reward is known as soon as the encoder is fitted, which ``learn`` does, if it is not yet, on
    transitions of random actions. In environments with ``mdp`` the policy is planned for the task
    reward plus a weight times the inferred one, and no timestep is taken. In all others a timestep
    is a step that the solver takes, by default as many as
    :class:`~rlsp_sb3.RLSP`'s with the same preset; the solver trains as it does there, a fifth
    of its episodes from observed states, but for one reward and from beginning to end.

    The arguments are those of RLSP, without those of simulating the past; see
    :class:`~rlsp_baselines.AverageFeatures`.
    """

    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        encoder: Any = "auto",
        solver: Any = "auto",
        solver_kwargs: dict[str, Any] | None = None,
        preset: PresetName = "fast",
        hyperparameters: Mapping[str, Any] | RLSPHyperparameters | None = None,
        n_epochs: int | None = None,
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
        self._observed_features: FloatArray | None = None
        self._reward: LinearReward | WaypointReward | None = None
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
        if self.encoder.is_fitted:
            self._observe()
        self._solver = None if self.algorithm is None else self._make_solver(self.algorithm)
        self._check_checkpoints()

    @abstractmethod
    def _reward_of(self, features: FeatureFn | None) -> LinearReward | WaypointReward:
        """The reward of observations, given what maps them to features; None for features."""

    def _make_solver(self, algorithm: Algorithm) -> SB3Solver:
        def reward(observations: NDArray[Any]) -> FloatArray:
            if self._reward is None:  # asked for at each step
                self._reward = self.reward
            return self._reward.of_states(observations)

        env = make_training_env(
            self.env,
            reward,
            self.rng,
            algorithm=algorithm,
            hyperparameters=self.hyperparameters,
            simulated=is_simulated(self.env, self.forward_model),
            keep_termination=self.keep_termination,
        )
        only_feature = FunctionEncoder(lambda shown: reward(shown)[:, None], ("inferred_reward",))
        solver = self.hyperparameters.solver
        spec = SolverSpec(algorithm, solver, self.solver_kwargs or {}, self.device)
        model = make_model(spec, env, only_feature, ONE, int(self.rng.integers(2**31)))
        return SB3Solver(model, only_feature, solver.n_steps)

    def _observe(self) -> None:
        """Take the features of the observed states.

        Raises:
            ValueError: If they are not (n, F) finite numbers.
        """
        features = np.asarray(self.encoder(self.observed_states), dtype=np.float64)
        expected = (len(self.observed_states), len(self.encoder.feature_names))
        if features.shape != expected or not np.isfinite(features).all():
            raise ValueError(
                f"encoder={self.encoder!r} gave an array of shape {features.shape} for the "
                f"observed states: expected {expected} finite numbers, one for each of its "
                "feature_names"
            )
        self._observed_features = features

    # Learning.

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        self._get_ready()
        if self._solver is None:
            self._plan_once(total_timesteps, callback)
            return
        while self.num_timesteps < total_timesteps:
            clock = Timer()
            with clock("solver"), self._in_epoch():
                n_steps = min(self._solver.n_steps, total_timesteps - self.num_timesteps)
                if not self._train(
                    self._solver, ONE, self.observed_states, callback, n_steps=n_steps
                ):
                    break
            self.logger.record("train/epoch", self._epoch)
            if not self._end_epoch(self._epoch, clock, callback, log_interval):
                break

    def _get_ready(self) -> None:
        """Fit the encoder, if it is not yet."""
        self._policy = self._reward = None
        if self._observed_features is not None:
            return
        if not self.encoder.is_fitted:
            # None near the observed states: what is unusual about them has to stand out.
            env, n_transitions = first_base_env(self.env), self.hyperparameters.n_transitions
            seen = collect(env, n_transitions, self.rng)
            losses = self.encoder.fit(seen.observations, self.rng, seen.next_observations)
            self._record("losses", losses)
        self._observe()

    @property
    def _epoch(self) -> int:
        """Number of times that the solver was trained."""
        return 0 if self._solver is None else -(-self.num_timesteps // self._solver.n_steps)

    @property
    def _default_timesteps(self) -> int:
        return 1 if self._solver is None else self.n_epochs * self._solver.n_steps

    @property
    def progress_notes(self) -> dict[str, Any]:
        """Notes that a progress bar shows beside the number of timesteps."""
        return {"epoch": self._epoch}

    # What was learned.

    @property
    def observed_features(self) -> FloatArray:
        """The features φ(s_i) of the observed states (n, F).

        Raises:
            RuntimeError: If the encoder is not fitted yet.
        """
        if self._observed_features is None:
            raise RuntimeError(
                "there is no reward yet: call learn, which fits the encoder, or give encoder= one "
                "that is fitted, such as that of an RLSP learner"
            )
        return self._observed_features

    @property
    def reward(self) -> LinearReward | WaypointReward:
        """The inferred reward."""
        return self._reward_of(self.encoder)

    @property
    def policy(self) -> Policy:  # type: ignore[override]
        """The solver's policy; where it is planned, one for the task and the inferred reward."""
        return super().policy if self._solver is None else self._solver.policy

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,) of a tabular environment."""
        return self._reward_of(None).of_states(state_features(self.unwrapped_env, self.encoder))

    # Files.

    def _arrays(self) -> dict[str, NDArray[Any]]:
        known = self._observed_features
        return flatten_arrays(
            observed={} if known is None else {"features": known},
            encoder=self.encoder.arrays(),
            solver={} if self._solver is None else self._solver.arrays(),
        )

    def _replay_arrays(self) -> dict[str, NDArray[Any]]:
        return flatten_arrays(replay={} if self._solver is None else self._solver.replay_arrays())

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.encoder.set_arrays(subtree(arrays, "encoder"))
        known = subtree(arrays, "observed")
        if known or self.num_timesteps:
            self.encoder.check_fitted()
            shape = (len(self.observed_states), len(self.feature_names))
            self._observed_features = read_array(known, "features", np.float64, shape)
        if self._solver is not None:
            self._solver.set_arrays(subtree(arrays, "solver"))
            self._solver.set_replay_arrays(subtree(arrays, "replay"))
