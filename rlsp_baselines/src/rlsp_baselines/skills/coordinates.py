"""Coordinates of observations whose changes skills are to be predicted by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.learners import check_int


class SkillTransitions(NamedTuple):
    """N transitions under skills.

    Attributes:
        observations: What was seen before each (N, D).
        next_observations: What was seen after it (N, D).
        skills: The skill of each (N, size).
    """

    observations: NDArray[Any]
    next_observations: NDArray[Any]
    skills: NDArray[np.float32]


class Coordinates:
    """Coordinates that observations show, or whose velocities they show.

    MuJoCo's observations leave out where a robot is, and show how fast it goes there. What such a
    coordinate changes by, in units of a time step, is its velocity after the step.

    Args:
        size: The number D of entries of an observation.
        coordinates: The entries that are coordinates; None for all, if there are no velocities.
        velocities: The entries that are velocities of coordinates which are not shown.

    Raises:
        TypeError: If an entry is no int.
        ValueError: If it is out of range, or there is none at all.
    """

    def __init__(
        self, size: int, coordinates: Sequence[int] | None, velocities: Sequence[int]
    ) -> None:
        if coordinates is None:
            coordinates = () if len(velocities) else range(size)
        for name, entries in (("coordinates", coordinates), ("velocities", velocities)):
            for entry in entries:
                check_int(name, entry, 0, size - 1)
        self.shown = np.array(coordinates, dtype=np.int64)
        self.velocities = np.array(velocities, dtype=np.int64)
        if not len(self.shown) + len(self.velocities):
            raise ValueError(
                f"coordinates={coordinates!r} and velocities={velocities!r}: expected at least one "
                "entry of observations"
            )

    @property
    def n_shown(self) -> int:
        """The number of coordinates that are shown."""
        return len(self.shown)

    @property
    def n_changes(self) -> int:
        """The number of coordinates."""
        return len(self.shown) + len(self.velocities)

    def before(self, transitions: SkillTransitions) -> NDArray[np.float64]:
        """The coordinates that are shown, before the transitions (N, n_shown)."""
        return transitions.observations[:, self.shown].astype(np.float64)

    def after(self, transitions: SkillTransitions) -> NDArray[np.float64]:
        """Coordinates that are shown, and velocities, after the transitions (N, n_changes)."""
        reached = transitions.next_observations.astype(np.float64)
        return np.hstack([reached[:, self.shown], reached[:, self.velocities]])

    def changes(self, transitions: SkillTransitions) -> NDArray[np.float64]:
        """The changes of all coordinates (N, n_changes)."""
        changes = self.after(transitions)
        changes[:, : self.n_shown] -= self.before(transitions)
        return changes
