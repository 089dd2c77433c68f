"""Figure of an inferred reward: over a grid, or over observations where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import DependencyNotInstalled
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from stable_baselines3.common.logger import Figure as LoggedFigure

from rlsp_sb3.encoders.base import IdentityEncoder
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.learners.tensorboard import log_to_tensorboard
from rlsp_sb3.plotting.feature_weights import are_named
from rlsp_sb3.plotting.heatmap import GridEnv, draw_map, draw_picture, rewards_by_cell, symbols_of
from rlsp_sb3.plotting.inferred.overview import Part, compose, overview_rows
from rlsp_sb3.plotting.inferred.reward_samples import learner_samples, remade_env
from rlsp_sb3.plotting.style import BLUE, GREEN, INK, ORANGE, plain_axes
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.utils.checks import check_array
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types
from rlsp_sb3.video.recording import choose_gl_backend
from rlsp_sb3.video.robot_gif import observed_state_image

FIGURE_NAME = "rlsp/inferred_reward"  # in TensorBoard

INFERRED, TASK, TRUE = BLUE, ORANGE, GREEN
"""The colors of the three rewards."""


@checks_types
def plot_reward(learner: RewardLearner, picture: NDArray[np.uint8] | None = None) -> Figure:
    """Draw what a learner has inferred.

    In an environment with a grid: the reward over its cells. In any other: the reward over each
    entry of an observation, over the two that matter most, against the environment's reward, and
    the states with the highest and the lowest reward, as far as the environment allows it. Beside
    that the weights of features that are named and few; of a tabular environment nothing but those.

    The learner and its environment stay as they are: states are visited in one made anew.

    Args:
        learner: A learner that has learned.
        picture: What the observed state looks like (height, width, 3), to be put beside the map of
            a grid; None to find out.

    Raises:
        NotOfferedError: If there is nothing to draw: the reward is none of states.
    """
    if picture is not None:
        check_array("picture", picture, ("height", "width", 3))
    env = learner.unwrapped_env
    if plans_policy(learner) and isinstance(env, GridEnv):
        rows = [[*_grid_parts(learner, env, picture), *_weight_parts(learner)]]
    else:
        rows = _overview(learner)
    states = "state" if len(learner.observed_states) == 1 else "states"
    name = f"{type(learner).__name__} infers from the observed {states} of {_env_id(env)}"
    return compose(rows, f"What {name}")


@checks_types
def log_reward_figure(learner: RewardLearner) -> Figure:
    """Draw what a learner has inferred, as :func:`plot_reward` does, and show it in TensorBoard.

    And so in what follows TensorBoard's files, such as W&B.

    Args:
        learner: A learner that has learned, and logs for TensorBoard.

    Returns:
        The figure.

    Raises:
        NotOfferedError: If there is nothing to draw.
        RuntimeError: If there is no logger yet.
    """
    logger, figure = learner.logger, plot_reward(learner)
    shown = LoggedFigure(figure, close=False)  # pyplot does not know it
    log_to_tensorboard(logger, FIGURE_NAME, shown, learner.num_timesteps)
    return figure


def _env_id(env: Any) -> str:
    spec = getattr(env, "spec", None)
    return str(spec.id) if spec else type(env).__name__


def _grid_parts(learner: Any, env: GridEnv, picture: NDArray[np.uint8] | None) -> list[Part]:
    """The reward over the cells of a grid, and what they look like."""
    rewards = rewards_by_cell(learner)
    if picture is None and (spec := getattr(env, "spec", None)):
        picture = observed_state_image(learner, spec.id)
    cell = max(0.62, 3 / max(rewards.shape))
    size = cell * rewards.shape[1] + 1.2, cell * rewards.shape[0] + 1.6
    symbols = [] if picture is not None else symbols_of(env)
    parts = [Part(*size, lambda part: draw_map(part.subplots(), rewards, symbols))]
    if picture is not None:
        parts.insert(0, Part(*size, lambda part: draw_picture(part.subplots(), picture)))
    return parts


def _overview(learner: RewardLearner) -> list[list[Part]]:
    """The reward over observations, and the weights of its features."""
    weights = _weight_parts(learner)
    if weights and plans_policy(learner):  # whose states may have no more to show
        return [weights]
    try:
        samples = learner_samples(learner)
        with _env_to_render(learner) as env:
            rows = overview_rows(samples, env)
    except NotOfferedError:
        if not weights:
            raise
        rows = []
    if weights:
        rows.append(weights)
    if not rows:
        raise NotOfferedError("the reward is the same in every state, and has no named features")
    return rows


@contextmanager
def _env_to_render(learner: RewardLearner) -> Iterator[gym.Env[Any, Any] | None]:
    """The environment of a learner once more, to be rendered; None if it cannot be."""
    env = None
    if "rgb_array" in (learner.unwrapped_env.metadata.get("render_modes") or ()):
        choose_gl_backend()
        try:
            env = remade_env(learner, render_mode="rgb_array")
        except (NotOfferedError, DependencyNotInstalled):
            env = None
    try:
        yield env
    finally:
        if env is not None:
            env.close()


def _weight_parts(learner: RewardLearner) -> list[Part]:
    """The weights of features, if they are named and few, and no entries of observations."""
    reward = learner.reward
    if not isinstance(reward, LinearReward) or not are_named(reward.feature_names):
        return []
    if isinstance(reward.features, IdentityEncoder):
        return []
    height = 0.34 * len(reward.weights) + 2
    return [Part(4.8, height, lambda part: _draw_weights(part.subplots(), learner))]


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
