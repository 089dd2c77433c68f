"""Simulator of many transitions at once by the environment's own equations."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import numpy as np

from rlsp_sb3.protocols import BatchDynamics
from rlsp_sb3.simulators.base import ResetSimulator
from rlsp_sb3.simulators.trials import interfering_wrapper
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.type_checks import checks_types

logger = logging.getLogger(__name__)


def make_batch_simulator(env: gym.Env[Any, Any], rng: np.random.Generator) -> BatchSimulator | None:
    """A simulator by the equations that an environment offers; None if it is not to be so."""
    if not isinstance(env.unwrapped, BatchDynamics) or interfering_wrapper(env) is not None:
        return None
    simulator = BatchSimulator(env, np.random.default_rng(0))
    if simulator.agrees():
        simulator.rng = rng
        return simulator
    logger.info("%s is simulated one step at a time: its equations are not its steps", env)
    return None


class BatchSimulator(ResetSimulator):
    """Simulates an environment by the equations that it offers for many transitions at once.

    Args:
        env: An environment with :class:`~rlsp_sb3.protocols.BatchDynamics`. Wrappers must not
            change anything.
        rng: Seeds it for initial observations.

    Raises:
        TypeError: If the environment offers no equations.
    """

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        super().__init__(env, rng)
        if not isinstance(env.unwrapped, BatchDynamics):
            raise TypeError(f"env={env} offers no next_observations(observations, actions)")
        self._dynamics = env.unwrapped

    @property
    def is_deterministic(self) -> bool:
        """True: what follows is a function of observation and action."""
        return True

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        following = self._dynamics.next_observations(states, actions)
        return following, following.copy()
