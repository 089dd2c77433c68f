"""Heat map of a reward over the two entries of an observation that matter most."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.plotting.inferred.profiles import Profile, entry_values, profiles
from rlsp_sb3.plotting.inferred.reward_samples import RewardSamples, flat
from rlsp_sb3.plotting.style import BEHAVIORS, INK, OBSERVED
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types

COLORS = "cividis"  # lighter is more, for the color-blind and in gray, too
_N_VALUES = 61
_MAX_POINTS = 300


def reward_surface(
    samples: RewardSamples, first: int, second: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rewards over two entries, with all others as in the first observed state.

    Returns:
        The values of the first entry (K,) and of the second (L,), and the rewards (L, K).
    """
    x, y = (entry_values(samples, entry, _N_VALUES) for entry in (first, second))
    states = np.repeat(flat(samples.observed_states[:1]), len(x) * len(y), axis=0)
    states[:, first] = np.tile(x, len(y))
    states[:, second] = np.repeat(y, len(x))
    return x, y, samples.rewards(states).reshape(len(y), len(x))


@checks_types
def plot_reward_map(samples: RewardSamples) -> Figure:
    """Draw the reward over the two entries of an observation over which it ranges most.

    All other entries are as in the first observed state. The points are states: observed ones, and
    those that random behavior, and the policy, visit.

    Args:
        samples: What :func:`~rlsp_sb3.plotting.sample_rewards` returns.

    Raises:
        NotOfferedError: If observations are images, or have fewer than two entries that vary.
    """
    found = two_that_matter(profiles(samples))
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    draw_reward_map(figure.subplots(), samples, found)
    return figure


def two_that_matter(found: list[Profile]) -> tuple[int, int]:
    """The entries of the first two profiles.

    Raises:
        NotOfferedError: If there are fewer.
    """
    if len(found) < 2:
        raise NotOfferedError("the observations have fewer than two entries that vary")
    return found[0].entry, found[1].entry


def draw_reward_map(axes: Axes, samples: RewardSamples, entries: tuple[int, int]) -> None:
    """Draw the reward over two entries."""
    first, second = entries
    x, y, rewards = reward_surface(samples, first, second)
    image = axes.pcolormesh(x, y, rewards, cmap=COLORS, shading="nearest", rasterized=True)
    limits = axes.axis()
    for name, visited in samples.visited.items():
        points = flat(visited.states)[:: max(1, len(visited.states) // _MAX_POINTS)]
        axes.plot(points[:, first], points[:, second], label=name, **BEHAVIORS[name])
    observed = flat(samples.observed_states)
    axes.plot(observed[:, first], observed[:, second], label="observed", markersize=13, **OBSERVED)
    axes.axis(limits)  # a state far away is not to hide all others
    axes.set_xlabel(samples.names[first])
    axes.set_ylabel(samples.names[second])
    axes.set_title("Reward over the two that matter most", size=10)
    axes.figure.colorbar(image, ax=axes, label="inferred reward")
    legend_below(axes)


def legend_below(axes: Axes) -> None:
    """A legend of states under axes."""
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14)}
    axes.legend(**place, ncols=3, frameon=False, fontsize=8, labelcolor=INK, handletextpad=0.2)
