"""The environments' ids.

Gymnasium 0.29 imports this module while it is itself half imported, so that nothing of Gymnasium
can be imported at the top.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from rlsp_envs.gridworlds.problems import (
    APPLES_PROBLEMS,
    BATTERIES_PROBLEMS,
    ROOM_PROBLEMS,
    TRAIN_PROBLEMS,
)

TIME_LIMIT = 20

# Each family has an id for layouts of one's own and those of the published problems.
FAMILIES: dict[str, dict[str, dict[str, Any]]] = {
    "room:Room": {"Room-v0": {}, **ROOM_PROBLEMS},
    "toy_train:Train": {"Train-v0": {}, **TRAIN_PROBLEMS},
    "apples:Apples": {"Apples-v0": {}, **APPLES_PROBLEMS},
    "batteries:Batteries": {"Batteries-v0": {}, **BATTERIES_PROBLEMS},
}

# Families of random problems, each with the seed of a layout.
RANDOM_FAMILIES: dict[str, dict[str, dict[str, Any]]] = {
    f"random_problems:{name}": {f"{name}-v0": {"layout_seed": 0}}
    for name in ("RandomRoom", "RandomTrain", "RandomApples", "RandomBatteries")
}

# What makes each published MuJoCo environment, and with which arguments.
MUJOCO_TIME_LIMIT = 1000
MUJOCO: dict[str, tuple[str, dict[str, Any]]] = {
    "HalfCheetah-FW-v2": ("make_half_cheetah", {}),
    "HalfCheetah-BW-v2": ("make_half_cheetah", {"forward_reward_weight": -1.0}),
    "HalfCheetah-QPOS-v2": (
        "make_half_cheetah",
        {"exclude_current_positions_from_observation": False},
    ),
    "HalfCheetah-Plot-v2": ("make_half_cheetah_plot", {}),
    "Hopper-FW-v2": ("make_hopper", {}),
    "Hopper-FW-Penalty-v2": ("make_hopper_penalty", {}),
    "Ant-FW-v2": ("make_ant", {}),
    "Swimmer-FW-v2": ("make_swimmer", {}),
}

# What makes each MuJoCo environment whose observed states show side effects.
SIDE_EFFECTS = {
    "HalfCheetahFuel-v0": "make_half_cheetah_fuel",
    "InvertedPendulumDrift-v0": "make_inverted_pendulum_drift",
}

POINT_TIME_LIMIT = 100
FETCH_TIME_LIMIT = 50


def register_envs() -> None:
    """Register the environments with Gymnasium; does nothing the second time."""
    from gymnasium.envs.registration import register, registry

    for family, problems in {**FAMILIES, **RANDOM_FAMILIES}.items():
        module, name = family.split(":")
        for env_id, kwargs in problems.items():
            if env_id not in registry:
                register(
                    env_id,
                    entry_point=f"rlsp_envs.gridworlds.{module}:{name}Env",
                    vector_entry_point=_vector_entry_point(env_id, name),
                    max_episode_steps=TIME_LIMIT,
                    kwargs=kwargs,
                )
    for env_id, (entry_point, kwargs) in MUJOCO.items():
        if env_id not in registry:
            register(
                env_id,
                entry_point=f"rlsp_envs.mujoco:{entry_point}",
                max_episode_steps=MUJOCO_TIME_LIMIT,
                kwargs=kwargs,
            )
    for env_id, entry_point in SIDE_EFFECTS.items():
        if env_id not in registry:
            register(
                env_id,
                entry_point=f"rlsp_envs.side_effects:{entry_point}",
                max_episode_steps=MUJOCO_TIME_LIMIT,
            )
    if "PointVase-v0" not in registry:
        register(
            "PointVase-v0",
            entry_point="rlsp_envs.point_vase:PointVaseEnv",
            max_episode_steps=POINT_TIME_LIMIT,
        )
    if "FetchReachStack-v1" not in registry:
        register(
            "FetchReachStack-v1",
            entry_point="rlsp_envs.fetch:make_fetch_reach_stack",
            max_episode_steps=FETCH_TIME_LIMIT,
        )


def _vector_entry_point(env_id: str, name: str) -> str:
    # Gymnasium 0.29's make_vec does not hand a spec's kwargs to its vector entry point.
    if version("gymnasium").startswith("0."):
        return f"rlsp_envs.vector_problems:{env_id}"
    return f"rlsp_envs.gridworlds.vector:{name}VectorEnv"
