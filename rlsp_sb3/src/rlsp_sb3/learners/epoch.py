"""Base class of learners that train a solver for their reward epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback

from rlsp_sb3.encoders.factory import encoder_settings, make_encoder
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.learners.callbacks import Checkpoints, SolverCallback, as_callback
from rlsp_sb3.learners.eval_metrics import measure_learner
from rlsp_sb3.learners.tabular import TabularLearner, check_mdp_actions
from rlsp_sb3.presets import find_preset
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.solvers.base import Solver
from rlsp_sb3.solvers.factory import find_solver, is_instance_or_subclass, solver_name
from rlsp_sb3.solvers.training_env import ForwardModel, is_simulated
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.arguments import ARRAYS
from rlsp_sb3.utils.checks import MAX_COUNT, check_choice, check_int, check_mdp
from rlsp_sb3.utils.timer import Timer
from rlsp_sb3.utils.type_checks import checks_types


class EpochLearner(TabularLearner):
    """Base class of learners of a linear reward with an encoder and a solver, by epochs.

    Its policy is planned in environments that offer ``mdp``, and otherwise trained by an algorithm
    of SB3, whose environment steps are then the timesteps that callbacks are called at. After each
    epoch it logs and, at times, evaluates itself and writes a checkpoint. The constructor of a
    subclass ends with ``_check_checkpoints``.

    Args:
        env: The environment, a ``DummyVecEnv`` of SB3, or the id of a registered one.
        observed_states: Observations (n, *observation_shape); None for those that the environment
            offers.
        **kwargs: See :class:`~rlsp_sb3.learners.TabularLearner`.

    See :class:`~rlsp_sb3.RLSP` for the other arguments and the errors.

    Attributes:
        algorithm: The algorithm of SB3 that trains the policy, or its class; None for planning.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None,
        *,
        encoder: Any,
        solver: Any,
        solver_kwargs: dict[str, Any] | None,
        preset: str,
        hyperparameters: Mapping[str, Any] | RLSPHyperparameters | None,
        n_epochs: int | None,
        forward_model: ForwardModel,
        keep_termination: bool,
        eval_interval: int,
        checkpoint_dir: str | Path | None,
        checkpoint_interval: int,
        **kwargs: Any,
    ) -> None:
        check_choice("forward_model", forward_model, get_args(ForwardModel))
        check_int("eval_interval", eval_interval, 0)
        check_int("checkpoint_interval", checkpoint_interval, 1)
        super().__init__(env, observed_states, **kwargs)
        is_tabular = isinstance(self.unwrapped_env, TabularEnv)
        self._is_simulated = not is_tabular and is_simulated(self.env, forward_model)
        self.algorithm = find_solver(
            solver,
            self.observation_space,
            self.action_space,
            can_plan=is_tabular,
            many_copies=self._is_simulated and preset != "paper",
        )
        self._preset = find_preset(
            preset,
            hyperparameters,
            is_tabular=is_tabular,
            on_policy=not is_tabular and is_instance_or_subclass(self.algorithm, OnPolicyAlgorithm),
        )
        self.preset = preset
        self.hyperparameters = self._preset.hyperparameters
        self.n_epochs = self.hyperparameters.n_epochs if n_epochs is None else n_epochs
        check_int("n_epochs", self.n_epochs, 1, MAX_COUNT)
        self.solver = solver
        self.solver_kwargs = solver_kwargs
        self.forward_model = forward_model
        self.keep_termination = keep_termination
        self.eval_interval = eval_interval
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_interval = checkpoint_interval
        self.encoder = make_encoder(
            encoder,
            self.unwrapped_env,
            self.observed_states,
            self._preset,
            self.observation_space,
        )

    _checkpoints: Checkpoints | None = None

    def set_env(self, env: GymEnv | str, force_reset: bool = True) -> None:
        """Keep the environment, which the encoder, the solver and all simulations are made for.

        Args:
            env: The environment.
            force_reset: Accepted as in SB3.

        Raises:
            ValueError: If it is not the one that :meth:`get_env` returns.
        """
        if hasattr(self, "env") and env is not self.env:
            raise ValueError(
                f"env={env}: expected that of get_env(), since the solver trains there; to go on "
                f"in another environment, save the learner and use {type(self).__name__}.load("
                "path, env=…)"
            )
        super().set_env(env, force_reset)

    def _check_checkpoints(self) -> None:
        """Raise now if no checkpoint can be written, rather than after epochs of work."""
        if self.checkpoint_dir is not None:
            self.check_savable()

    def _init_callback(self, callback: MaybeCallback, progress_bar: bool) -> BaseCallback:
        if self.checkpoint_dir is None:
            self._checkpoints = None
            return super()._init_callback(callback, progress_bar)
        folder, interval = Path(self.checkpoint_dir), self.checkpoint_interval
        if self._checkpoints is None or self._checkpoints.folder != folder:
            self._checkpoints = Checkpoints(folder, interval)
        self._checkpoints.interval = interval
        callback = CallbackList([self._checkpoints, as_callback(callback)])
        return super()._init_callback(callback, progress_bar)

    def _train(
        self,
        solver: Solver,
        theta: FloatArray,
        starts: NDArray[Any],
        callback: BaseCallback,
        **kwargs: Any,
    ) -> bool:
        """Train a solver, which counts timesteps and calls back; False to stop.

        A plan is one timestep, for which callbacks are called at the end of the epoch.
        """
        before = self.num_timesteps
        watching = SolverCallback(self, callback)
        n_steps = solver.train(theta, starts, self.rng, watching, **kwargs)
        self.num_timesteps = before + n_steps
        return not watching.is_stopped

    def _end_epoch(
        self, epoch: int, clock: Timer, callback: BaseCallback, log_interval: int
    ) -> bool:
        """Evaluate, log and call back; False to stop."""
        if self.eval_interval and epoch % self.eval_interval == 0:
            with clock("evaluation"):
                self._record("eval", measure_learner(self, np.random.default_rng(self.seed)))
        self._record("time", clock.seconds)
        # A solver has told callbacks of its steps.
        go_on = self.algorithm is not None or self._end_step(callback)
        if go_on and epoch % log_interval == 0:
            self.dump_logs()
        if self._checkpoints is not None:
            self._checkpoints.end_epoch()
        return go_on

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(self.encoder.feature_names)

    def _prepare(self, env: Any) -> None:
        if isinstance(env, TabularEnv):
            check_mdp(env.mdp, env.feature_names)
            check_mdp_actions(env)
        self._policy = None

    def saved_arguments(self) -> dict[str, Any]:
        """The arguments for making such a learner again, as JSON can hold them."""
        names = [name for name in self._argument_names() if name not in ARRAYS]
        return {
            **{name: getattr(self, name) for name in names},
            "encoder": encoder_settings(self.encoder),
            # Not "auto", which may mean another algorithm some day.
            "solver": solver_name(self.algorithm or self.solver),
            "hyperparameters": asdict(self.hyperparameters),
        }
