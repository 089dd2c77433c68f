"""The loop that a train runs on, drawn with arrows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.layout import Layout
from rlsp_envs.gridworlds.render import Sprite

ARROWS = {"^": (-1, 0), "v": (1, 0), ">": (0, 1), "<": (0, -1)}
TRACK_SYMBOLS = {"T": "train", "^v<>": "its track"}
FACING = {move: facing for facing, move in enumerate(ARROWS.values())}


def follow(layout: Layout) -> NDArray[np.int16]:
    """The cells (L, 2) of the track in the order in which the train passes them.

    The train starts on the 'T'; an arrow says where the train goes next from there, and the one
    that no other arrow points to is the first after the 'T'. A 'T' without arrows stands still.

    Raises:
        ValueError: If the arrows and the 'T' are not one loop; the message points to the place.
    """
    start = layout.one("T")
    following = {}
    for arrow, (rows, columns) in ARROWS.items():
        for row, column in layout.cells(arrow).tolist():
            following[row, column] = (row + rows, column + columns)
    for cell, after in following.items():
        if after not in following and after != start:
            raise layout.error("this arrow leads off the track", cell)
    first = [cell for cell in following if cell not in following.values()]
    if following and len(first) != 1:
        raise layout.error("the arrows and the 'T' are not one loop", [*first, start][-1])
    track = [start]
    if following:
        if abs(first[0][0] - start[0]) + abs(first[0][1] - start[1]) != 1:
            raise layout.error("the first arrow after the 'T' must be beside it", first[0])
        cell = first[0]
        while cell != start:
            if cell in track:
                raise layout.error("the arrows run in a loop without the 'T'", cell)
            track.append(cell)
            cell = following[cell]
    if len(track) != len(following) + 1:
        off = next(cell for cell in following if cell not in track)
        raise layout.error("this arrow is not on the loop of the 'T'", off)
    return np.array(track, dtype=np.int16)


def track_sprites(track: NDArray[np.int16]) -> Iterator[Sprite]:
    """Arrows that show where the train goes."""
    cells = [tuple(cell) for cell in track.tolist()]
    for cell, after in zip(cells, [*cells[1:], cells[0]], strict=True):
        move = (after[0] - cell[0], after[1] - cell[1])
        yield Sprite("track", cell, facing=FACING.get(move))
