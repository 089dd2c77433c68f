"""Simulator of many MuJoCo transitions at once."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

import gymnasium as gym
import mujoco
import numpy as np

from rlsp_sb3.protocols import AppendedEntry
from rlsp_sb3.simulators.base import ResetSimulator, changes_actions, changes_observations, wrappers
from rlsp_sb3.simulators.mujoco_states import MujocoStates
from rlsp_sb3.state_reset import mujoco_state
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.type_checks import checks_types

logger = logging.getLogger(__name__)


_LEAST_ROWS = 8  # of a thread, which takes longer to start than a few rows
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
        logger.debug("%s: %s", env, error)
        reason = "its observations are not the positions and velocities of its MuJoCo model"
    else:
        if simulator.agrees():
            simulator.rng = rng
            return simulator
        reason = "its steps are not those of its MuJoCo model alone"
    logger.info("%s is simulated one step at a time: %s", env, reason)
    serial = MujocoResetSimulator(env, rng)
    serial.serial_reason = reason
    return serial


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

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        with quiet():
            return super()._advance(states, actions)

    def _is_unstable(self) -> bool:
        warnings = cast(Any, self.env.unwrapped).data.warning
        return any(warnings[warning].number for warning in _RESETS)


class MujocoSimulator(MujocoResetSimulator):
    """Simulates by MuJoCo alone, without the environment around it, in threads.

    A state is all that MuJoCo's next step depends on (mjSTATE_INTEGRATION), the accelerations that
    its solver starts from included. So going on from states is to the bit what the environment does
    from step to step; and a state of an observation is what
    :func:`~rlsp_sb3.state_reset.set_state_from_observation` puts it into.

    Args:
        env: One of Gymnasium's environments whose observation shows positions and velocities. It
            may have a wrapper that is an :class:`~rlsp_sb3.protocols.AppendedEntry`.
        rng: Seeds the environment for initial observations.
        n_threads: How many threads; None for one per core. It changes nothing but the speed.

    Raises:
        TypeError: If the observation is something else, or a wrapper changes observations or
            actions.
    """

    serial_reason = None

    @checks_types
    def __init__(
        self, env: gym.Env[Any, Any], rng: np.random.Generator, n_threads: int | None = None
    ) -> None:
        super().__init__(env, rng)
        self._appended = _appended_entry(env)
        unwrapped = cast(Any, env.unwrapped)
        mujoco_state(unwrapped, np.zeros(unwrapped.observation_space.shape or ()))
        self._mujoco_env = unwrapped
        self._layout = MujocoStates(unwrapped.model)
        self._coordinates = _CoordinatesView.of(unwrapped)
        # A copy of the environment shows what its own data hold.
        self._workers = [_worker(unwrapped) for _ in range(n_threads or os.cpu_count() or 1)]

    def agrees(self) -> bool:
        """Return whether this simulates some transitions as the environment does."""
        rng = np.random.default_rng(0)
        space: Any = self.action_space
        observations = self.reset(4)
        if self._appended is not None:
            observations[0, -1] = 0
        for _ in range(4):
            noise = rng.normal(size=(len(observations), *space.shape))
            actions = np.clip(noise, space.low, space.high).astype(space.dtype)
            expected, _ = super()._advance(observations, actions)
            if not np.allclose(
                self.step(observations, actions), expected, rtol=1e-9, atol=1e-9, equal_nan=True
            ):
                return False
            observations = expected
        return True

    def _states(self, observations: Array) -> Array:
        shown = observations if self._appended is None else observations[:, :-1]
        states = self._layout.at(*mujoco_state(self._mujoco_env, shown))
        warmstart, model = self._layout.warmstart, self._mujoco_env.model

        def settle(worker: Any, rows: slice) -> None:
            for state in states[rows]:
                self._layout.put(worker.data, state)
                mujoco.mj_forward(model, worker.data)
                # As after a step, the solver starts from the accelerations.
                state[warmstart] = worker.data.qacc

        self._in_threads(settle, len(states))
        # Where they are not finite the next step is unstable whatever it starts from.
        starts = states[:, warmstart]
        starts[~np.isfinite(starts)] = 0
        if self._appended is None:
            return states
        return np.hstack([states, observations[:, -1:]])

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        layout, model = self._layout, self._mujoco_env.model
        n_substeps = self._mujoco_env.frame_skip
        following = np.array(states[:, : layout.size], order="C")
        following[:, layout.control] = actions
        before = following[:, layout.time].copy()
        shown = np.empty((len(states), *self._mujoco_env.observation_space.shape))

        def simulate(worker: Any, rows: slice) -> None:
            for state in following[rows]:
                layout.step(worker.data, state, n_substeps)

        def simulate_and_observe(worker: Any, rows: slice) -> None:
            for state, observation in zip(following[rows], shown[rows], strict=True):
                layout.step(worker.data, state, n_substeps)
                mujoco.mj_rnePostConstraint(model, worker.data)  # the forces that it may show
                observation[:] = worker._get_obs()

        if self._coordinates is None:
            self._in_threads(simulate_and_observe, len(states))
        else:
            self._in_threads(simulate, len(states))
            shown = self._coordinates(*layout.coordinates(following))
        # A step that becomes unstable is a reset, which puts the time back.
        duration = n_substeps * model.opt.timestep
        unstable = following[:, layout.time] < before + 0.5 * duration
        shown[unstable] = np.nan
        if self._appended is None:
            return following, shown
        entries = self._appended.next_entries(states[:, -1], actions)
        return np.column_stack([following, entries]), np.column_stack([shown, entries])

    def _in_threads(self, job: Callable[[Any, slice], None], n: int) -> None:
        """Do a job for n rows, in as many pieces as there are workers."""
        n_pieces = max(1, min(len(self._workers), n // _LEAST_ROWS))
        limits = np.linspace(0, n, n_pieces + 1).astype(int)
        pieces = [slice(*pair) for pair in pairwise(limits)]
        with quiet():
            if n_pieces == 1:
                job(self._workers[0], pieces[0])
                return
            with ThreadPoolExecutor(n_pieces) as pool:  # MuJoCo gives the interpreter free
                list(pool.map(job, self._workers, pieces))


class _CoordinatesView:
    """Observations that are the positions but the first few, and the velocities, clipped or not."""

    def __init__(self, left_out: int, low: Array, high: Array) -> None:
        self._left_out, self._low, self._high = left_out, low, high

    @classmethod
    def of(cls, env: Any) -> _CoordinatesView | None:
        """The view of an environment; None if its observations are something else."""
        model, data = env.model, env.data
        left_out = model.nq + model.nv - env.observation_space.shape[0]
        if not 0 <= left_out < model.nq:
            return None
        before = data.qvel.copy()
        limits = []
        for extreme in (-np.inf, np.inf):
            data.qvel[:] = extreme
            limits.append(np.array(env._get_obs()[-model.nv :]))
        data.qvel[:] = before
        view = cls(left_out, *limits)
        if not np.array_equal(view(data.qpos[None], data.qvel[None])[0], env._get_obs()):
            return None
        return view

    def __call__(self, positions: Array, velocities: Array) -> Array:
        clipped = np.clip(velocities, self._low, self._high)
        return np.hstack([positions[:, self._left_out :], clipped])


def _worker(env: Any) -> Any:
    worker = copy.copy(env)
    worker.data = mujoco.MjData(env.model)
    return worker


def _appended_entry(env: gym.Env[Any, Any]) -> AppendedEntry | None:
    """The wrapper that appends an entry to observations; None if there is none.

    Raises:
        TypeError: If a wrapper changes observations otherwise, or actions.
    """
    found: AppendedEntry | None = None
    for wrapper in wrappers(env):
        changed = changes_observations(wrapper)
        if changed and found is None and isinstance(wrapper, AppendedEntry):
            inside = wrapper.env.observation_space.shape or ()
            appended = wrapper.observation_space.shape == (sum(inside) + 1,) and len(inside) == 1
            found, changed = wrapper, not appended
        if changed or changes_actions(wrapper):
            raise TypeError(f"the wrapper {type(wrapper).__name__} changes observations or actions")
    return found
