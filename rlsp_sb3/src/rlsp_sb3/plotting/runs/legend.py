"""Legends of figures: line styles of groups of runs, and notes on their seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.figure import Figure

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL
from rlsp_sb3.plotting.runs.groups import Group
from rlsp_sb3.plotting.style import LINE_STYLES, SERIES


def line_styles(groups: Sequence[Group]) -> dict[str, tuple[str, str]]:
    """The color and the line style of each label: the same in all figures of some groups."""
    names = list(dict.fromkeys(group.label for group in groups))
    n = len(SERIES)
    return {
        name: (SERIES[i % n], LINE_STYLES[i // n % len(LINE_STYLES)])
        for i, name in enumerate(names)
    }


def heading(figure: Figure, title: str, groups: Iterable[Group], note: str = "") -> None:
    """Put a title on a figure, and below it what all groups have in common, and a note."""
    labels, algos = zip(*((group.label, group.learner) for group in groups), strict=True)
    common = next((names[0] for names in (labels, algos) if len(set(names)) == 1), "")
    figure.suptitle(f"{title}\n{'; '.join(filter(None, (common, note)))}".rstrip(), size=11)


def seeds_note(counts: Iterable[int]) -> str:
    """Note on the numbers of seeds of groups; empty if each has one."""
    several = [n for n in counts if n > 1]
    if not several:
        return ""
    fewest, most = min(several), max(several)
    return f"{fewest} seeds" if fewest == most else f"{fewest} to {most} seeds"


def spread_note(counts: Iterable[int]) -> str:
    """Note on the spread drawn of groups with several seeds; empty if each has one."""
    several = [n for n in counts if n > 1]
    if not several:
        return ""
    seeds = seeds_note(several)
    if max(several) < FEWEST_FOR_INTERVAL:
        return f"mean and range of {seeds}"
    if min(several) >= FEWEST_FOR_INTERVAL:
        return f"interquartile mean of {seeds} and its bootstrapped 95 % interval"
    many = f"from {FEWEST_FOR_INTERVAL} on interquartile mean and 95 % interval"
    return f"mean and range of {seeds}, {many}"
