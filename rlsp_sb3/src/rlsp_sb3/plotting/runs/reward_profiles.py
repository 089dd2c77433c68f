"""A figure of the rewards that runs have inferred, over the entries of observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlsp_sb3 import env_util
from rlsp_sb3.evaluation.seed_statistics import summarize_curves
from rlsp_sb3.learners import registry
from rlsp_sb3.plotting.inferred.profiles import profiles
from rlsp_sb3.plotting.inferred.reward_samples import RANDOM, RewardSamples, sample_rewards
from rlsp_sb3.plotting.runs.groups import Group, by_reason
from rlsp_sb3.plotting.runs.legend import heading, line_styles, spread_note
from rlsp_sb3.plotting.style import plain_axes, save_png, shared_legend
from rlsp_sb3.rewards.state_reward import as_state_reward
from rlsp_sb3.runs.run import Run
from rlsp_sb3.utils.errors import NotOfferedError, user_error_types

_COLUMNS = 5
_MAX_PANELS = 10  # of an environment


class RewardCurves(NamedTuple):
    """Standardized profiles of a group, by entry.

    Attributes:
        group: The group.
        values: What each entry is changed to (K,).
        rewards: The rewards (N, K) of N seeds.
    """

    group: Group
    values: Mapping[int, NDArray[np.float64]]
    rewards: Mapping[int, NDArray[np.float64]]

    def span(self, entry: int) -> float:
        """The range of the reward over an entry, as a mean over seeds."""
        return float(np.ptp(self.rewards[entry], axis=1).mean()) if entry in self.rewards else 0.0


def profiles_plot(groups: Sequence[Group], path: Path) -> list[str]:
    """Draw the inferred reward over entries of an observation, a line for each group.

    Each reward has mean 0 and standard deviation 1 over what random behavior visits, since scales
    and offsets mean nothing. All is drawn around the observed states of the first run.

    Args:
        groups: The runs.
        path: Where to write a PNG.

    Returns:
        What to say of runs that are not in it.

    Raises:
        NotOfferedError: If no run has ended with a reward of states.
    """
    by_env: dict[str, list[RewardCurves]] = {}
    names: dict[str, tuple[str, ...]] = {}
    left_out: list[tuple[Run, str]] = []
    first: dict[str, RewardSamples] = {}
    for group in groups:
        found = []
        for run in group.runs:
            try:
                samples = _samples(run, first.get(group.env_id))
                first.setdefault(group.env_id, samples)
                found.append(_standardized(samples))
            except user_error_types() as error:
                left_out.append((run, str(error)))
        if found:
            names[group.env_id] = first[group.env_id].names
            by_env.setdefault(group.env_id, []).append(_curves(group, found))
    if not by_env:
        reasons = "; ".join(dict.fromkeys(why for _, why in left_out))
        raise NotOfferedError(f"no run has a reward over observations ({reasons})")
    _draw(by_env, names, line_styles(groups), path)
    return by_reason(left_out)


Seed = dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Values (K,) and standardized rewards (K,) of one seed, by entry."""


def _samples(run: Run, first: RewardSamples | None) -> RewardSamples:
    """Samples of the reward of a run, at the states of the first one in its environment."""
    file = run.path / "learner.zip"
    if not file.exists():
        raise NotOfferedError("learning has not ended")
    env = env_util.make_env(run.env_id)  # a file may name no module to import
    try:
        learner = registry.load_learner(run.learner).load(file, env=env)
        reward = as_state_reward(learner.reward)  # type: ignore[arg-type]
        if first is None:
            return sample_rewards(reward, env, learner.observed_states)
        return first.of_reward(reward)
    finally:
        env.close()


def _standardized(samples: RewardSamples) -> Seed:
    rewards = samples.visited[RANDOM].inferred
    spread = float(rewards.std()) or 1.0
    return {
        each.entry: (each.values, (each.rewards.mean(axis=0) - rewards.mean()) / spread)
        for each in profiles(samples)
    }


def _curves(group: Group, found: Sequence[Seed]) -> RewardCurves:
    """The profiles of the seeds of a group, which have the same entries and values."""
    values = {entry: values for entry, (values, _) in found[0].items()}
    rewards = {entry: np.array([each[entry][1] for each in found]) for entry in values}
    return RewardCurves(group, values, rewards)


def _draw(
    by_env: Mapping[str, Sequence[RewardCurves]],
    names: Mapping[str, Sequence[str]],
    styles: Mapping[str, tuple[str, str]],
    path: Path,
) -> None:
    """Draw what was found: a block of panels for each environment."""
    entries = {env_id: _that_matter(curves) for env_id, curves in by_env.items()}
    columns = min(_COLUMNS, max(map(len, entries.values())))
    n_rows = [-(-len(each) // columns) for each in entries.values()]
    size = max(2.4 * columns, 7), 2.3 * sum(n_rows) + 1.3
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(sum(n_rows), columns, squeeze=False)
    for env_id, end, n in zip(by_env, np.cumsum(n_rows), n_rows, strict=True):
        block = grid[end - n : end]
        for axes in block.ravel()[len(entries[env_id]) :]:
            axes.set_axis_off()
        for axes, entry in zip(block.ravel(), entries[env_id], strict=False):
            axes.sharey(block[0, 0])
            _draw_entry(axes, by_env[env_id], entry, styles)
            axes.set_xlabel(names[env_id][entry], size=9)
        for row in block:
            row[0].set_ylabel("standardized reward", size=9)
        block[0, 0].set_title(env_id, loc="left", weight="bold")
    drawn = [curves for each in by_env.values() for curves in each]
    note = spread_note(len(next(iter(curves.rewards.values()))) for curves in drawn)
    title = "Inferred reward when one entry is changed, those that matter most first"
    heading(figure, title, (curves.group for curves in drawn), note)
    shared_legend(figure)
    save_png(figure, path)


def _that_matter(curves: Sequence[RewardCurves]) -> list[int]:
    """The entries over which a reward ranges most, the first ones."""
    every = {entry for each in curves for entry in each.values}
    largest = {entry: max(each.span(entry) for each in curves) for entry in sorted(every)}
    return sorted(largest, key=lambda entry: -largest[entry])[:_MAX_PANELS]


def _draw_entry(
    axes: Axes, curves: Sequence[RewardCurves], entry: int, styles: Mapping[str, tuple[str, str]]
) -> None:
    for each in curves:
        color, style = styles[each.group.label]
        summary = summarize_curves(each.rewards[entry])
        values = each.values[entry]
        axes.plot(values, summary.center, color=color, linestyle=style, label=each.group.label)
        axes.fill_between(values, summary.low, summary.high, color=color, alpha=0.2, linewidth=0)
    axes.tick_params(labelsize=8)
    plain_axes(axes)
