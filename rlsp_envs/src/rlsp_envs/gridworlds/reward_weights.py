"""Reward weights of gridworlds, by the names of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.states.seen_states import SeenStates

if TYPE_CHECKING:
    from rlsp_envs.gridworlds.gridworld import GridworldEnv

Weights = Mapping[str, float] | Sequence[float] | NDArray[np.float64] | None


def parse_weights(name: str, weights: Weights, feature_names: Sequence[str]) -> NDArray[np.float64]:
    """The weights (F,) of all features.

    Args:
        name: What to call them in errors.
        weights: The weights of some features by name, or all of them, or None for zeros.
        feature_names: The F names of the features.

    Raises:
        ValueError: If a name is unknown, or the weights are not finite or of another number.
    """
    n_features = len(feature_names)
    if weights is None:
        return np.zeros(n_features)
    if isinstance(weights, Mapping):
        for feature in weights:
            if feature not in feature_names:
                close = get_close_matches(feature, feature_names, 1)
                raise ValueError(
                    f"{name} names the unknown feature {feature!r}"
                    + (f" (did you mean {close[0]!r}?)" if close else "")
                    + f": expected some of {list(feature_names)}"
                )
        weights = [weights.get(feature, 0.0) for feature in feature_names]
    try:
        vector = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):  # no numbers, or of different lengths
        vector = np.array(np.nan)
    if vector.shape != (n_features,) or not np.all(np.isfinite(vector)):
        raise ValueError(
            f"{name}={weights!r}: expected {n_features} finite weights, one for each of "
            f"{list(feature_names)}"
        )
    return vector


class RewardWeights:
    """Attribute of a gridworld: reward weights (F,), set in any form of :data:`Weights`.

    They can be replaced, but not be written to: rewards of states that were seen are remembered.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, env: None, owner: type) -> RewardWeights: ...

    @overload
    def __get__(self, env: GridworldEnv, owner: type) -> NDArray[np.float64]: ...

    def __get__(self, env: GridworldEnv | None, owner: type) -> Any:
        if env is None:
            return self
        weights = env.__dict__[self._name]
        weights.flags.writeable = False  # here, because a copy of the environment can be written to
        return weights

    def __set__(self, env: GridworldEnv, weights: Weights) -> None:
        env.__dict__[self._name] = parse_weights(self._name, weights, env.feature_names)
        env.seen = SeenStates()  # the rewards in it are others
