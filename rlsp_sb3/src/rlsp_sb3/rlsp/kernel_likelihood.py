"""Log likelihood of observed states by kernel density estimation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rlsp_sb3.io.state_arrays import read_array, read_scalar
from rlsp_sb3.rlsp.past_trajectories import Observations
from rlsp_sb3.rlsp.trajectory_weights import (
    MAX_BETA,
    KernelName,
    log_kernel,
    spread,
    state_differences,
    tempering_power,
)
from rlsp_sb3.type_aliases import Arrays, FloatArray


class LogLikelihood(NamedTuple):
    """Estimate of a log likelihood.

    Attributes:
        value: The estimate, in nats.
        error: Its standard error.
    """

    value: float
    error: float


@dataclass(frozen=True)
class KernelLikelihood:
    """Log likelihood of observed states, by the states that trajectories pass.

    The likelihood of an observed state is the mean of a kernel around it, over all but the first
    states of trajectories: p(s_t = s) at a time t up to the horizon, smoothed. The kernel is 1 at
    its center, so that this is a probability where states are discrete and the kernel is narrow,
    and otherwise a density in units of the kernel's width. The kernel is chosen by what random
    behavior passes, and kept, so that estimates are comparable within a run.

    Attributes:
        kernel: The name of the kernel.
        std: The unit of each entry of observations (D,).
        powers: The power β of the kernel for each observed state (n,).
        random: The log likelihood under random behavior, for which θ = 0.
    """

    kernel: KernelName
    std: FloatArray
    powers: FloatArray
    random: LogLikelihood

    @classmethod
    def of_random_behavior(
        cls,
        trajectories: Observations,
        observed: Observations,
        kernel: KernelName,
        effective_size: float,
    ) -> KernelLikelihood:
        """The likelihood whose kernel is such that random behavior has an effective sample size.

        Args:
            trajectories: N trajectories of random actions (T, N, *observation_shape).
            observed: The observed states (n, *observation_shape).
            kernel: The name of the kernel.
            effective_size: The effective number of states that are near an observed one.
        """
        std, states = spread(trajectories), candidates(trajectories)
        powers = [
            tempering_power(log_kernel(differences**2, kernel), effective_size, MAX_BETA)
            for differences in state_differences(states, observed, std)
        ]
        unknown = cls(kernel, std, np.array(powers), LogLikelihood(0.0, 0.0))
        return cls(kernel, std, unknown.powers, unknown.estimate(trajectories, observed))

    def estimate(self, trajectories: Observations, observed: Observations) -> LogLikelihood:
        """The mean log likelihood of the observed states.

        Args:
            trajectories: N trajectories of a policy (T, N, *observation_shape).
            observed: The observed states (n, *observation_shape).
        """
        n = trajectories.shape[1]
        values, influence = [], np.zeros(n)
        each = state_differences(candidates(trajectories), observed, self.std)
        for differences, power in zip(each, self.powers, strict=True):
            logs = power * log_kernel(differences**2, self.kernel)
            highest = logs.max()
            likelihoods = np.exp(logs - highest).reshape(-1, n).mean(axis=0)
            values.append(highest + np.log(likelihoods.mean()))
            influence += likelihoods / likelihoods.mean() / len(observed)
        return LogLikelihood(float(np.mean(values)), float(influence.std() / np.sqrt(n)))

    def gain(self, found: LogLikelihood) -> LogLikelihood:
        """Difference of a log likelihood from that of random behavior."""
        error = np.hypot(found.error, self.random.error)
        return LogLikelihood(found.value - self.random.value, float(error))

    def arrays(self) -> Arrays:
        """The attributes but the name of the kernel, to be saved."""
        return {
            "std": self.std,
            "powers": self.powers,
            "random_value": np.array(self.random.value),
            "random_error": np.array(self.random.error),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Arrays, observed: Observations, kernel: KernelName
    ) -> KernelLikelihood:
        """The likelihood of observed states (n, *shape) that :meth:`arrays` was asked of."""
        std = read_array(arrays, "std", np.float64, (observed[0].size,))
        powers = read_array(arrays, "powers", np.float64, (len(observed),))
        random = (read_scalar(arrays, f"random_{name}", float) for name in ("value", "error"))
        return cls(kernel, std, powers, LogLikelihood(*random))


def candidates(trajectories: Observations) -> Observations:
    """All but the first states of trajectories (T, N, *shape), time after time."""
    return trajectories[1:].reshape(-1, *trajectories.shape[2:])
