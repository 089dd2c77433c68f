"""Reward functions of transitions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.io.json_file import parse_json, write_json
from rlsp_sb3.utils.checks import check_names, check_vector
from rlsp_sb3.utils.type_checks import checks_types

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
        pairs = zip(self.feature_names, self.weights, strict=True)
        return f"LinearReward({', '.join(f'{name}={weight:+.4g}' for name, weight in pairs)})"

    def __str__(self) -> str:
        """A table of the weights."""
        width = max(map(len, self.feature_names), default=0)
        pairs = zip(self.feature_names, self.weights, strict=True)
        return "\n".join(f"{name:<{width}}  {weight:+.4f}" for name, weight in pairs)

    @checks_types
    def save(self, path: str | Path) -> None:
        """Write names and weights to a JSON file, whole or not at all; missing folders are made."""
        weights = dict(zip(self.feature_names, self.weights.tolist(), strict=True))
        write_json(Path(path), {"weights": weights, "checksum": _checksum(weights)})

    @classmethod
    @checks_types
    def load(cls, path: str | Path, features: FeatureFn | None = None) -> LinearReward:
        """Read a reward from a JSON file.

        Args:
            path: The file.
            features: What maps observations to the features; it is not part of the file.

        Raises:
            ValueError: If the file is no JSON file of a reward, or was changed since.
        """
        try:
            data = parse_json(read_text_file(Path(path)))
            # Older files have no checksum.
            if not isinstance(data, dict) or {*data, "checksum"} != {"weights", "checksum"}:
                raise ValueError(
                    "expected 'weights' by name and their 'checksum', as save() writes"
                )
            weights = data["weights"]
            if "checksum" in data and _checksum(weights) != data["checksum"]:
                raise ValueError(
                    f"the checksum {data['checksum']!r} is not that of the weights: the file is "
                    "damaged, or was edited; write it again by save()"
                )
            return cls(list(weights.values()), list(weights), features)
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"path={str(path)!r} is not the file of a LinearReward: {error}"
            ) from error


def _checksum(weights: Any) -> str:
    """Checksum of weights by name, in the order in which they are."""
    return hashlib.sha256(json.dumps(weights).encode()).hexdigest()
