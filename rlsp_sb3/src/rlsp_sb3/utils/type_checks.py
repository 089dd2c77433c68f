"""Checks of arguments against the types that a function is annotated with."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import IO, Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
from numpy.typing import ArrayLike

from rlsp_sb3.utils.expected_types import expected_type, is_array_like

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def checks_types(function: AnyFunction) -> AnyFunction:
    """Decorator that checks arguments by their annotations before a function runs.

    A list is no text, a flag is True or False, an array holds numbers, and None is only what may be
    None. Numbers and names are for the function to check, which knows the range and the choices;
    the entries of lists and the shape of arrays as well.

    Raises:
        TypeError: If an argument has another type; says which one.
    """
    signature = inspect.signature(function)

    @cache
    def annotated() -> dict[str, Any]:
        """The types by argument, found at the first call, when everything is imported."""
        return {
            name: _evaluated(parameter.annotation, function)
            for name, parameter in signature.parameters.items()
            if parameter.annotation is not parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }

    @wraps(function)
    def checking(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for name, kind in annotated().items():
            if name in given and given[name] is not signature.parameters[name].default:
                check_type(name, given[name], kind)
        return function(*args, **kwargs)

    return checking  # type: ignore[return-value]


def check_type(name: str, value: Any, kind: Any) -> None:
    """Raise a TypeError unless a value has the type that an argument is annotated with."""
    if not _fits(value, kind):
        raise TypeError(f"{name}={shown(value)}: expected {expected_type(kind)}")


def shown(value: Any) -> str:
    """A value as errors show it, in one line that is not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def _evaluated(annotation: Any, function: Any) -> Any:
    """An annotation that may be text; Any if a name in it is there for type checkers only."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, function.__globals__)
    except NameError:
        return Any


def _fits(value: Any, kind: Any) -> bool:
    if is_array_like(kind):
        others = set(get_args(kind)) - set(get_args(ArrayLike))
        # An ArrayLike may be text, too, so that a union with paths looks like one without text.
        is_name = isinstance(value, str) and bool(others - {type(None)})
        return is_name or _is_numeric(value) or any(_fits(value, part) for part in others)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    kind = origin or kind
    if kind is IO:  # which no class of open files is a subclass of
        return hasattr(value, "read") or hasattr(value, "write")
    if kind in (Any, int, float, Literal):  # numbers and names are for the function to check
        return True
    if kind in (None, type(None)):
        return value is None
    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind is Callable:
        return callable(value)
    if kind is np.ndarray:
        return isinstance(value, np.ndarray) and _is_numeric(value)
    if kind is Sequence or kind is tuple:
        return isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
    if kind is dict:
        return isinstance(value, Mapping)
    is_checkable = isinstance(kind, type) and (
        not getattr(kind, "_is_protocol", False) or getattr(kind, "_is_runtime_protocol", False)
    )
    return not is_checkable or isinstance(value, kind)


def _is_numeric(value: Any) -> bool:
    """Return whether a value is a number, or an array or nested lists of numbers."""
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:  # of different lengths
        return False
    except (TypeError, RuntimeError):  # a tensor that NumPy does not read, but the function may
        return True
