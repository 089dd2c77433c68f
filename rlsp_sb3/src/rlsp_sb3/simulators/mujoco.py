"""Simulator of many MuJoCo transitions at once."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import gymnasium as gym
import mujoco
import numpy as np
from mujoco.rollout import Rollout

from rlsp_sb3.simulators.base import ResetSimulator, changes_actions, changes_observations, wrappers
from rlsp_sb3.state_reset import mujoco_state
from rlsp_sb3.type_aliases import Array

logger = logging.getLogger(__name__)


_BLOCK = 2**15  # transitions, so that what MuJoCo returns of all substeps stays small
_START = 1.0  # seconds; a simulation that was reset ends before
_RESETS = [
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
]


def make_mujoco_simulator(
    env: gym.Env[Any, Any], rng: np.random.Generator, n_threads: int | None
) -> ResetSimulator:
    """A simulator for an environment of MuJoCo: the fast one, or else one step at a time.

    Raises:
        TypeError: If it is not known how to put it into the state of an observation.
    """
    try:
        simulator = MujocoSimulator(env, np.random.default_rng(0), n_threads)
    except TypeError as error:
        logger.info("%s is simulated one step at a time: %s", env, error)
    else:
        if simulator.agrees():
            simulator.rng = rng
            return simulator
        logger.info("%s is simulated one step at a time: its steps are not MuJoCo's", env)
    return MujocoResetSimulator(env, rng)


@contextmanager
def quiet() -> Iterator[None]:
    """Log MuJoCo's warnings, which else go to the terminal and to MUJOCO_LOG.TXT."""
    handler = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(logger.debug)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(handler)


class MujocoResetSimulator(ResetSimulator):
    """A :class:`~rlsp_sb3.simulators.ResetSimulator` that notices when MuJoCo becomes unstable."""

    def reset(self, n: int) -> Array:
        """Initial observations, by resetting the environment."""
        with quiet():
            return super().reset(n)

    def _step(self, observations: Array, actions: Array) -> Array:
        with quiet():
            return super()._step(observations, actions)

    def _is_unstable(self) -> bool:
        warnings = cast(Any, self.env.unwrapped).data.warning
        return any(warnings[warning].number for warning in _RESETS)


class MujocoSimulator(MujocoResetSimulator):
    """Simulates with :mod:`mujoco.rollout`, in threads.

    Does what setting the state of the environment and stepping it do, up to rounding errors where
    the solver starts from: some 1e-12 in the next observations of usual states, more in wild ones.
    Transitions that MuJoCo warns of are repeated one at a time.

    Args:
        env: One of Gymnasium's environments whose observation is the positions but the first few,
            followed by the velocities, clipped or not. It may have a wrapper that appends the
            remaining time 1 - t / ``limit``.
        rng: Seeds the environment for initial observations.
        n_threads: How many threads; None for one per core.

    Raises:
        TypeError: If the observation is something else, or a wrapper changes actions.
    """

    def __init__(
        self, env: gym.Env[Any, Any], rng: np.random.Generator, n_threads: int | None = None
    ) -> None:
        super().__init__(env, rng)
        self._limit = _limit_of_clock(env)
        self._mujoco_env = cast(Any, env.unwrapped)
        mujoco_state(env.unwrapped, np.zeros(env.unwrapped.observation_space.shape or ()))
        self._model = model = self._mujoco_env.model
        self._shape_of_state = model.nq, model.nv
        self._left_out = model.nq + model.nv - self._mujoco_env.observation_space.shape[0]
        if self._left_out < 0:
            raise TypeError("its observation is more than positions and velocities")
        self._clip_low, self._clip_high = self._limits_of_velocities()

        # One step of this model, without a control, tells the acceleration that the solver starts
        # from after the state was set: (velocity after - velocity before) / timestep.
        self._euler = copy.deepcopy(model)
        self._euler.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
        self._euler.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP

        n_threads = n_threads or os.cpu_count() or 1
        self._n_threads = n_threads if n_threads > 1 else 0  # 0: no pool
        self._data = [mujoco.MjData(model) for _ in range(n_threads)]
        self._initial_state = np.empty(
            mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        )
        mujoco.mj_getState(
            model, self._data[0], self._initial_state, mujoco.mjtState.mjSTATE_FULLPHYSICS
        )

    def agrees(self) -> bool:
        """Return whether this simulates some transitions as the environment does."""
        rng = np.random.default_rng(0)
        space: Any = self.action_space
        observations = self.reset(4)
        if self._limit is not None:
            observations[0, -1] = 0
        for _ in range(4):
            noise = rng.normal(size=(len(observations), *space.shape))
            actions = np.clip(noise, space.low, space.high).astype(space.dtype)
            expected = super()._step(observations, actions)
            if not np.allclose(
                self._step(observations, actions), expected, rtol=1e-9, atol=1e-9, equal_nan=True
            ):
                return False
            observations = expected
        return True

    def _step(self, observations: Array, actions: Array) -> Array:
        next_observations = np.empty(observations.shape)
        with quiet(), Rollout(nthread=self._n_threads) as pool:
            for start in range(0, len(observations), _BLOCK):
                rows = slice(start, start + _BLOCK)
                next_observations[rows] = self._step_block(pool, observations[rows], actions[rows])
        return next_observations

    def _step_block(self, pool: Rollout, observations: Array, actions: Array) -> Array:
        shown = observations if self._limit is None else observations[:, :-1]
        qpos, qvel = mujoco_state(self._mujoco_env, shown)
        nq, nv = self._shape_of_state
        states = np.tile(self._initial_state, (len(shown), 1))
        states[:, 0] = _START
        states[:, 1 : 1 + nq] = qpos
        states[:, 1 + nq : 1 + nq + nv] = qvel

        timestep, n_substeps = self._model.opt.timestep, self._mujoco_env.frame_skip
        no_control = np.zeros((1, 1, self._model.nu))  # without it, the last one stays
        once = pool.rollout(self._euler, self._data, states, no_control, nstep=1)[0][:, 0]
        final = pool.rollout(
            self._model,
            self._data,
            states,
            actions[:, None].astype(np.float64),
            nstep=n_substeps,
            initial_warmstart=(once[:, 1 + nq : 1 + nq + nv] - qvel) / timestep,
        )[0][:, -1]

        velocities = np.clip(final[:, 1 + nq : 1 + nq + nv], self._clip_low, self._clip_high)
        next_observations = np.hstack([final[:, 1 + self._left_out : 1 + nq], velocities])
        if self._limit is not None:
            remaining = np.clip(observations[:, -1:], 0, 1)
            steps = np.round((1 - remaining) * self._limit) + 1
            next_observations = np.hstack(
                [next_observations, np.maximum(1 - steps / self._limit, 0)]
            )

        # A rollout stops at a warning, and a reset puts the time back.
        stopped = once[:, 0] < _START + 0.5 * timestep
        stopped |= final[:, 0] < _START + (n_substeps - 0.5) * timestep
        if stopped.any():
            next_observations[stopped] = super()._step(observations[stopped], actions[stopped])
        return next_observations

    def _limits_of_velocities(self) -> tuple[Array, Array]:
        """Limits within which observations show velocities (nv,)."""
        self.reset(1)
        nv, data, limits = self._model.nv, self._mujoco_env.data, []
        for extreme in (-np.inf, np.inf):
            data.qvel[:] = extreme
            limits.append(np.array(self._mujoco_env._get_obs()[-nv:]))
        self.reset(1)
        return limits[0], limits[1]


def _limit_of_clock(env: gym.Env[Any, Any]) -> int | None:
    """The limit of the wrapper that appends the remaining time; None if there is none.

    Raises:
        TypeError: If a wrapper changes observations otherwise, or actions.
    """
    limit = None
    for wrapper in wrappers(env):
        changed = changes_observations(wrapper)
        if changed and limit is None:
            limit = vars(wrapper).get("limit")
            inside = wrapper.env.observation_space.shape or ()
            appended = wrapper.observation_space.shape == (sum(inside) + 1,) and len(inside) == 1
            changed = not (appended and isinstance(limit, int))
        if changed or changes_actions(wrapper):
            raise TypeError(f"the wrapper {type(wrapper).__name__} changes observations or actions")
    return limit
