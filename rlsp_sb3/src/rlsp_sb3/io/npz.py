"""Arrays in npz files, which can hold no code."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.archive import MAX_UNPACKED_BYTES, check_unpacked, open_archive, read_member
from rlsp_sb3.io.atomic_write import atomic_write

# What numpy and zipfile raise when bytes make no sense.
DAMAGED_ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, LookupError, SyntaxError),
    *(OverflowError, MemoryError, RuntimeError),
)

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_HEADER_BYTES = 1024  # more than there are before an array


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = True) -> None:
    """Write a file, all of it or nothing; missing folders are made.

    Args:
        path: The file.
        arrays: Arrays of numbers or text by name.
        compressed: Whether to take more time for less space; not if it would be too large to be
            read again.
    """
    size = sum(np.asarray(array).nbytes + _HEADER_BYTES for array in arrays.values())
    save = np.savez_compressed if compressed and size <= MAX_UNPACKED_BYTES else np.savez
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        save(file, **dict(arrays))  # type: ignore[arg-type]


def read_npz(content: bytes) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file.

    Args:
        content: What is in the file.

    Raises:
        ValueError: If it is damaged, no npz file, has arrays of Python objects, or would be too
            large, see :mod:`rlsp_sb3.io.archive`.
    """
    try:
        with open_archive(content) as archive:
            return {
                name.removesuffix(".npy"): parse_npy(read_member(archive, name))
                for name in archive.namelist()
            }
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise ValueError(f"it is damaged, or not an npz file of plain arrays ({error})") from error


def parse_npy(content: bytes) -> NDArray[Any]:
    """Read the array of an npy file.

    Args:
        content: What is in the file.

    Raises:
        ValueError: Or another of :data:`DAMAGED_ARCHIVE_ERRORS`, if it is damaged, no npy file, has
            Python objects, or says that it is larger than it is, before there is memory for it.
    """
    file = BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"it is an npy file of version {version}: expected one of {[*_HEADERS]}")
    shape, _, dtype = _HEADERS[version](file)
    check_unpacked("the array", math.prod(shape) * dtype.itemsize, len(content))
    file.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
