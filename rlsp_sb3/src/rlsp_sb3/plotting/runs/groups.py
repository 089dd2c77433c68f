"""Groups of runs that differ only in their seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.evaluation.seed_statistics import SeedSummary, summarize_curves
from rlsp_sb3.runs.run import LearningCurve, Run, TrueReturn

DEFAULT_LABEL = "default settings"


@dataclass(frozen=True, eq=False)
class Group:
    """Runs with the same environment, learner and settings.

    Attributes:
        runs: One run for each seed, at least one, by seed.
        label: What tells the group from others in the same environment; of the only one, the name
            of the learner.
    """

    runs: Sequence[Run]
    label: str

    @property
    def env(self) -> str:
        """The environment, as ``gym.make`` takes it."""
        return self.runs[0].env

    @property
    def env_id(self) -> str:
        """The id of the environment."""
        return self.runs[0].env_id

    @property
    def learner(self) -> str:
        """The name of the learner."""
        return self.runs[0].learner


def group_runs(runs: Iterable[Run]) -> tuple[list[Group], list[str]]:
    """Put runs together that differ only in their seed.

    Args:
        runs: The runs.

    Returns:
        The groups, in the order of their first runs, and what to say of runs that are in none: the
        same run again would make the spread over seeds look smaller than it is.
    """
    found: dict[str, dict[int, Run]] = {}
    again = []
    for run in runs:
        same = found.setdefault(_key((run.env_id, run.learner, run.settings)), {})
        if run.seed in same:
            again.append((run, f"the seed and the settings are those of {same[run.seed].path}"))
        else:
            same[run.seed] = run
    members = [[same[seed] for seed in sorted(same)] for same in found.values()]
    return [Group(*pair) for pair in zip(members, labels(members), strict=True)], by_reason(again)


def missing(groups: Sequence[Group], what: str) -> list[str]:
    """Messages on runs that have no log, reward or true_return, whichever is meant."""
    runs = [run for group in groups for run in group.runs]
    return by_reason((run, run.missing[what]) for run in runs if what in run.missing)


def by_reason(left_out: Iterable[tuple[Run, str]]) -> list[str]:
    """Messages on runs that are left out, each with a reason: a line for each reason."""
    folders: dict[str, list[str]] = {}
    for run, why in left_out:
        folders.setdefault(why, []).append(str(run.path))
    return [f"without {', '.join(names)}: {why}" for why, names in folders.items()]


def labels(members: Sequence[Sequence[Run]]) -> list[str]:
    """Labels that tell groups of runs from others in the same environment.

    The learner, if there are several; then what was chosen on the command line, as far as it
    differs between groups of the same environment and learner; if that does not tell them apart,
    any setting that differs.
    """
    several = len({group[0].learner for group in members}) > 1
    names = []
    for group in members:
        rivals = [other for other in members if _place(other) == _place(group)]
        parts = [group[0].learner] if several or len(rivals) == 1 else []
        names.append(", ".join(parts + _differences(group[0], [other[0] for other in rivals])))
    return names


def _differences(run: Run, rivals: Sequence[Run]) -> list[str]:
    """Settings that tell a run from others in the same environment, by the same learner."""
    if len(rivals) == 1:
        return []
    by_option = {name for rival in rivals for name in rival.options}
    for names in (by_option, {name for rival in rivals for name in rival.settings}):
        rows = [{name: _value(rival, name) for name in names} for rival in rivals]
        differing = sorted(name for name in names if len({_key(row[name]) for row in rows}) > 1)
        if len({_key([row[name] for name in differing]) for row in rows}) == len(rivals):
            break
    shown = {name: _value(run, name) for name in differing}
    parts = [f"{name}={_text(value)}" for name, value in shown.items() if value is not None]
    return parts or [DEFAULT_LABEL]


def _place(group: Sequence[Run]) -> tuple[str, str]:
    return group[0].env_id, group[0].learner


def _value(run: Run, name: str) -> Any:
    """The value of a setting: as it was used, or as it was asked for."""
    return run.settings.get(name, run.options.get(name))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _key(value: Any) -> str:
    """A text that is the same for the same value."""
    return json.dumps(value, sort_keys=True, default=str)


def sections(groups: Sequence[Group]) -> dict[str, list[Group]]:
    """Groups by environment; apart, too, where they count their timesteps in different ways."""
    units: dict[str, list[str]] = {}
    for group in groups:
        units.setdefault(group.env_id, []).append(group.runs[0].timestep)
    found: dict[str, list[Group]] = {}
    for group in groups:
        unit = f", by {group.runs[0].timestep}s" if len(set(units[group.env_id])) > 1 else ""
        found.setdefault(f"{group.env_id}{unit}", []).append(group)
    return found


def curve_of(
    group: Group, name: str
) -> tuple[NDArray[np.float64], SeedSummary[NDArray[np.float64]]] | None:
    """Learning curve of a group: a quantity that its seeds have logged, together.

    Args:
        group: The group.
        name: The name in the log.

    Returns:
        Timesteps (N,) from the last first one to the first last one of the seeds, and the values of
        the seeds there, interpolated where one has none; None if it was not logged, or at no time
        by all seeds that logged it.
    """
    curves = [run.log[name] for run in group.runs if name in run.log]
    if not curves:
        return None
    first = max(curve.timesteps[0] for curve in curves)
    last = min(curve.timesteps[-1] for curve in curves)
    every = np.unique(np.concatenate([curve.timesteps for curve in curves]))
    timesteps = every[(every >= first) & (every <= last)]
    if not len(timesteps):
        return None
    return timesteps, summarize_curves([_at(curve, timesteps) for curve in curves])


def _at(curve: LearningCurve, timesteps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(timesteps, curve.timesteps, curve.values)


def cut_short(groups: Sequence[Group]) -> list[str]:
    """Messages on groups whose lines end before some of their runs do."""
    notes = []
    for group in groups:
        ends = {run.path: _end(run) for run in group.runs if run.log}
        first = min(ends, key=lambda path: ends[path], default=None)
        if first is not None and ends[first] < max(ends.values()):
            where = f"{ends[first]:,.0f} {group.runs[0].timestep}s"
            notes.append(
                f"{group.label} on {group.env_id} ends at {where}: there {first} ends, or is now"
            )
    return notes


def _end(run: Run) -> float:
    """The last timestep that was logged."""
    return max(float(curve.timesteps[-1]) for curve in run.log.values())


def weights_of(group: Group) -> dict[tuple[str, ...], NDArray[np.float64]]:
    """The weights (N, F) that N seeds of a group have inferred, by the names of the features."""
    found: dict[tuple[str, ...], list[NDArray[np.float64]]] = {}
    for run in group.runs:
        if run.reward is not None:
            found.setdefault(run.reward.feature_names, []).append(run.reward.weights)
    return {names: np.array(weights) for names, weights in found.items()}


def returns_of(group: Group) -> dict[str, list[TrueReturn]]:
    """True returns of the policies of a group at the end, by the measure."""
    found: dict[str, list[TrueReturn]] = {}
    for run in group.runs:
        if run.true_return is not None:
            found.setdefault(run.true_return.measure, []).append(run.true_return)
    return found
