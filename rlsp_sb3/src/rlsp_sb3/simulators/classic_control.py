"""Simulator of many transitions of Gymnasium's classic control at once, by its equations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.envs import classic_control
from numpy.typing import NDArray

from rlsp_sb3.simulators.base import ResetSimulator, changes_actions, changes_observations, wrappers
from rlsp_sb3.state_reset import classic_states
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.type_checks import checks_types

logger = logging.getLogger(__name__)

States = NDArray[np.float64]


class Motion(NamedTuple):
    """Equations of motion of an environment.

    Attributes:
        step: Maps the environment, states (S, N) and actions (N, *action_shape) to the next states
            (S, N).
        observe: Maps states (S, N) to observations (D, N).
    """

    step: Callable[[Any, States, Array], States]
    observe: Callable[[States], States]


def make_classic_simulator(
    env: gym.Env[Any, Any], rng: np.random.Generator
) -> ClassicControlSimulator | None:
    """A simulator by equations of motion; None where they are not those of the environment."""
    if any(changes_actions(w) or changes_observations(w) for w in wrappers(env)):
        return None
    for env_class, motion in _MOTIONS.items():
        if isinstance(env.unwrapped, env_class):
            simulator = ClassicControlSimulator(env, np.random.default_rng(0), motion)
            if simulator.agrees():
                simulator.rng = rng
                return simulator
            logger.info("%s is simulated one step at a time: it does not move as usual", env)
    return None


class ClassicControlSimulator(ResetSimulator):
    """Simulates one of Gymnasium's classic control environments by its equations of motion.

    A state is that of the environment, in double precision, so that going on from states is what
    the environment does from step to step, up to rounding.

    Args:
        env: The environment.
        rng: Seeds it for initial observations.
        motion: Its equations of motion.
    """

    serial_reason = None

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], rng: np.random.Generator, motion: Motion) -> None:
        super().__init__(env, rng)
        self._motion = motion

    @property
    def is_deterministic(self) -> bool:
        """True: nothing is random, since the equations agree with the environment."""
        return True

    def _states(self, observations: Array) -> Array:
        return classic_states(self.env.unwrapped, observations)

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        following = self._motion.step(self.env.unwrapped, states.T, actions)
        shown = self._motion.observe(following)
        return np.ascontiguousarray(following.T), np.ascontiguousarray(shown.T)


def _cart_pole(env: Any, states: States, actions: Array) -> States:
    """Equations of Florian (2007) without friction, by an Euler step."""
    x, dx, angle, dangle = states
    force = np.where(actions == 1, env.force_mag, -env.force_mag)
    cosine, sine = np.cos(angle), np.sin(angle)
    pushed = (force + env.polemass_length * dangle**2 * sine) / env.total_mass
    inertia = env.length * (4 / 3 - env.masspole * cosine**2 / env.total_mass)
    ddangle = (env.gravity * sine - cosine * pushed) / inertia
    ddx = pushed - env.polemass_length * ddangle * cosine / env.total_mass
    new_dx, new_dangle = dx + env.tau * ddx, dangle + env.tau * ddangle
    if env.kinematics_integrator != "euler":  # the new velocities move it
        dx, dangle = new_dx, new_dangle
    return np.stack([x + env.tau * dx, new_dx, angle + env.tau * dangle, new_dangle])


def _pendulum(env: Any, states: States, actions: Array) -> States:
    angle, dangle = states
    torque = np.clip(actions[:, 0], -env.max_torque, env.max_torque)  # in single precision
    gravity = 3 * env.g / (2 * env.l) * np.sin(angle)
    dangle = dangle + (gravity + 3 / (env.m * env.l**2) * torque) * env.dt
    dangle = np.clip(dangle, -env.max_speed, env.max_speed)
    return np.stack([angle + dangle * env.dt, dangle])


def _mountain_car(env: Any, states: States, actions: Array) -> States:
    return _drive(env, states, (actions - 1) * env.force, env.gravity)


def _continuous_mountain_car(env: Any, states: States, actions: Array) -> States:
    force = np.clip(actions[:, 0].astype(np.float64), env.min_action, env.max_action)
    moved = _drive(env, states, force * env.power, 0.0025)
    return moved.astype(np.float32).astype(np.float64)  # the environment keeps them so


def _drive(env: Any, states: States, push: Array, gravity: float) -> States:
    """A car on the track sin(3x), stopped at its left end."""
    position, velocity = states
    velocity = velocity + push - gravity * np.cos(3 * position)
    velocity = np.clip(velocity, -env.max_speed, env.max_speed)
    position = np.clip(position + velocity, env.min_position, env.max_position)
    stopped = (position == env.min_position) & (velocity < 0)
    return np.stack([position, np.where(stopped, 0, velocity)])


def _acrobot(env: Any, states: States, actions: Array) -> States:
    """Runge-Kutta's step of the two links (Sutton and Barto 2018, section 11.3)."""
    torque = np.asarray(env.AVAIL_TORQUE, dtype=np.float64)[actions]

    def change(states: States) -> States:
        return _acrobot_change(env, states, torque)

    first = change(states)
    second = change(states + env.dt / 2 * first)
    third = change(states + env.dt / 2 * second)
    fourth = change(states + env.dt * third)
    moved = states + env.dt / 6 * (first + 2 * second + 2 * third + fourth)
    angles = np.mod(moved[:2] + np.pi, 2 * np.pi) - np.pi
    limits = np.array([[env.MAX_VEL_1], [env.MAX_VEL_2]])
    return np.concatenate([angles, np.clip(moved[2:], -limits, limits)])


def _acrobot_change(env: Any, states: States, torque: States) -> States:
    angle_1, angle_2, speed_1, speed_2 = states
    m1, m2, length = env.LINK_MASS_1, env.LINK_MASS_2, env.LINK_LENGTH_1
    c1, c2, inertia, gravity = env.LINK_COM_POS_1, env.LINK_COM_POS_2, env.LINK_MOI, 9.8
    cosine, sine = np.cos(angle_2), np.sin(angle_2)
    d1 = m1 * c1**2 + m2 * (length**2 + c2**2 + 2 * length * c2 * cosine) + 2 * inertia
    d2 = m2 * (c2**2 + length * c2 * cosine) + inertia
    phi2 = m2 * c2 * gravity * np.sin(angle_1 + angle_2)
    phi1 = phi2 + (m1 * c1 + m2 * length) * gravity * np.sin(angle_1)
    phi1 = phi1 - m2 * length * c2 * sine * (speed_2**2 + 2 * speed_1 * speed_2)
    pulled = torque + d2 / d1 * phi1 - phi2
    if env.book_or_nips == "book":
        pulled = pulled - m2 * length * c2 * speed_1**2 * sine
    acceleration_2 = pulled / (m2 * c2**2 + inertia - d2**2 / d1)
    acceleration_1 = -(d2 * acceleration_2 + phi1) / d1
    return np.stack([speed_1, speed_2, acceleration_1, acceleration_2])


def _all(states: States) -> States:
    return states


def _pendulum_view(states: States) -> States:
    angle, dangle = states
    return np.stack([np.cos(angle), np.sin(angle), dangle])


def _acrobot_view(states: States) -> States:
    angle_1, angle_2, speed_1, speed_2 = states
    angles = [np.cos(angle_1), np.sin(angle_1), np.cos(angle_2), np.sin(angle_2)]
    return np.stack([*angles, speed_1, speed_2])


_MOTIONS: dict[type[gym.Env[Any, Any]], Motion] = {
    classic_control.CartPoleEnv: Motion(_cart_pole, _all),
    classic_control.PendulumEnv: Motion(_pendulum, _pendulum_view),
    classic_control.MountainCarEnv: Motion(_mountain_car, _all),
    classic_control.Continuous_MountainCarEnv: Motion(_continuous_mountain_car, _all),
    classic_control.AcrobotEnv: Motion(_acrobot, _acrobot_view),
}
