"""Past trajectories of observed states, simulated backward."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Observations = NDArray[np.generic]


class InversePolicy(Protocol):
    """Protocol of inverse policies, which draw the actions that led to observations."""

    def sample(
        self, after: Observations, times: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """The actions (N,) at some times that led to N observations."""


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
    """

    observations: Observations
    actions: NDArray[Any]
    n_clipped: NDArray[np.int64] | None = None

    @property
    def states(self) -> Observations:
        """All observations (T·N, *observation_shape)."""
        return self.observations.reshape(-1, *self.observations.shape[2:])

    @property
    def diagnostics(self) -> dict[str, float]:
        """The fraction of simulated observations that was clipped, if there are bounds."""
        if self.n_clipped is None:
            return {}
        n_simulated = max(len(self.actions), 1) * len(self.n_clipped)
        return {"clipped_observations": float(self.n_clipped.sum() / n_simulated)}


def simulate_past(
    observed_states: Observations,
    inverse_policy: InversePolicy,
    inverse_dynamics: InverseDynamics,
    *,
    horizon: int,
    n_trajectories: int,
    rng: np.random.Generator,
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
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
    """
    ends = rng.integers(len(observed_states), size=n_trajectories)
    observations, actions = [observed_states[ends]], []
    n_clipped = None if bounds is None else np.zeros(n_trajectories, dtype=np.int64)
    for t in reversed(range(horizon - 1)):
        times = np.full(n_trajectories, t)
        actions.append(inverse_policy.sample(observations[-1], times, rng))
        before: Any = inverse_dynamics.sample(observations[-1], actions[-1], times, rng)
        if bounds is not None and n_clipped is not None:
            inside = (before >= bounds[0]) & (before <= bounds[1])
            n_clipped += ~inside.reshape(n_trajectories, -1).all(axis=1)
            before = np.clip(np.where(np.isnan(before), bounds[0], before), *bounds)
            before = before.astype(observed_states.dtype)
        observations.append(before)
    return PastTrajectories(
        np.stack(observations[::-1]),
        np.stack(actions[::-1]) if actions else np.empty((0, n_trajectories), dtype=np.int64),
        n_clipped,
    )


def same_observations(observations: Observations, others: Observations) -> NDArray[np.bool_]:
    """Return whether N observations (N, *observation_shape) equal others, or a single one (N,)."""
    if observations.dtype.kind in "iu":
        close = np.asarray(observations == others)
    else:
        close = np.isclose(observations, others, atol=1e-4)
    return np.asarray(close.reshape(len(close), -1).all(axis=1))
