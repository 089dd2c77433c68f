"""Past trajectories of observed states, simulated backward."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.utils.checks import MAX_COUNT, MAX_HORIZON, check_array, check_int
from rlsp_sb3.utils.observations import Bounds, as_observations
from rlsp_sb3.utils.type_checks import check_type, checks_types, shown

Observations = NDArray[np.generic]


@runtime_checkable
class InversePolicy(Protocol):
    """Protocol of inverse policies, which draw the actions that led to observations."""

    def sample(
        self, after: Observations, times: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """The actions (N,) at some times that led to N observations."""


@runtime_checkable
class InverseDynamics(Protocol):
    """Protocol of inverse dynamics, which draw the observations before actions."""

    def sample(
        self,
        after: Observations,
        actions: NDArray[np.int64],
        times: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Observations:
        """The observations (N, *observation_shape) before N actions."""


class PastTrajectories(NamedTuple):
    """N simulated trajectories that end in observed states.

    Attributes:
        observations: (T, N, *observation_shape), the observed states last.
        actions: The actions between them (T - 1, N, *action_shape).
        n_clipped: How many observations of each trajectory had to be clipped (N,), None if there
            are no limits.
        n_outside: How many of these were too far outside for an error of rounding (N,).
    """

    observations: Observations
    actions: NDArray[Any]
    n_clipped: NDArray[np.int64] | None = None
    n_outside: NDArray[np.int64] | None = None

    @property
    def states(self) -> Observations:
        """All observations (T·N, *observation_shape)."""
        return self.observations.reshape(-1, *self.observations.shape[2:])

    @property
    def diagnostics(self) -> dict[str, float]:
        """The fractions of simulated observations that were clipped, if there are bounds."""
        counts = {"clipped_observations": self.n_clipped, "outside_observations": self.n_outside}
        n_steps = max(len(self.actions), 1)
        return {name: float(n.mean() / n_steps) for name, n in counts.items() if n is not None}


@checks_types
def simulate_past(
    observed_states: Observations,
    inverse_policy: InversePolicy,
    inverse_dynamics: InverseDynamics,
    *,
    horizon: int,
    n_trajectories: int,
    rng: np.random.Generator,
    bounds: Bounds | None = None,
    tolerance: NDArray[np.float64] | float = 0.0,
) -> PastTrajectories:
    """Draw trajectories backward from observed states (Lindner et al. 2021, Algorithm 1).

    Args:
        observed_states: Where they end, (n, *observation_shape); each trajectory in any of them.
        inverse_policy: Draws an action given what followed.
        inverse_dynamics: Draws what was before, given that and the action.
        horizon: The number T of states of a trajectory.
        n_trajectories: The number N of trajectories.
        rng: The source of random numbers.
        bounds: Between which observations (*observation_shape) they are clipped; what is not a
            number becomes the lower bound.
        tolerance: How far from the bounds they may be (*observation_shape) before they count as
            outside, at least 0.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If one is out of range, or an observed state is not finite.
    """
    if not np.all(np.isfinite(observed_states)) or not len(observed_states):
        raise ValueError("observed_states are empty or not all finite: expected at least one")
    check_int("horizon", horizon, 1, MAX_HORIZON)
    check_int("n_trajectories", n_trajectories, 1, MAX_COUNT)
    if bounds is not None:
        if len(bounds) != 2:
            raise ValueError(f"bounds={shown(bounds)}: expected the least and the largest values")
        shape = observed_states.shape[1:]
        low, high = (check_array("bounds", each, (), shape, finite=False) for each in bounds)
        if not np.all(low <= high):
            raise ValueError(f"bounds={shown(bounds)}: expected the least below the largest values")
    check_type("tolerance", tolerance, ArrayLike)
    if not np.all(np.asarray(tolerance) >= 0):
        raise ValueError(f"tolerance={shown(tolerance)}: expected distances of at least 0")
    ends = rng.integers(len(observed_states), size=n_trajectories)
    observations, actions = [observed_states[ends]], []
    n_clipped = n_outside = None
    if bounds is not None:
        n_clipped, n_outside = np.zeros((2, n_trajectories), dtype=np.int64)
    for t in reversed(range(horizon - 1)):
        times = np.full(n_trajectories, t)
        actions.append(inverse_policy.sample(observations[-1], times, rng))
        before: Any = inverse_dynamics.sample(observations[-1], actions[-1], times, rng)
        if bounds is not None and n_clipped is not None and n_outside is not None:
            n_clipped += _leave(before, bounds, 0.0)
            n_outside += _leave(before, bounds, tolerance)
            before = np.clip(np.where(np.isnan(before), bounds[0], before), *bounds)
            before = as_observations(before, observed_states.dtype)
        observations.append(before)
    return PastTrajectories(
        np.stack(observations[::-1]),
        np.stack(actions[::-1]) if actions else np.empty((0, n_trajectories), dtype=np.int64),
        n_clipped,
        n_outside,
    )


def _leave(
    observations: NDArray[Any], bounds: Bounds, tolerance: NDArray[np.float64] | float
) -> NDArray[np.bool_]:
    """Return whether N observations (N, *observation_shape) leave bounds (N,), or are NaN."""
    inside = (observations >= bounds[0] - tolerance) & (observations <= bounds[1] + tolerance)
    return np.asarray(~inside.reshape(len(observations), -1).all(axis=1))


def same_observations(observations: Observations, others: Observations) -> NDArray[np.bool_]:
    """Return whether N observations (N, *observation_shape) equal others, or a single one (N,)."""
    if observations.dtype.kind in "iu":
        close = np.asarray(observations == others)
    else:
        close = np.isclose(observations, others, atol=1e-4)
    return np.asarray(close.reshape(len(close), -1).all(axis=1))
