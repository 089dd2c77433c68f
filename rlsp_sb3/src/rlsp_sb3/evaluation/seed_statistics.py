"""Statistics over seeds, with one rule for few of them, and over episodes.

**Fewer than five seeds:** their mean, and their range from the lowest to the highest. No interval:
what the bootstrap of three seeds calls a 95 % interval was measured to hold the truth in 73 to 76 %
of all cases.

**Five seeds or more:** their interquartile mean, the mean without the lowest and the highest
quarter, and its 95 % confidence interval by the percentile bootstrap, as Agarwal et al. (2021),
"Deep reinforcement learning at the edge of the statistical precipice", propose. It was measured to
hold the truth in 90 % of all cases for five seeds (that of the mean: 84 %).

Tables, figures and what explains them follow this rule, and say which of the two they show.
Episodes of one policy are no seeds: what a policy earns is the mean over them, and so the interval
is that of the mean, but of five or more as well.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, trim_mean

from rlsp_sb3.type_aliases import Seed
from rlsp_sb3.utils.checks import check_array, check_seed
from rlsp_sb3.utils.type_checks import checks_types, shown

FEWEST_FOR_INTERVAL = 5
CONFIDENCE = 0.95
_RESAMPLES = 9_999
_RESAMPLES_OF_CURVES = 2_000  # which have many points
_BATCH = 100  # resamples at a time, for memory
_COLUMNS = 256  # of values at a time, likewise
_TRIMMED = 0.25  # of the values, from each end

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", float, NDArray[np.float64])


@dataclass(frozen=True)
class SeedSummary(Generic[Value]):
    """The values of N seeds: each a number, or each an array of one shape.

    Attributes:
        n: How many there are; of several strata, in the smallest one.
        mean: Their mean.
        std: Their standard deviation (that of a sample, with N - 1); None for a single value, of
            which nobody knows it.
        center: Of 5 seeds or more their interquartile mean, of fewer their mean.
        low: Of 5 seeds or more the lower end of the 95 % confidence interval of the center, of
            fewer the lowest value.
        high: The upper end, or the highest value.
    """

    n: int
    mean: Value
    std: Value | None
    center: Value
    low: Value
    high: Value


@checks_types
def summarize(strata: Sequence[ArrayLike]) -> SeedSummary[float]:
    """The summary of the values of some strata, such as the seeds of one or several environments.

    The rule for few seeds is applied to the smallest stratum. The bootstrap is stratified: each
    stratum is resampled by itself, as often as it has values. It is computed by SciPy: the library
    of Agarwal et al., rliable, brings a dozen packages (arch, pandas, statsmodels, seaborn, ...)
    for these two functions.

    Args:
        strata: One array of values (N_i,) for each stratum.

    Raises:
        ValueError: If there is no value.
    """
    arrays = [check_array(f"strata[{i}]", each, ("N",)) for i, each in enumerate(strata)]
    if not arrays:
        raise ValueError("strata have no values: expected at least one")
    found = _summarize(arrays, _RESAMPLES)
    return SeedSummary(
        n=found.n,
        mean=float(found.mean),
        std=None if found.std is None else float(found.std),
        center=float(found.center),
        low=float(found.low),
        high=float(found.high),
    )


def summarize_many(
    values: Mapping[Key, Sequence[float]],
) -> dict[Key, SeedSummary[float]]:
    """Summaries of the seeds of each key, as :func:`summarize` gives them, all at once."""
    by_number: dict[int, list[Key]] = {}
    for key, found in values.items():
        by_number.setdefault(len(found), []).append(key)
    summaries = {}
    for keys in by_number.values():
        together = _summarize([np.array([values[key] for key in keys]).T], _RESAMPLES)
        summaries.update({key: _entry(together, i) for i, key in enumerate(keys)})
    return {key: summaries[key] for key in values}


def _entry(together: SeedSummary[NDArray[np.float64]], index: int) -> SeedSummary[float]:
    """The summary of one of many that were summarized together."""
    std = together.std
    return SeedSummary(
        n=together.n,
        mean=float(together.mean[index]),
        std=None if std is None else float(std[index]),
        center=float(together.center[index]),
        low=float(together.low[index]),
        high=float(together.high[index]),
    )


@checks_types
def summarize_curves(values: ArrayLike) -> SeedSummary[NDArray[np.float64]]:
    """The summary of the values (N, ...) of N seeds at several places, each by itself.

    Raises:
        ValueError: If there is no seed, or a value is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or not len(array) or not np.all(np.isfinite(array)):
        raise ValueError(f"values={shown(values)}: expected finite numbers of at least one seed")
    return _summarize([array], _RESAMPLES_OF_CURVES)


@checks_types
def mean_interval(values: ArrayLike, seed: Seed = None) -> tuple[float, float] | None:
    """The 95 % confidence interval of the mean over episodes, by the percentile bootstrap.

    Args:
        values: What each episode has (N,).
        seed: Seeds the resampling.

    Returns:
        Its ends; None if there are fewer than 5 values.
    """
    array = check_array("values", values, ("N",))
    rng = check_seed("seed", seed)
    if len(array) < FEWEST_FOR_INTERVAL:
        return None
    low, high = _interval([array], np.mean, _RESAMPLES, rng)
    return float(low), float(high)


def _summarize(
    strata: Sequence[NDArray[np.float64]], n_resamples: int
) -> SeedSummary[NDArray[np.float64]]:
    """The summary of all values (N_i, ...) of some strata."""
    values, n = np.concatenate(strata), min(map(len, strata))
    mean = values.mean(axis=0)
    std = values.std(axis=0, ddof=1) if len(values) > 1 else None
    if n < FEWEST_FOR_INTERVAL:
        center, low, high = mean, values.min(axis=0), values.max(axis=0)
        return SeedSummary(n=n, mean=mean, std=std, center=center, low=low, high=high)
    # Seeded, so that the same results give the same table and the same figure.
    if len(strata) == 1:
        low, high = _interquartile_interval(values, n_resamples, 0)
    else:
        low, high = _interval(strata, _interquartile_mean, n_resamples, 0)
    center = _interquartile_mean(*strata, axis=0)
    return SeedSummary(n=n, mean=mean, std=std, center=center, low=low, high=high)


def _interquartile_mean(*samples: NDArray[np.float64], axis: int = -1) -> Any:
    return trim_mean(np.concatenate(samples, axis=axis), _TRIMMED, axis=axis)


def _interquartile_interval(
    values: NDArray[np.float64], n_resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confidence interval of the interquartile mean of one stratum (N, ...), by one product.

    The same as that of :func:`_interval` for sorted values.

    Of sorted values, a resample is sorted if its indices are, so that its interquartile mean is a
    sum of them with weights that do not depend on the values: one matrix serves all of a table.
    """
    n = len(values)
    cut = int(_TRIMMED * n)  # as trim_mean rounds
    drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    kept = np.sort(drawn, axis=1)[:, cut : n - cut]
    counts = np.stack([(kept == i).sum(axis=1) for i in range(n)], axis=1)
    ordered = np.sort(values, axis=0).reshape(n, -1)
    tails = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    ends = [
        np.quantile(counts @ part / kept.shape[1], tails, axis=0)
        for part in np.split(ordered, range(_COLUMNS, ordered.shape[1], _COLUMNS), axis=1)
    ]
    low, high = np.concatenate(ends, axis=1).reshape(2, *values.shape[1:])
    return low, high


def _interval(
    strata: Sequence[NDArray[np.float64]],
    statistic: Callable[..., Any],
    n_resamples: int,
    seed: Seed,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the confidence interval of a statistic, from so many resamples."""
    found = bootstrap(
        strata,
        statistic,
        axis=0,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        n_resamples=n_resamples,
        vectorized=True,
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)
