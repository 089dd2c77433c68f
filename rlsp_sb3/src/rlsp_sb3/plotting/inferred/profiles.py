"""Profiles of a reward: over each entry of an observation, around the observed states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from matplotlib.figure import Figure, FigureBase

from rlsp_sb3.plotting.inferred.reward_samples import RANDOM, RewardSamples, flat
from rlsp_sb3.plotting.style import BLUE, LINE, OBSERVED, plain_axes
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.observations import is_categorical, space_bounds
from rlsp_sb3.utils.type_checks import checks_types

_N_VALUES = 41
_MAX_STATES = 10
_MAX_PANELS = 10
_COLUMNS = 5
_SHARE = 0.005  # of the states that are left out at both ends of a range


@dataclass(frozen=True, eq=False)
class Profile:
    """Inferred rewards of observed states when one entry is changed.

    Attributes:
        entry: The number of the entry.
        values: What it is changed to (K,), ascending.
        rewards: The rewards (n, K) of n observed states.
    """

    entry: int
    values: FloatArray
    rewards: FloatArray

    @property
    def span(self) -> float:
        """The range of the reward over the values, as a mean over observed states."""
        return float(np.ptp(self.rewards, axis=1).mean())


def profiles(samples: RewardSamples) -> list[Profile]:
    """Profiles over all entries that vary, that with the largest range of the reward first.

    Raises:
        NotOfferedError: If observations are images, or none of their entries varies.
    """
    if samples.shows_images:
        raise NotOfferedError("observations are images, whose pixels mean nothing one by one")
    around = flat(samples.observed_states[:_MAX_STATES])
    found = []
    for entry in range(around.shape[1]):
        values = entry_values(samples, entry)
        if len(values) < 2:
            continue
        changed = np.repeat(around, len(values), axis=0)
        changed[:, entry] = np.tile(values, len(around))
        rewards = samples.rewards(changed).reshape(len(around), len(values))
        found.append(Profile(entry, values, rewards))
    if not found:
        raise NotOfferedError("no entry of the observations varies")
    return sorted(found, key=lambda profile: -profile.span)


def entry_values(samples: RewardSamples, entry: int, n: int = _N_VALUES) -> FloatArray:
    """Values of an entry over the range in which it is visited or observed, ascending."""
    seen = samples.flat_states()[:, entry]
    observed = flat(samples.observed_states)[:, entry]
    low, high = np.quantile(seen, [_SHARE, 1 - _SHARE])
    low, high = min(low, observed.min()), max(high, observed.max())
    if is_categorical(samples.space):  # all of them, however seldom
        low, high = _bounds(samples.space, entry)
    if np.dtype(samples.space.dtype).kind != "f":
        return np.unique(np.rint(np.linspace(low, high, n)))
    return np.linspace(low, high, n) if high > low else np.array([low])


def _bounds(space: spaces.Space[Any], entry: int) -> tuple[float, float]:
    low, high = space_bounds(space)
    return float(low.reshape(-1)[entry]), float(high.reshape(-1)[entry])


@checks_types
def plot_reward_profiles(samples: RewardSamples) -> Figure:
    """Draw the reward over each entry of an observation, around the observed states.

    In each panel one entry is changed, and all others stay as in an observed state: a line for each
    of them, up to ten. The entries over which the reward ranges most come first.

    Args:
        samples: What :func:`~rlsp_sb3.plotting.sample_rewards` returns.

    Raises:
        NotOfferedError: If observations are images, or none of their entries varies.
    """
    found = profiles(samples)
    figure = Figure(figsize=profiles_size(len(found)), layout="constrained")
    draw_profiles(figure, samples, found)
    return figure


def profiles_size(n_profiles: int) -> tuple[float, float]:
    """Width and height of a figure of so many profiles in inches."""
    n = min(n_profiles, _MAX_PANELS)
    return 2.3 * max(min(n, _COLUMNS), 2), 0.7 + 1.9 * -(-n // _COLUMNS)


def draw_profiles(figure: FigureBase, samples: RewardSamples, found: list[Profile]) -> None:
    """Draw profiles into an empty figure, or a part of one."""
    shown = found[:_MAX_PANELS]
    columns = min(len(shown), _COLUMNS)
    rows = -(-len(shown) // columns)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    observed = flat(samples.observed_states)
    usual = flat(samples.visited[RANDOM].states)
    for axes, profile in zip(grid.ravel(), shown, strict=False):
        low, high = np.quantile(usual[:, profile.entry], [_SHARE, 1 - _SHARE])
        if is_categorical(samples.space):
            axes.plot(profile.values, profile.rewards.T, "o", color=BLUE, markersize=3)
        else:
            axes.axvspan(low, high, color=LINE, linewidth=0, zorder=0)
            axes.plot(profile.values, profile.rewards.T, color=BLUE, linewidth=1.2, alpha=0.7)
        n = len(profile.rewards)
        axes.plot(
            observed[:n, profile.entry], samples.observed_rewards[:n], markersize=9, **OBSERVED
        )
        axes.set_xlabel(samples.names[profile.entry], size=9)
        axes.tick_params(labelsize=8)
        plain_axes(axes)
    for axes in grid.ravel()[len(shown) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel("inferred reward", size=9)
    figure.suptitle(_title(len(shown), len(found), samples), size=10)


def _title(n_shown: int, n_found: int, samples: RewardSamples) -> str:
    title = "Reward when one entry is changed"
    if n_shown < n_found:
        title = f"{title}: the {n_shown} of {n_found} that matter most"
    elif n_shown > 1:
        title = f"{title}, those that matter most first"
    stars = (
        "star: observed state" if len(samples.observed_states) == 1 else "stars: observed states"
    )
    if not is_categorical(samples.space):
        stars = f"{stars}; gray: where random behavior is"
    return f"{title} ({stars})"
