"""Vector environment whose copies are simulated at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_positive
from rlsp_sb3.utils.type_checks import checks_types

ObservationReward = Callable[[Array], NDArray[np.float64]]
Termination = Callable[[Array], NDArray[np.bool_]]


class SimulatorVecEnv(VecEnv):
    """Copies of an environment for a solver to train in, with a reward of one's own.

    Episodes end after a number of steps, which counts as running out of time. Where the environment
    would have ended them does not matter, because the number of steps would leak the reward, unless
    the caller knows the reward and says when an episode terminates. An episode that becomes
    unstable ends there, too.

    Args:
        simulator: What happens.
        n_envs: The number of copies, at least 1.
        episode_length: The number of steps of an episode, at least 1.
        reward: Maps observations (N, *observation_shape) to rewards (N,).
        rng: Decides where episodes start.
        share_of_starts: With which probability an episode starts in one of :attr:`starts`, from 0
            to 1.
        staggered: Whether first episodes are shortened so that copies end theirs one after the
            other; otherwise all end theirs together.
        terminated: Maps observations (N, *observation_shape) to whether the episode ends there,
            with nothing to earn any more (N,); None if no episode does.

    Raises:
        TypeError: If a number has a wrong type.
        ValueError: If one is out of range.

    Attributes:
        starts: Observations (n, *observation_shape) where some episodes start; None for the
            environment's own initial states only.
    """

    @checks_types
    def __init__(
        self,
        simulator: Simulator,
        n_envs: int,
        episode_length: int,
        reward: ObservationReward,
        rng: np.random.Generator,
        share_of_starts: float = 0.2,
        staggered: bool = True,
        terminated: Termination | None = None,
    ) -> None:
        check_int("n_envs", n_envs, 1, MAX_COUNT)
        check_int("episode_length", episode_length, 1)
        check_positive("share_of_starts", share_of_starts, zero=True)
        if share_of_starts > 1:
            raise ValueError(f"share_of_starts={share_of_starts!r}: expected at most 1")
        self.simulator = simulator
        self.episode_length = episode_length
        self.reward = reward
        self.rng = rng
        self.starts: Array | None = None
        self.share_of_starts = share_of_starts
        self.staggered = staggered
        self.terminated = terminated
        self.render_mode = None
        super().__init__(n_envs, simulator.observation_space, simulator.action_space)
        self._actions: Array = np.empty(0)
        self._steps = np.zeros(n_envs, dtype=np.int64)
        self._lengths = np.zeros(n_envs, dtype=np.int64)
        self._returns = np.zeros(n_envs)
        self._observations: Array = np.empty(0)
        self._states: Array = np.empty(0)

    def reset(self) -> Array:
        """Start an episode in each copy."""
        # Copies that start one after the other end one after the other.
        ahead = np.arange(self.num_envs) * self.episode_length // self.num_envs
        self._steps = ahead if self.staggered else np.zeros_like(ahead)
        self._lengths = np.zeros(self.num_envs, dtype=np.int64)
        self._returns = np.zeros(self.num_envs)
        self._observations = self._start(self.num_envs)
        self._states = self.simulator.states(self._observations)
        return np.array(self._observations)

    def step_async(self, actions: Array) -> None:
        """Take the actions (n_envs, *action_shape)."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Simulate the transitions, and reset the environments whose episode has ended."""
        self._states, next_observations = self.simulator.advance(self._states, self._actions)
        unstable = ~finite(next_observations)
        next_observations[unstable] = self._observations[unstable]
        rewards = self.reward(next_observations)
        self._steps += 1
        self._lengths += 1
        self._returns += rewards
        terminal = np.zeros_like(unstable)
        if self.terminated is not None:
            terminal = self.terminated(next_observations)
        dones = terminal | unstable | (self._steps >= self.episode_length)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        shown = next_observations
        if dones.any():
            shown = next_observations.copy()
            rows = np.flatnonzero(dones)
            shown[rows] = self._start(len(rows))
            self._states[rows] = self.simulator.states(shown[rows])
            for i in rows:
                infos[i] = {
                    "terminal_observation": next_observations[i],
                    "TimeLimit.truncated": not terminal[i],
                    "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": 0.0},
                }
            for counts in (self._steps, self._lengths, self._returns):
                counts[rows] = 0
        self._observations = shown
        return shown.copy(), rewards.astype(np.float32), dones, infos

    def _start(self, n: int) -> Array:
        observations = self.simulator.reset(n)
        if self.starts is not None and len(self.starts):
            chosen = np.flatnonzero(self.rng.random(n) < self.share_of_starts)
            observations[chosen] = self.starts[
                self.rng.integers(len(self.starts), size=len(chosen))
            ]
        return observations

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Do nothing: the generators that were passed in decide everything."""
        return [None] * self.num_envs

    def close(self) -> None:
        """Do nothing: the environment belongs to somebody else."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of the environment, for each copy."""
        value = self.simulator.env.get_wrapper_attr(attr_name)
        return [value] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the environment."""
        setattr(self.simulator.env, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method of the environment, once for each copy."""
        method = self.simulator.env.get_wrapper_attr(method_name)
        return [method(*args, **kwargs) for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """No copy has a wrapper."""
        return [False] * len(list(self._get_indices(indices)))
