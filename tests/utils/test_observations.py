"""Numbers become observations of the nearest value that their type holds."""

import numpy as np
import pytest
from gymnasium import spaces

from rlsp_sb3.utils.observations import as_observations, space_bounds


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint8, [259.5, -3.2, 3.9, 254.6, np.inf, -np.inf], [255, 0, 4, 255, 255, 0]),
        (np.int8, [-200, -128.4, 127.4, 2.5], [-128, -128, 127, 2]),
        (np.int64, [1e300, -1e300, 2.0**62, -0.6], [2**63 - 1, -(2**63), 2**62, -1]),
        (np.uint64, [2.0**64, -1, 2.0**63], [2**64 - 1, 0, 2**63]),
        (np.bool_, [0.4, 0.6, 3], [False, True, True]),
        (np.float32, [0.1, 1e10], np.float32([0.1, 1e10])),
    ],
)
def test_numbers_become_the_nearest_observation(dtype, values, expected):
    observations = as_observations(np.array(values, dtype=np.float64), dtype)
    assert observations.dtype == dtype
    assert observations.tolist() == np.array(expected, dtype=dtype).tolist()


def test_ints_are_kept_to_the_last_digit():
    values = np.array([2**53 + 1])
    assert as_observations(values, np.int64) == values


def test_nan_is_no_integer():
    with pytest.raises(FloatingPointError, match="NaN cannot be an observation of int32"):
        as_observations(np.array([1.0, np.nan]), np.int32)


@pytest.mark.parametrize(
    ("space", "low", "high"),
    [
        (spaces.Box(0, 255, (2,), np.uint8), [0, 0], [255, 255]),
        (spaces.Box(-np.inf, 3, (1,), np.float32), [-np.inf], [3]),
        (spaces.Discrete(3, start=5), 5, 7),
        (spaces.MultiDiscrete([2, 4]), [0, 0], [1, 3]),
        (spaces.MultiBinary(2), [0, 0], [1, 1]),
    ],
)
def test_bounds_are_the_least_and_the_largest_values(space, low, high):
    np.testing.assert_array_equal(space_bounds(space), (low, high))


def test_a_space_without_bounds_is_refused():
    with pytest.raises(TypeError, match="expected one with bounds"):
        space_bounds(spaces.Dict({"a": spaces.Discrete(2)}))
