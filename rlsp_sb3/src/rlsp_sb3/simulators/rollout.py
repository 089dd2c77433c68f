"""Rollouts in simulators: many trajectories at once, from given observations.

>>> simulator = make_simulator(gym.make("RoomDefault-v0"), np.random.default_rng(0))
>>> starts = simulator.reset(200)
>>> next_observations = simulator.step(starts, actions)
>>> trajectories = rollout(simulator, act_with(model), starts, n_steps=30)
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike

from rlsp_sb3.protocols import Policy, TabularEnv
from rlsp_sb3.simulators.base import (
    ResetSimulator,
    Simulator,
    TabularSimulator,
    check_observations,
    finite,
)
from rlsp_sb3.simulators.batch import make_batch_simulator
from rlsp_sb3.simulators.classic_control import make_classic_simulator
from rlsp_sb3.simulators.trials import check_restores, interfering_wrapper
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.checks import MAX_COUNT, check_int
from rlsp_sb3.utils.type_checks import checks_types

__all__ = [
    "BatchPolicy",
    "Simulator",
    "Trajectories",
    "act_with",
    "make_simulator",
    "rollout_simulator",
]

logger = logging.getLogger(__name__)

BatchPolicy = Callable[[Array, int], Any]


@checks_types
def make_simulator(
    env: gym.Env[Any, Any], rng: np.random.Generator, *, n_threads: int | None = None
) -> Simulator:
    """The fastest simulator that works for an environment; logs at level INFO which one it is.

    * :class:`TabularSimulator` for a :class:`~rlsp_sb3.protocols.TabularEnv` that offers
      ``observations(indices)``, with few enough states for tables;
    * :class:`~rlsp_sb3.simulators.MujocoSimulator` for Gymnasium's MuJoCo environments whose
      observation shows positions and velocities, with or without an
      :class:`~rlsp_sb3.protocols.AppendedEntry` (a clock, a gauge) at its end, if it agrees
      with the environment on some transitions;
    * :class:`~rlsp_sb3.simulators.ClassicControlSimulator` for Gymnasium's classic
      control, on the same condition;
    * :class:`~rlsp_sb3.simulators.BatchSimulator` for environments with
      :class:`~rlsp_sb3.protocols.BatchDynamics`, on the same condition;
    * :class:`ResetSimulator` for all else that can be put into the state of an observation, also
      when a wrapper changes observations or actions.

    Args:
        env: The environment, which belongs to the simulator from now on.
        rng: Decides all that is random.
        n_threads: How many threads simulate MuJoCo; None for one per core. It does not change
            the result.

    Raises:
        TypeError: If the environment cannot be put into a state (says what to implement), or goes
            on from there otherwise than before (names the wrapper that is to blame), or its
            observations or actions are no arrays, or n_threads is no int.
        ValueError: If n_threads is less than 1.
    """
    if n_threads is not None:
        check_int("n_threads", n_threads, 1)
    simulator: Simulator | None = _tabular_simulator(env, rng)
    if simulator is None:
        check_restores(env)
        simulator = (
            _mujoco_simulator(env, rng, n_threads)
            or make_classic_simulator(env, rng)
            or make_batch_simulator(env, rng)
            or ResetSimulator(env, rng)
        )
    logger.info("%s is simulated by a %s", env, type(simulator).__name__)
    return simulator


class Trajectories(NamedTuple):
    """Trajectories: N sequences of T states and the actions between them.

    Attributes:
        observations: The states (T, N, *observation_shape).
        actions: What was done in all but the last of them (T - 1, N, *action_shape).
    """

    observations: Array
    actions: Array


@checks_types
def rollout_simulator(
    simulator: Simulator, policy: BatchPolicy, starts: ArrayLike, n_steps: int
) -> Trajectories:
    """Let a policy act from N observations on.

    Where a trajectory becomes unstable it is NaN from there on (see :meth:`Simulator.step`). The
    policy is shown its last known observation instead, because many raise an error at NaN.

    Args:
        simulator: What follows from actions.
        policy: Called with observations (N, *observation_shape) and the time step 0, 1, …; returns
            actions (N, *action_shape). For a policy of SB3 see :func:`act_with`.
        starts: The observations (N, *observation_shape) to start from.
        n_steps: How many actions to take, T - 1; at least 0.

    Raises:
        TypeError: If an argument or what the policy returns has a wrong type.
        ValueError: If it has a wrong shape or is out of range.
    """
    check_int("n_steps", n_steps, 0, MAX_COUNT)
    shown = check_observations("starts", starts, simulator.observation_space)
    if not finite(shown).all():
        raise ValueError("starts are not all finite: expected observations without NaN")
    space = simulator.action_space
    observations = np.empty((n_steps + 1, *shown.shape), simulator.observation_space.dtype)
    actions = np.empty((n_steps, len(shown), *(space.shape or ())), space.dtype)
    observations[0] = shown
    states = simulator.states(shown)
    for t in range(n_steps):
        chosen = np.asarray(policy(shown, t))
        states, observations[t + 1] = simulator.advance(states, chosen)
        actions[t] = chosen
        known = finite(observations[t + 1]).reshape(-1, *[1] * (shown.ndim - 1))
        shown = np.where(known, observations[t + 1], shown)
    return Trajectories(observations, actions)


def act_with(policy: Policy, deterministic: bool = False) -> BatchPolicy:
    """Let anything with SB3's ``predict`` act in :func:`rollout_simulator`.

    What it remembers is carried from step to step, and forgotten at time step 0.

    Args:
        policy: An algorithm or policy of SB3, a learner, or another :class:`Policy`. SB3's draw
            from the global generator of torch.
        deterministic: Whether it takes the most probable action.
    """
    memory: Any = None

    def act(observations: Array, t: int) -> Array:
        nonlocal memory
        starts = np.full(len(observations), t == 0)
        actions, memory = policy.predict(
            observations, None if t == 0 else memory, starts, deterministic
        )
        return actions

    return act


def _tabular_simulator(env: Any, rng: np.random.Generator) -> TabularSimulator | None:
    """A simulator by table look-ups, if the environment offers what that takes."""
    if not isinstance(env, gym.Env) or not hasattr(env.unwrapped, "observations"):
        return None
    if interfering_wrapper(env) is not None:
        return None
    try:
        return TabularSimulator(env, rng) if isinstance(env.unwrapped, TabularEnv) else None
    except ValueError as error:  # isinstance may build the tables
        logger.info("%s is not simulated by tables: %s", env, error)
        return None


def _mujoco_simulator(
    env: Any, rng: np.random.Generator, n_threads: int | None
) -> ResetSimulator | None:
    """A simulator for an environment of MuJoCo, if it is one."""
    mujoco = sys.modules.get("mujoco")  # if there is such an env, it is imported
    if mujoco is None or not isinstance(env, gym.Env):
        return None
    if not isinstance(getattr(env.unwrapped, "data", None), mujoco.MjData):
        return None
    from rlsp_sb3.simulators.mujoco import make_mujoco_simulator

    return make_mujoco_simulator(env, rng, n_threads)
