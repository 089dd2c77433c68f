"""Reward weights by the names of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

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
