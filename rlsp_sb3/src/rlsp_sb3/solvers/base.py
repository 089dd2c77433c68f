"""Solvers, which find the policy for a reward: planning, or SB3's algorithms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecTransposeImage

from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.planning.dynamic_programming import value_iteration
from rlsp_sb3.planning.planned_policy import PlannedPolicy
from rlsp_sb3.protocols import Policy, TabularEnv
from rlsp_sb3.rewards.relabeled_replay_buffer import RelabeledReplayBuffer
from rlsp_sb3.rewards.reward_vec_env import RewardVecEnv
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
from rlsp_sb3.solvers.algorithm_arrays import model_arrays, set_model_arrays
from rlsp_sb3.solvers.fast_ppo import FastPPO
from rlsp_sb3.type_aliases import Arrays, FloatArray
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.observations import channels_last
from rlsp_sb3.utils.type_checks import checks_types


class Solver(ABC):
    """Base class of solvers, which find the person's policy for the reward θ·φ.

    Attributes:
        n_steps: How many timesteps it takes for each reward.
        temperature: The temperature of the policy in units of the reward, if the solver knows
            one; 0 for the best policy.
    """

    n_steps: int = 1
    temperature: float = 0.0

    @property
    @abstractmethod
    def policy(self) -> Policy:
        """The policy."""

    @abstractmethod
    def train(
        self,
        theta: FloatArray,
        starts: NDArray[Any],
        rng: np.random.Generator,
        callback: BaseCallback | None = None,
    ) -> int:
        """Find the policy, or improve it, for other weights.

        Args:
            theta: The weights θ (F,).
            starts: Observations (n, *observation_shape) where the policy will be needed, too.
            rng: Decides everything that is random.
            callback: Called at every environment step that it takes, and may end it.

        Returns:
            How many timesteps that took.
        """

    @abstractmethod
    def act(self, observations: NDArray[Any], time: int) -> NDArray[Any]:
        """Draw actions (N, *action_shape) at N observations and a time."""

    def transitions(self, n: int, rng: np.random.Generator) -> Transitions | None:
        """Draw n transitions of those that were seen in training; None if none are kept."""
        return None

    def arrays(self) -> Arrays:
        """Learned parameters, to be saved."""
        return {}

    def replay_arrays(self) -> Arrays:
        """Contents of the replay buffer, to be saved."""
        return {}

    def set_arrays(self, arrays: Arrays) -> None:  # noqa: B027 (planning keeps nothing)
        """Take over what :meth:`arrays` returned."""

    def set_replay_arrays(self, arrays: Arrays) -> None:  # noqa: B027 (planning keeps nothing)
        """Take over what :meth:`replay_arrays` returned."""


class PlanningSolver(Solver):
    """Solver that plans the Boltzmann-rational policy in a tabular environment.

    A timestep is a plan.

    Args:
        env: The environment.
        state_features: Tells the features of each of its states (S, F).
        horizon: The number T of states of a trajectory.
        rng: Draws actions.
    """

    @checks_types
    def __init__(
        self,
        env: TabularEnv,
        state_features: Callable[[], FloatArray],
        horizon: int,
        rng: np.random.Generator,
    ) -> None:
        self._env = env
        self._state_features = state_features
        self._horizon = horizon
        self._rng = rng
        self._policy: PlannedPolicy | None = None

    @property
    def policy(self) -> PlannedPolicy:
        """The policy of the last plan."""
        if self._policy is None:
            raise RuntimeError("there is no plan yet: call train first")
        return self._policy

    def train(
        self,
        theta: FloatArray,
        starts: NDArray[Any],
        rng: np.random.Generator,
        callback: BaseCallback | None = None,
    ) -> int:
        """Plan for other weights (F,), wherever the policy will be needed; no step is taken."""
        rewards = self._state_features() @ theta
        plan = value_iteration(self._env.mdp.transitions, rewards, self._horizon)
        self._policy = PlannedPolicy(self._env, plan.policy, self._rng)
        return 1

    def act(self, observations: NDArray[Any], time: int) -> NDArray[Any]:
        """Draw actions (N,) at N observations and a time."""
        return self.policy.act(observations, time)


class SB3Solver(Solver):
    """Solver that trains an algorithm of SB3, a little for each reward, from where it is.

    Args:
        model: The algorithm, in a :class:`~rlsp_sb3.simulators.SimulatorVecEnv` or a
            :class:`~rlsp_sb3.rewards.RewardVecEnv`. If it replays transitions, then from a
            :class:`~rlsp_sb3.rewards.RelabeledReplayBuffer`.
        encoder: The features φ.
        n_steps: How many environment steps to take for each reward, at least 1; rounded up to what
            the algorithm takes at once.
        show: Tells the observations (N, *observation_shape) of what is simulated (N, *shape), if
            that is something else.

    Raises:
        TypeError: If n_steps is no int.
        ValueError: If it is less than 1.
    """

    @checks_types
    def __init__(
        self,
        model: BaseAlgorithm,
        encoder: Encoder,
        n_steps: int,
        show: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> None:
        check_int("n_steps", n_steps, 1)
        self.model = model
        self._show = show
        self._encoder = encoder
        at_once = steps_at_once(model)
        self.n_steps = -(-n_steps // at_once) * at_once

    @property
    def policy(self) -> Policy:
        """The policy of the algorithm."""
        policy: Policy = self.model.policy
        return policy

    def train(
        self,
        theta: FloatArray,
        starts: NDArray[Any],
        rng: np.random.Generator,
        callback: BaseCallback | None = None,
        n_steps: int | None = None,
    ) -> int:
        """Train for other weights (F,); episodes start anew, some of them at given states.

        For :attr:`n_steps`, or as many as are given, rounded up to what the algorithm takes at
        once.
        """
        env = self._env
        env.reward = lambda observations: self._encoder(observations) @ theta
        if isinstance(env, SimulatorVecEnv) and env.share_of_starts > 0:
            env.starts = self._shown(starts)
        if isinstance(self._replay, RelabeledReplayBuffer):
            self._replay.theta = theta
        if isinstance(self.model, FastPPO):
            self.model.set_temperature(self.temperature)
        before = self.model.num_timesteps
        with seeded_globally(rng) as seed:
            # Nothing of an environment or of the global generators has to be saved, then.
            env.seed(seed)
            self.model.action_space.seed(seed)
            self.model._last_obs = None
            self.model.learn(
                n_steps or self.n_steps,
                callback=callback,
                reset_num_timesteps=False,
                log_interval=None,  # type: ignore[arg-type]
            )
        return self.model.num_timesteps - before

    @property
    def _env(self) -> SimulatorVecEnv | RewardVecEnv:
        """The environment that it was made in, which SB3 wraps if it shows images."""
        env = self.model.get_env()
        inside = env.venv if isinstance(env, VecTransposeImage) else env
        if not isinstance(inside, (SimulatorVecEnv, RewardVecEnv)):
            raise TypeError(f"the solver is in {env}: expected the environment that it was made in")
        return inside

    def act(self, observations: NDArray[Any], time: int) -> NDArray[Any]:
        """Draw actions (N, *action_shape) at N observations, whatever the time."""
        return self.model.predict(self._shown(observations))[0]

    def _shown(self, simulated: NDArray[Any]) -> NDArray[Any]:
        return simulated if self._show is None else self._show(simulated)

    def set_logger(self, logger: Logger) -> None:
        """Log what the algorithm logs of its training."""
        self.model.set_logger(logger)

    @property
    def _replay(self) -> Any:
        return getattr(self.model, "replay_buffer", None)

    def transitions(self, n: int, rng: np.random.Generator) -> Transitions | None:
        """Draw n transitions of those that are replayed, or of the last rollout; None if none."""
        replay = self._replay
        if replay is not None and replay.size():
            rows = rng.integers(replay.size(), size=n), rng.integers(replay.n_envs, size=n)
            actions = replay.actions[rows].reshape(n, *(self.model.action_space.shape or ()))
            if isinstance(self.model.action_space, spaces.Box):  # SB3 replays them in [-1, 1]
                actions = self.model.policy.unscale_action(actions)
            before, after = replay.observations[rows], replay.next_observations[rows]
        elif isinstance(self.model, OnPolicyAlgorithm) and self.model.rollout_buffer.full:
            found = _last_rollout(self.model)
            chosen = rng.integers(len(found.actions), size=n)
            before, actions, after = (
                each[chosen]
                for each in (found.observations, found.actions, found.next_observations)
            )
        else:
            return None
        space = self._env.observation_space
        return Transitions(channels_last(before, space), actions, channels_last(after, space))

    def arrays(self) -> Arrays:
        """Networks, optimizers and counters, to be saved."""
        return model_arrays(self.model)

    def replay_arrays(self) -> Arrays:
        """The transitions that are replayed."""
        replay = self._replay
        return replay.arrays() if isinstance(replay, RelabeledReplayBuffer) else {}

    def set_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`arrays` returned."""
        set_model_arrays(self.model, arrays)

    def set_replay_arrays(self, arrays: Arrays) -> None:
        """Take over what :meth:`replay_arrays` returned."""
        if arrays:
            self._replay.set_arrays(arrays)


def _last_rollout(model: OnPolicyAlgorithm) -> Transitions:
    """The transitions of the last rollout, but those that ended an episode."""
    buffer = model.rollout_buffer
    steps, copies = buffer.buffer_size, buffer.n_envs

    def by_step(values: NDArray[Any]) -> NDArray[Any]:  # SB3 puts copy after copy, to shuffle them
        if not buffer.generator_ready:
            return values
        return np.asarray(values.reshape(copies, steps, *values.shape[1:]).swapaxes(0, 1))

    observations = by_step(buffer.observations)
    actions = by_step(buffer.actions).reshape(steps, copies, *(model.action_space.shape or ()))
    if isinstance(model.action_space, spaces.Box):
        actions = np.clip(actions, model.action_space.low, model.action_space.high)
    goes_on = buffer.episode_starts[1:] == 0
    return Transitions(
        observations[:-1][goes_on],
        actions[:-1][goes_on].astype(model.action_space.dtype),
        observations[1:][goes_on],
    )


def steps_at_once(model: BaseAlgorithm) -> int:
    """Number of environment steps that an algorithm takes before it learns from them."""
    if isinstance(model, OnPolicyAlgorithm):
        return int(model.n_steps * model.n_envs)
    if isinstance(model, OffPolicyAlgorithm):
        frequency = getattr(model.train_freq, "frequency", 1)
        return int(frequency * model.n_envs)
    return int(model.n_envs)


@contextmanager
def seeded_globally(rng: np.random.Generator) -> Iterator[int]:
    """Seed the global generators of PyTorch and NumPy, and put them back afterwards.

    SB3's algorithms draw from them.

    Yields:
        The seed.
    """
    seed = int(rng.integers(2**31))
    state = np.random.get_state()  # noqa: NPY002 (SB3 uses it)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield seed
        finally:
            np.random.set_state(state)  # noqa: NPY002
