"""Operations on cells, (row, column), of many grids at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_envs.gridworlds.render import Sprite
from rlsp_envs.gridworlds.states.state_space import BoolArray, IntArray


def agents_at(agents: NDArray[np.int16], cells: NDArray[np.int16]) -> BoolArray:
    """Return whether each of N agents is at each of k cells (k, 2) or (N, k, 2): (N, k)."""
    agents = agents[:, None]
    return np.asarray((agents[..., 0] == cells[..., 0]) & (agents[..., 1] == cells[..., 1]))


def mark(layer: NDArray[np.float32], cells: NDArray[np.int16], values: ArrayLike) -> None:
    """Write values (N, k) into the cells (k, 2) of layers (N, height, width)."""
    layer[:, cells[:, 0], cells[:, 1]] = values


def mark_each(layer: NDArray[np.float32], cells: NDArray[np.int16], values: ArrayLike) -> None:
    """Write one value (N,) into one cell (N, 2) of each of N layers (N, height, width)."""
    layer[np.arange(len(layer)), cells[:, 0], cells[:, 1]] = values


def sprites(kind: str, cells: IntArray) -> list[Sprite]:
    """The same thing in each of k cells (k, 2)."""
    return [Sprite(kind, tuple(cell)) for cell in cells.tolist()]


def choice_of_sprites(zero: str, one: str, cells: IntArray, values: Sequence[int]) -> list[Sprite]:
    """One of two things in each of k cells (k, 2), depending on its value, 0 or 1."""
    return [
        Sprite((zero, one)[value], tuple(cell))
        for cell, value in zip(cells.tolist(), values, strict=True)
    ]
