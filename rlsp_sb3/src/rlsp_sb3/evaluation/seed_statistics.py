"""Statistics of the values of several seeds: means, spreads and confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, trim_mean

from rlsp_sb3.type_aliases import Seed

FEWEST_FOR_INTERVAL = 5  # of fewer seeds, a bootstrap interval is too narrow
CONFIDENCE = 0.95
RESAMPLES = 9999
RESAMPLES_OF_CURVES = 2000


class SeedSpread(NamedTuple):
    """The values of N seeds, at one or several places.

    Attributes:
        mean: Their mean (...).
        low: The lowest value (...); of 5 seeds or more, the lower end of the bootstrapped 95 %
            confidence interval of the mean.
        high: The highest value, or the upper end (...).
        n: How many there are.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: int


def seed_spread(values: ArrayLike) -> SeedSpread:
    """The mean and the spread of the values (N, ...) of N seeds."""
    seeds = np.asarray(values, dtype=np.float64)
    mean, low, high = seeds.mean(axis=0), seeds.min(axis=0), seeds.max(axis=0)
    if len(seeds) >= FEWEST_FOR_INTERVAL:
        interval = bootstrap(
            (seeds,),
            np.mean,
            axis=0,
            batch=100,  # resamples at a time, for memory
            confidence_level=CONFIDENCE,
            method="percentile",
            n_resamples=RESAMPLES_OF_CURVES,
            random_state=np.random.default_rng(0),  # the same runs give the same figure
        ).confidence_interval
        low, high = interval.low, interval.high
    return SeedSpread(mean, np.asarray(low), np.asarray(high), len(seeds))


def confidence_interval(
    values: NDArray[np.float64], seed: Seed = None
) -> tuple[float, float] | None:
    """The 95 % confidence interval of a mean, by the percentile bootstrap.

    Args:
        values: The sample (N,).
        seed: Seeds the resampling.

    Returns:
        Its ends; None if there is but one value.
    """
    if len(values) < 2:
        return None
    interval = bootstrap(
        (values,),
        np.mean,
        batch=100,  # resamples at a time, for memory
        confidence_level=CONFIDENCE,
        method="percentile",
        n_resamples=RESAMPLES,
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


TRIMMED = 0.25  # of the values, from each end
FEWEST_FOR_IQM = 4


class SeedSummary(NamedTuple):
    """N values, such as those of N seeds.

    Attributes:
        n: How many there are.
        mean: Their mean.
        std: Their standard deviation (that of a sample, with N - 1); 0 for one value.
        center: Their interquartile mean, the mean without the lowest and the highest quarter; the
            mean of fewer than 4 values, which have no quarters.
        low: The lower end of the 95 % confidence interval of the center; NaN for one value.
        high: The upper end.
    """

    n: int
    mean: float
    std: float
    center: float
    low: float
    high: float


def summarize(strata: Sequence[ArrayLike]) -> SeedSummary:
    """The summary of all values of some strata, such as the seeds of one or several environments.

    The interval is that of the stratified percentile bootstrap: each stratum is resampled by
    itself, as often as it has values (Agarwal et al. 2021, "Deep reinforcement learning at the edge
    of the statistical precipice"). It is computed by SciPy: their library rliable brings a dozen
    packages (arch, pandas, statsmodels, seaborn, ...) for these two functions.

    Args:
        strata: One array of values (N_i,) for each stratum.

    Raises:
        ValueError: If there is no value.
    """
    arrays = [np.asarray(stratum, dtype=np.float64) for stratum in strata]
    values = np.concatenate(arrays) if arrays else np.zeros(0)
    if not len(values):
        raise ValueError("strata have no values: expected at least one")
    trimmed = TRIMMED if len(values) >= FEWEST_FOR_IQM else 0.0

    def center(*samples: NDArray[np.float64], axis: int = -1) -> Any:
        return trim_mean(np.concatenate(samples, axis=axis), trimmed, axis=axis)

    low = high = float("nan")
    if all(len(array) > 1 for array in arrays):
        # Seeded, so that the same results give the same table.
        found = bootstrap(
            arrays,
            center,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            vectorized=True,
            random_state=np.random.default_rng(0),
        )
        low, high = map(float, found.confidence_interval)
    std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return SeedSummary(len(values), float(values.mean()), std, float(center(*arrays)), low, high)
