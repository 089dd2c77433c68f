"""Learners whose reward is made of the features of the observed states, and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback

from rlsp_baselines.waypoint_reward import WaypointReward
from rlsp_sb3 import LinearReward
from rlsp_sb3.budgets import Budget, find_budget
from rlsp_sb3.callbacks import with_checkpoints
from rlsp_sb3.checks import check_choice, check_int, check_mdp
from rlsp_sb3.encoders import FunctionEncoder, encoder_settings, make_encoder
from rlsp_sb3.measures import base_env, measure
from rlsp_sb3.named_arrays import joined, part
from rlsp_sb3.planning import FloatArray
from rlsp_sb3.protocols import Policy, TabularEnv
from rlsp_sb3.reward import FeatureFn
from rlsp_sb3.solver_choice import Algorithm, find_solver, make_model, solver_name
from rlsp_sb3.solvers import SB3Solver
from rlsp_sb3.stopwatch import Stopwatch
from rlsp_sb3.tabular import TabularLearner
from rlsp_sb3.tabular_world import state_features
from rlsp_sb3.training_env import ForwardModel, is_simulated, make_training_env
from rlsp_sb3.transitions import Transitions, collect

ONE = np.ones(1)
"""The weight of the reward, which is the only feature that a solver is told."""


class ObservedFeaturesLearner(TabularLearner):
    """Trains or plans a policy for a reward made of φ(s_i), the features of observed states s_i.

    The reward is known as soon as the encoder is fitted, which ``learn`` does, if it is not yet, on
    transitions of random actions. In environments with ``mdp`` the policy is planned for the task
    reward plus a weight times the inferred one, and no timestep is taken. In all others a timestep
    is a step that the solver takes, by default as many as
    :class:`~rlsp_sb3.rlsp.RLSP`'s with the same budget; the solver trains as it does there, a fifth
    of its episodes from observed states, but for one reward and from beginning to end.

    The arguments are those of RLSP, without those of simulating the past; see
    :class:`~rlsp_baselines.average_features.AverageFeatures`.
    """

    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        encoder: Any = None,
        solver: Any = "auto",
        solver_kwargs: dict[str, Any] | None = None,
        budget: str | dict[str, Any] | Budget = "fast",
        n_epochs: int | None = None,
        forward_model: ForwardModel = "auto",
        keep_termination: bool = False,
        transitions: Transitions | None = None,
        inferred_weight: float = 1.0,
        eval_interval: int = 5,
        checkpoint_dir: str | Path | None = None,
        checkpoint_interval: int = 5,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        check_choice("forward_model", forward_model, get_args(ForwardModel))
        check_int("eval_interval", eval_interval, 0)
        check_int("checkpoint_interval", checkpoint_interval, 1)
        self._observed_features: FloatArray | None = None
        self._reward: LinearReward | WaypointReward | None = None
        super().__init__(
            env,
            observed_states,
            inferred_weight=inferred_weight,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        is_tabular = isinstance(self.unwrapped_env, TabularEnv)
        algorithm = find_solver(solver, self.action_space, is_tabular)
        self.budget = find_budget(budget, is_tabular)
        self.n_epochs = self.budget.n_epochs if n_epochs is None else n_epochs
        check_int("n_epochs", self.n_epochs, 1)
        self.solver = solver
        self.solver_kwargs = solver_kwargs
        self.forward_model = forward_model
        self.keep_termination = keep_termination
        self.transitions = self._check_transitions(transitions)
        self.eval_interval = eval_interval
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_interval = checkpoint_interval
        self.encoder = make_encoder(encoder, self.unwrapped_env, self.observed_states, self.budget)
        if self.encoder.is_fitted:
            self._observe()
        self._solver = None if algorithm is None else self._make_solver(algorithm)

    @abstractmethod
    def _reward_of(self, features: FeatureFn | None) -> LinearReward | WaypointReward:
        """The reward of observations, given what maps them to features; None for features."""

    def _make_solver(self, algorithm: Algorithm) -> SB3Solver:
        def reward(observations: NDArray[Any]) -> FloatArray:
            if self._reward is None:  # asked for at each step
                self._reward = self.reward
            return self._reward.of_states(observations)

        simulated = is_simulated(self.env, self.forward_model)
        env = make_training_env(
            self.env, reward, algorithm, self.budget, simulated, self.keep_termination, self.rng
        )
        only_feature = FunctionEncoder(lambda shown: reward(shown)[:, None], ("inferred_reward",))
        model = make_model(
            algorithm,
            self.solver_kwargs or {},
            env,
            only_feature,
            ONE,
            self.budget,
            int(self.rng.integers(2**31)),
            self.device,
        )
        return SB3Solver(model, only_feature, self.budget.solver_steps)

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

    def _check_transitions(self, transitions: Transitions | None) -> Transitions | None:
        if transitions is None:
            return None
        if not isinstance(transitions, Transitions):
            raise TypeError(
                f"transitions is a {type(transitions).__name__}: expected what "
                "rlsp_sb3.transitions.collect returns, or the transitions of another learner"
            )
        shape = self.observation_space.shape or ()
        if transitions.observations.shape[1:] != shape or not len(transitions.observations):
            raise ValueError(
                f"transitions have observations of shape {transitions.observations.shape}: "
                f"expected {('N', *shape)} with N of at least 1"
            )
        return transitions

    # Learning.

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        self._get_ready()
        if self._solver is None:
            return
        while self.num_timesteps < total_timesteps:
            clock = Stopwatch()
            with clock("solver"):
                n_steps = min(self._solver.n_steps, total_timesteps - self.num_timesteps)
                self.num_timesteps += self._solver.train(
                    ONE, self.observed_states, self.rng, n_steps
                )
            if not self._end_epoch(clock, callback, log_interval):
                break

    def _get_ready(self) -> None:
        """Fit the encoder, if it is not yet."""
        self._policy = self._reward = None
        if self._observed_features is not None:
            return
        if not self.encoder.is_fitted:
            if self.transitions is None:
                # None near the observed states: what is unusual about them has to stand out.
                self.transitions = collect(base_env(self.env), self.budget.n_transitions, self.rng)
            seen = self.transitions
            losses = self.encoder.fit(seen.observations, self.rng, seen.next_observations)
            self._record("losses", losses)
        self._observe()

    def _end_epoch(self, clock: Stopwatch, callback: BaseCallback, log_interval: int) -> bool:
        """Log and call back; False to stop."""
        if self.eval_interval and self._epoch % self.eval_interval == 0:
            with clock("evaluation"):
                self._record("eval", measure(self, np.random.default_rng(self.seed)))
        self._record("time", clock.seconds)
        self.logger.record("train/epoch", self._epoch)
        go_on = self._end_step(callback)
        if go_on and self._epoch % log_interval == 0:
            self.dump_logs()
        return go_on

    def _init_callback(self, callback: MaybeCallback, progress_bar: bool) -> BaseCallback:
        if self.checkpoint_dir is not None:
            callback = with_checkpoints(callback, self.checkpoint_dir, self.checkpoint_interval)
        return super()._init_callback(callback, progress_bar)

    @property
    def _epoch(self) -> int:
        """How many times the solver was trained."""
        return 0 if self._solver is None else -(-self.num_timesteps // self._solver.n_steps)

    @property
    def _default_timesteps(self) -> int:
        return 0 if self._solver is None else self.n_epochs * self._solver.n_steps

    @property
    def progress_notes(self) -> dict[str, Any]:
        """What a progress bar shows beside the number of timesteps."""
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
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(self.encoder.feature_names)

    @property
    def inferred_rewards(self) -> FloatArray:
        """The inferred reward of each state (S,) of a tabular environment."""
        return self._reward_of(None).of_states(state_features(self.unwrapped_env, self.encoder))

    def _prepare(self, env: Any) -> None:
        if isinstance(env, TabularEnv):
            check_mdp(env.mdp, env.feature_names)
        self._policy = None

    # Files.

    def _saved_arguments(self) -> dict[str, Any]:
        names = [name for name in self._argument_names() if name != "transitions"]  # as arrays
        return {
            **{name: getattr(self, name) for name in names},
            "encoder": encoder_settings(self.encoder),
            "solver": solver_name(self.solver),
            "budget": asdict(self.budget),
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        known = self._observed_features
        return joined(
            observed={} if known is None else {"features": known},
            encoder=self.encoder.arrays(),
            transitions={} if self.transitions is None else self.transitions._asdict(),
            solver={} if self._solver is None else self._solver.arrays(),
        )

    def _replay_arrays(self) -> dict[str, NDArray[Any]]:
        return joined(replay={} if self._solver is None else self._solver.replay_arrays())

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.encoder.set_arrays(part(arrays, "encoder"))
        if known := part(arrays, "observed"):
            self._observed_features = known["features"]
        if seen := part(arrays, "transitions"):
            self.transitions = Transitions(**seen)
        if self._solver is not None:
            self._solver.set_arrays(part(arrays, "solver"))
            self._solver.set_replay_arrays(part(arrays, "replay"))
