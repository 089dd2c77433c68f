"""Simulators: many transitions at once, from the states that observations show."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.simulators.base import ResetSimulator, Simulator, TabularSimulator
    from rlsp_sb3.simulators.batch import BatchSimulator
    from rlsp_sb3.simulators.classic_control import ClassicControlSimulator
    from rlsp_sb3.simulators.learned import LearnedSimulator
    from rlsp_sb3.simulators.mujoco import MujocoSimulator
    from rlsp_sb3.simulators.rollout import Trajectories, make_simulator, rollout_simulator
    from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "BatchSimulator",
    "ClassicControlSimulator",
    "LearnedSimulator",
    "MujocoSimulator",
    "ResetSimulator",
    "Simulator",
    "SimulatorVecEnv",
    "TabularSimulator",
    "Trajectories",
    "make_simulator",
    "rollout_simulator",
]
