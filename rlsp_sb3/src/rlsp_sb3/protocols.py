"""Protocols that an environment may offer to a learner, and a learner to ``rlsp``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

__all__ = [
    "AppendedEntry",
    "BatchDynamics",
    "NamedObservations",
    "Policy",
    "ReachableEnv",
    "ReportingLearner",
    "TabularEnv",
    "TabularMDP",
]


@runtime_checkable
class TabularMDP(Protocol):
    """A Markov decision process with S states, A actions and F features as arrays."""

    @property
    def transitions(self) -> csr_array:
        """P(s' | s, a) as a sparse matrix (S·A, S); row s·A + a holds state s and action a."""

    @property
    def features(self) -> NDArray[np.float64]:
        """The features of each state (S, F)."""

    @property
    def initial_distribution(self) -> NDArray[np.float64]:
        """The probability of each state at the start (S,)."""


@runtime_checkable
class TabularEnv(Protocol):
    """An environment whose states can be enumerated.

    It may also offer ``observed_states`` (observations (n, *observation_shape) of the states that
    a person left behind), ``horizon`` (how many states that person passed through), and
    ``task_reward`` and ``true_reward`` (weights (F,) of its features). If it is registered with the
    argument ``layout_seed``, it is a family of random problems for ``rlsp table gridworlds``.
    """

    observation_space: spaces.Space[Any]

    @property
    def mdp(self) -> TabularMDP:
        """The environment's transitions and features."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""

    def state_indices(self, observations: ArrayLike) -> NDArray[np.int64]:
        """The states (N,) of N observations (N, *observation_shape)."""

    def features(self, observations: ArrayLike) -> NDArray[np.float64]:
        """The features (N, F) of N observations, or (F,) of one."""


@runtime_checkable
class ReachableEnv(Protocol):
    """An environment whose states are too many to be enumerated, but for those within reach.

    It is told from a :class:`TabularEnv` by its ``mdp``, which it lacks, or which is a
    ``MemoryError``. Beside what follows it may offer what a :class:`TabularEnv` may.
    """

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]

    def reachable(self, horizon: int, observation: ArrayLike | None = None) -> TabularEnv:
        """The part of the environment that can be passed through within a horizon.

        Args:
            horizon: The number T of states of a trajectory, the first one included.
            observation: What the first state shows; None for the initial states.

        Returns:
            That part as a tabular environment with indices of its own. In its ``mdp`` the
            transitions from states that only the last action leads to do not matter, and its
            ``state_indices`` are -1 for states that are no part of it.

        Raises:
            MemoryError: If there are too many states within the horizon.
        """

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""

    def features(self, observations: ArrayLike) -> NDArray[np.float64]:
        """The features (N, F) of N observations, or (F,) of one."""


@runtime_checkable
class AppendedEntry(Protocol):
    """A wrapper that appends an entry to observations (D,), such as a clock or a gauge.

    What follows on the entry depends on it and the action alone. It may also offer ``entry_name``,
    what figures call it.
    """

    def next_entries(self, entries: NDArray[Any], actions: NDArray[Any]) -> NDArray[np.float64]:
        """The entries (N,) that follow on entries (N,) under actions (N, *action_shape)."""


@runtime_checkable
class BatchDynamics(Protocol):
    """An environment whose observations are its states, and which follows no chance."""

    def next_observations(self, observations: NDArray[Any], actions: NDArray[Any]) -> NDArray[Any]:
        """The N observations that follow on N observations under actions (N, *action_shape)."""


@runtime_checkable
class NamedObservations(Protocol):
    """An environment, or a wrapper, that says what the entries of its observations are."""

    @property
    def observation_names(self) -> tuple[str, ...]:
        """A name for each entry of a flat observation, such as "speed (m/s)"."""


@runtime_checkable
class ReportingLearner(Protocol):
    """A learner with more to tell of what it learned than its reward, for ``rlsp learn``."""

    def report(self) -> dict[str, float]:
        """Figures by name, to be printed."""

    def figures(self) -> dict[str, Callable[[Path], None]]:
        """Pictures by name, each as what writes it to a PNG file."""


class Policy(Protocol):
    """Protocol of policies: SB3's algorithms and policies, and the policies of this package."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """The action of one observation or a batch of them, and the state of the policy."""
