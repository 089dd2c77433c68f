"""Regression adjustment of kernel weights (Beaumont, Zhang and Balding 2002)."""

from __future__ import annotations

import numpy as np

from rlsp_sb3.rlsp.trajectory_weights import effective_sample_size
from rlsp_sb3.type_aliases import FloatArray

MAX_SHIFT = 1.0
"""Largest shift of the mean, in standard deviations of the states that count."""


def adjusted_weights(weights: FloatArray, differences: FloatArray) -> FloatArray:
    """Kernel weights for an expectation at the observed state, rather than around it.

    The kernel is wide where few states are near the observed one: then what counts lies between
    there and where most states are. A regression of any quantity y on the differences z from the
    observed state, weighted by the kernel, is evaluated at z = 0, where it is Σ w̃ y with

        w̃ = w (1 - (z - m)ᵀ (C + λ I)⁻¹ m),

    m and C being the weighted mean and covariance of z. That is exact where y is linear in z, and
    the error of the kernel's own mean, Σ w y, is then that of the slope times m.

    λ is at least as large as for D coefficients with a variance of 1 / D that of the noise, and
    large enough that the mean moves by one standard deviation at most,
    mᵀ (C + λ I)⁻¹ C (C + λ I)⁻¹ m ≤ 1: nothing is known of states that are far from all others.

    Args:
        weights: Weights of N states (N,) that sum to 1, none below 0.
        differences: What tells each state from the observed one (N, D), in standard deviations.

    Returns:
        Weights (N,) that sum to 1; some may be negative.
    """
    mean = weights @ differences
    centered = differences - mean
    variances, axes = np.linalg.eigh(centered.T @ (weights[:, None] * centered))
    variances = np.maximum(variances, 0)
    offsets = axes.T @ mean
    ridge = _ridge(variances, offsets, len(mean) / effective_sample_size(weights))
    slopes = axes @ (offsets / (variances + ridge))
    return np.asarray(weights * (1 - centered @ slopes))


def _ridge(variances: FloatArray, offsets: FloatArray, smallest: float) -> float:
    """The smallest λ, at least ``smallest``, by which the mean moves at most MAX_SHIFT."""

    def shift(ridge: float) -> float:
        return float(np.sqrt((variances * (offsets / (variances + ridge)) ** 2).sum()))

    if shift(smallest) <= MAX_SHIFT:
        return smallest
    # ‖offsets‖ √max(variances) / λ is not below the shift, which falls as λ grows.
    low = np.log(smallest)
    high = np.log(np.linalg.norm(offsets) * np.sqrt(variances.max()) / MAX_SHIFT)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if shift(np.exp(middle)) > MAX_SHIFT else (low, middle)
    return float(np.exp(high))
