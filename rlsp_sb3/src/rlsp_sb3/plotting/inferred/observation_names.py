"""Names of the entries of observations, with units where they are known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs import classic_control

from rlsp_sb3.protocols import AppendedEntry
from rlsp_sb3.utils.checks import check_names

_NAMES = "observation_names"
_ENTRY_NAME = "entry_name"
_EXACT = 1e-12

_CLASSIC_CONTROL: dict[type[gym.Env[Any, Any]], tuple[str, ...]] = {
    classic_control.CartPoleEnv: (
        *("cart position (m)", "cart velocity (m/s)"),
        *("pole angle (rad)", "pole velocity (rad/s)"),
    ),
    classic_control.MountainCarEnv: ("position", "velocity"),
    classic_control.Continuous_MountainCarEnv: ("position", "velocity"),
    classic_control.PendulumEnv: ("cos of angle", "sin of angle", "velocity (rad/s)"),
    classic_control.AcrobotEnv: (
        *("cos of angle 1", "sin of angle 1", "cos of angle 2", "sin of angle 2"),
        *("velocity 1 (rad/s)", "velocity 2 (rad/s)"),
    ),
}


def observation_names(env: gym.Env[Any, Any]) -> tuple[str, ...]:
    """Names of the entries of an environment's flat observations, with units where known.

    They are what the environment, or the outermost wrapper that does, offers as
    :class:`~rlsp_sb3.protocols.NamedObservations`; of Gymnasium's classic control what its
    documentation calls them; of MuJoCo the joints of the model. All others are numbered.

    Raises:
        ValueError: If an environment offers another number of names than there are entries.
    """
    shape = env.observation_space.shape or ()
    size = int(np.prod(shape))
    if _has(env, _NAMES):
        names = check_names(_NAMES, getattr(env, _NAMES))
        if len(names) != size:
            raise ValueError(
                f"{type(env).__name__} has {len(names)} {_NAMES}: expected {size}, one for each "
                "entry of its observations"
            )
        return names
    # First, since wrappers of Gymnasium 0.29 offer what they wrap does.
    if isinstance(env, gym.Wrapper) and env.env.observation_space == env.observation_space:
        return observation_names(env.env)
    if isinstance(env, AppendedEntry) and isinstance(env, gym.Wrapper) and len(shape) == 1:
        own = str(getattr(env, _ENTRY_NAME)) if _has(env, _ENTRY_NAME) else f"entry {size - 1}"
        return (*observation_names(env.env), own)
    for env_class, known in _CLASSIC_CONTROL.items():
        if isinstance(env, env_class):
            return known
    return tuple(_mujoco_names(env) or _numbered(shape))


def _has(env: Any, name: str) -> bool:
    """True if an environment offers something itself, and not what it wraps."""
    return hasattr(type(env), name) or name in vars(env)


def _numbered(shape: tuple[int, ...]) -> list[str]:
    if not shape:
        return ["state"]
    return [f"entry {', '.join(map(str, index))}" for index in np.ndindex(*shape)]


def _mujoco_names(env: Any) -> list[str]:
    """The names of joints, where observations show them; none if this is not MuJoCo."""
    module = sys.modules.get("gymnasium.envs.mujoco")  # if there is such an env, it is imported
    if module is None or not isinstance(env, module.MujocoEnv):
        return []
    data, nq = env.data, env.model.nq
    before = data.qpos.copy(), data.qvel.copy()
    probe = np.linspace(0.1, 0.9, nq + env.model.nv)  # no two are alike, nor are their sines
    try:
        data.qpos[:], data.qvel[:] = np.split(probe, [nq])
        shown = env._get_obs()
    finally:
        data.qpos[:], data.qvel[:] = before
    if not isinstance(shown, np.ndarray) or shown.ndim != 1:
        return []
    names = _numbered(shown.shape)
    coordinates = list(_coordinates(env.model))
    for i, value in enumerate(shown):
        for of_probe, form in (
            (probe, "{}"),
            (np.sin(probe), "sin of {}"),
            (np.cos(probe), "cos of {}"),
        ):
            (found,) = np.nonzero(np.abs(of_probe - value) < _EXACT)
            if len(found) == 1:
                name, unit = coordinates[found[0]]
                names[i] = f"{name} ({unit})" if form == "{}" and unit else form.format(name)
    return names


def _coordinates(model: Any) -> Iterator[tuple[str, str]]:
    """The name and the unit of each position of a MuJoCo model, and then of each velocity."""
    joints = [model.joint(i) for i in range(model.njnt)]
    names = [joint.name or f"joint {i}" for i, joint in enumerate(joints)]
    kinds = [int(joint.type[0]) for joint in joints]  # 0: free, 1: ball, 2: slide, 3: hinge
    quaternion = [(f"quaternion {part}", "") for part in "wxyz"]
    positions = {
        0: [*((part, "m") for part in "xyz"), *quaternion],
        1: quaternion,
        2: [("", "m")],
        3: [("", "rad")],
    }
    turns = [(f"turn about {part}", "rad/s") for part in "xyz"]
    velocities = {
        0: [*((f"velocity {part}", "m/s") for part in "xyz"), *turns],
        1: turns,
        2: [("velocity", "m/s")],
        3: [("velocity", "rad/s")],
    }
    for parts in (positions, velocities):
        for name, kind in zip(names, kinds, strict=True):
            yield from ((f"{name} {part}".strip(), unit) for part, unit in parts[kind])
