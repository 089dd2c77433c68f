"""Replay buffer that relabels transitions with rewards of the current weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from rlsp_sb3.io.state_arrays import read_array, read_scalar
from rlsp_sb3.rewards.reward import FeatureFn
from rlsp_sb3.utils.checks import MAX_COUNT, check_device, check_int, check_vector
from rlsp_sb3.utils.type_checks import checks_types

TRANSITION_ARRAYS = (
    "observations",
    "next_observations",
    "actions",
    "rewards",
    "dones",
    "timeouts",
    "features",
)
"""Arrays of the transitions, each (buffer_size, n_envs, ...)."""

_REFRESH_SHARE = 0.1
"""Mean and standard deviation are renewed when this share of the transitions is new."""


class RelabeledReplayBuffer(ReplayBuffer):
    """Replay buffer with the rewards θ·φ(next observation) of the current θ.

    The environment's own reward is not used. Features are computed once, when transitions are
    added, and of observations as they are before any :class:`VecNormalize`. For every off-policy
    algorithm of SB3, with an array as observation:

    >>> SAC("MlpPolicy", env, replay_buffer_class=RelabeledReplayBuffer,
    ...     replay_buffer_kwargs={"features": features, "theta": theta})
    >>> model.replay_buffer.theta = new_theta

    Args:
        buffer_size: How many transitions to keep, of all environments together.
        observation_space: The space of observations.
        action_space: The space of actions.
        device: Where samples are put.
        n_envs: How many environments are added from at once.
        optimize_memory_usage: Has to be False.
        handle_timeout_termination: Whether the end of an episode by a time limit is not an end to
            learn from.
        features: Maps observations (N, *observation_shape) to finite features (N, F). Images are
            shown as SB3 stores them, channels first.
        theta: The weights θ (F,).
        standardize: Whether to sample rewards less their mean and divided by their standard
            deviation over the buffer, as they were when the last tenth of it was new.

    Raises:
        TypeError: If an observation is no array.
        ValueError: If θ is not a vector of finite numbers, or ``optimize_memory_usage`` is set.
    """

    @checks_types
    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        *,
        features: FeatureFn,
        theta: ArrayLike,
        standardize: bool = True,
    ) -> None:
        check_int("buffer_size", buffer_size, 1, MAX_COUNT)
        check_int("n_envs", n_envs, 1, MAX_COUNT)
        check_device(device)
        if optimize_memory_usage:
            raise ValueError(
                "optimize_memory_usage=True: expected False, a RelabeledReplayBuffer keeps each "
                "next observation"
            )
        if isinstance(observation_space, spaces.Dict):
            raise TypeError(
                f"observation_space={observation_space}: expected a space of arrays; wrap the "
                "environment in gymnasium.wrappers.FlattenObservation"
            )
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            handle_timeout_termination=handle_timeout_termination,
        )
        self.feature_fn = features
        self.standardize = standardize
        self._theta = check_vector("theta", theta, np.size(theta))
        self.features = np.zeros((self.buffer_size, n_envs, len(self._theta)), np.float32)
        self._forget_statistics()

    @property
    def theta(self) -> NDArray[np.float64]:
        """The weights θ (F,); to set them changes all rewards."""
        return np.array(self._theta)

    @theta.setter
    def theta(self, theta: ArrayLike) -> None:
        self._theta = check_vector("theta", theta, len(self._theta))
        size = self.size()
        self.rewards[:size] = self._rewards_of(self.features[:size])
        self._forget_statistics()

    def add(
        self,
        obs: NDArray[Any],
        next_obs: NDArray[Any],
        action: NDArray[Any],
        reward: NDArray[Any],
        done: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        """Add a transition of each environment.

        Args:
            obs: The observations before (n_envs, *observation_shape).
            next_obs: The observations after; where an episode ended, its last one.
            action: The actions (n_envs, *action_shape).
            reward: Not used.
            done: Whether the episode ended (n_envs,).
            infos: Say under "TimeLimit.truncated" whether a time limit ended it.

        Raises:
            ValueError: If the features are not (n_envs, F) finite numbers.
        """
        shape = (self.n_envs, *(self.observation_space.shape or ()))
        features = np.asarray(self.feature_fn(np.reshape(next_obs, shape)), dtype=np.float32)
        expected = (self.n_envs, len(self._theta))
        if features.shape != expected:
            raise ValueError(
                f"features gave an array of shape {features.shape} for {self.n_envs} observations: "
                f"expected {expected}, as theta has {len(self._theta)} weights"
            )
        if not np.isfinite(features).all():
            raise ValueError(
                f"features gave {features}: expected finite numbers; a next observation may be NaN"
            )
        self.features[self.pos] = features
        rewards = self._rewards_of(features)
        super().add(obs, next_obs, action, reward=rewards, done=done, infos=infos)
        self._n_new += 1

    def reset(self) -> None:
        """Forget all transitions."""
        super().reset()
        self._forget_statistics()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is in the buffer, to be saved; see :meth:`set_arrays`."""
        size = self.size()
        return {
            **{name: getattr(self, name)[:size].copy() for name in TRANSITION_ARRAYS},
            "pos": np.array(self.pos),
            "full": np.array(self.full),
            "theta": self.theta,
            "statistics": np.array([self._n_new, self._mean, self._std]),
        }

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue to the bit where the buffer was that :meth:`arrays` are of.

        Raises:
            ValueError: If they are of a buffer of another size or with other spaces.
        """
        full, pos = read_scalar(arrays, "full", bool), read_scalar(arrays, "pos", int)
        if not 0 <= pos < self.buffer_size:
            raise ValueError(f"pos={pos}: expected at least 0 and below {self.buffer_size}")
        size, saved = self.buffer_size if full else pos, {}
        for name in TRANSITION_ARRAYS:
            own = getattr(self, name)
            saved[name] = read_array(arrays, name, own.dtype, (size, *own.shape[1:]))
        self._theta = check_vector("theta", arrays["theta"], len(self._theta))
        for name, values in saved.items():
            getattr(self, name)[:size] = values
        self.pos, self.full = pos, full
        statistics = read_array(arrays, "statistics", np.float64, (3,))
        n_new, self._mean, self._std = map(float, statistics)
        self._n_new = int(n_new)

    def _rewards_of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return features @ self._theta.astype(np.float32)

    def _forget_statistics(self) -> None:
        self._n_new, self._mean, self._std = self.size(), 0.0, 1.0

    def _get_samples(
        self, batch_inds: NDArray[Any], env: VecNormalize | None = None
    ) -> ReplayBufferSamples:
        if self.standardize and self._n_new > _REFRESH_SHARE * self.size():
            rewards = self.rewards[: self.size()]
            self._mean = float(rewards.mean(dtype=np.float64))
            # Below the floor all rewards are the same up to rounding, which must not be magnified.
            floor = 1e-8 + 1e-6 * abs(self._mean)
            self._std = max(float(rewards.std(dtype=np.float64)), floor)
            self._n_new = 0
        return super()._get_samples(batch_inds, env)

    def _normalize_reward(  # type: ignore[override]
        self, reward: NDArray[Any], env: VecNormalize | None = None
    ) -> NDArray[Any]:
        """Standardize; what VecNormalize knows is the scale of the environment's own reward."""
        if not self.standardize:
            return reward
        return ((reward - self._mean) / self._std).astype(np.float32)
