"""Real pasts of observed states: what led there in the episodes of an expert."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.rlsp.past_trajectories import PastTrajectories, same_observations
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array, check_int
from rlsp_sb3.utils.type_checks import check_type, checks_types


class RealPasts:
    """Real pasts of observed states, found in the episodes that the states were taken from.

    Args:
        episodes: Episodes of the expert, at least one.
        observed_states: Observations (n, *observation_shape), each of them in one of the episodes,
            and not as its first.

    Attributes:
        longest: The number of states of the shortest past, from the first state of its episode on:
            so long are the pasts of all observed states.

    Raises:
        TypeError: If episodes are none.
        ValueError: If there is no episode, the shapes differ, or an observed state has no past.
    """

    @checks_types
    def __init__(self, episodes: Sequence[Episode], observed_states: ArrayLike) -> None:
        check_episodes("episodes", episodes)
        shape = episodes[0].observations.shape[1:]
        states = check_array("observed_states", observed_states, ("n", *shape))
        self._found = [
            _find(episodes, state, f"observed_states[{i}]") for i, state in enumerate(states)
        ]
        self.longest = 1 + min(time for _, time in self._found)

    def of_length(self, length: int) -> PastTrajectories:
        """The pasts with a number of states, each ending in its observed state.

        Args:
            length: The number T of states, the observed one included, from 1 to :attr:`longest`.

        Raises:
            TypeError: If it is no int.
            ValueError: If it is out of range.
        """
        check_int("length", length, 1, self.longest)
        observations = [
            episode.observations[time + 1 - length : time + 1] for episode, time in self._found
        ]
        actions = [episode.actions[time + 1 - length : time] for episode, time in self._found]
        return PastTrajectories(np.stack(observations, axis=1), np.stack(actions, axis=1))


def check_episodes(name: str, episodes: Sequence[Episode]) -> None:
    """Raise an error unless there are episodes, with observations of one shape.

    Raises:
        TypeError: If one is no episode.
        ValueError: If there is none, or one has other observations than the first.
    """
    if len(episodes) == 0:
        raise ValueError(f"{name} is empty: expected at least one episode of the expert")
    for i, episode in enumerate(episodes):
        check_type(f"{name}[{i}]", episode, Episode)
        shapes = [each.observations.shape[1:] for each in (episodes[0], episode)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{name}[{i}] has observations of the shape {shapes[1]}: expected {shapes[0]}, "
                f"as {name}[0] has"
            )


def _find(episodes: Sequence[Episode], state: FloatArray, name: str) -> tuple[Episode, int]:
    """The episode and the time at which a state was passed, the latest of several."""
    nearest, distance = (episodes[0], 0), np.inf
    for episode in episodes:
        off = episode.observations.astype(np.float64) - state
        distances = (off.reshape(len(off), -1) ** 2).sum(axis=1)
        time = len(off) - 1 - int(distances[::-1].argmin())
        if (distances[time], -time) < (distance, -nearest[1]):
            nearest, distance = (episode, time), float(distances[time])
    episode, time = nearest
    here = episode.observations[time][None].astype(np.float64)
    if not same_observations(here, state).all():
        raise ValueError(
            f"{name} is in none of the {len(episodes)} episodes: the nearest state there is "
            f"{np.sqrt(distance):.3g} away; expected states of these episodes, as "
            "sample_observed_states(episodes, n) draws them"
        )
    if time == 0:
        raise ValueError(
            f"{name} is the first state of an episode and has no past: expected one that an action "
            "led to"
        )
    return episode, time
