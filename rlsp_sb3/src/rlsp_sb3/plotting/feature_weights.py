"""Weights of features, drawn by name or, where names say nothing, by size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rlsp_sb3.evaluation.seed_statistics import summarize_curves
from rlsp_sb3.plotting.style import plain_axes

MAX_NAMED = 30
NUMBERED = re.compile(r"(latent|cosine)_\d+")
"""The features of encoders that were drawn at random or learned."""


def are_named(feature_names: Sequence[str]) -> bool:
    """Return whether weights can be drawn by name: they are few, and their names say something."""
    return len(feature_names) <= MAX_NAMED and not any(map(NUMBERED.fullmatch, feature_names))


def sorted_sizes(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The absolute weights (N, F) of N seeds, each seed's from the largest to the smallest.

    A learned feature is another one for each seed; but how many weights are large, and how large
    they are, can be compared.
    """
    return -np.sort(-np.abs(weights), axis=1)


def draw_sizes(
    axes: Axes,
    weights: Mapping[str, NDArray[np.float64]],
    styles: Mapping[str, tuple[str, str]],
) -> None:
    """Draw sorted absolute weights: a line and a band for the seeds of each label.

    Args:
        axes: Where to.
        weights: The weights (N, F) of N seeds, by label.
        styles: The color and the line style of each label.
    """
    for label, each in weights.items():
        color, style = styles[label]
        summary = summarize_curves(sorted_sizes(each))
        low, high = summary.low, summary.high
        ranks = np.arange(1, len(low) + 1)
        axes.plot(ranks, summary.center, color=color, linestyle=style, label=label)
        axes.fill_between(ranks, low, high, color=color, alpha=0.2, linewidth=0)
        if len(weights) == 1:
            axes.fill_between(ranks, 0, low, color=color, alpha=0.08, linewidth=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("rank of the feature (1: the largest weight)")
    axes.set_ylabel("absolute weight")
    plain_axes(axes)


def sizes_title(feature_names: Sequence[str]) -> str:
    """The title of sorted absolute weights, with the reason for it."""
    why = f"more than {MAX_NAMED} are too many to name"
    if NUMBERED.fullmatch(feature_names[0]):
        why = f"{feature_names[0].partition('_')[0]}s mean nothing one by one"
    return f"sorted absolute weights of {len(feature_names)} features\n({why})"
