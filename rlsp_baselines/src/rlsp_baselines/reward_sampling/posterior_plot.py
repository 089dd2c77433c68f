"""A figure of the posterior of reward weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import laplace, norm

from rlsp_sb3.plotting import INFERRED, INK, TASK, TRUE, save_png
from rlsp_sb3.type_aliases import FloatArray

if TYPE_CHECKING:
    from rlsp_baselines.reward_sampling.reward_sampling import RewardSampling

COLUMNS = 4
MAX_FEATURES = 40
DENSITIES = {"gaussian": norm.pdf, "laplace": laplace.pdf}


def posterior_plot(learner: RewardSampling, path: str | Path | None = None) -> Figure:
    """Draw the samples of each weight, with the prior and the weights that the environment offers.

    Args:
        learner: A learner that has kept samples.
        path: Where to write a PNG; None for nowhere.

    Returns:
        The figure, with a histogram for each feature, at most 40.

    Raises:
        ValueError: If there are no samples yet.
    """
    samples = learner.samples
    if samples.shape[1] == 0:
        raise ValueError(
            "learner has no samples yet: let it learn for more than its "
            f"burn_in={learner.burn_in} timesteps"
        )
    means = np.abs(learner.theta)
    shown = np.sort(np.argsort(-means, kind="stable")[:MAX_FEATURES])
    n_rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(3 * COLUMNS, 2.5 * n_rows + 1.1), layout="constrained")
    all_axes = figure.subplots(n_rows, COLUMNS, squeeze=False).ravel()
    edges = np.linspace(samples[..., shown].min(), samples[..., shown].max(), 31)
    for axes, i in zip(all_axes, shown, strict=False):
        _draw(axes, learner, int(i), samples[..., i], edges)
    for axes in all_axes[len(shown) :]:
        axes.set_axis_off()
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower right", ncols=5)
    spec = getattr(learner.unwrapped_env, "spec", None)
    name = spec.id if spec else type(learner.unwrapped_env).__name__
    left_out = samples.shape[2] - len(shown)
    note = f" ({left_out} with smaller means are left out)" if left_out else ""
    figure.suptitle(f"Posterior of the reward weights given the observed state of {name}{note}")
    if path is not None:
        save_png(figure, path)
    return figure


def _draw(
    axes: Axes, learner: RewardSampling, feature: int, samples: FloatArray, edges: FloatArray
) -> None:
    bins = edges.tolist()
    axes.hist(samples.ravel(), bins, density=True, color=INFERRED, alpha=0.3)
    outline: dict[str, Any] = {"density": True, "histtype": "step", "color": INFERRED}
    for k, chain in enumerate(samples):  # that they lie on each other is what one wants to see
        axes.hist(chain, bins, label="posterior, by chain" if k == 0 else None, **outline)
    axes.axvline(samples.mean(), color=INK, lw=1.6, label="posterior mean")
    places = np.linspace(edges[0], edges[-1], 200)
    density = DENSITIES[learner.prior](places, learner.prior_mean[feature], learner.prior_std)
    axes.plot(places, density, color=INK, ls="--", lw=1, label="prior")
    looks: dict[str, dict[str, Any]] = {
        "task": {"marker": "D", "color": TASK, "markersize": 6},
        "true": {"marker": "o", "color": TRUE, "markersize": 11, "markerfacecolor": "none"},
    }
    for name, look in looks.items():
        given = getattr(learner.unwrapped_env, f"{name}_reward", None)
        if given is not None:  # at the edge if it is beyond
            place = np.clip(given[feature], edges[0], edges[-1])
            axes.plot([place], [0], label=f"{name} weight", ls="", mew=2, clip_on=False, **look)
    axes.set_title(learner.feature_names[feature], size=10)
    axes.set_yticks([])
    axes.set_xlim(edges[0], edges[-1])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("weight", size=9)
