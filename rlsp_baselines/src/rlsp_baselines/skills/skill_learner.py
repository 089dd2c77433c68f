"""Base class of learners of skills."""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import VecEnv

from rlsp_baselines.skills.coordinates import Coordinates
from rlsp_baselines.skills.hyperparameters import find_hyperparameters
from rlsp_baselines.skills.skill_model import SkillModel
from rlsp_baselines.skills.skill_policy import SkillPolicy
from rlsp_baselines.skills.skill_prior import SkillPrior
from rlsp_baselines.skills.skill_replay_buffer import SkillReplayBuffer
from rlsp_baselines.skills.skill_rewards import SkillRewards
from rlsp_baselines.skills.skill_vec_env import SkillVecEnv
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.learners import (
    Learner,
    SolverCallback,
    check_int,
    checks_types,
    flatten_arrays,
    load_module,
    load_optimizer,
    module_arrays,
    optimizer_arrays,
    subtree,
)
from rlsp_sb3.rewards import RewardVecEnv
from rlsp_sb3.simulators import SimulatorVecEnv, make_simulator
from rlsp_sb3.solvers import (
    check_solver_kwargs,
    constructor_arguments,
    find_solver,
    is_simulated,
    model_arrays,
    seeded_globally,
    set_model_arrays,
    solver_name,
)

_DEFAULT_TIMESTEPS = 1_000_000


class SkillLearner(Learner):
    """Base class of learners of skills: a policy π(a | s, z), and a model that rewards it.

    See :class:`~rlsp_baselines.skills.DADS` for the arguments and the errors.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        n_skills: int | None = None,
        *,
        skill_dim: int | None = None,
        coordinates: Sequence[int] | None = None,
        velocities: Sequence[int] = (),
        solver: Any = None,
        solver_kwargs: dict[str, Any] | None = None,
        preset: str = "fast",
        hyperparameters: dict[str, Any] | None = None,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        self.hyperparameters = find_hyperparameters(preset, hyperparameters)
        self._skill_prior = _prior(n_skills, skill_dim)
        self.n_skills, self.skill_dim = n_skills, skill_dim
        self.solver_kwargs = solver_kwargs
        self.preset = preset
        super().__init__(
            env, seed=seed, verbose=verbose, tensorboard_log=tensorboard_log, device=device
        )
        (size,) = self.observation_space.shape or (0,)
        chosen = Coordinates(size, coordinates, velocities)
        self.coordinates, self.velocities = chosen.shown.tolist(), chosen.velocities.tolist()
        algorithm = find_solver(
            self.hyperparameters.solver if solver is None else solver,
            self.observation_space,
            self.action_space,
            can_plan=False,
        )
        if not isinstance(algorithm, type):
            raise TypeError(
                f"solver={solver!r}: expected the class or the name of an algorithm of SB3, and "
                "its arguments as solver_kwargs"
            )
        self.solver = algorithm
        with seeded_globally(self.rng) as drawn:
            model = self._make_skill_model(chosen, self._skill_prior)
            self.skill_model = model.to(self.device)
            self.model = self._make_solver(algorithm, self._make_training_env(self.env), drawn)
        self._optimizer = torch.optim.Adam(
            self.skill_model.parameters(), self.hyperparameters.learning_rate
        )

    @abstractmethod
    def _make_skill_model(self, coordinates: Coordinates, prior: SkillPrior) -> SkillModel:
        """The model that rewards transitions."""

    # Acting.

    @property
    def policy(self) -> SkillPolicy:
        """The policy, which draws a skill for each episode."""
        return self.skill_policy()

    @checks_types
    def skill_policy(self, skill: Any = None) -> SkillPolicy:
        """The policy of a skill.

        Args:
            skill: The number of the skill, or its entries (skill_dim,); None to draw one for each
                episode.

        Raises:
            TypeError: If skills have numbers, and it is none.
            ValueError: If there is no such skill.
        """
        (size,) = self.observation_space.shape or (0,)
        vector = None if skill is None else self._skill_prior.vector(skill)
        return SkillPolicy(self.model.policy, self._skill_prior, size, vector)

    @checks_types
    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
        skill: Any = None,
    ) -> tuple[NDArray[Any], Any]:
        """Choose actions by a skill.

        Args:
            observation: One observation or a batch of them.
            state: What the last call returned as its second value: the skills.
            episode_start: Which environments were just reset.
            deterministic: Whether to take the most probable action.
            skill: As in :meth:`skill_policy`; None for skills that are drawn at starts of episodes.

        Returns:
            The action or actions, and the skills (N, size) for the next call.

        Raises:
            TypeError: If ``deterministic`` is no bool, or the skill has a wrong type.
            ValueError: If there is no such skill.
        """
        policy = self.skill_policy(skill)
        return policy.predict(observation, state, episode_start, deterministic)

    # Environment.

    @checks_types
    def set_env(self, env: GymEnv | str, force_reset: bool = True) -> None:
        """Use another environment, with the same spaces as before.

        Args:
            env: The environment.
            force_reset: Accepted as in SB3; episodes begin anew in any case.

        Raises:
            TypeError: If observations are no vectors.
            ValueError: If its spaces differ from those of the environment before.
        """
        super().set_env(env, force_reset)
        if hasattr(self, "model"):
            self.model.set_env(self._make_training_env(self.env))

    def _check_wrappers(self, env: VecEnv, unwrapped_env: Any) -> None:
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise TypeError(
                f"env has the observation_space {space}: expected a Box of vectors; flatten it by "
                "gymnasium.wrappers.FlattenObservation"
            )

    def _make_training_env(self, env: VecEnv) -> SkillVecEnv:
        """Copies of the environment, simulated if possible; when episodes end tells nothing."""
        settings = self.hyperparameters
        inside: VecEnv
        if is_simulated(env, "auto"):
            inside = SimulatorVecEnv(
                make_simulator(first_base_env(env), self.rng, n_threads=1),
                settings.n_envs,
                settings.episode_length,
                _no_reward,
                self.rng,
                share_of_starts=0.0,
                staggered=False,
            )
        else:
            inside = RewardVecEnv(env, _no_reward)
        self._training_env = SkillVecEnv(inside, self._skill_prior, self.rng)
        return self._training_env

    def _make_solver(
        self, algorithm: type[BaseAlgorithm], env: SkillVecEnv, seed: int
    ) -> BaseAlgorithm:
        length, allowed = (
            self.hyperparameters.episode_length,
            inspect.signature(algorithm).parameters,
        )
        known = deepcopy(dict(self.hyperparameters.solver_kwargs))  # SB3 writes into policy_kwargs
        arguments = {name: value for name, value in known.items() if name in allowed}
        if issubclass(algorithm, OnPolicyAlgorithm):
            arguments["n_steps"] = length
            if "batch_size" in allowed:
                arguments["batch_size"] = length * math.gcd(env.num_envs, 8)
        elif issubclass(algorithm, OffPolicyAlgorithm):
            # Published: an epoch's transitions, and nothing before them.
            arguments |= {
                "train_freq": (length, "step"),
                "buffer_size": length * env.num_envs,
                "learning_starts": 0,
                "replay_buffer_class": SkillReplayBuffer,
                "replay_buffer_kwargs": {"skill_model": self.skill_model, "rng": self.rng},
            }
        arguments |= check_solver_kwargs(algorithm, deepcopy(self.solver_kwargs or {}))
        arguments = constructor_arguments(arguments, self.action_space)
        try:
            return algorithm("MlpPolicy", env, seed=seed, device=self.device, **arguments)
        except AssertionError as error:  # what SB3 does with what it does not support
            raise ValueError(f"solver={algorithm.__name__}: {error}") from error

    # Learning.

    @property
    def _default_timesteps(self) -> int:
        return _DEFAULT_TIMESTEPS

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        self.model.set_logger(self.logger)
        epoch, go_on = 0, True
        while go_on and self.num_timesteps < total_timesteps:
            epoch += 1
            with self._in_epoch():
                go_on = self._run_epoch(callback)
            if epoch % log_interval == 0:
                self.dump_logs()

    def _run_epoch(self, callback: BaseCallback) -> bool:
        """An episode in each copy, and what is learned from it; False to stop."""
        env = self._training_env
        rewards = SkillRewards(env, self.skill_model, self._optimizer, self.rng)
        watching = SolverCallback(self, callback)
        with seeded_globally(self.rng) as seed:
            # Episodes begin anew, so that no state of an environment has to be saved.
            env.seed(seed)
            self.model.action_space.seed(seed)
            self.model._last_obs = None
            self.model.learn(
                self.hyperparameters.episode_length * env.num_envs,
                callback=CallbackList([rewards, watching]),
                reset_num_timesteps=False,
                log_interval=None,  # type: ignore[arg-type]
            )
        self._record("skills", rewards.figures)
        return not watching.is_stopped

    # Files.

    def saved_arguments(self) -> dict[str, Any]:
        """The arguments for making such a learner again, as JSON can hold them."""
        return {
            **{name: getattr(self, name, None) for name in self._argument_names()},
            "solver": solver_name(self.solver),
            "hyperparameters": asdict(self.hyperparameters),
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return flatten_arrays(
            skill_model=module_arrays(self.skill_model),
            optimizer=optimizer_arrays(self._optimizer),
            solver=model_arrays(self.model),
        )

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        load_module(self.skill_model, subtree(arrays, "skill_model"))
        load_optimizer(self._optimizer, subtree(arrays, "optimizer"))
        set_model_arrays(self.model, subtree(arrays, "solver"))


def _prior(n_skills: int | None, skill_dim: int | None) -> SkillPrior:
    if (n_skills is None) == (skill_dim is None):
        raise ValueError(
            f"n_skills={n_skills!r} and skill_dim={skill_dim!r}: expected one of them, the number "
            "of skills or the number of entries of a skill"
        )
    if n_skills is not None:
        check_int("n_skills", n_skills, 2, 10**4)
        return SkillPrior(int(n_skills), True)
    check_int("skill_dim", skill_dim, 1, 10**4)
    return SkillPrior(int(skill_dim or 1), False)


def _no_reward(observations: NDArray[Any]) -> NDArray[np.float64]:
    return np.zeros(len(observations))
