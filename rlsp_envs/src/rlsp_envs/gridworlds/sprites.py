"""Sprites: each kind is painted on a tile with pygame, which is imported only then."""

from __future__ import annotations

import math
import os
import warnings
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from gymnasium.error import DependencyNotInstalled

if TYPE_CHECKING:
    from pygame import Surface

# Colors that stay apart under color blindness (Okabe and Ito 2008), and neutral ones.
ORANGE, SKY, GREEN, YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
BLUE, RED, PURPLE = (0, 114, 178), (213, 94, 0), (204, 121, 167)
INK, GRAY, SILVER, WHITE = (40, 40, 46), (140, 140, 148), (205, 208, 214), (255, 255, 255)
PAPER, LINE, SAND, BROWN = (250, 249, 246), (205, 205, 205), (250, 222, 160), (122, 84, 52)

STEPS = ((-1, 0), (1, 0), (0, 1), (0, -1))  # (row, column) steps of facing 0 to 3
_HALF_TURN = np.linspace(0, math.pi, 25).tolist()
_FULL_CHARGE = 9  # the charge that fills the gauge of a train

Color = tuple[int, int, int]
Point = tuple[float, float]


@cache
def load_pygame() -> ModuleType:
    """Import pygame without its greeting and without the warnings of its own imports."""
    name = "PYGAME_HIDE_SUPPORT_PROMPT"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pygame
    except ImportError as error:
        raise DependencyNotInstalled(
            "rendering needs pygame, which is missing: run `pip install pygame`"
        ) from error
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
    return pygame


class Pen:
    """Paints on a transparent square tile in unit coordinates: (0, 0) top left, (1, 1) opposite."""

    def __init__(self, size: int) -> None:
        self.pygame, self.size = load_pygame(), size
        self.surface: Surface = self.pygame.Surface((size, size), self.pygame.SRCALPHA, 32)

    def _at(self, point: Point) -> Point:
        return point[0] * self.size, point[1] * self.size

    def disc(self, center: Point, radius: float, color: Color, edge: float = 0.0) -> None:
        """Fill a disc, with a dark edge around it."""
        if edge:
            self.disc(center, radius + edge, INK)
        self.pygame.draw.circle(self.surface, color, self._at(center), radius * self.size)

    def stroke(self, color: Color, width: float, *points: Point) -> None:
        """Draw a line with round joints and ends."""
        for (x, y), (u, v) in pairwise(points):
            scale = width / 2 / (math.hypot(u - x, v - y) or 1.0)
            i, j = (v - y) * scale, (x - u) * scale
            self.shape(color, (x + i, y + j), (u + i, v + j), (u - i, v - j), (x - i, y - j))
        for point in points:
            self.disc(point, width / 2, color)

    def shape(self, color: Color, *points: Point, edge: float = 0.0, ink: Color = INK) -> None:
        """Fill a polygon, with an edge along its outline."""
        self.pygame.draw.polygon(self.surface, color, [self._at(point) for point in points])
        if edge:
            self.stroke(ink, edge, *points, points[0])

    def box(
        self, color: Color, left: float, top: float, right: float, bottom: float, edge: float = 0
    ) -> None:
        """Fill a rectangle, with an edge along its outline."""
        self.shape(color, (left, top), (right, top), (right, bottom), (left, bottom), edge=edge)

    def write(
        self, text: str, center: Point, height: float, width: float, color: Color = INK
    ) -> None:
        """Write text that is at most so high and wide."""
        label = render_text(text, round(height * self.size), round(width * self.size), color)
        x, y = self._at(center)
        self.surface.blit(label, (x - label.get_width() / 2, y - label.get_height() / 2))


def render_text(text: str, height: int, max_width: int, color: Color) -> Surface:
    """Render a line of text in pygame's own font, no wider than `max_width` pixels."""
    font = load_pygame().font
    font.init()
    label: Surface = font.Font(None, height).render(text, True, color)
    if label.get_width() > max_width:
        size = (max_width, max(1, label.get_height() * max_width // label.get_width()))
        label = load_pygame().transform.smoothscale(label, size)
    return label


def wall(pen: Pen, text: str, facing: int | None) -> None:
    """Bricks."""
    pen.box(INK, 0, 0, 1, 1)
    for row in range(4):
        for column in range(-1, 3):
            left = column / 2 + 0.25 * (row % 2)
            pen.box(GRAY, left + 0.02, row / 4 + 0.02, left + 0.48, row / 4 + 0.23)


def carpet(pen: Pen, text: str, facing: int | None) -> None:
    """A rug with fringes."""
    for i in range(9):
        y = 0.12 + i * 0.095
        pen.stroke(ORANGE, 0.03, (0.04, y), (0.96, y))  # the fringe
    corners = ((0.12, 0.07), (0.88, 0.07), (0.88, 0.93), (0.12, 0.93))
    pen.shape(SAND, *corners, edge=0.05, ink=ORANGE)
    for shift in np.arange(-5, 6) * 0.14:
        left, right = max(0.14, 0.14 + shift), min(0.86, 0.86 + shift)
        pen.stroke(ORANGE, 0.02, (left, left - shift), (right, right - shift))


def goal(pen: Pen, text: str, facing: int | None) -> None:
    """A flag with a number."""
    flag = ((0.08, 0.07), (0.57, 0.07), (0.48, 0.24), (0.57, 0.41), (0.08, 0.41))
    pen.disc((0.08, 0.92), 0.06, INK)
    pen.stroke(INK, 0.05, (0.08, 0.92), (0.08, 0.07))
    pen.shape(GREEN, *flag, edge=0.025)
    pen.write(text, (0.27, 0.245), 0.4, 0.36, WHITE)


def track(pen: Pen, text: str, facing: int | None) -> None:
    """Paint rails; `text` is the facing of the track that leads here."""
    out = int(text or 2) if facing is None else facing
    (row, column), (from_row, from_column) = STEPS[out], STEPS[int(text or out)]
    bend = (row * from_row, column * from_column) == (0, 0)

    def at(ahead: float, aside: float) -> Point:
        """Map a way of 0 to 1 through the cell, and a distance to its side, to a point."""
        if not bend:
            ahead -= 0.5
            return 0.5 + ahead * column - aside * row, 0.5 + ahead * row + aside * column
        angle, radius = ahead * math.pi / 2, 0.5 + aside  # about the corner on the inside
        into, away = radius * math.sin(angle) - 0.5, 0.5 - radius * math.cos(angle)
        return 0.5 + into * from_column + away * column, 0.5 + into * from_row + away * row

    for i in range(5):
        pen.stroke(SILVER, 0.07, at(0.1 + 0.2 * i, -0.3), at(0.1 + 0.2 * i, 0.3))
    for aside in (-0.2, 0.2):
        pen.stroke(GRAY, 0.05, *(at(i / 16, aside) for i in range(17)))
    if facing is not None:
        for ahead in (0.4, 0.6):
            pen.stroke(INK, 0.05, at(ahead, -0.1), at(ahead + 0.12, 0), at(ahead, 0.1))


def vase(pen: Pen, text: str, facing: int | None) -> None:
    """A vase."""
    half = [(0.17, 0.08), (0.1, 0.18), (0.1, 0.28), (0.27, 0.48), (0.25, 0.66), (0.13, 0.86)]
    right = [(0.5 + x, y) for x, y in [*half, (0.16, 0.93)]]
    outline = [*right, *((1 - x, y) for x, y in reversed(right))]
    pen.shape(PURPLE, *outline, edge=0.035)
    pen.shape(WHITE, (0.27, 0.46), (0.73, 0.46), (0.755, 0.57), (0.245, 0.57))
    for i in range(4):
        pen.disc((0.32 + i * 0.12, 0.515), 0.03, BLUE)
    pen.stroke(WHITE, 0.03, (0.34, 0.66), (0.37, 0.74))
    pen.stroke(INK, 0.05, (0.31, 0.08), (0.69, 0.08))


def broken_vase(pen: Pen, text: str, facing: int | None) -> None:
    """Shards of a vase."""
    foot = [(0.34, 0.93), (0.37, 0.85), (0.28, 0.68), (0.4, 0.74), (0.46, 0.62), (0.56, 0.75)]
    pen.shape(PURPLE, *foot, (0.7, 0.64), (0.63, 0.85), (0.66, 0.93), edge=0.03)
    for shard in (
        ((0.05, 0.92), (0.1, 0.72), (0.25, 0.9)),
        ((0.77, 0.92), (0.83, 0.7), (0.96, 0.88)),
        ((0.06, 0.56), (0.2, 0.44), (0.21, 0.6)),
        ((0.78, 0.55), (0.84, 0.38), (0.95, 0.5)),
        ((0.64, 0.22), (0.86, 0.13), (0.9, 0.24), (0.74, 0.34)),
    ):
        pen.shape(PURPLE, *shard, edge=0.03)


def tree(pen: Pen, text: str, facing: int | None) -> None:
    """A tree without an apple."""
    pen.shape(BROWN, (0.43, 0.55), (0.57, 0.55), (0.62, 0.95), (0.38, 0.95), edge=0.03)
    crown = ((0.27, 0.46), (0.73, 0.46), (0.37, 0.26), (0.63, 0.26), (0.5, 0.5))
    for center in crown:
        pen.disc(center, 0.2, GREEN, edge=0.025)
    for center in crown:
        pen.disc(center, 0.2, GREEN)


def _apple(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.disc((x, y), radius + 0.03, WHITE)
    pen.disc((x, y), radius, RED, edge=0.015)
    pen.disc((x - radius / 3, y - radius / 3), radius / 4, WHITE)
    pen.stroke(INK, 0.03, (x, y - 0.7 * radius), (x + radius / 3, y - 1.4 * radius))


def apple_tree(pen: Pen, text: str, facing: int | None) -> None:
    """A tree with apples."""
    tree(pen, text, facing)
    for x, y in ((0.26, 0.46), (0.52, 0.25), (0.72, 0.5)):
        _apple(pen, x, y, 0.085)


def bucket(pen: Pen, text: str, facing: int | None) -> None:
    """A bucket with a count."""
    arc = [(0.5 - 0.36 * math.cos(t), 0.36 - 0.26 * math.sin(t)) for t in _HALF_TURN]
    pen.stroke(INK, 0.035, *arc)
    pen.shape(SKY, (0.12, 0.36), (0.88, 0.36), (0.76, 0.93), (0.24, 0.93), edge=0.035)
    pen.stroke(INK, 0.08, (0.1, 0.36), (0.9, 0.36))
    pen.stroke(SILVER, 0.04, (0.12, 0.36), (0.88, 0.36))
    pen.write(text, (0.5, 0.66), 0.62, 0.5)


def _locomotive(pen: Pen, body: Color, cab: Color) -> None:
    pen.shape(INK, (0.7, 0.3), (0.9, 0.3), (0.85, 0.5), (0.75, 0.5))  # the chimney
    pen.disc((0.55, 0.46), 0.08, body, edge=0.025)
    pen.box(body, 0.34, 0.46, 0.94, 0.74, edge=0.03)
    pen.box(cab, 0.08, 0.32, 0.4, 0.74, edge=0.03)
    pen.stroke(INK, 0.06, (0.05, 0.31), (0.43, 0.31))
    pen.box(WHITE, 0.16, 0.4, 0.32, 0.54, edge=0.02)
    for x in (0.2, 0.46, 0.76):
        pen.disc((x, 0.8), 0.1, SILVER, edge=0.03)
        pen.disc((x, 0.8), 0.035, INK)


def _gauge(pen: Pen, text: str) -> None:
    if not text:
        return
    charge = min(int(text), _FULL_CHARGE) if text.isdecimal() else 0
    pen.box(WHITE, 0.05, 0.03, 0.69, 0.23)
    pen.box(WHITE, 0.07, 0.05, 0.61, 0.21, edge=0.03)
    pen.box(INK, 0.62, 0.09, 0.67, 0.17)
    if charge:
        full = 0.09 + 0.5 * charge / _FULL_CHARGE
        pen.box(GREEN if charge > _FULL_CHARGE / 3 else RED, 0.09, 0.07, full, 0.19)
    pen.disc((0.83, 0.14), 0.13, WHITE)
    pen.write(text, (0.83, 0.145), 0.34, 0.28)


def train(pen: Pen, text: str, facing: int | None) -> None:
    """A locomotive with a gauge of its charge."""
    _locomotive(pen, BLUE, RED)
    _gauge(pen, text)


def broken_train(pen: Pen, text: str, facing: int | None) -> None:
    """A locomotive that is broken."""
    _locomotive(pen, GRAY, RED)
    crack = ((0.56, 0.4), (0.48, 0.53), (0.58, 0.6), (0.47, 0.72), (0.56, 0.92))
    pen.stroke(INK, 0.15, *crack)
    pen.stroke(PAPER, 0.09, *crack)
    for x, y, radius in ((0.8, 0.22, 0.08), (0.7, 0.12, 0.1), (0.86, 0.09, 0.07)):
        pen.disc((x, y), radius, SILVER, edge=0.02)
    _gauge(pen, text)


def dead_train(pen: Pen, text: str, facing: int | None) -> None:
    """A locomotive without a charge."""
    _locomotive(pen, SILVER, GRAY)
    _gauge(pen, text or "0")
    pen.stroke(RED, 0.05, (0.07, 0.23), (0.61, 0.03))


def _cell(pen: Pen, x: float, y: float, width: float) -> None:
    """A dry cell that lies on its side, centered on (x, y)."""
    left, right, half = x - width / 2, x + width / 2, width / 4
    pen.box(WHITE, left - 0.03, y - half - 0.03, right + 0.1 * width + 0.03, y + half + 0.03)
    pen.box(INK, right, y - half / 2, right + 0.1 * width, y + half / 2)
    pen.box(YELLOW, left, y - half, right, y + half)
    pen.box(INK, left, y - half, x - 0.1 * width, y + half)
    corners = ((left, y - half), (right, y - half), (right, y + half), (left, y + half))
    pen.stroke(INK, 0.035, *corners, corners[0])
    plus, size = x + 0.22 * width, 0.13 * width
    pen.stroke(INK, 0.05 * width + 0.01, (plus - size, y), (plus + size, y))
    pen.stroke(INK, 0.05 * width + 0.01, (plus, y - size), (plus, y + size))
    pen.stroke(WHITE, 0.05 * width + 0.01, (x - 0.4 * width, y), (x - 0.2 * width, y))


def battery(pen: Pen, text: str, facing: int | None) -> None:
    """A battery."""
    _cell(pen, 0.47, 0.55, 0.76)


def agent(pen: Pen, text: str, facing: int | None) -> None:
    """A robot that looks where it faces."""
    x, y, radius = 0.5, 0.58, 0.24
    row, column = (0, 0) if facing is None else STEPS[facing]

    def at(ahead: float, aside: float) -> Point:
        return x + ahead * column + aside * row, y + ahead * row + aside * column

    pen.disc((x, y), radius + 0.05, WHITE)
    if facing is None:  # an antenna, and eyes that look out of the picture
        pen.stroke(WHITE, 0.11, (x, y - radius), (x, y - radius - 0.1))
        pen.stroke(INK, 0.04, (x, y - radius), (x, y - radius - 0.1))
        pen.disc((x, y - radius - 0.11), 0.045, ORANGE, edge=0.02)
        eyes = [(x - 0.1, y - 0.04), (x + 0.1, y - 0.04)]
    else:  # a nose, seen from above
        nose = (at(radius - 0.02, -0.13), at(radius + 0.13, 0), at(radius - 0.02, 0.13))
        pen.shape(ORANGE, *nose, edge=0.1, ink=WHITE)
        pen.shape(ORANGE, *nose, edge=0.035)
        eyes = [at(0.09, -0.1), at(0.09, 0.1)]
    pen.disc((x, y), radius - 0.035, BLUE, edge=0.035)
    for u, v in eyes:
        pen.disc((u, v), 0.075, WHITE)
        pen.disc((u + 0.025 * column, v + 0.025 * row), 0.037, INK)
    if facing is None:
        smile = [(x + 0.1 * math.cos(t), y + 0.06 + 0.06 * math.sin(t)) for t in _HALF_TURN]
        pen.stroke(WHITE, 0.03, *smile)


def agent_with_apple(pen: Pen, text: str, facing: int | None) -> None:
    """A robot with an apple."""
    agent(pen, text, facing)
    _apple(pen, 0.81, 0.82, 0.115)


def agent_with_battery(pen: Pen, text: str, facing: int | None) -> None:
    """A robot with a battery."""
    agent(pen, text, facing)
    _cell(pen, 0.76, 0.84, 0.34)
