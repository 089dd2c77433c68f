"""Put a simulator into the state that an observation shows.

That is what simulating forward from a chosen state takes. An environment may offer it as a method
``set_state_from_observation(observation)``; where it does not, what is known here about Gymnasium's
own environments serves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs import classic_control, toy_text
from numpy.typing import ArrayLike

from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.type_checks import check_type, checks_types

__all__ = [
    "can_set_state",
    "classic_states",
    "mujoco_state",
    "set_state_from_observation",
    "state_setter",
]

_METHOD = "set_state_from_observation"

Setter = Callable[[Any], None]


@checks_types
def set_state_from_observation(env: gym.Env[Any, Any], observation: Any) -> None:
    """Put an environment into the state of one of its observations.

    The next observations depend on this one and the actions alone. They are what followed when it
    was made, as far as it shows the state: Gymnasium clips the velocities of its Hopper, Walker2d
    and InvertedDoublePendulum to ±10, rounds the observations of classic control to single
    precision, and does not show where its MuJoCo solver starts from, which moves the Humanoid by
    some 1e-5. Positions that are left out become 0. The first reward of the Ant and the Humanoid
    may differ: Gymnasium measures how far they got from a point within the previous step.

    Setting a state does not start an episode: reset the environment first, as for any step; the
    steps that a ``TimeLimit`` counts go on.

    Args:
        env: An environment, wrapped or not, that offers ``set_state_from_observation`` (or that a
            wrapper offers it for), or one of Gymnasium's from classic control, or its FrozenLake,
            CliffWalking or Taxi, or one of MuJoCo whose observation is its positions and
            velocities: InvertedPendulum, InvertedDoublePendulum, HalfCheetah, Hopper, Walker2d,
            Swimmer, Reacher, Ant, Humanoid and HumanoidStandup.
        observation: One of its observations.

    Raises:
        TypeError: If it is not known how to do that for this environment.
        ValueError: If the observation has another shape, is not finite, or is the number of no
            state.
    """
    state_setter(env)(observation)


def can_set_state(env: gym.Env[Any, Any]) -> bool:
    """Return whether :func:`set_state_from_observation` works for an environment."""
    try:
        state_setter(env)
    except TypeError:
        return False
    return True


@checks_types
def mujoco_state(env: Any, observations: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """The state that observations of one of Gymnasium's MuJoCo environments show.

    Args:
        env: The environment, without wrappers.
        observations: One observation, or any number of them (…, D).

    Returns:
        The positions (…, nq) and velocities (…, nv); positions that are left out are 0.

    Raises:
        TypeError: If an observation is not the positions followed by the velocities.
        ValueError: If the observations have another shape, or are not finite.
    """
    layout = _mujoco_layout(env)
    if layout is None:
        raise _unknown(env)
    return layout(_check("observations", env, observations))


@checks_types
def classic_states(env: gym.Env[Any, Any], observations: ArrayLike) -> FloatArray:
    """The states that observations of one of Gymnasium's classic control environments show.

    Args:
        env: The environment, without wrappers.
        observations: N observations (N, D).

    Returns:
        States (N, S), as its attribute ``state`` has them.

    Raises:
        TypeError: If it is none of those.
        ValueError: If the observations have another shape, or are not finite.
    """
    state_of = _classic_state_of(env)
    if state_of is None:
        raise _unknown(env)
    return np.ascontiguousarray(state_of(_check("observations", env, observations).T).T)


@checks_types
def state_setter(env: gym.Env[Any, Any]) -> Setter:
    """Function that sets the state: the outermost method on offer, or else one of this module."""
    if not isinstance(env, gym.Env):
        raise TypeError(f"env={env!r}: expected a Gymnasium environment")
    layer = env
    while isinstance(layer, gym.Wrapper) and not hasattr(type(layer), _METHOD):
        inside = layer.env.observation_space
        if layer.observation_space is not inside and layer.observation_space != inside:
            raise TypeError(
                f"env has the wrapper {type(layer).__name__}, which changes observations: give it "
                f"a method {_METHOD}(observation) that undoes the change and calls the same method "
                "of what it wraps, or pass what it wraps"
            )
        layer = layer.env
    if hasattr(layer, _METHOD):
        setter: Setter = getattr(layer, _METHOD)
        return setter
    state_of = _classic_state_of(layer)
    if state_of is not None:
        return lambda observation: _set_classic_state(layer, state_of, observation)
    if isinstance(layer, _TOY_TEXT):
        return lambda observation: _set_toy_text_state(layer, observation)
    layout = _mujoco_layout(layer)
    if layout is not None:
        return lambda observation: _set_mujoco_state(
            layer, layout(_check("observation", layer, observation))
        )
    raise _unknown(layer)


def _unknown(env: Any) -> TypeError:
    return TypeError(
        f"it is not known how to put {type(env).__name__} into the state of an observation: give "
        f"it a method {_METHOD}(observation)"
    )


def _check(name: str, env: gym.Env[Any, Any], observations: ArrayLike) -> FloatArray:
    """The observations (…, D) as an array, if they are as they should be."""
    check_type(name, observations, ArrayLike)
    array = np.asarray(observations, dtype=np.float64)
    shape = env.observation_space.shape
    if array.shape[-1:] != shape:
        raise ValueError(f"{name} has shape {array.shape}: expected {shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}={array}: expected finite numbers")
    return array


# Classic control: the state as a function of the observation (D,) or of N of them (D, N).

_CLASSIC_CONTROL: dict[type[gym.Env[Any, Any]], Callable[[FloatArray], FloatArray]] = {
    classic_control.CartPoleEnv: np.array,
    classic_control.MountainCarEnv: np.array,
    classic_control.Continuous_MountainCarEnv: np.array,
    classic_control.PendulumEnv: lambda o: np.array([np.arctan2(o[1], o[0]), o[2]]),
    classic_control.AcrobotEnv: lambda o: np.array(
        [np.arctan2(o[1], o[0]), np.arctan2(o[3], o[2]), o[4], o[5]]
    ),
}


def _classic_state_of(env: gym.Env[Any, Any]) -> Callable[[FloatArray], FloatArray] | None:
    for env_class, state_of in _CLASSIC_CONTROL.items():
        if isinstance(env, env_class):
            return state_of
    return None


def _set_classic_state(
    env: Any, state_of: Callable[[FloatArray], FloatArray], observation: Any
) -> None:
    env.state = state_of(_check("observation", env, observation))
    for memory in ("steps_beyond_terminated", "last_u"):
        if hasattr(env, memory):
            setattr(env, memory, None)


# Toy text: the observation is the number of the state.

_TOY_TEXT = (toy_text.FrozenLakeEnv, toy_text.CliffWalkingEnv, toy_text.TaxiEnv)


def _set_toy_text_state(env: Any, observation: Any) -> None:
    number = _check("observation", env, observation)
    if number not in range(env.observation_space.n):
        raise ValueError(
            f"observation={observation!r}: expected the number of a state, below "
            f"{env.observation_space.n}"
        )
    env.s = int(number)


# MuJoCo: layouts of observations, as functions from (…, D), nq and nv to positions and velocities.

Layout = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def _coordinates(nq: int, nv: int, left_out: int) -> Layout:
    """The positions but the first few, then the velocities, then anything."""

    def state(observations: FloatArray) -> tuple[FloatArray, FloatArray]:
        zeros = np.zeros((*observations.shape[:-1], left_out))
        complete = np.concatenate([zeros, observations], axis=-1)
        return complete[..., :nq], complete[..., nq : nq + nv]

    return state


def _sines_and_cosines(nq: int, nv: int) -> Layout:
    """The first position, sine and cosine of the others, then the velocities, then anything."""

    def state(observations: FloatArray) -> tuple[FloatArray, FloatArray]:
        first, sines, cosines, velocities, _ = np.split(
            observations, [1, nq, 2 * nq - 1, 2 * nq - 1 + nv], axis=-1
        )
        return np.concatenate([first, np.arctan2(sines, cosines)], axis=-1), velocities

    return state


def _arm_and_target(nq: int, nv: int, n_joints: int = 2) -> Layout:
    """Cosines and sines of joints, where a target is, the joints' velocities, then anything.

    The target is at rest.
    """

    def state(observations: FloatArray) -> tuple[FloatArray, FloatArray]:
        cosines, sines, target, velocities, _ = np.split(
            observations, [n_joints, 2 * n_joints, n_joints + nq, 2 * n_joints + nq], axis=-1
        )
        at_rest = np.zeros((*observations.shape[:-1], nv - n_joints))
        return (
            np.concatenate([np.arctan2(sines, cosines), target], axis=-1),
            np.concatenate([velocities, at_rest], axis=-1),
        )

    return state


def _mujoco_layout(env: Any) -> Layout | None:
    """The layout of an environment's observations, found by looking at one; None if unknown."""
    module = sys.modules.get("gymnasium.envs.mujoco")  # if there is such an env, it is imported
    if module is None or not isinstance(env, module.MujocoEnv):
        return None
    nq, nv, data = env.model.nq, env.model.nv, env.data
    before = data.qpos.copy(), data.qvel.copy()
    probe = np.split(np.linspace(0.1, 0.9, nq + nv), [nq])
    try:
        data.qpos[:], data.qvel[:] = probe
        observation = env._get_obs()
    finally:
        data.qpos[:], data.qvel[:] = before
    if not isinstance(observation, np.ndarray):
        return None
    # The coordinates that are shown, the least size, and the layout.
    layouts = [(slice(n, None), nq + nv - n, _coordinates(nq, nv, n)) for n in range(3)]
    layouts.append((slice(None), 2 * nq - 1 + nv, _sines_and_cosines(nq, nv)))
    if _is_arm_and_target(env):
        layouts.append((slice(nq + 2), nq + 4, _arm_and_target(nq, nv)))
    for coordinates, size, layout in layouts:
        if observation.ndim != 1 or len(observation) < size:
            continue
        shown = np.concatenate(layout(observation))[coordinates]
        expected = np.concatenate(probe)[coordinates]
        if shown.shape == expected.shape and np.abs(shown - expected).max() < 1e-12:
            return layout
    return None


def _is_arm_and_target(env: Any) -> bool:
    """Return whether all that moves are two joints with motors, and a target that is put down."""
    model = env.model
    return bool(
        model.nq == model.nv == 4 and model.nu == 2 and set(model.actuator_trnid[:, 0]) == {0, 1}
    )


def _set_mujoco_state(env: Any, state: tuple[FloatArray, FloatArray]) -> None:
    import mujoco

    mujoco.mj_resetData(env.model, env.data)  # Gymnasium's set_state leaves some of the past
    env.set_state(*state)
    # As after a step, the solver starts from the accelerations.
    env.data.qacc_warmstart[:] = env.data.qacc
