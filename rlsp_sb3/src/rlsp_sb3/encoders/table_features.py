"""Features of observations that can be enumerated, looked up in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array, check_names
from rlsp_sb3.utils.type_checks import checks_types


class TableFeatures(Encoder):
    """Features that a table has of each observation, as those of an environment with few states.

    Args:
        observations: All S observations (S, *observation_shape), numbers.
        features: Their features (S, F).
        feature_names: The names of the F features; "feature_0", … if None.

    Raises:
        ValueError: If the arrays are not finite, or of other shapes.
    """

    @checks_types
    def __init__(
        self,
        observations: ArrayLike,
        features: ArrayLike,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.observations = _smallest(np.asarray(observations))
        shape = (len(self.observations), "F")
        self.features: FloatArray = check_array("features", features, shape)
        if feature_names is None:
            feature_names = [f"feature_{i}" for i in range(self.features.shape[1])]
        self._names = check_names("feature_names", feature_names)
        self._rows = {key: i for i, key in enumerate(_keys(self.observations))}

    @checks_types
    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations.

        Raises:
            ValueError: If one is not in the table.
        """
        array = np.asarray(observations)
        shape = self.observations.shape[1:]
        if array.shape[1:] != shape or not array.ndim:
            expected = ("N", *map(str, shape))
            raise ValueError(
                f"observations have shape {array.shape}: expected ({', '.join(expected)})"
            )
        keys = _keys(array)
        unknown = [i for i, key in enumerate(keys) if key not in self._rows]
        if unknown:
            raise ValueError(
                f"observations[{unknown[0]}]={array[unknown[0]]}: expected one of the "
                f"{len(self.observations)} observations whose features are known"
            )
        return np.asarray(self.features[[self._rows[key] for key in keys]])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return self._names

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The table, to be saved."""
        return {"observations": self.observations, "features": self.features}


def _smallest(observations: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in a type that takes less room: most are small and whole."""
    small = observations.astype(np.uint8) if _fit_bytes(observations) else observations
    return np.array(small)


def _fit_bytes(observations: NDArray[Any]) -> bool:
    within = (observations >= 0) & (observations <= np.iinfo(np.uint8).max)
    return bool(np.all(within & (observations == np.floor(observations))))


def _keys(observations: NDArray[Any]) -> list[bytes]:
    """Keys of N observations, the same whatever their type."""
    rows = observations.reshape(len(observations), -1).astype(np.float64) + 0.0  # no -0
    return [row.tobytes() for row in rows]
