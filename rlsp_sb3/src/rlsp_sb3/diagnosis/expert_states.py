"""Scale and support of the states of an expert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.models.normalization import Normalizer
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.type_aliases import FloatArray

MAX_STATES = 5_000
"""Most states of each half of the episodes that nearest neighbors are looked for in."""

COVERAGE = 0.95
"""Share of new states of the expert that its support has."""


class ExpertStates:
    """Scale and support of the states of an expert.

    The support is where the nearest of the expert's states is not farther away than it is for .95
    of other states of the same expert: those of one half of the episodes are measured by the
    others, or those of the second half of the only episode by the first.

    Args:
        episodes: Episodes of the expert.
        space: The observation space.
    """

    def __init__(self, episodes: Sequence[Episode], space: spaces.Space[Any]) -> None:
        self._normalizer = Normalizer(space)
        known, new = _halves(episodes)
        self._normalizer.fit(np.concatenate([known, new]))
        self._tree = cKDTree(self.scale(_thinned(known)))
        distances, _ = self._tree.query(self.scale(_thinned(new)))
        self._radius = float(np.quantile(distances, COVERAGE))

    def scale(self, states: Observations) -> FloatArray:
        """States (N, *observation_shape) in standard deviations of the expert's (N, D)."""
        return self._normalizer.scale(states).numpy().astype(np.float64)

    def squared_distances(self, states: Observations, others: Observations) -> FloatArray:
        """Mean squared differences per entry of N states from N others (N,)."""
        return np.asarray(((self.scale(states) - self.scale(others)) ** 2).mean(axis=1))

    def supports(self, states: Observations) -> NDArray[np.bool_]:
        """Return whether each of N states is in the support (N,)."""
        distances, _ = self._tree.query(self.scale(states))
        return np.asarray(distances <= self._radius)


def _halves(episodes: Sequence[Episode]) -> tuple[Observations, Observations]:
    """The states of two halves of the episodes, or of the only one."""
    middle = len(episodes) // 2
    if middle:
        parts = [[e.observations for e in half] for half in (episodes[:middle], episodes[middle:])]
        return np.concatenate(parts[0]), np.concatenate(parts[1])
    (episode,) = episodes
    half = len(episode.observations) // 2
    return episode.observations[:half], episode.observations[half:]


def _thinned(states: Observations) -> Observations:
    return states[:: -(-len(states) // MAX_STATES)]
