"""Figures of inferred rewards."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_sb3.base import RewardLearner
from rlsp_sb3.errors import NotOfferedError
from rlsp_sb3.planning import FloatArray
from rlsp_sb3.reward import LinearReward
from rlsp_sb3.tabular import plans

INFERRED, TASK, TRUE, INK = "#0072B2", "#E69F00", "#009E73", "#28282E"  # Okabe and Ito 2008
COLOURS = "RdBu"  # red below 0, blue above: apart for the colour-blind too
MAX_FEATURES = 40


@runtime_checkable
class GridEnv(Protocol):
    """A tabular environment in which an agent moves on a grid."""

    def agent_at_each_cell(self, state: Any) -> NDArray[np.int64]:
        """The states that differ from one state in where the agent stands.

        Returns:
            Their indices by cell (height, width), -1 where the agent cannot be.
        """


def reward_heatmap(
    learner: RewardLearner, path: str | Path, picture: NDArray[np.uint8] | None = None
) -> None:
    """Draw the inferred reward over the grid, and beside it the weights of the features.

    Args:
        learner: A learner that has learned. The map needs a tabular one, in an environment that is
            a :class:`GridEnv`; the weights need a :class:`~rlsp_sb3.LinearReward`.
        path: Where to write the PNG.
        picture: What the observed state looks like (height, width, 3), to be put beside the map.

    Raises:
        NotOfferedError: If there is neither a grid nor a weight to draw.
    """
    env = learner.unwrapped_env
    panels: list[tuple[float, float, Any]] = []  # width and height, and what draws it
    if plans(learner) and isinstance(env, GridEnv):
        rewards = _rewards_by_cell(learner)
        cell = max(0.62, 3 / max(rewards.shape))
        height, width = cell * rewards.shape[0], cell * rewards.shape[1]
        symbols = [] if picture is not None else _symbols(env)
        if picture is not None:
            panels.append((width, height, lambda axes: _draw_picture(axes, picture)))
        panels.append((width, height, lambda axes: _draw_map(axes, rewards, symbols)))
    if isinstance(learner.reward, LinearReward):
        n_features = min(len(learner.reward.weights), MAX_FEATURES)
        panels.append((3.6, 0.34 * n_features + 0.4, lambda axes: _draw_weights(axes, learner)))
    if not panels:
        raise NotOfferedError(
            "there is no grid (the environment offers no agent_at_each_cell) and the reward is "
            f"no LinearReward but a {type(learner.reward).__name__}"
        )
    widths, heights, drawings = zip(*panels, strict=True)
    size = (sum(widths) + 1.2 * len(panels) + 1.2, max(heights) + 2)  # with room for labels
    figure = Figure(figsize=size, layout="constrained")
    all_axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
    for axes, draw in zip(all_axes, drawings, strict=True):
        draw(axes)
    spec = getattr(env, "spec", None)
    name = spec.id if spec else type(env).__name__
    figure.suptitle(f"What {type(learner).__name__} infers from the observed state of {name}\n")
    figure.savefig(path, format="png", dpi=120)


def _rewards_by_cell(learner: Any) -> FloatArray:
    """The inferred reward (height, width) of the observed state with the agent in each cell."""
    env = learner.unwrapped_env
    observed = env.state_indices(learner.observed_states)[0]
    states = env.agent_at_each_cell(observed)
    rewards = learner.inferred_rewards
    if rewards.ndim == 2:  # it depends on time: that at the start
        rewards = rewards[0]
    return np.where(states < 0, np.nan, rewards[states])


def _symbols(env: Any) -> list[str]:
    """What the layout of the world has in each row, if there is one."""
    rows = getattr(getattr(env, "layout", None), "rows", [])
    return [row.replace(".", " ").replace("A", " ") for row in rows]


def _draw_picture(axes: Axes, picture: NDArray[np.uint8]) -> None:
    axes.imshow(picture)
    axes.set_title("observed state")
    axes.set_axis_off()


def _draw_map(axes: Axes, rewards: FloatArray, symbols: list[str]) -> None:
    finite = rewards[np.isfinite(rewards)]
    largest = float(np.abs(finite).max(initial=0)) or 1.0
    limit = 1.25 * largest  # the ends of the colour map are too dark to be told apart
    axes.set_facecolor("#DDDDDD")
    image = axes.imshow(rewards, cmap=COLOURS, vmin=-limit, vmax=limit)
    height, width = rewards.shape
    for (row, column), reward in np.ndenumerate(rewards):
        known = bool(np.isfinite(reward))
        colour = "white" if known and abs(reward) > 0.7 * limit else INK
        text = _signed(reward) if known else "×"
        axes.text(column, row, text, color=colour, size=9, ha="center", va="center")
        if row < len(symbols) and column < len(symbols[row]):
            place: dict[str, Any] = {"ha": "left", "va": "top", "size": 7, "weight": "bold"}
            axes.text(column - 0.45, row - 0.45, symbols[row][column], color=colour, **place)
    axes.set_title("inferred reward, with\nthe agent in each cell")
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


def _draw_weights(axes: Axes, learner: RewardLearner) -> None:
    reward: Any = learner.reward
    shown = np.sort(np.argsort(-np.abs(reward.weights), kind="stable")[:MAX_FEATURES])
    places = np.arange(len(shown))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.barh(places, reward.weights[shown], color=INFERRED, height=0.62, label="inferred")
    looks: dict[str, dict[str, Any]] = {
        "task": {"marker": "D", "color": TASK, "markersize": 6},
        "true": {"marker": "o", "color": TRUE, "markersize": 11, "markerfacecolor": "none"},
    }
    for name, look in looks.items():
        given = getattr(learner.unwrapped_env, f"{name}_reward", None)
        if given is not None and len(given) == len(reward.weights):
            given = np.asarray(given)[shown]
            where = given != 0
            axes.plot(given[where], places[where], label=name, ls="", mew=2, **look)
    axes.set_yticks(places, [reward.feature_names[i] for i in shown])
    axes.invert_yaxis()
    axes.set_xlabel("weight (task and true: 0 where none is drawn)")
    left_out = len(reward.weights) - len(shown)
    note = f"\n({left_out} smaller ones are left out)" if left_out else ""
    axes.set_title(f"weight of each feature{note}")
    axes.margins(x=0.08)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.figure.legend(loc="outside lower right", ncols=3, frameon=False)
