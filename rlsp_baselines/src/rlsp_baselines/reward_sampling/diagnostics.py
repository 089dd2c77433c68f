"""Convergence diagnostics of Markov chains: split-R̂ and effective sample size.

As in chapter 11 of Gelman et al., Bayesian Data Analysis, 3rd edition: each chain counts as two,
its first and its second half, so that one that still drifts is noticed. ArviZ computes it if it is
installed, and otherwise the same formulas here do.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np

from rlsp_sb3.type_aliases import FloatArray

MIN_DRAWS = 4


def split_r_hat(samples: FloatArray) -> FloatArray:
    """Split-R̂: the spread of all chains together against that of each, 1 at convergence.

    Args:
        samples: The samples (chains, draws, F).

    Returns:
        Split-R̂ of each of the F quantities, ArviZ's ``rhat(method="split")``; NaN of fewer than 4
        draws, or if nothing ever changed.
    """
    if samples.shape[1] < MIN_DRAWS:
        return np.full(samples.shape[2], np.nan)
    arviz = find_arviz()
    if arviz is not None and len(samples) > 1:  # of a single chain it says nothing
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.array([arviz.rhat(each, method="split") for each in _by_quantity(samples)])
    halves = _halves(samples)
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r_hat: FloatArray = np.sqrt(_total_variance(halves) / within)
    return r_hat


def effective_sample_size(samples: FloatArray) -> FloatArray:
    """Effective sample size: the independent samples that would tell the mean as well.

    With the autocorrelations ρ_t of all chains together, pairs ρ_2k + ρ_2k+1 are added up as long
    as they are positive, each counting at most as much as the one before (Geyer 1992).

    Args:
        samples: The samples (chains, draws, F).

    Returns:
        The size for each of the F quantities, ArviZ's ``ess(method="mean")``; NaN of fewer than 4
        draws, or if nothing ever changed.
    """
    if samples.shape[1] < MIN_DRAWS:
        return np.full(samples.shape[2], np.nan)
    arviz = find_arviz()
    if arviz is not None:
        sizes = np.array([arviz.ess(each, method="mean") for each in _by_quantity(samples)])
        return np.where(np.ptp(samples, axis=(0, 1)) > 0, sizes, np.nan)
    halves = _halves(samples)
    n_halves, n, _ = halves.shape
    centered = halves - halves.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centered, 2 * n, axis=1)  # padded, so that it does not wrap around
    covariances = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n].mean(axis=0) / n
    within = covariances[0] * n / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = 1 - (within - covariances) / _total_variance(halves)
    correlations[0] = np.where(np.isnan(correlations[0]), np.nan, 1)
    n_pairs = max((n - 1) // 2, 1)
    even, odd = correlations[: 2 * n_pairs].reshape(n_pairs, 2, -1).swapaxes(0, 1)
    positive = np.logical_and.accumulate(even + odd > 0)
    positive[-1] = False
    pairs = np.where(positive, np.minimum.accumulate(even + odd), 0)
    is_next = np.cumsum(~positive, axis=0) == 1
    rest = np.where(is_next, np.maximum(even, 0), 0)  # of the first pair that is left out
    n_samples = n_halves * n
    time = np.maximum((2 * pairs + rest).sum(axis=0) - 1, 1 / np.log10(n_samples))
    size: FloatArray = np.where(np.isnan(correlations[0]), np.nan, n_samples / time)
    return size


def find_arviz() -> Any | None:
    """The package ArviZ, release 0.x or 1.x; None if it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # 0.23 announces what 1.0 changes
            return import_module("arviz")
    except ImportError:
        return None


def _by_quantity(samples: FloatArray) -> FloatArray:
    """Samples (chains, draws, F) as (F, chains, draws)."""
    return np.moveaxis(samples, 2, 0)


def _halves(samples: FloatArray) -> FloatArray:
    """Each chain as two (2 · chains, draws // 2, F); of an odd number of draws one is left out."""
    half = samples.shape[1] // 2
    return np.concatenate([samples[:, :half], samples[:, -half:]])


def _total_variance(halves: FloatArray) -> FloatArray:
    """The variance (F,) of all chains together, estimated from within and between them."""
    n = halves.shape[1]
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    total: FloatArray = within * (n - 1) / n + halves.mean(axis=1).var(axis=0, ddof=1)
    return total
