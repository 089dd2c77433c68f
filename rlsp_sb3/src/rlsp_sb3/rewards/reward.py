"""Reward functions of transitions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.encoders.encoder_entries import encoder_entries
from rlsp_sb3.encoders.factory import OWN
from rlsp_sb3.io.hub_files import local_file
from rlsp_sb3.rewards.reward_file import UnsavedFeatures, read_reward_file, write_reward_file
from rlsp_sb3.type_aliases import Arrays
from rlsp_sb3.utils.checks import check_names, check_vector
from rlsp_sb3.utils.errors import FeaturesNotSavedError
from rlsp_sb3.utils.html import html_table, svg_bar
from rlsp_sb3.utils.type_checks import checks_types

_MANY, _FEW = 30, 8
"""Numbers of features that are shown: at most, and of those that have more."""

FeatureFn = Callable[[Any], NDArray[np.float64]]
"""Features (N, F) of N observations, or (F,) of one."""


@runtime_checkable
class RewardFn(Protocol):
    """A reward with the signature of imitation's ``RewardFn``: each can stand for the other."""

    def __call__(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> NDArray[Any]:
        """The rewards (N,) of N transitions.

        Args:
            state: The observations before (N, *observation_shape).
            action: The actions (N, *action_shape).
            next_state: The observations after (N, *observation_shape).
            done: Whether the episode ended (N,).
        """


class LinearReward:
    """A reward that is linear in features of the state that a transition leads to, θ·φ(s').

    Rewards add and scale: ``task + 0.5 * inferred``.

    Args:
        weights: The weights θ (F,).
        feature_names: Their F names; "feature_0", … if None.
        features: Maps observations (N, *observation_shape) to features (N, F). None stands for
            the identity: the observations are the features.

    Raises:
        ValueError: If the weights are not finite numbers, or the names not F different ones.
    """

    @checks_types
    def __init__(
        self,
        weights: ArrayLike,
        feature_names: Sequence[str] | None = None,
        features: FeatureFn | None = None,
    ) -> None:
        size = np.size(weights)
        self.weights = check_vector("weights", weights, size)
        if feature_names is None:
            feature_names = [f"feature_{i}" for i in range(size)]
        self.feature_names = check_names("feature_names", feature_names)
        if len(set(self.feature_names)) != size or len(self.feature_names) != size:
            raise ValueError(
                f"feature_names={list(feature_names)}: expected {size} different names, one for "
                "each weight"
            )
        self.features = features

    def __call__(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """The rewards (N,) of N transitions, see :class:`RewardFn`.

        Raises:
            ValueError: If the features have another number than the weights.
        """
        return self.of_states(next_state)

    @checks_types
    def of_states(self, observations: ArrayLike) -> NDArray[np.float64]:
        """The rewards (N,) for being in the states of N observations (N, *observation_shape).

        Raises:
            TypeError: If the observations are no numbers.
            ValueError: If the features have another number than the weights.
        """
        features = np.asarray(self.features(observations) if self.features else observations)
        if features.ndim != 2 or features.shape[1] != len(self.weights):
            raise ValueError(
                f"the features have shape {features.shape}: expected (N, {len(self.weights)}), "
                f"one for each weight, of observations of shape {np.shape(observations)}"
            )
        return np.asarray(features @ self.weights)

    def __getitem__(self, feature_name: str) -> float:
        """The weight of a feature.

        Raises:
            KeyError: If there is no such feature.
        """
        if feature_name not in self.feature_names:
            raise KeyError(f"{feature_name!r}: expected one of {list(self.feature_names)}")
        return float(self.weights[self.feature_names.index(feature_name)])

    def __add__(self, other: LinearReward) -> LinearReward:
        """The sum of two rewards of the same features."""
        if not isinstance(other, LinearReward):
            return NotImplemented
        if self.feature_names != other.feature_names:
            raise ValueError(
                f"these rewards cannot be added, their features differ: {self.feature_names} and "
                f"{other.feature_names}"
            )
        features = self.features or other.features
        return LinearReward(self.weights + other.weights, self.feature_names, features)

    def __mul__(self, factor: float) -> LinearReward:
        """The reward times a number."""
        if not isinstance(factor, (int, float, np.number)):
            return NotImplemented
        return LinearReward(self.weights * factor, self.feature_names, self.features)

    __rmul__ = __mul__

    def __neg__(self) -> LinearReward:
        """The opposite reward."""
        return self * -1

    def __sub__(self, other: LinearReward) -> LinearReward:
        """The difference of two rewards of the same features."""
        return self + -other

    def __repr__(self) -> str:
        pairs = [f"{self.feature_names[i]}={self.weights[i]:+.4g}" for i in self._shown]
        return f"LinearReward({', '.join([*pairs, *self._elided])})"

    def __str__(self) -> str:
        """A table of the weights; of many the largest."""
        width = max((len(self.feature_names[i]) for i in self._shown), default=0)
        lines = [f"{self.feature_names[i]:<{width}}  {self.weights[i]:+.4f}" for i in self._shown]
        return "\n".join([*lines, *self._elided])

    def _repr_html_(self) -> str:
        """The same with bars, for notebooks."""
        largest = float(np.abs(self.weights).max(initial=0))
        rows = [
            (self.feature_names[i], f"{self.weights[i]:+.4f}", svg_bar(self.weights[i], largest))
            for i in self._shown
        ]
        return html_table([*rows, *((text, "", "") for text in self._elided)], ("", "weight", ""))

    @property
    def _shown(self) -> list[int]:
        """The features that are shown, in their order: all, or those with the largest weights."""
        order = np.argsort(-np.abs(self.weights), kind="stable")
        return sorted(order[:_FEW].tolist() if len(order) > _MANY else order.tolist())

    @property
    def _elided(self) -> list[str]:
        """A note on those that are not shown, if there are some."""
        left_out = np.delete(np.abs(self.weights), self._shown)
        size = f"{left_out.max(initial=0):.4g}"
        return [f"… {len(left_out)} more, of at most ±{size}"] if len(left_out) else []

    def check_savable(self) -> None:
        """Raise an error now if :meth:`save` would leave the features out.

        Raises:
            FeaturesNotSavedError: If they are a function of somebody's own, or an encoder that is
                not fitted.
        """
        if self.features is not None:
            encoder_entries(self.features)

    @checks_types
    def save(self, path: str | Path) -> None:
        """Write weights and features to a JSON file, which :func:`~rlsp_sb3.load_reward` reads.

        The file is written whole or not at all; missing folders are made. Features that a file
        without code cannot hold are left out, with a warning; see :meth:`check_savable`.
        """
        entry: dict[str, Any] | None = None
        arrays: Arrays = {}
        if self.features is not None:
            try:
                entry, arrays = encoder_entries(self.features)
            except FeaturesNotSavedError as error:
                entry = OWN
                warnings.warn(f"{path} holds the weights only: {error}", stacklevel=3)
        weights = dict(zip(self.feature_names, self.weights.tolist(), strict=True))
        write_reward_file(Path(path), weights, entry, arrays)

    @classmethod
    @checks_types
    def load(cls, path: str | Path, features: FeatureFn | None = None) -> LinearReward:
        """Read a reward from a JSON file; :func:`~rlsp_sb3.load_reward` insists on features.

        Args:
            path: The file.
            features: What maps observations to the features; None for what the file says.

        Raises:
            ValueError: If the file is no JSON file of a reward, or was changed since.
        """
        saved = read_reward_file(local_file(path))
        chosen = saved.features if features is None else features
        return cls(list(saved.weights.values()), list(saved.weights), chosen)


@checks_types
def load_reward(path: str | Path, features: FeatureFn | None = None) -> LinearReward:
    """Read a reward that can be computed without the environment and the learner it is of.

    Its rewards are to the bit those of the learner.

    Args:
        path: A file that ``reward.save(path)`` wrote, such as ``reward.json`` of ``rlsp learn``;
            or one on the Hugging Face Hub, "hf://org/repo/reward.json".
        features: What maps observations (N, *observation_shape) to features (N, F), if it is not in
            the file, or another one is wanted.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of a reward, or was changed since.
        FeaturesNotSavedError: If the features are not in it and not given.
    """
    path = local_file(path)
    if features is None and not read_reward_file(path).is_complete:
        UnsavedFeatures(path).refuse()
    return LinearReward.load(path, features)
