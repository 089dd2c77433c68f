"""L-BFGS-B on the log posterior of reward weights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from scipy.optimize import minimize

from rlsp_sb3.rewards.priors import Prior
from rlsp_sb3.tabular_rlsp.likelihood import StateLikelihood
from rlsp_sb3.type_aliases import FloatArray

UNLIMITED = 10**9


class _StoppedError(Exception):
    """The caller has seen enough iterations."""


def climb(
    likelihood: StateLikelihood,
    prior: Prior,
    start: FloatArray,
    unit: float,
    on_iteration: Callable[[FloatArray], bool],
) -> None:
    """Maximize the log posterior of reward weights by L-BFGS-B.

    The iterations depend on the arguments alone, however many are taken, so that those of a run
    that was stopped can be gone through again.

    Args:
        likelihood: The likelihood of the observed states.
        prior: The prior. If it has a kink, the distance of each weight from it is split into what
            is above and what is below, both at least 0: the log posterior is smooth in these, and
            weights that matter little end exactly at the kink.
        start: The weights (F,) to start from.
        unit: By how much weights have to change to matter, above 0. The first step is no longer.
        on_iteration: Called with the weights (F,) after each iteration; False to stop.

    Raises:
        FloatingPointError: If the likelihood underflows at the start.
    """
    n_weights = len(start)

    def weights(x: FloatArray) -> FloatArray:
        distance = x[:n_weights] - x[n_weights:] if prior.has_kink else x
        return prior.mean + unit * distance

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        theta = weights(x)
        try:
            value, gradient = likelihood.value_and_gradient(theta)
        except FloatingPointError:  # a step too far, which the line search takes back
            return worst, np.zeros_like(x)
        if prior.has_kink:
            slope = unit / prior.std  # of the log prior, which is linear on either side
            gradients = (slope - unit * gradient, slope + unit * gradient)
            return float(slope * x.sum() - value), np.concatenate(gradients)
        return -value - prior.log_prob(theta), -unit * (gradient + prior.gradient(theta))

    def callback(x: FloatArray) -> None:
        if not on_iteration(weights(x)):
            raise _StoppedError

    at_start = likelihood.log_likelihood(start) + prior.log_prob(start)
    worst = 1e3 * (1 + abs(at_start))
    x = (start - prior.mean) / unit
    if prior.has_kink:
        x = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)])
    with suppress(_StoppedError):
        minimize(
            loss,
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, None)] * len(x) if prior.has_kink else None,
            callback=callback,
            options={"ftol": 0, "gtol": 1e-8, "maxiter": UNLIMITED, "maxfun": UNLIMITED},
        )
