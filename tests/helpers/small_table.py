"""A table of the pendulum that takes seconds."""

from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3 import SAC

from rlsp_sb3.experiments.mujoco.plan import MujocoPlan, plan_mujoco_table
from rlsp_sb3.experiments.table_plan import TableOptions

ENV = "InvertedPendulum-v5" if "InvertedPendulum-v5" in gym.registry else "InvertedPendulum-v4"


def make_expert(folder: Path, env_id: str = ENV) -> Path:
    """A policy that has learned nothing, so that its episodes are short."""
    folder.mkdir(exist_ok=True)
    model = SAC("MlpPolicy", env_id, policy_kwargs={"net_arch": [8]}, seed=0, buffer_size=1)
    model.save(folder / f"{env_id}.zip")
    return folder


def small_plan(folder: Path, **changes: Any) -> MujocoPlan:
    """Few jobs, with the smallest preset."""
    arguments: dict[str, Any] = {
        "n_states": (2,),
        "methods": ["rlsp", "average-features"],
        "n_seeds": 1,
        "preset": "smoke",
    }
    options = TableOptions(**{**arguments, **changes})
    return plan_mujoco_table(make_expert(folder / "experts"), [ENV], options)


def comparable(figures: Any) -> dict[str, Any]:
    """A result without what differs from run to run: how long it took."""
    content = figures.to_dict()
    return {name: value for name, value in content.items() if "seconds" not in name}
