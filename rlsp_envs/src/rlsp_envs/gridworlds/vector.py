"""Vector environment of many gridworlds, stepped at once by table look-ups."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from rlsp_envs.gridworlds.apples import ApplesEnv
from rlsp_envs.gridworlds.batteries import BatteriesEnv
from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.random_problems import (
    RandomApplesEnv,
    RandomBatteriesEnv,
    RandomRoomEnv,
    RandomTrainEnv,
)
from rlsp_envs.gridworlds.room import RoomEnv
from rlsp_envs.gridworlds.states.state_space import BoolArray
from rlsp_envs.gridworlds.toy_train import TrainEnv

# Gymnasium 0.29 resets an environment in the step that ends its episode, 1.x in the next one.
SAME_STEP = gymnasium.__version__.startswith("0.")
if SAME_STEP:
    from gymnasium.experimental.vector import VectorEnv
else:
    from gymnasium.vector import VectorEnv

MAX_TABLE_BYTES = 2**28
MAX_ENVS = 10**7  # whose observations take gigabytes


class GridworldVectorEnv(VectorEnv):  # type: ignore[misc, type-arg, unused-ignore]
    """Vector environment of N copies of a gridworld.

    Does what Gymnasium's ``SyncVectorEnv`` does with N single environments, some hundred times
    faster. The whole environment is tabulated, so it must be one with few enough states for
    :attr:`GridworldEnv.mdp`.

    Args:
        env_class: The gridworld.
        num_envs: N, at least 1.
        max_episode_steps: After how many steps episodes are truncated; None, or -1 as in
            ``gym.make``, for never.
        **kwargs: The arguments of the gridworld; ``render_mode`` can only be None.

    Raises:
        TypeError: If ``env_class`` is no gridworld.
        ValueError: If an argument is not allowed.
    """

    def __init__(
        self,
        env_class: type[GridworldEnv],
        num_envs: int = 1,
        max_episode_steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not (isinstance(env_class, type) and issubclass(env_class, GridworldEnv)):
            raise TypeError(f"env_class={env_class!r}: expected a subclass of GridworldEnv")
        is_int = isinstance(num_envs, (int, np.integer)) and not isinstance(num_envs, bool)
        if not is_int or not 1 <= num_envs <= MAX_ENVS:
            raise ValueError(f"num_envs={num_envs!r}: expected an int from 1 to {MAX_ENVS:,}")
        if not _is_limit(max_episode_steps):
            raise ValueError(
                f"max_episode_steps={max_episode_steps!r}: expected an int of at least 1, or None "
                "or -1 for no limit"
            )
        if kwargs.get("render_mode") is not None:
            raise ValueError(
                f"render_mode={kwargs['render_mode']!r} is not for vector environments: render a "
                "single one, gym.make(id, render_mode=…)"
            )
        self.env = env_class(**kwargs)
        self.num_envs = num_envs
        self.single_observation_space = self.env.observation_space
        self.single_action_space = self.env.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = None
        self.metadata = {**self.env.metadata}
        if hasattr(gymnasium.vector, "AutoresetMode"):
            self.metadata["autoreset_mode"] = gymnasium.vector.AutoresetMode.NEXT_STEP

        mdp = self.env.mdp
        self._n_actions = mdp.n_actions
        self._transitions = mdp.transitions
        self._is_deterministic = bool((np.diff(mdp.transitions.indptr) == 1).all())
        self._cumulative = np.cumsum(mdp.transitions.data)
        self._infos = {
            "features": mdp.features,
            "task_reward": mdp.features @ self.env.task_reward,
            "true_reward": mdp.features @ self.env.true_reward,
        }
        self._rewards = mdp.features @ self.env.step_reward
        self._all = np.ones(num_envs, dtype=np.bool_)
        self._start = self.env.states.index(self.env.initial_state)
        self._limit = np.inf if max_episode_steps in (None, -1) else max_episode_steps
        self._states: NDArray[np.int64] | None = None
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=np.bool_)

        space = self.single_observation_space
        table_bytes = mdp.n_states * int(np.prod(space.shape)) * space.dtype.itemsize
        self._observations = (
            self.env.observations(np.arange(mdp.n_states))
            if table_bytes <= MAX_TABLE_BYTES
            else None
        )

    def reset(
        self, *, seed: int | list[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Start an episode in each environment.

        Args:
            seed: Seeds the random numbers, which all environments share; of a list (N,) all count.
            options: ``{"state": …}`` starts all in one state, ``{"observation": …}`` each in the
                state of its observation (N, *observation_shape); see :meth:`GridworldEnv.reset`.
                With ``{"reset_mask": …}`` (N,) beside, as in Gymnasium, those environments only
                start anew for which it is true.

        Raises:
            ResetNeeded: If some are not to start anew, and were never reset.
            ValueError: If there is another option, no such state, or another number of seeds.
        """
        super().reset(seed=self._shared_seed(seed))
        options = dict(options or {})
        mask = self._check_mask(options.pop("reset_mask", self._all))
        if "observation" in options and len(options) == 1:
            states = self.env.state_indices(options["observation"])
            if states.shape != (self.num_envs,):
                raise ValueError(
                    f"options['observation'] has {len(states)} observations: expected one for each "
                    f"of the {self.num_envs} environments"
                )
        else:
            self.env.reset(options=options)
            states = np.full(self.num_envs, self.env.states.index(self.env.state or {}))
        if self._states is not None:
            states = np.where(mask, states, self._states)
        self._states = states
        self._steps[mask] = 0
        self._ended[mask] = False
        return self._observe(states), self._info(states, mask)

    def _shared_seed(self, seed: Any) -> int | None:
        """A seed for the generator that all environments share, from one or from N."""
        if not isinstance(seed, (list, tuple, np.ndarray)):
            return seed  # type: ignore[no-any-return]
        if len(seed) != self.num_envs:
            raise ValueError(
                f"seed={seed!r}: expected one for each of {self.num_envs} environments"
            )
        if any(each is None for each in seed):
            return None
        return int(np.random.SeedSequence([int(each) for each in seed]).generate_state(1)[0])

    def _check_mask(self, mask: Any) -> BoolArray:
        """The environments that start anew (N,)."""
        array = np.asarray(mask)
        if array.shape != (self.num_envs,) or array.dtype != np.bool_ or not array.any():
            raise ValueError(
                f"options['reset_mask']={mask!r}: expected {self.num_envs} bools, at least one true"
            )
        if self._states is None and not array.all():
            raise ResetNeeded("reset_mask leaves environments out that were never reset")
        return array

    def step(
        self, actions: ArrayLike
    ) -> tuple[NDArray[Any], NDArray[np.float64], BoolArray, BoolArray, dict[str, Any]]:
        """Take an action in each environment.

        Raises:
            InvalidAction: If the actions are not N numbers of actions.
            ResetNeeded: If the environments were never reset.
        """
        actions = np.asarray(actions)
        if self._states is None:
            raise ResetNeeded("step was called before reset: call reset first")
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise InvalidAction(f"actions={actions!r}: expected {self.num_envs} ints")
        if actions.min() < 0 or actions.max() >= self._n_actions:
            raise InvalidAction(f"actions={actions}: expected ints from 0 to {self._n_actions - 1}")
        states = self._next_states(self._states * self._n_actions + actions)
        self._steps += 1
        truncated = self._steps >= self._limit
        rewards = self._rewards[states]
        ended: dict[str, Any] = {}
        if SAME_STEP:
            if truncated.any():
                ended = self._final_info(states, truncated)
                states = np.where(truncated, self._start, states)
                self._steps[truncated] = 0
        else:
            if self._ended.any():
                states = np.where(self._ended, self._start, states)
                rewards[self._ended] = 0
                truncated[self._ended] = False
                self._steps[self._ended] = 0
            self._ended = truncated.copy()
        self._states = states
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        info = {**self._info(states), **ended}
        return self._observe(states), rewards, terminated, truncated, info

    def _next_states(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sample the states (N,) that follow from N rows of the transition matrix."""
        if self._is_deterministic:
            return np.asarray(self._transitions.indices[rows], dtype=np.int64)
        # Rows sum to 1, so row r takes the cumulative probabilities from r to r + 1.
        points = rows + self.np_random.random(self.num_envs)
        entries = np.searchsorted(self._cumulative, points, side="right")
        first, last = self._transitions.indptr[rows], self._transitions.indptr[rows + 1] - 1
        return np.asarray(self._transitions.indices[np.clip(entries, first, last)], dtype=np.int64)

    def _observe(self, states: NDArray[np.int64]) -> NDArray[Any]:
        if self._observations is None:
            return self.env.observations(states)
        return self._observations.take(states, axis=0)

    def _info(self, states: NDArray[np.int64], known: BoolArray | None = None) -> dict[str, Any]:
        """Infos by name, 0 for the environments of which nothing is told; of all if None."""
        info: dict[str, Any] = {}
        for name, table in self._infos.items():
            info[name] = table.take(states, axis=0)
            info[f"_{name}"] = self._all.copy()
            if known is not None:
                info[name][~known] = 0
                info[f"_{name}"] &= known
        return info

    def _final_info(self, states: NDArray[np.int64], ended: BoolArray) -> dict[str, Any]:
        """Infos of Gymnasium 0.29 on the last step of the episodes that ended."""
        observations = np.full(self.num_envs, None, dtype=object)
        infos = np.full(self.num_envs, None, dtype=object)
        last = states[ended]
        columns = [table.take(last, axis=0) for table in self._infos.values()]
        for i, observation, *values in zip(
            np.flatnonzero(ended), self._observe(last), *columns, strict=True
        ):
            observations[i] = observation
            infos[i] = dict(zip(self._infos, values, strict=True))
        masks = {"_final_observation": ended.copy(), "_final_info": ended.copy()}
        return {"final_observation": observations, "final_info": infos, **masks}


def _is_limit(max_episode_steps: Any) -> bool:
    """Return whether a value is a limit of steps, or stands for none."""
    if max_episode_steps is None:
        return True
    if isinstance(max_episode_steps, bool) or not isinstance(max_episode_steps, (int, np.integer)):
        return False
    return bool(max_episode_steps >= 1 or max_episode_steps == -1)


RoomVectorEnv = partial(GridworldVectorEnv, RoomEnv)
TrainVectorEnv = partial(GridworldVectorEnv, TrainEnv)
ApplesVectorEnv = partial(GridworldVectorEnv, ApplesEnv)
BatteriesVectorEnv = partial(GridworldVectorEnv, BatteriesEnv)
RandomRoomVectorEnv = partial(GridworldVectorEnv, RandomRoomEnv)
RandomTrainVectorEnv = partial(GridworldVectorEnv, RandomTrainEnv)
RandomApplesVectorEnv = partial(GridworldVectorEnv, RandomApplesEnv)
RandomBatteriesVectorEnv = partial(GridworldVectorEnv, RandomBatteriesEnv)
