"""Nested settings are read from text, merged, and checked."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike

from rlsp_sb3.utils.arguments import SHORT, parse_settings
from rlsp_sb3.utils.settings import (
    merged,
    nested,
    split_assignment,
    validated,
    yaml_value,
)


class Learner:
    def __init__(
        self,
        env: str,
        encoder: Any = "auto",
        hyperparameters: dict[str, Any] | None = None,
        weights: Literal["none", "cosine"] = "none",
        sizes: Sequence[int] = (),
        word: str = "x",
    ) -> None: ...


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("None", None),
        ("[1, a]", [1, "a"]),
        ("a b", "a b"),
        ("{a: 1}", {"a": 1}),
        ("true", True),
    ],
)
def test_text_is_yaml_with_the_numbers_and_names_of_python(text, expected):
    assert yaml_value(text) == expected


def test_an_assignment_has_a_path():
    assert split_assignment("a-b.c = 3=4") == (["a_b", "c"], "3=4")
    assert nested(["a", "b"], 3) == {"a": {"b": 3}}
    with pytest.raises(ValueError, match="--set abc: expected NAME=VALUE, such as a=1"):
        split_assignment("abc", "a=1")


def test_mappings_are_merged_on_all_levels_and_shared_with_nobody():
    first = {"a": {"b": [1], "c": {"d": 2}}, "e": 3}
    second = {"a": {"c": {"d": 5}, "f": {}}, "e": {"g": 1}}
    found = merged(first, second)
    assert found == {"a": {"b": [1], "c": {"d": 5}, "f": {}}, "e": {"g": 1}}
    found["a"]["b"].append(2)
    found["a"]["f"]["x"] = found["e"]["g"] = 0
    assert first == {"a": {"b": [1], "c": {"d": 2}}, "e": 3}
    assert second["a"]["f"] == {}
    assert second["e"] == {"g": 1}
    own = object()
    assert merged({}, {"own": own})["own"] is own


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("vae", {"kl_weight": 0.5}, {"name": "vae", "kl_weight": 0.5}),
        ("vae", {"name": "fourier", "bandwidth": 2}, {"name": "fourier", "bandwidth": 2}),
        ({"name": "vae", "seed": 1}, {"name": "identity"}, {"name": "identity"}),
        ({"name": "vae", "seed": 1}, {"name": "vae", "a": 2}, {"name": "vae", "seed": 1, "a": 2}),
        ({"name": "vae"}, "fourier", "fourier"),
    ],
)
def test_a_name_stands_for_a_mapping_and_another_one_replaces_it(before, change, after):
    assert merged({"encoder": before}, {"encoder": change}, SHORT) == {"encoder": after}


def test_arguments_may_be_set_entry_by_entry():
    assignments = ["encoder=vae", "encoder.seed=3", "hyperparameters.solver.n_steps=7"]
    found = parse_settings(Learner, [*assignments, "hyperparameters.solver.hidden=[8, 8]"])
    assert found == {
        "encoder": {"name": "vae", "seed": 3},
        "hyperparameters": {"solver": {"n_steps": 7, "hidden": [8, 8]}},
    }


def test_a_name_that_is_a_word_of_yaml_is_a_name():
    assert parse_settings(Learner, ["weights=none"]) == {"weights": "none"}
    assert parse_settings(Learner, ["word=3"]) == {"word": "3"}
    with pytest.raises(ValueError, match=r"weights='cosin' .*did you mean 'cosine'.*'none' or"):
        parse_settings(Learner, ["weights=cosin"])


def test_values_are_checked_by_their_type():
    assert validated(int | None, np.int64(3)) == 3
    assert validated(tuple[int, str], [1, "step"]) == (1, "step")
    assert validated(float, 3) == 3.0
    with pytest.raises(TypeError, match=r"x=\[1, 2\]: expected a mapping"):
        validated(dict[str, int], [1, 2], "x")
    with pytest.raises(TypeError, match=r"x\.a='b': expected an int"):
        validated(dict[str, int], {"a": "b"}, "x")
    with pytest.raises(TypeError, match=r"x=3: expected a list \(an int each\)"):
        validated(Sequence[int], 3, "x")


def test_what_cannot_be_checked_is_taken_as_it_is():
    own = object()
    assert validated(Any, own, "x") is own
    assert validated(ArrayLike, own, "x") is own  # has protocols of NumPy
