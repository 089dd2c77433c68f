"""Heatmap of the inferred reward over the cells of a grid."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rlsp_sb3.plotting.style import INK, LINE
from rlsp_sb3.type_aliases import FloatArray

COLORS = "RdBu"  # red below 0, blue above: apart for the color-blind too


@runtime_checkable
class GridEnv(Protocol):
    """A tabular environment in which an agent moves on a grid."""

    def agent_at_each_cell(self, state: Any) -> NDArray[np.int64]:
        """The states that differ from one state in where the agent stands.

        Returns:
            Their indices by cell (height, width), -1 where the agent cannot be.
        """


def rewards_by_cell(learner: Any) -> FloatArray:
    """The inferred reward (height, width) of the observed state with the agent in each cell."""
    env = learner.unwrapped_env
    observed = env.state_indices(learner.observed_states)[0]
    states = env.agent_at_each_cell(observed)
    rewards = learner.inferred_rewards
    if rewards.ndim == 2:  # it depends on time: that at the start
        rewards = rewards[0]
    return np.where(states < 0, np.nan, rewards[states])


def symbols_of(env: Any) -> list[str]:
    """Symbols of the gridworld's layout in each row, if there is one."""
    rows = getattr(getattr(env, "layout", None), "rows", [])
    return [row.replace(".", " ").replace("A", " ") for row in rows]


def draw_picture(axes: Axes, picture: NDArray[np.uint8]) -> None:
    """Draw what the observed state looks like (height, width, 3)."""
    axes.imshow(picture)
    axes.set_title("observed state")
    axes.set_axis_off()


def draw_map(
    axes: Axes,
    rewards: FloatArray,
    symbols: list[str],
    title: str = "inferred reward, with\nthe agent in each cell",
    limit: float | None = None,
) -> None:
    """Draw rewards by cell (height, width), NaN where the agent cannot be.

    Args:
        axes: Where to.
        rewards: The rewards.
        symbols: What stands in each row, a letter for each cell.
        title: The title.
        limit: The largest absolute reward that colors tell apart; None for that of these.
    """
    finite = rewards[np.isfinite(rewards)]
    largest = limit or float(np.abs(finite).max(initial=0)) or 1.0
    limit = 1.25 * largest  # the ends of the color map are too dark to be told apart
    axes.set_facecolor(LINE)
    image = axes.imshow(rewards, cmap=COLORS, vmin=-limit, vmax=limit)
    height, width = rewards.shape
    for (row, column), reward in np.ndenumerate(rewards):
        known = bool(np.isfinite(reward))
        color = "white" if known and abs(reward) > 0.7 * limit else INK
        text = _signed(reward) if known else "×"
        axes.text(column, row, text, color=color, size=9, ha="center", va="center")
        if row < len(symbols) and column < len(symbols[row]):
            place: dict[str, Any] = {"ha": "left", "va": "top", "size": 7, "weight": "bold"}
            axes.text(column - 0.45, row - 0.45, symbols[row][column], color=color, **place)
    axes.set_title(title)
    axes.set_xticks(range(width))
    axes.set_yticks(range(height))
    axes.set_xlabel("column" if len(finite) == rewards.size else "column\n(×: impossible)")
    axes.set_ylabel("row")
    axes.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    beside = axes.inset_axes((1.04, 0, 0.15 / width, 1))
    axes.figure.colorbar(image, cax=beside, label="inferred reward")


def _signed(number: float) -> str:
    text = f"{number:+.2f}".replace("-", "−")
    return text[1:] if text[1:] == "0.00" else text
