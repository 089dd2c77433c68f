"""Slow feature analysis: features that are the larger the slower they change."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array
from rlsp_sb3.utils.type_checks import checks_types

NOISE = 0.01  # variance of what is taken for noise, so that neither small nor slow is magnified


@checks_types
def slow_axes(features: FloatArray, next_features: FloatArray) -> FloatArray:
    """Axes of slow feature analysis: uncorrelated features, the larger the slower they are.

    As in slow feature analysis (Wiskott and Sejnowski 2002), an axis is slow if what is measured
    along it changes little in a step, for how much it varies. Each is as long as it would be
    if slow and fast features changed as much in a step. A weight then says how much is felt of a
    change that comes about in one step: where somebody stands changes with each, what was broken
    or put away hardly ever, and the same weight of both makes the latter count.

    All features together have variance 1, so that a prior of independent weights of standard
    deviation σ means a reward of standard deviation σ, however many features there are.

    Args:
        features: The features (N, F) before each step.
        next_features: The features (N, F) after it.

    Returns:
        Axes (F, F): ``features @ axes`` are the slow features.
    """
    features = check_array("features", features, ("N", "F"))
    next_features = check_array("next_features", next_features, features.shape)
    n = len(features)
    centered, change = features - features.mean(axis=0), next_features - features
    variance = centered.T @ centered / n
    # ½ E[ẋ ẋᵀ] a = λ E[x xᵀ] a with aᵀ E[x xᵀ] a = 1, both matrices plus noise, for the change ẋ
    # in a step: λ is small if the feature aᵀ x is slow.
    noise = NOISE * np.eye(len(variance))
    pace, axes = eigh(change.T @ change / (2 * n) + noise, variance + noise)
    axes = axes / np.sqrt(pace)  # so that ½ E[(aᵀ ẋ)²] = 1, with a variance of 1 / λ
    total = np.sum((centered @ axes) ** 2) / n
    return np.asarray(axes / np.sqrt(total if total > 0 else 1.0))
