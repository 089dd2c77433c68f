"""Scatter of the inferred reward against the true one."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlsp_sb3.learners.eval_metrics import correlation
from rlsp_sb3.plotting.inferred.heat_map import legend_below
from rlsp_sb3.plotting.inferred.reward_samples import RewardSamples
from rlsp_sb3.plotting.style import BEHAVIORS, plain_axes
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types


@checks_types
def plot_reward_scatter(samples: RewardSamples) -> Figure:
    """Draw the inferred reward against the environment's, of states that are visited.

    With Pearson's correlation over them.

    Args:
        samples: What :func:`~rlsp_sb3.plotting.sample_rewards` returns.

    Raises:
        NotOfferedError: If the environment's reward is the same everywhere.
    """
    true = true_rewards(samples)
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    draw_scatter(figure.subplots(), samples, true)
    return figure


def true_rewards(samples: RewardSamples) -> FloatArray:
    """The environment's rewards of all states that are visited (N,).

    Raises:
        NotOfferedError: If they do not tell states apart.
    """
    true = np.concatenate([visited.true for visited in samples.visited.values()])
    if np.ptp(true) == 0:
        raise NotOfferedError(f"the environment's reward is {true[0]:g} in every state visited")
    return true


def draw_scatter(axes: Axes, samples: RewardSamples, true: FloatArray) -> None:
    """Draw inferred rewards over true ones (N,), those of all states that are visited."""
    for name, visited in samples.visited.items():
        axes.plot(visited.true, visited.inferred, label=name, **BEHAVIORS[name])
    inferred = np.concatenate([visited.inferred for visited in samples.visited.values()])
    axes.set_xlabel("reward of the environment")
    axes.set_ylabel("inferred reward")
    agreement = f"correlation {correlation(inferred, true):.2f}".replace("-", "−")
    axes.set_title(f"Inferred and true reward: {agreement}", size=10)
    plain_axes(axes, "both")
    legend_below(axes)
