"""Contrast: what the observed states have more of than random behavior leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.observed_features import ObservedFeaturesLearner
from rlsp_sb3 import LinearReward
from rlsp_sb3.data import rollout_env
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.learners import check_vector, checks_types, flatten_arrays, read_array, subtree
from rlsp_sb3.planning import occupancies
from rlsp_sb3.policies import RandomPolicy
from rlsp_sb3.presets import PresetName
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.rewards import FeatureFn
from rlsp_sb3.rlsp import state_features
from rlsp_sb3.solvers import ForwardModel
from rlsp_sb3.type_aliases import FloatArray

N_EPISODES = 200


class Contrast(ObservedFeaturesLearner):
    """Reward weights that are the observed features less those that random behavior leaves behind.

    The inferred reward is θ·φ(s) with θ the mean of φ(s_i) over observed states s_i, less
    E[φ(s_T)] for a person who acts at random for T states from where episodes start; normalized.
    It is a control for :class:`~rlsp_sb3.RLSP`: the gradient of the log likelihood at θ = 0 with
    the features of the last state alone in place of those of the whole past. What simulating the
    past is worth is what RLSP infers better.

    The expectation is exact in environments with ``mdp``, where the distribution of states is
    propagated forward under the uniform policy, and elsewhere a mean over 200 episodes of random
    actions; of an episode that ends before T states the last state counts.

    There is no prior, and no scale is inferred: θ has norm 1, as that of
    :class:`~rlsp_baselines.AverageFeatures`, or is 0 if there is no difference. The weight of the
    inferred reward is 0.5 by default, as :class:`~rlsp_baselines.Deviation` has it: θ
    also rewards being where the person was seen, and so a task with a weight of 1 goes before each
    single feature. It was chosen on the six published gridworlds, where 1 is too much in room and
    train.

    Args:
        env: The environment, a ``DummyVecEnv`` of SB3, or the id of a registered one.
        observed_states: See AverageFeatures, as for all arguments but these two.
        horizon: The number T of states that the person passed through, the first and the observed
            one included; None for what the environment says.
        inferred_weight: How much the policy minds the inferred reward beside the task reward, at
            least 0, if it is planned and the environment offers a task reward.
        encoder: The features φ.
        solver: What finds the policy.
        solver_kwargs: Arguments of the solver's class.
        preset: Where the encoder and the hyperparameters come from if they are not given.
        hyperparameters: What differs from those of the preset.
        n_epochs: How many times ``solver.n_steps`` the solver is trained for.
        forward_model: Where the solver is trained.
        keep_termination: Whether the end of an episode counts while the policy is trained.
        eval_interval: Every how many epochs the learner is evaluated.
        checkpoint_dir: The folder for checkpoints.
        checkpoint_interval: Every how many epochs one is written.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where the solver's networks run.

    Raises:
        ImportError: If the solver's package is not installed.
        TypeError: If an argument has a wrong type, or the environment does not offer what it takes.
        ValueError: If an argument is out of range, nobody says what the horizon is, there are no
            observed states, or the solver does not fit to the environment.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        horizon: int | None = None,
        inferred_weight: float = 0.5,
        encoder: Any = "auto",
        solver: Any = "auto",
        solver_kwargs: dict[str, Any] | None = None,
        preset: PresetName = "fast",
        hyperparameters: Mapping[str, Any] | RLSPHyperparameters | None = None,
        n_epochs: int | None = None,
        forward_model: ForwardModel = "auto",
        keep_termination: bool = False,
        eval_interval: int = 5,
        checkpoint_dir: str | Path | None = None,
        checkpoint_interval: int = 5,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        self._given_horizon = horizon
        self._random_features: FloatArray | None = None
        super().__init__(
            env,
            observed_states,
            inferred_weight=inferred_weight,
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
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        self._check_horizon(horizon)

    @property
    def horizon(self) -> int:
        """The number T of states that the person passed through."""
        return self._check_horizon(self._given_horizon)

    def _get_ready(self) -> None:
        super()._get_ready()
        if self._random_features is None:
            is_tabular = isinstance(self.unwrapped_env, TabularEnv)
            self._random_features = self._propagate() if is_tabular else self._sample()

    def _propagate(self) -> FloatArray:
        """E[φ(s_T)] (F,) from the distribution of states under the uniform policy."""
        mdp = self.mdp
        n_states = len(mdp.initial_distribution)
        n_actions = mdp.transitions.shape[0] // n_states
        uniform = np.full((self.horizon - 1, n_states, n_actions), 1 / n_actions)
        last = occupancies(mdp.transitions, uniform, mdp.initial_distribution)[-1]
        return np.asarray(last @ state_features(self.unwrapped_env, self.encoder))

    def _sample(self) -> FloatArray:
        """The mean φ(s_T) (F,) of episodes."""
        env, n_actions = first_base_env(self.env), self.horizon - 1
        if n_actions:
            policy = RandomPolicy(env, int(self.rng.integers(2**31)))
            episodes = rollout_env(policy, env, N_EPISODES, seed=self.rng, max_steps=n_actions)
            last = [episode.observations[-1] for episode in episodes]
        else:
            seeds = self.rng.integers(2**31, size=N_EPISODES).tolist()
            last = [np.array(env.reset(seed=seed)[0]) for seed in seeds]
        features = np.asarray(self.encoder(np.array(last)), dtype=np.float64)
        return check_vector("features", features.mean(axis=0), len(self.feature_names))

    # What was learned.

    @property
    def random_features(self) -> FloatArray:
        """E[φ(s_T)] (F,), the features that random behavior leaves behind.

        Raises:
            RuntimeError: If ``learn`` was not called yet.
        """
        if self._random_features is None:
            raise RuntimeError("there is no reward yet: call learn, which acts at random first")
        return self._random_features

    @property
    def theta(self) -> FloatArray:
        """The inferred weights (F,), of norm 1; 0 if there is no difference."""
        difference = self.observed_features.mean(axis=0) - self.random_features
        return np.asarray(difference / max(float(np.linalg.norm(difference)), 1e-12))

    @property
    def reward(self) -> LinearReward:
        """The inferred reward."""
        return self._reward_of(self.encoder)

    def _reward_of(self, features: FeatureFn | None) -> LinearReward:
        return LinearReward(self.theta, self.feature_names, features)

    # Files.

    def _arrays(self) -> dict[str, NDArray[Any]]:
        known = self._random_features
        random = {} if known is None else {"features": known}
        return {**super()._arrays(), **flatten_arrays(random=random)}

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        super()._set_arrays(arrays)
        if known := subtree(arrays, "random"):
            size = len(self.feature_names)
            self._random_features = read_array(known, "features", np.float64, (size,))
