"""The part of a gridworld that a number of actions can lead to, found frontier by frontier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array

from rlsp_envs.gridworlds.actions import STAY
from rlsp_envs.gridworlds.mdp import TabularMDP
from rlsp_envs.gridworlds.states.reached_states import ReachedStates
from rlsp_envs.gridworlds.states.state_space import States, TooManyStatesError

if TYPE_CHECKING:
    from rlsp_envs.gridworlds.gridworld import GridworldEnv

MAX_STATES = 2**21  # whose transitions, plans and likelihoods take some gigabytes
CHUNK = 2**15  # states that are looked at at once


class ReachablePart:
    """The states of a gridworld that can be passed through within a horizon, as a tabular world.

    What follows from the states that only the last action leads to is not part of it: their rows in
    ``mdp.transitions`` are empty. States are numbered as they are found, the start first.

    Args:
        env: The gridworld.
        start: Where the trajectories start, a batch of one state.
        horizon: The number T of states of a trajectory, the start included.

    Raises:
        TooManyStatesError: If there are more than fit into memory.
    """

    def __init__(self, env: GridworldEnv, start: States, horizon: int) -> None:
        self.observation_space = env.observation_space
        self.feature_names = env.feature_names
        self._env = env
        codes = env.states.codes(start)
        rows, columns, probabilities = [], [], []
        expanded = 0
        for time in range(1, horizon):
            following = []
            for chunk in _chunks(expanded, len(codes)):
                states = env.states.states_of_codes(codes[chunk])
                chances, of, found = env._entries(states, env.states.codes)
                probabilities.append(chances)
                rows.append(of + chunk.start * env.n_actions)
                following.append(found)
            expanded = len(codes)
            codes, indices = _number(codes, np.concatenate(following))
            columns.append(indices)
            if len(codes) > MAX_STATES:
                raise TooManyStatesError(
                    f"horizon={horizon}: {len(codes):,} states were found within {time} of "
                    f"{horizon - 1} actions: expected at most {MAX_STATES:,}, so lower the horizon "
                    "(the time limit of the environment, where a policy is planned) or use fewer "
                    "objects"
                )
            if expanded == len(codes):
                break
        self.mdp = self._tabulate(codes, rows, columns, probabilities)

    def state_indices(self, observations: ArrayLike) -> NDArray[np.int64]:
        """The indices (N,) of the states of N observations; -1 for others than its own."""
        return self.mdp.states.encode(self._env._states_of(np.asarray(observations)))

    def features(self, observations: ArrayLike) -> NDArray[np.float64]:
        """The features (N, F) of N observations, or (F,) of one."""
        return self._env.features(observations)

    def _tabulate(
        self,
        codes: NDArray[Any],
        rows: list[NDArray[np.int32]],
        columns: list[NDArray[np.int32]],
        probabilities: list[NDArray[np.float64]],
    ) -> TabularMDP:
        env, n_states = self._env, len(codes)
        states = ReachedStates(env.states, codes)
        initial = np.zeros(n_states)
        initial[0] = 1
        if rows:
            entries = np.concatenate(probabilities), (np.concatenate(rows), np.concatenate(columns))
        else:
            entries = np.zeros(0), (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32))
        return TabularMDP(
            transitions=coo_array(entries, shape=(n_states * env.n_actions, n_states)).tocsr(),
            features=np.concatenate(
                [
                    env._features(env.states.states_of_codes(codes[chunk]))
                    for chunk in _chunks(0, n_states)
                ]
            ),
            feature_names=env.feature_names,
            initial_distribution=initial,
            default_action=STAY,
            states=states,
        )


def _chunks(start: int, stop: int) -> Iterator[slice]:
    for begin in range(start, stop, CHUNK):
        yield slice(begin, min(begin + CHUNK, stop))


def _number(known: NDArray[Any], found: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """All codes, new ones behind those that were known, and the indices in them of those found."""
    n_known = len(known)
    _, first, places = np.unique(
        np.concatenate([known, found]), return_index=True, return_inverse=True
    )
    is_new = first >= n_known
    new = np.sort(first[is_new])
    numbers = first.copy()
    numbers[is_new] = n_known + np.searchsorted(new, first[is_new])
    return np.concatenate([known, found[new - n_known]]), numbers[places[n_known:]].astype(np.int32)
