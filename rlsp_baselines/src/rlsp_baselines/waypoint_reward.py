"""A reward for being near some states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.rewards import FeatureFn
from rlsp_sb3.type_aliases import FloatArray

TINY = 1e-12


class WaypointReward:
    """The largest max_i φ(s')·φ(s_i)/‖φ(s_i)‖ of the products with the features of waypoints s_i.

    A function of transitions, as :class:`~rlsp_sb3.RewardFn` is, of the state s' that one
    leads to (Lindner et al. 2021, section 3).

    Args:
        waypoints: The features φ(s_i) of n waypoints (n, F); with those that are all 0 every
            product is 0.
        features: Maps observations (N, *observation_shape) to features (N, F). None stands for
            the identity: the observations are the features.

    Raises:
        ValueError: If the waypoints are not (n, F) finite numbers, with n of at least 1.
    """

    def __init__(self, waypoints: ArrayLike, features: FeatureFn | None = None) -> None:
        self.waypoints = np.array(waypoints, dtype=np.float64)
        if self.waypoints.ndim != 2 or not len(self.waypoints):
            raise ValueError(
                f"waypoints have shape {self.waypoints.shape}: expected (n, F), with n of at least "
                "1; put the features of a single one into a list"
            )
        if not np.isfinite(self.waypoints).all():
            raise ValueError("waypoints are not all finite: expected features without NaN")
        self.features = features
        norms = np.linalg.norm(self.waypoints, axis=1, keepdims=True)
        self.directions = self.waypoints / np.maximum(norms, TINY)

    def __call__(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> FloatArray:
        """The rewards (N,) of N transitions."""
        return self.of_states(next_state)

    def of_states(self, observations: ArrayLike) -> FloatArray:
        """The rewards (N,) for being in the states of N observations (N, *observation_shape).

        Raises:
            ValueError: If the features have another number than those of the waypoints.
        """
        features = np.asarray(self.features(observations) if self.features else observations)
        size = self.waypoints.shape[1]
        if features.ndim != 2 or features.shape[1] != size:
            raise ValueError(
                f"the features have shape {features.shape}: expected (N, {size}), because the "
                f"waypoints have {size}"
            )
        return np.asarray((features @ self.directions.T).max(axis=1))

    def __repr__(self) -> str:
        n_waypoints, size = self.waypoints.shape
        return f"WaypointReward({n_waypoints} waypoints, {size} features)"
