"""Nested settings: reading them from text, merging them, and checking them against types.

Everything that a user may write into a mapping, a YAML file or after ``--set`` goes through here:
hyperparameters, configurations of experiments, and arguments of constructors. Types decide, by
pydantic; errors name the path of the setting, its value, and what is expected.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    get_args,
    get_origin,
)
from typing import get_type_hints as type_hints

import numpy as np
import yaml

from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.expected_types import expected_type, field_names, union_parts

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_PYDANTIC_CONFIG = {"extra": "forbid", "allow_inf_nan": False}
"""Settings of pydantic: an unknown name is an error, and NaN is no number."""

OUT_OF_RANGE = {
    "finite_number",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "literal_error",
}
"""Errors of pydantic in which the type of a value is right."""


class Settings:
    """A base of dataclasses whose fields can be checked by :func:`validated`.

    Numbers with limits are checked whenever one is made: that needs no pydantic, which takes long
    to import.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _PYDANTIC_CONFIG

    def __post_init__(self) -> None:
        for name, kind in type_hints(type(self), include_extras=True).items():
            if get_origin(kind) is Annotated:
                _check_number(name, getattr(self, name), *get_args(kind))


def _check_number(name: str, value: Any, base: type, *limits: Any) -> None:
    """Raise an error unless a value is a number within limits of annotated_types."""
    types_of = (int, np.integer) if base is int else (int, float, np.integer, np.floating)
    is_number = isinstance(value, types_of) and not isinstance(value, bool)
    within = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
    if not is_number or not all(
        np.isfinite(value) and within[attribute](value, getattr(limit, attribute))
        for limit in limits
        for attribute in within
        if hasattr(limit, attribute)
    ):
        kind = Annotated.__class_getitem__((base, *limits))  # type: ignore[attr-defined]
        error = ValueError if is_number else TypeError
        raise error(f"{name}={value!r}: expected {expected_type(kind)}")


def validated(kind: Any, value: Any, name: str = "") -> Any:
    """A value as the type that it is to have: a mapping becomes a dataclass, a list a tuple.

    An int is a number, but no number is an int, and True is neither.

    Args:
        kind: The type: a dataclass derived from :class:`Settings`, or any that pydantic knows. What
            pydantic cannot check, such as a protocol of NumPy, is taken as it is.
        value: The value, as JSON can hold it, but with tuples and dataclasses.
        name: What the setting is called in errors; "" if its entries are called by their names.

    Raises:
        TypeError: If it, or an entry of it, has another type.
        ValueError: If an entry is unknown or missing, or a value is out of range.
    """
    from pydantic import ValidationError

    adapter, value = _adapter(kind), plain(value)
    if adapter is None or kind is Any:
        return value
    try:
        return adapter.validate_json(json.dumps(value, default=_as_json), strict=True)
    except ValidationError as error:
        found = [(each["type"], each["loc"]) for each in error.errors(include_url=False)]
        raise _error(kind, value, name, found) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any] | None:
    """The TypeAdapter for values of a type; None if pydantic has none."""
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    config: Any = None if is_dataclass(kind) else dict(_PYDANTIC_CONFIG)
    try:
        return TypeAdapter(kind, config=config)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return None


def has_all_entries(kind: Any, value: Any) -> bool:
    """True if a nested mapping has each entry of a dataclass, on all levels."""
    return isinstance(value, Mapping) and all(
        name in value and (not is_dataclass(entry) or has_all_entries(entry, value[name]))
        for name, entry in type_hints(kind).items()
        if name in field_names(kind)
    )


def plain(value: Any) -> Any:
    """A dataclass as a mapping; anything else as it is."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _as_json(value: Any) -> Any:
    """A value as JSON can hold it, for those that it has no words for."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    as_mapping = plain(value)
    return {"": repr(value)} if as_mapping is value else as_mapping  # fits to nothing


def _error(
    kind: Any, value: Any, name: str, found: list[tuple[str, tuple[int | str, ...]]]
) -> Exception:
    """The first of the errors that pydantic found, as (type, location), in our words."""
    first, location = found[0]
    if first in ("missing", "missing_argument"):
        whole = _at(kind, location[:-1])
        missing = [
            str(each[-1]) for which, each in found if which == first and each[:-1] == location[:-1]
        ]
        return ValueError(
            f"{_has_no(_dotted(name, location[:-1]))} {', '.join(missing)}: expected "
            f"{expected_type(whole)}"
        )
    if first in ("unexpected_keyword_argument", "extra_forbidden"):
        allowed = field_names(_at(kind, location[:-1]))
        return unknown_name(_dotted(name, location[:-1]), str(location[-1]), allowed)
    path: list[int | str] = []
    for each in location:  # as far as it leads into the value, and not to a part of a union
        try:
            value = value[each]
        except (IndexError, KeyError, TypeError):
            break
        path.append(each)
    same = {which for which, each in found if each[: len(path)] == tuple(path)}
    hint = ""
    expected = _at(kind, tuple(path))
    if isinstance(value, str):
        hint = did_you_mean(value, _choices(expected))
    error = ValueError if same & OUT_OF_RANGE else TypeError
    return error(
        f"{_dotted(name, tuple(path))}={value!r}{hint}: expected {expected_type(expected)}"
    )


def unknown_name(where: str, name: str, allowed: Iterable[str], what: str = "setting") -> Exception:
    """The error for a setting that there is not.

    Args:
        where: The path of what does not have it, or the name of the class; "" for none.
        name: The name.
        allowed: The names that there are.
        what: What it is called.
    """
    allowed = list(allowed)
    return ValueError(
        f"{_has_no(where)} {what} {name!r}{did_you_mean(name, allowed)}: expected some of "
        f"{', '.join(allowed)}"
    )


def _has_no(where: str) -> str:
    return f"{where} has no" if where else "there is no"


def _dotted(name: str, path: Sequence[int | str]) -> str:
    return ".".join([*([name] if name else []), *map(str, path)])


def _at(kind: Any, path: Sequence[int | str]) -> Any:
    """The type of what is at a path within a value of a type."""
    for name in path:
        for part in union_parts(kind):
            arguments = get_args(part)
            if is_dataclass(part) and isinstance(part, type):
                kind = type_hints(part, include_extras=True)[str(name)]
                break
            if isinstance(name, str) and len(arguments) == 2:  # a mapping
                kind = arguments[1]
                break
            if isinstance(name, int) and arguments:
                kind = arguments[0 if Ellipsis in arguments else min(name, len(arguments) - 1)]
                break
        else:
            return Any
    return kind


def _choices(kind: Any) -> list[str]:
    return [
        str(value)
        for part in union_parts(kind)
        if get_origin(part) is Literal
        for value in get_args(part)
    ]


# Text.


def yaml_value(text: str) -> Any:
    """A value in YAML, but 1e-3 is a number and None is none.

    Raises:
        ValueError: If it is no YAML.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"expected a value in YAML ({' '.join(str(error).split())})") from error
    if isinstance(value, str):
        if value.lower() == "none":
            return None
        try:
            return float(value)
        except ValueError:
            return value
    return value


def split_assignment(assignment: str, example: str = "") -> tuple[list[str], str]:
    """The path and the text of an assignment such as "solver.n_steps=20000".

    Args:
        assignment: The assignment; hyphens in names are underscores.
        example: Shown in errors, such as "horizon=10".

    Raises:
        ValueError: If it is none.
    """
    path, equals, text = assignment.partition("=")
    if not equals:
        such_as = f", such as {example}" if example else ""
        raise ValueError(f"--set {assignment}: expected NAME=VALUE{such_as}")
    return path.strip().replace("-", "_").split("."), text.strip()


def nested(path: Sequence[str], value: Any) -> Any:
    """The nested mapping in which a value is at a path; the value itself if that is empty."""
    for name in reversed(path):
        value = {name: value}
    return value


def flatten_mapping(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The entries of mappings within mappings, by names with dots."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            found |= flatten_mapping(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def merged(
    first: Mapping[str, Any], second: Mapping[str, Any], short: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The entries of both; of mappings in both, the entries of both again.

    Args:
        first: A nested mapping.
        second: Another, whose values come before; the result shares no mapping with either.
        short: Entries where text stands for a mapping with nothing but it, and how it is called
            there: with {"encoder": "name"}, "vae" is the same as {"name": "vae"}. Such a mapping
            replaces one with another name.
    """
    short = short or {}
    result: dict[str, Any] = _copied(first)
    for name, value in second.items():
        before = result.get(name)
        if name in short and isinstance(before, str):
            before = {short[name]: before}
        if (
            isinstance(value, Mapping)
            and isinstance(before, Mapping)
            and not (name in short and _is_other(short[name], before, value))
        ):
            result[name] = merged(before, value, short)
        else:
            result[name] = _copied(value)
    return result


def _is_other(key: str, before: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """True if two mappings with a name at a key have different ones."""
    return key in value and value[key] != before.get(key)


def _copied(value: Any) -> Any:
    """A copy of nested mappings and lists, with everything else in them as it is."""
    if isinstance(value, Mapping):
        return {name: _copied(each) for name, each in value.items()}
    return list(map(_copied, value)) if isinstance(value, list) else value
