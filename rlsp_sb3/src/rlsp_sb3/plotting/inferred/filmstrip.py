"""Filmstrip of the states with the highest and the lowest inferred reward."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray
from stable_baselines3.common.preprocessing import is_image_space_channels_first

from rlsp_sb3.plotting.inferred.reward_samples import RewardSamples
from rlsp_sb3.state_reset import state_setter
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types
from rlsp_sb3.video.recording import render_image, rendering

_N_PICTURES = 5
_APART = 20  # steps between two states of a row, which would else be one moment
_COLORS = 3  # of a picture that is not gray

Strip = dict[str, tuple[NDArray[Any], FloatArray]]
"""States (K, *observation_shape) and their rewards (K,), by what they are."""


@checks_types
def plot_reward_filmstrip(samples: RewardSamples, env: gym.Env[Any, Any] | None = None) -> Figure:
    """Draw what states look like: observed ones, and those with the highest and lowest reward.

    The latter are among the states that are visited, at least 20 steps apart.

    Args:
        samples: What :func:`~rlsp_sb3.plotting.sample_rewards` returns.
        env: The environment once more, with the render mode "rgb_array"; None if observations are
            images.

    Raises:
        NotOfferedError: If the environment cannot be put into a state or rendered.
    """
    rows = pictures(samples, env)
    figure = Figure(figsize=filmstrip_size(rows), layout="constrained")
    draw_filmstrip(figure, rows)
    return figure


def strip(samples: RewardSamples) -> Strip:
    """The observed states, and those visited that have the highest and the lowest reward."""
    states = np.concatenate([visited.states for visited in samples.visited.values()])
    rewards = np.concatenate([visited.inferred for visited in samples.visited.values()])
    order = np.argsort(-rewards, kind="stable")
    observed = samples.observed_states[:_N_PICTURES], samples.observed_rewards[:_N_PICTURES]
    rows: Strip = {"observed": observed}
    for name, ranked in (("highest reward", order), ("lowest reward", order[::-1])):
        chosen = apart(ranked, states)
        rows[name] = states[chosen], rewards[chosen]
    return rows


def apart(ranked: NDArray[np.intp], states: NDArray[Any]) -> NDArray[np.intp]:
    """The first of some indices whose states are different ones, of different moments."""
    chosen: list[int] = []
    for index in ranked:
        if len(chosen) == _N_PICTURES:
            break
        if all(
            abs(index - other) >= _APART and not np.array_equal(states[index], states[other])
            for other in chosen
        ):
            chosen.append(int(index))
    return np.array(chosen, dtype=np.intp)


Pictures = dict[str, list[tuple[NDArray[Any], float]]]
"""Pictures (height, width) or (height, width, 3) with their rewards, by what they are."""


def pictures(samples: RewardSamples, env: gym.Env[Any, Any] | None) -> Pictures:
    """Pictures of the states of a strip."""
    rows = strip(samples)
    if samples.shows_images:
        first = is_image_space_channels_first(samples.space)  # type: ignore[arg-type]
        looks = {
            name: [_image(each, first) for each in states] for name, (states, _) in rows.items()
        }
    else:
        if env is None:
            raise NotOfferedError("there is no environment to be rendered")
        looks = {name: _rendered(env, states) for name, (states, _) in rows.items()}
    return {
        name: list(zip(looks[name], rewards.tolist(), strict=True))
        for name, (_, rewards) in rows.items()
    }


def _rendered(env: gym.Env[Any, Any], states: NDArray[Any]) -> list[NDArray[Any]]:
    if env.render_mode != "rgb_array":
        raise NotOfferedError(
            f'env has the render mode {env.render_mode!r}: expected "rgb_array", by gym.make'
        )
    try:
        set_state = state_setter(env)
    except TypeError as error:
        raise NotOfferedError(str(error)) from error
    found = []
    with rendering():
        for state in states:
            env.reset(seed=0)
            set_state(state)
            found.append(render_image(env))
    return found


def _image(observation: NDArray[Any], channels_first: bool) -> NDArray[Any]:
    """An image observation as a picture; of several that are stacked the last, in gray."""
    picture = np.moveaxis(observation, 0, -1) if channels_first else observation
    return picture if picture.shape[-1] == _COLORS else picture[..., -1]


def filmstrip_size(rows: Pictures) -> tuple[float, float]:
    """Width and height of a filmstrip in inches."""
    return 1.9 * max(map(len, rows.values())) + 0.4, 1.7 * len(rows) + 0.3


def draw_filmstrip(figure: FigureBase, rows: Pictures) -> None:
    """Draw a filmstrip into an empty figure, or a part of one."""
    columns = max(map(len, rows.values()))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for all_axes, (name, row) in zip(grid, rows.items(), strict=True):
        for axes in all_axes:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        all_axes[0].set_ylabel(name)
        for axes, (picture, reward) in zip(all_axes, row, strict=False):
            axes.imshow(picture, cmap="gray" if picture.ndim == 2 else None)
            axes.set_title(f"{reward:.3g}".replace("-", "−"), size=9)
    figure.suptitle("States by their inferred reward", size=10)
