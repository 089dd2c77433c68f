"""Figures of inferred rewards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.plotting.feature_weights import are_named, draw_sizes, sizes_title
from rlsp_sb3.plotting.heatmap import GridEnv, draw_map, draw_picture, rewards_by_cell, symbols_of
from rlsp_sb3.plotting.style import BLUE, GREEN, INK, ORANGE, plain_axes, save_png
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.utils.checks import check_array
from rlsp_sb3.utils.errors import NotOfferedError

INFERRED, TASK, TRUE = BLUE, ORANGE, GREEN
"""The colors of the three rewards."""


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
    if picture is not None:
        check_array("picture", picture, ("height", "width", 3))
    env = learner.unwrapped_env
    panels: list[tuple[float, float, Any]] = []  # width and height, and what draws it
    if plans_policy(learner) and isinstance(env, GridEnv):
        rewards = rewards_by_cell(learner)
        cell = max(0.62, 3 / max(rewards.shape))
        height, width = cell * rewards.shape[0], cell * rewards.shape[1]
        symbols = [] if picture is not None else symbols_of(env)
        if picture is not None:
            panels.append((width, height, lambda axes: draw_picture(axes, picture)))
        panels.append((width, height, lambda axes: draw_map(axes, rewards, symbols)))
    if isinstance(learner.reward, LinearReward):
        if are_named(learner.reward.feature_names):
            height = 0.34 * len(learner.reward.weights) + 0.4
            panels.append((3.6, height, lambda axes: _draw_weights(axes, learner)))
        else:
            panels.append((5.4, 3.0, lambda axes: _draw_sizes(axes, learner.reward)))
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
    save_png(figure, path)


def _draw_sizes(axes: Axes, reward: LinearReward) -> None:
    draw_sizes(axes, {"inferred": reward.weights[None]}, {"inferred": (INFERRED, "-")})
    axes.set_title(sizes_title(reward.feature_names))


def _draw_weights(axes: Axes, learner: RewardLearner) -> None:
    reward: Any = learner.reward
    places = np.arange(len(reward.weights))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.barh(places, reward.weights, color=INFERRED, height=0.62, label="inferred")
    looks: dict[str, dict[str, Any]] = {
        "task": {"marker": "D", "color": TASK, "markersize": 6},
        "true": {"marker": "o", "color": TRUE, "markersize": 11, "markerfacecolor": "none"},
    }
    for name, look in looks.items():
        given = getattr(learner.unwrapped_env, f"{name}_reward", None)
        if given is not None and len(given) == len(reward.weights):
            where = np.asarray(given) != 0
            axes.plot(np.asarray(given)[where], places[where], label=name, ls="", mew=2, **look)
    axes.set_yticks(places, reward.feature_names)
    axes.invert_yaxis()
    axes.set_xlabel("weight (task and true: 0 where none is drawn)")
    axes.set_title("weight of each feature")
    axes.margins(x=0.08)
    plain_axes(axes, "x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.figure.legend(loc="outside lower right", ncols=3, frameon=False)
