"""What the values of several seeds are together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

FEWEST_FOR_INTERVAL = 5  # of fewer seeds, a bootstrap interval is too narrow
CONFIDENCE = 0.95
RESAMPLES = 2000


class Spread(NamedTuple):
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


def spread(values: ArrayLike) -> Spread:
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
            n_resamples=RESAMPLES,
            random_state=np.random.default_rng(0),  # the same runs give the same figure
        ).confidence_interval
        low, high = interval.low, interval.high
    return Spread(mean, np.asarray(low), np.asarray(high), len(seeds))
