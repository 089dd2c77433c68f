"""Renderer of gridworld states, given as sprites: pictures, text or a window.

The renderer knows no environment: an environment describes its state as :class:`Sprite` objects.
pygame is imported only when something is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds import sprites
from rlsp_envs.gridworlds.sprites import INK, LINE, PAPER, STEPS, Pen, load_pygame, render_text

if TYPE_CHECKING:
    from pygame import Surface
    from pygame.time import Clock

__all__ = ["KINDS", "Sprite", "Window", "draw", "to_text"]


class Sprite(NamedTuple):
    """One thing to draw in one cell.

    Attributes:
        kind: What to draw, one of :data:`KINDS`.
        cell: (row, column), row 0 on top.
        text: Small label: the number of a goal, the count of a bucket, the charge of a train.
        facing: 0 north, 1 south, 2 east, 3 west; None for what faces nowhere.
    """

    kind: str
    cell: tuple[int, int]
    text: str = ""
    facing: int | None = None


_SUPERSAMPLING = 4  # tiles are painted this many times larger and scaled down: anti-aliasing


class _Look(NamedTuple):
    """Appearance of a kind of sprite."""

    paint: Callable[[Pen, str, int | None], None]
    letter: str  # in text; the sprite's arrow and text follow, then `mark`
    layer: int  # in text, the place in the cell: 0 agent, 1 goal, 2 thing, 3 ground
    mark: str = ""


_LOOKS = {
    "wall": _Look(sprites.wall, "#", 3),
    "carpet": _Look(sprites.carpet, "C", 3),
    "goal": _Look(sprites.goal, "", 1),
    "track": _Look(sprites.track, "", 3),
    "vase": _Look(sprites.vase, "V", 2),
    "broken_vase": _Look(sprites.broken_vase, "v", 2),
    "tree": _Look(sprites.tree, "T", 2),
    "apple_tree": _Look(sprites.apple_tree, "T", 2, mark="a"),
    "bucket": _Look(sprites.bucket, "U", 2),
    "train": _Look(sprites.train, "L", 2),
    "broken_train": _Look(sprites.broken_train, "X", 2),
    "dead_train": _Look(sprites.dead_train, "D", 2),
    "battery": _Look(sprites.battery, "B", 2),
    "agent": _Look(sprites.agent, "A", 0),
    "agent_with_apple": _Look(sprites.agent_with_apple, "A", 0, mark="a"),
    "agent_with_battery": _Look(sprites.agent_with_battery, "A", 0, mark="b"),
}
KINDS = tuple(_LOOKS)
"""Every kind of sprite."""


def _check(sprites: Sequence[Sprite], shape: tuple[int, int]) -> None:
    rows, columns = shape
    if rows < 1 or columns < 1:
        raise ValueError(f"shape must be (rows, columns), each at least 1, not {shape}")
    for sprite in sprites:
        if sprite.kind not in _LOOKS:
            raise ValueError(f"unknown kind of sprite {sprite.kind!r}; allowed: {', '.join(KINDS)}")
        if not (0 <= sprite.cell[0] < rows and 0 <= sprite.cell[1] < columns):
            raise ValueError(f"cell {sprite.cell} of {sprite.kind!r} is outside the grid {shape}")
        if sprite.facing not in (None, 0, 1, 2, 3):
            raise ValueError(
                f"facing must be 0 (north), 1 (south), 2 (east), 3 (west) or None, "
                f"not {sprite.facing!r} ({sprite.kind!r} in cell {sprite.cell})"
            )


@lru_cache(maxsize=1024)
def _tile(kind: str, text: str, facing: int | None, cell_size: int) -> Surface:
    """Paint one sprite; kept, so that a frame is only copying."""
    pen = Pen(_SUPERSAMPLING * cell_size)
    _LOOKS[kind].paint(pen, text, facing)
    # Averaging colors weighted by opacity keeps transparent pixels from darkening the edges.
    tile: Surface = pen.pygame.transform.smoothscale(
        pen.surface.premul_alpha(), (cell_size, cell_size)
    )
    return tile


@lru_cache(maxsize=16)
def _grid(rows: int, columns: int, cell_size: int, strip: int) -> Surface:
    """Paint the empty grid above an empty strip `strip` pixels high."""
    width, height = columns * cell_size, rows * cell_size
    grid: Surface = load_pygame().Surface((width, height + strip), 0, 32)
    grid.fill(PAPER)
    for row in range(rows + 1):
        grid.fill(LINE, (0, min(row * cell_size, height - 1), width, 1))
    for column in range(columns + 1):
        grid.fill(LINE, (min(column * cell_size, width - 1), 0, 1, height))
    return grid


def draw(
    sprites: Sequence[Sprite], shape: tuple[int, int], caption: str = "", cell_size: int = 64
) -> NDArray[np.uint8]:
    """Draw sprites on a grid, off screen.

    Args:
        sprites: What to draw, in this order: later ones lie on top.
        shape: (rows, columns) of the grid.
        caption: A line of text for a strip under the grid, shrunk to fit. The strip is there only
            if the caption is not empty; its height depends on `cell_size` alone.
        cell_size: Side of a cell in pixels, at least 8.

    Returns:
        Picture of shape (height, width, 3), uint8; width = columns · `cell_size`, height = rows ·
        `cell_size`, plus the strip of half a cell. The same arguments give the same picture.

    Raises:
        ValueError: A kind is unknown, a cell is outside the grid, or another argument is wrong.
        gymnasium.error.DependencyNotInstalled: pygame is missing.
    """
    _check(sprites, shape)
    if cell_size < 8:
        raise ValueError(f"cell_size must be at least 8 pixels, not {cell_size}")
    pygame = load_pygame()
    strip = cell_size // 2 if caption else 0
    picture = _grid(*shape, cell_size, strip).copy()
    leading: dict[tuple[int, int], int] = {}  # cells to the facing of the track that leads there
    for kind, (row, column), _, facing in sprites:
        if kind == "track" and facing is not None:
            leading[row + STEPS[facing][0], column + STEPS[facing][1]] = facing
    for kind, cell, text, facing in sprites:
        label = str(leading.get(cell, "")) if kind == "track" else text
        tile = _tile(kind, label, facing, cell_size)
        where = (cell[1] * cell_size, cell[0] * cell_size)
        picture.blit(tile, where, special_flags=pygame.BLEND_PREMULTIPLIED)
    width, height = shape[1] * cell_size, shape[0] * cell_size + strip
    if caption:
        line = render_text(caption, round(0.36 * cell_size), width - cell_size // 4, INK)
        x, y = (width - line.get_width()) // 2, height - (strip + line.get_height()) // 2
        picture.blit(line, (x, y))
    pixels: NDArray[np.uint8] = np.frombuffer(pygame.image.tobytes(picture, "RGB"), dtype=np.uint8)
    return np.array(pixels).reshape((height, width, 3))  # a copy, for it to be writable


class Window:
    """A window on the screen for render mode "human"; it opens at the first picture.

    pygame has one window per process: of several, the one that showed last is seen. A copy of an
    open window (deepcopy, pickle) starts closed.

    Args:
        title: Title of the window.
    """

    def __init__(self, title: str = "rlsp-envs") -> None:
        self.title = title
        self._clock: Clock | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_clock": None}

    def show(self, picture: NDArray[np.uint8], fps: float) -> None:
        """Show a picture, and wait so long that at most `fps` pictures a second are shown.

        Args:
            picture: Shape (height, width, 3), uint8, as :func:`draw` returns it.
            fps: Pictures a second; 0 never waits.

        Raises:
            gymnasium.error.DependencyNotInstalled: pygame is missing.
        """
        pygame = load_pygame()
        if self._clock is None:
            self._clock = pygame.time.Clock()
        pygame.display.init()
        size = (picture.shape[1], picture.shape[0])
        screen = pygame.display.get_surface()
        if screen is None or screen.get_size() != size:
            screen = pygame.display.set_mode(size)
        pygame.display.set_caption(self.title)
        screen.blit(pygame.image.frombuffer(picture.tobytes(), size, "RGB"), (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(fps)

    def close(self) -> None:
        """Close the window if it is open; the next picture opens it again."""
        if self._clock is not None:
            load_pygame().display.quit()
            self._clock = None


def _token(sprite: Sprite) -> str:
    look = _LOOKS[sprite.kind]
    if sprite.kind == "track":
        return "=" if sprite.facing is None else "⇑⇓⇒⇐"[sprite.facing]
    if sprite.kind == "goal":
        return sprite.text or "G"
    arrow = "" if sprite.facing is None else "↑↓→←"[sprite.facing]
    return look.letter + arrow + sprite.text + look.mark


def to_text(sprites: Sequence[Sprite], shape: tuple[int, int], caption: str = "") -> str:
    """Write sprites into a grid of box-drawing characters, for render mode "ansi".

    A cell lists all that is in it, the agent first, then goals, things and the ground: agent ``A``
    (``A→`` facing east, ``Aa`` with an apple, ``Ab`` with a battery), goals by their text, vase
    ``V``, broken vase ``v``, tree ``T``, tree with apple ``Ta``, bucket ``U`` and its count, train
    ``L`` and its charge, broken train ``X``, dead train ``D``, battery ``B``, carpet ``C``, track
    ``⇒``, wall ``#``.

    Args:
        sprites: What to write.
        shape: (rows, columns) of the grid.
        caption: A line of text under the grid; none if empty.

    Returns:
        Lines of text, each ended by a line feed.

    Raises:
        ValueError: A kind is unknown, a cell is outside the grid, or another argument is wrong.
    """
    _check(sprites, shape)
    cells: dict[tuple[int, int], list[Sprite]] = {}
    for sprite in sorted(sprites, key=lambda sprite: _LOOKS[sprite.kind].layer):
        cells.setdefault(sprite.cell, []).append(sprite)
    text = {cell: "".join(map(_token, inside)) for cell, inside in cells.items()}
    width = max(3, *map(len, text.values())) if text else 3
    rows, columns = shape
    bars = ["─" * width] * columns
    lines = [
        "│".join(text.get((row, column), "").center(width) for column in range(columns))
        for row in range(rows)
    ]
    inside = f"│\n├{'┼'.join(bars)}┤\n│".join(lines)
    grid = f"┌{'┬'.join(bars)}┐\n│{inside}│\n└{'┴'.join(bars)}┘\n"
    return grid + f"{caption}\n" if caption else grid
