"""Restricted unpickler of numpy arrays, and of attributes of objects, which runs no code.

A pickle is a program. This one can build lists, dictionaries, numbers and text, and may name
nothing but what pickles of numpy arrays name and imitation's trajectories. Not even those are
handed out: numpy's own ``dtype.__setstate__`` can be told to take raw bytes for pointers to
objects. Stand-ins check what they are given and build the arrays.

Of an object of another class, attributes can be read that are such data. Nothing is imported or
called for it, nor for what else the pickle names: stand-ins take its place and do nothing.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.archive import check_unpacked, unpacked_limit

_MAX_DEPTH = 16
"""Largest depth of nested lists, tuples and dictionaries."""

_ARRAY_TYPES = re.compile(r"b1|[iu][1248]|f[248]")
_OBJECTS = ("O", "O4", "O8")
_TRAJECTORIES = (
    "imitation.data.types.Trajectory",
    "imitation.data.types.TrajectoryWithRew",
)
_TRAJECTORY_FIELDS = {"obs", "acts", "infos"}
_OTHER_TRAJECTORY_FIELDS = {"rews", "terminal"}  # of some versions or classes

# What the unpickler raises when bytes make no sense.
_DAMAGED_PICKLE_ERRORS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError),
    *(OverflowError, MemoryError, RecursionError, BufferError),
)


class RefusedPickleError(ValueError):
    """A pickle asks for something that arrays do not need; it could be code."""


@dataclass(frozen=True, eq=False)
class PickledTrajectory:
    """A trajectory of ``imitation``, of its class ``Trajectory`` or ``TrajectoryWithRew``.

    Attributes:
        obs: The observations, one more than there are actions (L + 1, *observation_shape).
        acts: The actions (L, *action_shape).
        infos: What the environment said at each step, as plain data; None if not stored.
        rews: The rewards (L,); None if not stored.
        terminal: Whether the episode ended there; None if not stored, as by imitation 0.1.
    """

    obs: Any
    acts: Any
    infos: Any
    rews: Any = None
    terminal: Any = None


@dataclass(frozen=True, eq=False)
class PickledObject:
    """An object of which attributes were read, and no more.

    Attributes:
        class_name: Its class, such as "module.Class".
        attributes: Those that were asked for and are there, by name.
    """

    class_name: str
    attributes: dict[str, Any]


def read_pickle(path: str | Path, wanted: Mapping[str, Collection[str]] | None = None) -> Any:
    """Read a pickle of arrays, or of objects with arrays, from a file.

    Args:
        path: The file.
        wanted: See :func:`parse_pickle`.

    Returns:
        What is in it, see :func:`parse_pickle`.

    Raises:
        FileNotFoundError: If there is no such file.
        RefusedPickleError: If it asks for anything but arrays and demonstrations.
        ValueError: If it is damaged, or no pickle at all.
    """
    data = Path(path).read_bytes()
    try:
        return parse_pickle(data, wanted)
    except RefusedPickleError as error:
        raise RefusedPickleError(f"path={str(path)!r} is refused: {error}") from error
    except ValueError as error:
        raise ValueError(f"path={str(path)!r} cannot be read: {error}") from error


def parse_pickle(data: bytes, wanted: Mapping[str, Collection[str]] | None = None) -> Any:
    """Read a pickle of arrays, of any protocol, written with numpy 1 or 2.

    Args:
        data: The pickle.
        wanted: The attributes that are read of objects, by the name of their class; of these, and
            of all other classes, there is nothing but stand-ins. None where other classes than
            those of arrays and demonstrations are refused by name, wherever the pickle has them.

    Returns:
        Lists, tuples, dictionaries, text, bytes, Python and numpy scalars, numpy arrays, and
        :class:`PickledTrajectory`, and :class:`PickledObject` of the classes that are wanted,
        nested in each other.

    Raises:
        RefusedPickleError: If it asks for anything else; the message names it. Nothing of it was
            imported or called.
        ValueError: If it is damaged, or no pickle at all.
    """
    try:
        _check_opcodes(data)
        unpickler = _RestrictedUnpickler(data, wanted)
        return _finished(unpickler.load(), 0, {}, unpickler.spend)
    except RefusedPickleError:
        raise
    except _DAMAGED_PICKLE_ERRORS as error:
        raise ValueError(f"it is damaged, or not a pickle of arrays ({error})") from error


def _check_opcodes(data: bytes) -> None:
    """Refuse what the unpickler would do without asking ``find_class``, or at too high a price."""
    found: ValueError | None = None
    for opcode, argument, _ in pickletools.genops(data):  # all, for there may be nonsense behind
        if found is None:
            found = _refusal(opcode.name, argument, len(data))
    if found is not None:
        raise found


def _refusal(opcode: str, argument: Any, size: int) -> ValueError | None:
    """The error for an opcode in a pickle of some size; None if it is harmless."""
    if opcode.startswith("EXT"):
        return RefusedPickleError(f"it asks for extension {argument} of the copyreg registry")
    if opcode.endswith("PERSID"):
        return RefusedPickleError(f"it asks for a persistent object {argument or ''}".rstrip())
    if opcode.endswith("PUT") and (argument or 0) > size:
        return ValueError(f"memo {argument} in {size} bytes")
    return None


class _RestrictedUnpickler(pickle.Unpickler):
    """Unpickler that hands out stand-ins, and counts what it makes of them.

    Args:
        data: The pickle. It can name the same bytes many times, and make an array of each.
        wanted: The attributes that are read of objects; None to refuse objects.
    """

    def __init__(self, data: bytes, wanted: Mapping[str, Collection[str]] | None) -> None:
        super().__init__(io.BytesIO(data))
        self.wanted = wanted
        self.limit = unpacked_limit(len(data))
        self.spent = {np.ndarray: 0, bytes: 0}

    def spend(self, value: NDArray[Any] | bytes) -> None:
        """Count an array, or bytes; raise a ValueError if all of that type are too large."""
        self.spent[type(value)] += len(value) if isinstance(value, bytes) else value.nbytes
        check_unpacked("what it holds", self.spent[type(value)], self.limit)

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name in _TRAJECTORIES:
            return _Trajectory
        if full_name not in GLOBALS and self.wanted is not None:
            attributes = self.wanted.get(full_name, ())
            return type("_Named", (_Object,), {"name": full_name, "wanted": attributes})
        if full_name not in GLOBALS:
            raise RefusedPickleError(
                f"it asks for {full_name}, and only numpy arrays and imitation's trajectories are "
                "allowed: pickles can run code, so do not load it by other means unless you trust "
                "its source"
            )
        return _Global(full_name, GLOBALS[full_name], self.spend)


class _Global:
    """Stands for something in a module: may be named and perhaps called, but not changed."""

    __slots__ = ("function", "name", "spend")

    def __init__(
        self, name: str, function: Callable[..., Any] | None, spend: Callable[[Any], None]
    ) -> None:
        self.name = name
        self.function = function
        self.spend = spend

    def __call__(self, *args: Any) -> Any:
        if self.function is None:
            raise RefusedPickleError(f"it asks to call {self.name}")
        value = self.function(*args)
        if type(value) is bytes:  # arrays are counted when they are made, at the end
            self.spend(value)
        return value

    def __setstate__(self, state: object) -> None:
        raise RefusedPickleError(f"it asks to change {self.name}")


class _Trajectory:
    """Stands for a demonstration while it is read; a class, as the pickle makes an instance."""

    __slots__ = ("fields",)

    fields: dict[str, Any]

    def __setstate__(self, state: object) -> None:
        fields = set(state) if isinstance(state, dict) else set()
        if not _TRAJECTORY_FIELDS <= fields <= _TRAJECTORY_FIELDS | _OTHER_TRAJECTORY_FIELDS:
            raise ValueError(
                f"a trajectory has the fields {', '.join(sorted(_TRAJECTORY_FIELDS))}, perhaps "
                f"{' and '.join(sorted(_OTHER_TRAJECTORY_FIELDS))}, and no others"
            )
        self.fields = dict(state)  # type: ignore[call-overload]


class _Object:
    """Stands for an object, or for what a function returned, while it is read.

    It remembers its attributes, and does nothing with anything else that the pickle gives it. Each
    name in a pickle has a subclass of its own, so that one pickle cannot change it for others.
    """

    name: str
    wanted: Collection[str]
    state: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> _Object:
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state

    def append(self, item: object) -> None:
        """Take an item, as lists do."""

    def __setitem__(self, key: object, value: object) -> None:
        pass


class _DType:
    """Stands for a numpy dtype of plain numbers; None for that of objects."""

    __slots__ = ("dtype",)

    dtype: np.dtype[Any] | None

    def __init__(self, code: object, *_: object) -> None:
        if code in _OBJECTS:
            self.dtype = None
            return
        if not isinstance(code, str) or not _ARRAY_TYPES.fullmatch(code):
            raise RefusedPickleError(
                f"it asks for an array of type {code!r}, and only arrays of numbers are allowed: "
                "bool, and int, uint or float of up to 64 bits"
            )
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        _, order, *structure, _, _, _ = state
        if any(part is not None for part in structure) or order not in ("<", ">", "=", "|"):
            raise RefusedPickleError(f"it asks for an array of type {state!r}")
        if self.dtype is not None:
            self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for a numpy array while it is read, or for the list of what an array of objects has.

    imitation keeps what the environment said at each step in such an array of dictionaries.
    """

    __slots__ = ("array", "objects")

    array: NDArray[Any]
    objects: list[Any] | None

    def __init__(self) -> None:
        self.objects = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, data = state
        if isinstance(dtype, _DType) and dtype.dtype is None:
            if not isinstance(data, list) or shape != (len(data),):
                raise ValueError(f"an array of objects of shape {shape!r}: expected a row of them")
            self.objects = data
        else:
            self.array = _array(data, dtype, shape, "F" if is_fortran else "C")


def _array(data: object, dtype: object, shape: Any, order: Any) -> NDArray[Any]:
    """An array of plain numbers over bytes, if there are as many as it has."""
    numbers = dtype.dtype if isinstance(dtype, _DType) else None
    if not isinstance(data, (bytes, bytearray)) or numbers is None:
        raise RefusedPickleError("it asks for an array that is not made of bytes")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array of shape {shape!r}")
    if math.prod(shape) * numbers.itemsize != len(data):
        raise ValueError(f"an array of shape {shape} and type {numbers} in {len(data)} bytes")
    array: NDArray[Any] = np.ndarray(shape, numbers, data, order=order)
    return array


def _scalar(dtype: object, data: object) -> Any:
    return _array(data, dtype, (), "C")[()]


def _reconstruct(array_type: object, *_: object) -> _Array:
    if not isinstance(array_type, _Global) or array_type.name != "numpy.ndarray":
        raise RefusedPickleError("it asks for an array of another class than numpy.ndarray")
    return _Array()


def _from_buffer(
    data: object, dtype: object, shape: object, order: str, axes: Any = None
) -> NDArray[Any]:
    if order == "K" and axes is not None:
        permuted: NDArray[Any] = _array(data, dtype, shape, "C").transpose(axes)
        return permuted
    return _array(data, dtype, shape, order)


def _encode(text: str, encoding: str) -> bytes:
    """Bytes, as protocols 0 to 2 write them."""
    if encoding != "latin1":
        raise RefusedPickleError(f"it asks for the encoding {encoding!r}")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """No bytes, as protocols 0 to 2 write them."""
    return b""


GLOBALS: dict[str, Callable[..., Any] | None] = {
    "numpy.ndarray": None,
    "numpy.dtype": _DType,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy._core.numeric._frombuffer": _from_buffer,
    "_codecs.encode": _encode,
    "__builtin__.bytes": _no_bytes,
    "builtins.bytes": _no_bytes,
}
"""Names that a pickle may have, and what is called instead; None if that is not allowed."""


def _finished(value: Any, depth: int, known: dict[int, Any], spend: Callable[[Any], None]) -> Any:
    """The value with arrays and trajectories in the place of their stand-ins.

    Args:
        value: What the unpickler returned.
        depth: How deep it is nested.
        known: What was finished before, by id: a value can be in several places.
        spend: Is told each array before it is copied from the bytes of the pickle.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}")
    if id(value) in known:
        return known[id(value)]
    finished: Any

    def finish(part: Any) -> Any:
        return _finished(part, depth + 1, known, spend)

    if isinstance(value, _Array) and value.objects is not None:
        finished = [finish(part) for part in value.objects]
    elif isinstance(value, (_Array, np.ndarray)):
        array = value.array if isinstance(value, _Array) else value
        spend(array)
        finished = np.array(array)
    elif isinstance(value, _Trajectory):
        finished = PickledTrajectory(**{name: finish(part) for name, part in value.fields.items()})
    elif isinstance(value, _Object) and value.wanted:
        if not isinstance(value.state, dict):
            raise ValueError(f"an object of {value.name} without attributes")
        found = {name: value.state[name] for name in value.wanted if name in value.state}
        finished = PickledObject(value.name, {name: finish(part) for name, part in found.items()})
    elif type(value) is list:
        finished = [finish(part) for part in value]
    elif type(value) is tuple:
        finished = tuple(finish(part) for part in value)
    elif type(value) is dict:
        finished = {finish(key): finish(part) for key, part in value.items()}
    elif value is None or isinstance(value, (bool, int, float, str, bytes, bytearray, np.generic)):
        finished = value
    else:
        kind = getattr(value, "name", type(value).__name__.strip("_"))
        raise RefusedPickleError(f"it contains {kind}, which is not data")
    known[id(value)] = finished
    return finished
