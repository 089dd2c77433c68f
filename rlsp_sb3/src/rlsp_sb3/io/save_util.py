"""Files of learners: a zip of JSON and safetensors, which can hold no code."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rlsp_sb3.io.archive import MAX_UNPACKED_BYTES, open_archive, read_member
from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.io.hub_files import local_file
from rlsp_sb3.io.json_file import parse_json

_FORMAT = "rlsp-learner-1"

# What the zipfile module raises for spoiled files, the last two for flags that make no sense, and
# Python for JSON that is nested without end (a RuntimeError, too).
_SPOILED = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def with_suffix(path: str | Path) -> Path:
    """The path, with ".zip" at its end if it has no suffix, as in SB3."""
    path = Path(path)
    return path if path.suffix else path.with_suffix(".zip")


def archive_path(path: str | Path) -> Path:
    """The path of a file that is there, with or without ".zip", or on the Hugging Face Hub."""
    path = local_file(path)
    return path if path.is_file() else with_suffix(path)


def write_archive(
    path: str | Path | IO[bytes], data: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    """Write a file, all of it or nothing.

    Args:
        path: Where to; ".zip" is added if there is no suffix, and missing folders are made. Or an
            open binary file.
        data: What JSON can hold; numbers of NumPy and paths, too.
        arrays: Arrays by name.
    """
    contiguous = {name: np.array(array, order="C", ndmin=0) for name, array in arrays.items()}
    members: dict[str, bytes] = {
        "data.json": _to_json({"format": _FORMAT, **data}).encode(),
        "arrays.safetensors": save(contiguous),
    }
    # What is larger could not be read again if it were compressed.
    method = ZIP_DEFLATED if sum(map(len, members.values())) <= MAX_UNPACKED_BYTES else ZIP_STORED
    written: Any = (
        atomic_write(with_suffix(path)) if isinstance(path, (str, Path)) else nullcontext(path)
    )
    with written as unfinished, ZipFile(unfinished, "w") as archive:
        for name, content in members.items():
            # ZipInfo's default date instead of now: the same learner gives the same file.
            archive.writestr(ZipInfo(name), content, method)


def check_json(arguments: Mapping[str, Any]) -> None:
    """Raise a TypeError unless a file can hold arguments, by their names."""
    for name, value in arguments.items():
        try:
            _to_json(value)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{name}={value!r} cannot be saved: {error}; use numbers, text, and lists and "
                "mappings of them, since the file of a learner holds no code"
            ) from error


def read_archive(path: str | Path | IO[bytes]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file that :func:`write_archive` wrote.

    Raises:
        FileNotFoundError: If there is no such file, with or without ".zip".
        ValueError: If it is not such a file.
    """
    if isinstance(path, (str, Path)):
        path = archive_path(path)
    content = path.read_bytes() if isinstance(path, Path) else path.read()
    try:
        with open_archive(content) as archive:
            data = parse_json(read_member(archive, "data.json"))
            arrays = load(read_member(archive, "arrays.safetensors"))
    except (*_SPOILED, KeyError, ValueError, SafetensorError) as error:
        raise ValueError(f"path={str(path)!r} is not the file of a learner: {error}") from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise ValueError(
            f"path={str(path)!r} is not the file of a learner in the format {_FORMAT!r}: a newer "
            "version of rlsp-sb3 may have written it"
        )
    return data, arrays


def _to_json(data: Any) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Path):
            return str(value)
        raise TypeError(f"JSON cannot hold {value!r}")

    return json.dumps(data, indent=2, default=plain)
