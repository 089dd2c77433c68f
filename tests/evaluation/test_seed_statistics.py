"""Statistics over seeds: one rule for few of them, in numbers, curves and strata."""

import numpy as np
import pytest
from scipy.stats import bootstrap, trim_mean

from rlsp_sb3.evaluation.seed_statistics import (
    mean_interval,
    summarize,
    summarize_curves,
    summarize_many,
)


@pytest.mark.parametrize("values", [[3.0], [1.0, 9.0], [1.0, 2.0, 3.0, 10.0]])
def test_fewer_than_five_seeds_have_a_mean_and_a_range(values: list[float]) -> None:
    summary = summarize([values])
    assert summary.n == len(values)
    assert summary.center == summary.mean == np.mean(values)
    assert (summary.low, summary.high) == (min(values), max(values))
    if len(values) == 1:
        assert summary.std is None
    else:
        assert summary.std == pytest.approx(np.std(values, ddof=1))


def test_five_seeds_have_an_interquartile_mean_and_an_interval() -> None:
    values = np.array([0.0, 1.0, 2.0, 3.0, 1000.0])
    summary = summarize([values])
    assert summary.center == 2  # without the lowest and the highest
    assert summary.mean == pytest.approx(values.mean())
    assert summary.std == pytest.approx(values.std(ddof=1))
    assert 0 <= summary.low < 2 < summary.high < 1000
    assert summarize([values]) == summary


def test_the_interval_is_as_wide_as_that_of_a_trimmed_mean() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    summary = summarize([values])
    assert summary.center == trim_mean(values, 0.25)
    # The trimmed mean of normal values has a standard error of 1.09 of that of the mean.
    assert summary.high - summary.low == pytest.approx(2 * 1.96 * 1.09 * 2 / 20, rel=0.15)


@pytest.mark.parametrize("n", [5, 6, 7, 8, 13, 40])
def test_the_interval_is_the_bootstrap_of_scipy(n: int) -> None:
    values = np.sort(np.random.default_rng(n).normal(size=n))  # the same draws, then

    def interquartile_mean(resamples: np.ndarray, axis: int) -> np.ndarray:
        return trim_mean(resamples, 0.25, axis=axis)

    expected = bootstrap(
        [values],
        interquartile_mean,
        method="percentile",
        n_resamples=9_999,
        batch=9_999,
        random_state=np.random.default_rng(0),
    ).confidence_interval
    summary = summarize([values])
    assert (summary.low, summary.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_many_at_once_are_the_same() -> None:
    rng = np.random.default_rng(0)
    values = {i: rng.normal(size=n).tolist() for i, n in enumerate([5, 3, 5, 9, 1] + [6] * 300)}
    found = summarize_many(values)
    assert list(found) == list(values)
    for key, seeds in values.items():
        assert vars(found[key]) == pytest.approx(vars(summarize([seeds])), abs=1e-12)
    assert summarize_many({}) == {}


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        summarize([])


def test_strata_are_resampled_by_themselves() -> None:
    constant = summarize([[0.0] * 5, [1.0] * 5, [2.0] * 5])
    assert (constant.low, constant.center, constant.high) == (1, 1, 1)
    mixed = summarize([[0.0] * 5 + [1.0] * 5 + [2.0] * 5])
    assert mixed.low < mixed.center < mixed.high


def test_the_smallest_stratum_counts() -> None:
    few = summarize([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0, 13.0, 14.0]])
    assert (few.n, few.low, few.high) == (3, 0, 14)
    assert few.center == few.mean


def test_points_of_curves_are_summarized_like_numbers() -> None:
    values = np.random.default_rng(0).normal(size=(8, 40))
    summary = summarize_curves(values)
    assert summary.n == 8
    for k in (0, 39):
        alone = summarize([values[:, k]])
        assert summary.center[k] == pytest.approx(alone.center)
        assert summary.low[k] == pytest.approx(alone.low, abs=0.15)  # fewer resamples
        assert summary.high[k] == pytest.approx(alone.high, abs=0.15)
    assert np.all((values.min(axis=0) < summary.low) & (summary.low < summary.center))
    assert np.all((summary.center < summary.high) & (summary.high < values.max(axis=0)))
    np.testing.assert_array_equal(summarize_curves(values).low, summary.low)
    few = summarize_curves(values[:3])
    np.testing.assert_array_equal(few.center, values[:3].mean(axis=0))
    np.testing.assert_array_equal(few.low, values[:3].min(axis=0))
    np.testing.assert_array_equal(few.high, values[:3].max(axis=0))


def test_one_seed_has_no_spread() -> None:
    summary = summarize_curves([[1.0, 2.0]])
    assert summary.center.tolist() == summary.low.tolist() == summary.high.tolist() == [1, 2]
    assert (summary.n, summary.std) == (1, None)


def test_the_interval_over_episodes_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    interval = mean_interval(values, 0)
    assert interval is not None
    low, high = interval
    half_width = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half_width, abs=0.02)
    assert high == pytest.approx(values.mean() + half_width, abs=0.02)
    assert mean_interval(values, 0) == (low, high)
    assert mean_interval(np.full(5, 2.0)) == (2, 2)
    assert mean_interval(np.arange(4.0)) is None
