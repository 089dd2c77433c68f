"""Gridworld observations as small images, as published (Lindner et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPE = (64, 64, 3)
BACKGROUND = 200
_COLORS = np.array(  # of channel 0, 1, …: blue, then seaborn's "deep" palette
    [(0, 0, 255), (76, 114, 176), (221, 132, 82), (85, 168, 104), (196, 78, 82)], dtype=np.uint8
)
_FROM_TOP = [0, *range(len(_COLORS) - 1, 0, -1)]  # channels in the order in which they cover others
_COLORS_FROM_TOP = np.vstack([_COLORS[_FROM_TOP], np.full((1, 3), BACKGROUND, dtype=np.uint8)])


def check_shape(shape: tuple[int, int]) -> None:
    """Raise a ValueError if a grid of (height, width) cells does not fit into an image."""
    if max(shape) > SHAPE[0]:
        raise ValueError(
            f"layout has {shape[0]} rows and {shape[1]} columns: observation='pixels' shows at "
            f"most {SHAPE[0]} of each"
        )


def from_grids(grids: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draw grids (N, height, width, channels) as images (N, 64, 64, 3).

    Each cell is a square in the color of its last channel that is not 0; channel 0, the agent,
    covers all others.
    """
    n, height, width, _ = grids.shape
    marks = grids[..., _FROM_TOP] != 0
    cells = _COLORS_FROM_TOP[np.where(marks.any(axis=-1), marks.argmax(axis=-1), -1)]
    size = SHAPE[0] // max(height, width)
    images = np.full((n, *SHAPE), BACKGROUND, dtype=np.uint8)
    images[:, : height * size, : width * size] = cells.repeat(size, axis=1).repeat(size, axis=2)
    return images


def to_grids(images: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Read grids (N, height, width, channels) from images (N, 64, 64, 3).

    A cell gets a 1 in the channel whose color is most like that of its middle, and zeros
    elsewhere: what the top one covers cannot be seen.

    Raises:
        ValueError: If the images have another shape.
    """
    if images.shape[1:] != SHAPE:
        raise ValueError(f"observations have shape {images.shape}: expected (N, 64, 64, 3)")
    height, width, channels = shape
    size = SHAPE[0] // max(height, width)
    middles = images[:, size // 2 : height * size : size, size // 2 : width * size : size]
    palette = np.vstack([_COLORS[:channels], [[BACKGROUND] * 3]]).astype(np.float32)
    distances = ((middles[..., None, :].astype(np.float32) - palette) ** 2).sum(axis=-1)
    one_hot = np.eye(channels + 1, channels, dtype=np.float32)
    return np.asarray(one_hot[distances.argmin(axis=-1)])
