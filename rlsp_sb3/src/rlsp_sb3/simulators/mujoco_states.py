"""MuJoCo's states as arrays."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.type_aliases import FloatArray

START = 1.0  # seconds; a simulation that was reset in a step ends before
_ALL = int(
    mujoco.mjtState.mjSTATE_FULLPHYSICS
    | mujoco.mjtState.mjSTATE_WARMSTART
    | mujoco.mjtState.mjSTATE_CTRL
    | mujoco.mjtState.mjSTATE_MOCAP_POS
    | mujoco.mjtState.mjSTATE_MOCAP_QUAT
)  # applied forces are left out: environments of Gymnasium have none


class MujocoStates:
    """Layout of arrays (N, size) of all that MuJoCo's next steps depend on.

    Args:
        model: The model.

    Attributes:
        size: The number of entries of a state.
        time: The column of the time, in seconds.
        control: The columns of the actuators.
        warmstart: The columns of the accelerations that the solver starts from.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self.size = mujoco.mj_stateSize(model, _ALL)
        self.time = self._columns(mujoco.mjtState.mjSTATE_TIME).start
        self.control = self._columns(mujoco.mjtState.mjSTATE_CTRL)
        self.warmstart = self._columns(mujoco.mjtState.mjSTATE_WARMSTART)
        self._positions = self._columns(mujoco.mjtState.mjSTATE_QPOS)
        self._velocities = self._columns(mujoco.mjtState.mjSTATE_QVEL)
        self._initial = np.empty(self.size)
        mujoco.mj_getState(model, mujoco.MjData(model), self._initial, _ALL)
        self._initial[self.time] = START

    def at(self, positions: FloatArray, velocities: FloatArray) -> FloatArray:
        """States (N, size) at positions (N, nq) and velocities (N, nv), all else as initially."""
        states = np.tile(self._initial, (len(positions), 1))
        states[:, self._positions], states[:, self._velocities] = positions, velocities
        return states

    def coordinates(self, states: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Positions (N, nq) and velocities (N, nv) of states."""
        return states[:, self._positions], states[:, self._velocities]

    def put(self, data: mujoco.MjData, state: NDArray[np.float64]) -> None:
        """Put data into a state (size,)."""
        mujoco.mj_setState(self._model, data, state, _ALL)

    def step(self, data: mujoco.MjData, state: NDArray[np.float64], n_substeps: int) -> None:
        """Simulate some substeps from a state (size,), which becomes the one that follows."""
        mujoco.mj_setState(self._model, data, state, _ALL)
        mujoco.mj_step(self._model, data, n_substeps)
        mujoco.mj_getState(self._model, data, state, _ALL)

    def _columns(self, field: mujoco.mjtState) -> slice:
        """Columns of a field: fields come in the order of their bits."""
        before = sum(
            mujoco.mj_stateSize(self._model, 1 << bit)
            for bit in range(int(field).bit_length() - 1)
            if _ALL >> bit & 1
        )
        return slice(before, before + mujoco.mj_stateSize(self._model, int(field)))
