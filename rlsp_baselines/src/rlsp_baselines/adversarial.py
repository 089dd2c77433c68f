"""Adversarial imitation of demonstrations, by the package imitation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import VecEnvWrapper, unwrap_vec_normalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from rlsp_baselines.demonstrations import find_demonstrations
from rlsp_baselines.network_reward import NetworkReward
from rlsp_baselines.reward_replay_buffer import RewardReplayBuffer
from rlsp_sb3 import RewardFn, RewardLearner
from rlsp_sb3.data import Episode
from rlsp_sb3.env_util import as_vec_env
from rlsp_sb3.learners import (
    SolverCallback,
    check_int,
    check_positive,
    checks_types,
    flatten_arrays,
    load_module,
    load_optimizer,
    module_arrays,
    optimizer_arrays,
    subtree,
)
from rlsp_sb3.protocols import Policy
from rlsp_sb3.solvers import (
    check_solver_kwargs,
    constructor_arguments,
    find_solver,
    model_arrays,
    seeded_globally,
    set_model_arrays,
    solver_name,
    steps_at_once,
)
from rlsp_sb3.utils import channels_last

ROUND_STEPS = 1000
"""Number of environment steps of a round if the solver replays transitions."""

LARGEST_ACTION = 1e9
"""Largest number of an action, whose square single precision still adds up."""

Batch = dict[str, NDArray[Any]]


def import_imitation(module: str) -> Any:
    """A module of the package ``imitation``.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return import_module(f"imitation.{module}")
    except ImportError as error:
        raise ImportError(
            f"this learner needs the package imitation ({error}): run "
            "`pip install imitation`, which brings older releases of Gymnasium and "
            "Stable-Baselines3, so do it in a virtual environment of its own"
        ) from error


class AdversarialLearner(RewardLearner):
    """Base class of GAIL and AIRL: a generator (policy) and a discriminator of its steps.

    See :class:`~rlsp_baselines.GAIL` for the arguments.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        demonstrations: Any = None,
        solver: Any = "PPO",
        solver_kwargs: dict[str, Any] | None = None,
        n_rounds: int = 100,
        round_steps: int | None = None,
        demo_batch_size: int = 256,
        discriminator_hidden: Sequence[int] = (32, 32),
        discriminator_learning_rate: float = 1e-3,
        n_discriminator_updates: int = 4,
        keep_termination: bool = False,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        self._trainer_class()  # an error at once if imitation is missing
        check_int("n_rounds", n_rounds, 1)
        if round_steps is not None:
            check_int("round_steps", round_steps, 1)
        check_int("demo_batch_size", demo_batch_size, 1)
        for size in discriminator_hidden:
            check_int("discriminator_hidden", size, 1, 10**9)
        check_positive("discriminator_learning_rate", discriminator_learning_rate)
        check_int("n_discriminator_updates", n_discriminator_updates, 1)
        vec_env = as_vec_env(env, arrays=True)
        self._algorithm = find_solver(
            solver, vec_env.observation_space, vec_env.action_space, can_plan=False
        )
        _check_actions(vec_env.action_space)
        self.demonstrations = find_demonstrations(
            demonstrations, vec_env.observation_space, vec_env.action_space
        )
        if observed_states is None:
            observed_states = np.concatenate([episode.states for episode in self.demonstrations])
        self.n_rounds = n_rounds
        self.demo_batch_size = demo_batch_size
        self.discriminator_hidden = tuple(discriminator_hidden)
        self.discriminator_learning_rate = discriminator_learning_rate
        self.n_discriminator_updates = n_discriminator_updates
        self.keep_termination = keep_termination
        self.solver = solver
        self.solver_kwargs = solver_kwargs
        super().__init__(
            vec_env,
            observed_states,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        self._demonstrated = _transitions(self.demonstrations)
        with seeded_globally(self.rng) as drawn:
            self._model = self._make_model(drawn)
            self._discriminator = self._make_discriminator()
            self._trainer = self._make_trainer()
        at_once = steps_at_once(self._model)
        off_policy = isinstance(self._model, OffPolicyAlgorithm)
        steps = round_steps or (ROUND_STEPS if off_policy else at_once)
        self.round_steps = -(-steps // at_once) * at_once

    @staticmethod
    @abstractmethod
    def _trainer_class() -> Any:
        """The class of imitation that trains.

        Raises:
            ImportError: If imitation is not installed.
        """

    def _make_discriminator(self) -> Any:
        """The reward network of imitation: one of states and actions."""
        return import_imitation("rewards.reward_nets").BasicRewardNet(
            self.observation_space,
            self.action_space,
            hid_sizes=self.discriminator_hidden,
            normalize_input_layer=import_imitation("util.networks").RunningNorm,
        )

    def _make_model(self, seed: int) -> BaseAlgorithm:
        """The generator."""
        algorithm = self._algorithm
        if not isinstance(algorithm, type):
            raise TypeError(
                f"solver={self.solver!r}: expected the class or the name of an algorithm of SB3, "
                "and its arguments as solver_kwargs"
            )
        given = check_solver_kwargs(algorithm, self.solver_kwargs or {})
        arguments = constructor_arguments(given, self.action_space)
        if issubclass(algorithm, OffPolicyAlgorithm):
            arguments.setdefault("replay_buffer_class", RewardReplayBuffer)
        try:
            return algorithm("MlpPolicy", self.env, seed=seed, device=self.device, **arguments)
        except AssertionError as error:  # what SB3 does with what it does not support
            raise ValueError(f"solver={algorithm.__name__}: {error}") from error

    def _make_trainer(self) -> Any:
        """Trainer of `imitation` that lets generator and discriminator act in the environment."""
        env = self.env if self.keep_termination else _WithoutTermination(self.env)
        trainer = self._trainer_class()(
            demonstrations=None,  # drawn here, so that a run that is loaded goes on alike
            demo_batch_size=self.demo_batch_size,
            venv=env,
            gen_algo=self._model,
            reward_net=self._discriminator,
            disc_opt_kwargs={"lr": self.discriminator_learning_rate},
            custom_logger=_RoundLogger(None, []),
            allow_variable_horizon=True,
        )
        replay = getattr(self._model, "replay_buffer", None)
        if isinstance(replay, RewardReplayBuffer):
            replay.reward = self._reward_of_kept(trainer.reward_train.predict_processed)
        return trainer

    def _reward_of_kept(self, reward: RewardFn) -> RewardFn:
        """A reward of transitions that SB3 keeps, with the channels of images first."""

        def of_kept(state: Any, action: Any, next_state: Any, done: Any) -> Any:
            space = self.observation_space
            return reward(
                channels_last(state, space), action, channels_last(next_state, space), done
            )

        return of_kept

    def set_env(self, env: GymEnv | str, force_reset: bool = True) -> None:
        """Use another environment, with the same spaces and as many copies as before.

        Args:
            env: The environment.
            force_reset: Accepted as in SB3; episodes begin anew in any case.

        Raises:
            TypeError: If it is no environment.
            ValueError: If it differs, or if it normalizes observations.
        """
        vec_env = as_vec_env(env, arrays=True)
        normalize = unwrap_vec_normalize(vec_env)
        if normalize is not None and normalize.norm_obs:
            raise ValueError(
                "env normalizes observations by VecNormalize, and demonstrations are as the "
                "environment itself shows them: use VecNormalize(…, norm_obs=False) or none"
            )
        trainer = getattr(self, "_trainer", None)
        if trainer is not None and vec_env.num_envs != self.env.num_envs:
            raise ValueError(
                f"env has {vec_env.num_envs} copies: expected {self.env.num_envs} as before"
            )
        super().set_env(vec_env, force_reset)
        if trainer is not None:
            self._renew_trainer()

    def _renew_trainer(self) -> None:
        """Act in the environment from the beginning, with what was learned."""
        before = self._trainer._disc_opt.state_dict()
        self._trainer = self._make_trainer()
        self._trainer._disc_opt.load_state_dict(before)

    # Learning.

    @property
    def _default_timesteps(self) -> int:
        return self.n_rounds * self.round_steps

    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        n_rounds = 0
        while self.num_timesteps < total_timesteps:
            watching = SolverCallback(self, callback)
            with self._in_epoch(), seeded_globally(self.rng) as drawn:
                generated = self._generate(drawn, watching)
                if watching.is_stopped:
                    break
                self._discriminate(generated)
            n_rounds += 1
            if n_rounds % log_interval == 0:
                self.dump_logs()

    def _generate(self, seed: int, callback: BaseCallback) -> Batch:
        """Train the generator for a round; returns what it did."""
        buffer = self._trainer.venv_buffering
        # Episodes start anew, so that nothing of an environment has to be saved.
        self._trainer.venv_train.seed(seed)
        self._model.action_space.seed(seed)
        self._model._last_obs = None
        try:
            self._model.learn(
                self.round_steps,
                callback=callback,
                reset_num_timesteps=False,
                log_interval=None,  # type: ignore[arg-type]
            )
        except BaseException:
            self._renew_trainer()  # it would go on in the middle of a step
            raise
        self._record("generator", _numbers(self._model.logger))
        trajectories, _ = buffer.pop_trajectories()
        return _transitions([_as_episode(each) for each in trajectories])

    def _discriminate(self, generated: Batch) -> None:
        """Train the discriminator for a round."""
        rewards = self._trainer.reward_train
        found = []
        rewards.train()
        for _ in range(self.n_discriminator_updates):
            stats = self._trainer.train_disc(
                expert_samples=self._draw(self._demonstrated), gen_samples=self._draw(generated)
            )
            found.append(stats)
        rewards.eval()
        means = {
            name.removeprefix("disc_"): float(np.mean([stats[name] for stats in found]))
            for name in ("disc_loss", "disc_acc", "disc_acc_expert", "disc_acc_gen", "disc_entropy")
        }
        self._record("discriminator", means)

    def _draw(self, transitions: Batch) -> Batch:
        """A batch; with replacement, so that a single pair of state and action is enough."""
        rows = self.rng.integers(len(transitions["acts"]), size=self.demo_batch_size)
        return {name: values[rows] for name, values in transitions.items()}

    # What was learned.

    @property
    def reward(self) -> NetworkReward:
        """Reward of the discriminator; it follows what is learned later on."""
        return NetworkReward(self._trainer.reward_test)

    @property
    def policy(self) -> Policy:
        """The generator's policy."""
        policy: Policy = self._model.policy
        return policy

    # Files.

    def saved_arguments(self) -> dict[str, Any]:
        """The arguments for making such a learner again, as JSON can hold them."""
        names = [name for name in self._argument_names() if name != "demonstrations"]
        arguments = {name: getattr(self, name) for name in names}
        return {**arguments, "solver": solver_name(self.solver)}

    @classmethod
    def _take_given_arrays(cls, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
        demonstrated = subtree(arrays, "demonstrations")
        ends = np.cumsum(demonstrated["lengths"])
        episodes = [
            Episode(
                demonstrated["observations"][start + i : end + i + 1],
                demonstrated["actions"][start:end],
                demonstrated["rewards"][start:end],
                bool(demonstrated["terminated"][i]),
                bool(demonstrated["truncated"][i]),
            )
            for i, (start, end) in enumerate(zip(ends - demonstrated["lengths"], ends, strict=True))
        ]
        return {**super()._take_given_arrays(arrays), "demonstrations": episodes}

    def _arrays(self) -> dict[str, NDArray[Any]]:
        episodes = self.demonstrations
        demonstrations = {
            name: np.concatenate([getattr(episode, name) for episode in episodes])
            for name in ("observations", "actions", "rewards")
        }
        for name in ("terminated", "truncated"):
            demonstrations[name] = np.array([getattr(episode, name) for episode in episodes])
        demonstrations["lengths"] = np.array([len(episode) for episode in episodes])
        return flatten_arrays(
            demonstrations=demonstrations,
            discriminator=module_arrays(self._discriminator),
            discriminator_optimizer=optimizer_arrays(self._trainer._disc_opt),
            solver=model_arrays(self._model),
        )

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        load_module(self._discriminator, subtree(arrays, "discriminator"))
        load_optimizer(self._trainer._disc_opt, subtree(arrays, "discriminator_optimizer"))
        set_model_arrays(self._model, subtree(arrays, "solver"))


def _check_actions(space: spaces.Space[Any]) -> None:
    """Raise a ValueError if the discriminator does not take numbers that a solver chooses."""
    if not isinstance(space, spaces.Box):
        return
    if len(space.shape) != 1:
        raise ValueError(
            f"env has the action_space {space}: expected one axis, because imitation asks the "
            "generator how probable such actions are; wrap the environment in a "
            "gymnasium.ActionWrapper that takes vectors"
        )
    if space.is_bounded() and np.abs([space.low, space.high]).max() > LARGEST_ACTION:
        raise ValueError(
            f"env has the action_space {space}: expected bounds of at most ±{LARGEST_ACTION:g}, "
            "because the discriminator squares actions in single precision; wrap the environment "
            "in gymnasium.wrappers.RescaleAction"
        )


class _WithoutTermination(VecEnvWrapper):
    """Wrapper that counts an episode's end by the environment as running out of time.

    What it is that ends episodes would tell a solver, for example, to stay alive.
    """

    def reset(self) -> VecEnvObs:
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        observations, rewards, dones, infos = self.venv.step_wait()
        for i in np.flatnonzero(dones):
            infos[i]["TimeLimit.truncated"] = True
        return observations, rewards, dones, infos


class _RoundLogger(Logger):
    """Logger that keeps what imitation and SB3 log within a round, and writes nothing."""

    def dump(self, step: int = 0) -> None:
        """Nothing: the learner reads it."""

    def accumulate_means(self, name: str) -> _RoundLogger:
        """As imitation's own logger, but there is nothing to do."""
        return self

    def __enter__(self) -> _RoundLogger:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def _numbers(logger: Logger) -> dict[str, float]:
    """The losses that an algorithm has logged."""
    return {
        name.removeprefix("train/"): float(value)
        for name, value in logger.name_to_value.items()
        if name.startswith("train/") and isinstance(value, (int, float, np.number))
    }


def _as_episode(trajectory: Any) -> Episode:
    terminal = bool(trajectory.terminal)
    return Episode(trajectory.obs, trajectory.acts, trajectory.rews, terminal, not terminal)


def _transitions(episodes: Sequence[Episode]) -> Batch:
    """All steps, by the names that imitation has for them."""
    ends = [np.arange(len(episode)) == len(episode) - 1 for episode in episodes]
    dones = [end & episode.terminated for end, episode in zip(ends, episodes, strict=True)]
    return {
        "obs": np.concatenate([episode.observations[:-1] for episode in episodes]),
        "acts": np.concatenate([episode.actions for episode in episodes]),
        "next_obs": np.concatenate([episode.observations[1:] for episode in episodes]),
        "dones": np.concatenate(dones),
    }
