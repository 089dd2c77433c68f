"""Overview of what a reward means: profiles, heat map, true reward and pictures in one figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import gymnasium as gym
from matplotlib.figure import Figure, FigureBase

from rlsp_sb3.plotting.inferred.filmstrip import draw_filmstrip, filmstrip_size, pictures
from rlsp_sb3.plotting.inferred.heat_map import draw_reward_map, two_that_matter
from rlsp_sb3.plotting.inferred.profiles import draw_profiles, profiles, profiles_size
from rlsp_sb3.plotting.inferred.reward_samples import RewardSamples
from rlsp_sb3.plotting.inferred.scatter import draw_scatter, true_rewards
from rlsp_sb3.utils.errors import NotOfferedError

_SQUARE = 5.2, 4.4  # inches
Found = TypeVar("Found")


class Part(NamedTuple):
    """A part of a figure.

    Attributes:
        width: Its width in inches.
        height: Its height.
        draw: Draws it into a part of a figure that is empty.
    """

    width: float
    height: float
    draw: Callable[[FigureBase], None]


def overview_rows(samples: RewardSamples, env: gym.Env[Any, Any] | None) -> list[list[Part]]:
    """Rows of parts that show what a reward means, as far as there is something to show.

    Args:
        samples: What is shown.
        env: The environment, to be rendered; None if it cannot.
    """
    rows: list[list[Part]] = []
    squares: list[Part] = []
    if found := offered(lambda: profiles(samples)):
        size = profiles_size(len(found))
        rows.append([Part(*size, lambda part: draw_profiles(part, samples, found))])
        if entries := offered(lambda: two_that_matter(found)):
            squares.append(
                Part(*_SQUARE, lambda part: draw_reward_map(part.subplots(), samples, entries))
            )
    true = offered(lambda: true_rewards(samples))
    if true is not None:
        squares.append(Part(*_SQUARE, lambda part: draw_scatter(part.subplots(), samples, true)))
    if squares:
        rows.append(squares)
    if strip := offered(lambda: pictures(samples, env)):
        rows.append([Part(*filmstrip_size(strip), lambda part: draw_filmstrip(part, strip))])
    return rows


def offered(find: Callable[[], Found]) -> Found | None:
    """The result of a search; None if it is not offered."""
    try:
        return find()
    except NotOfferedError:
        return None


def compose(rows: Sequence[Sequence[Part]], title: str) -> Figure:
    """One figure of parts, row by row."""
    heights = [max(part.height for part in row) for row in rows]
    width = max(sum(part.width for part in row) for row in rows)
    figure = Figure(figsize=(width, sum(heights) + 0.5), layout="constrained")
    outer = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
    for sub, row in zip(outer, rows, strict=True):
        widths = [part.width for part in row]
        columns = sub.subfigures(1, len(widths), width_ratios=widths, squeeze=False)[0]
        for part, column in zip(row, columns, strict=True):
            part.draw(column)
    figure.suptitle(title)
    return figure
