"""Types in words, as errors say what they expect."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

import numpy as np
from numpy.typing import ArrayLike

WORDS = {
    bool: "True or False",
    int: "an int",
    float: "a number",
    str: "text",
    type(None): "None",
}
"""The names of simple types in errors."""

CLASSES = {
    "Env": "a Gymnasium environment",
    "Generator": "a generator of NumPy",
    "Path": "a path",
    "Space": "a space of Gymnasium",
    "VecEnv": "a VecEnv of SB3",
}
"""The names of classes in errors, where more should be said than that."""

LIMITS = {"ge": "of at least {}", "gt": "above {}", "le": "of at most {}", "lt": "below {}"}
"""The limits of annotated_types in errors, by their attributes."""


def expected_type(kind: Any) -> str:
    """A type in words, such as "an int of at least 1 or None"."""
    if get_origin(kind) is np.ndarray:
        return "an array of numbers"
    if is_array_like(kind):
        others = [part for part in get_args(kind) if part not in get_args(ArrayLike)]
        return " or ".join(["an array of numbers", *map(expected_type, others)])
    if get_origin(kind) is Annotated:
        base, *limits = get_args(kind)
        found = [
            words.format(getattr(limit, attribute))
            for limit in limits
            for attribute, words in LIMITS.items()
            if hasattr(limit, attribute)
        ]
        return " ".join([expected_type(base), " and ".join(found)]).strip()
    if get_origin(kind) in (Union, types.UnionType):
        words = dict.fromkeys(expected_type(part) for part in get_args(kind))
        if "a mapping" in words:
            words = dict.fromkeys(each for each in words if not each.startswith("a mapping of"))
        return " or ".join(words)
    if get_origin(kind) is Literal:
        return " or ".join(repr(value) for value in get_args(kind))
    if kind in WORDS:
        return WORDS[kind]
    if isinstance(kind, ForwardRef):
        return CLASSES.get(kind.__forward_arg__, kind.__forward_arg__)
    if names := field_names(kind):
        return f"a mapping of {', '.join(names)}"
    origin = get_origin(kind) or kind
    if origin in (tuple, list, Sequence):
        inner = [expected_type(part) for part in get_args(kind) if part is not Ellipsis]
        return f"a list ({', '.join(inner)}{' each' * (len(inner) == 1)})" if inner else "a list"
    if origin in (dict, Mapping):
        return "a mapping"
    if origin is Callable:
        return "a function"
    name = getattr(kind, "__name__", str(kind))
    return CLASSES.get(name, name)


def field_names(kind: Any) -> list[str]:
    """The names of the entries of a type."""
    return [
        field.name
        for part in union_parts(kind)
        if is_dataclass(part) and isinstance(part, type)
        for field in fields(part)
    ]


def union_parts(kind: Any) -> tuple[Any, ...]:
    """The parts of a union, without what annotates them; the type itself if it is none."""
    if get_origin(kind) is Annotated:
        return union_parts(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(part for each in get_args(kind) for part in union_parts(each))
    return (kind,)


def is_array_like(kind: Any) -> bool:
    """Return whether a type is NumPy's ``ArrayLike``, which is a union, or that or something."""
    is_union = get_origin(kind) in (Union, types.UnionType)
    return is_union and set(get_args(ArrayLike)) <= set(get_args(kind))
