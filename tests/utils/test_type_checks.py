"""Arguments are checked by their annotations, and functions look as they did."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.utils.type_checks import checks_types

if TYPE_CHECKING:
    from somewhere import Unknown


@checks_types
def function(
    flag: bool = False,
    path: str | Path | None = None,
    env: gym.Env | None = None,
    names: Sequence[str] = (),
    entries: Mapping[str, int] | None = None,
    call: Callable[[int], int] | None = None,
    array: NDArray[np.float64] | None = None,
    numbers: ArrayLike | None = None,
    source: str | Path | ArrayLike | None = None,
    count: int = 3,
    unknown: Unknown = None,
    *rest: int,
    **more: int,
) -> str:
    """What it does."""
    return "called"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flag": 1}, r"flag=1: expected True or False"),
        ({"path": 3.5}, r"path=3\.5: expected text or a path or None"),
        ({"env": "CartPole-v1"}, "env='CartPole-v1': expected a Gymnasium environment or None"),
        ({"names": "abc"}, "names='abc': expected a list"),
        ({"entries": [("a", 1)]}, "entries=.*: expected a mapping or None"),
        ({"call": 3}, "call=3: expected a function or None"),
        ({"array": [1.0]}, r"array=\[1\.0\]: expected an array of numbers or None"),
        ({"array": np.array(["a"])}, r"array=.*: expected an array of numbers or None"),
        ({"numbers": [[1], [2, 3]]}, r"numbers=.*: expected an array of numbers or None"),
        ({"source": object()}, r"source=.*: expected an array of numbers or a path or None"),
        ({"numbers": "text"}, r"numbers='text': expected an array of numbers or None"),
    ],
)
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(TypeError, match=message):
        function(**arguments)


def test_what_fits_is_taken():
    assert function() == "called"
    env = gym.make("CartPole-v1")
    more = {"entries": {"a": 1}, "call": abs, "array": np.ones(2), "numbers": [[1, 2]]}
    assert function(np.True_, Path(), env, ["a"], **more) == "called"


@pytest.mark.parametrize("source", ["states.npy", Path("states.npy"), [[1.0]], None])
def test_a_file_or_an_array_may_be_meant(source):
    assert function(source=source) == "called"


def test_numbers_and_unknown_types_are_for_the_function():
    assert function(count="many", unknown=3) == "called"


def test_errors_are_in_one_line_that_is_not_too_long():
    with pytest.raises(TypeError) as caught:
        function(flag=np.zeros((100, 100)))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_signature_and_documentation_are_those_of_the_function():
    assert list(inspect.signature(function).parameters)[:2] == ["flag", "path"]
    assert function.__doc__ == "What it does."
