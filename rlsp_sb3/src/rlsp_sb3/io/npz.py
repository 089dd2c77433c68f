"""Arrays in npz files, which can hold no code."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.atomic_write import atomic_write

# What numpy and zipfile raise when bytes make no sense.
DAMAGED_ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, LookupError, SyntaxError),
    *(OverflowError, MemoryError, RuntimeError),
)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = True) -> None:
    """Write a file, all of it or nothing; missing folders are made.

    Args:
        path: The file.
        arrays: Arrays of numbers or text by name.
        compressed: Whether to take more time for less space.
    """
    save = np.savez_compressed if compressed else np.savez
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        save(file, **dict(arrays))  # type: ignore[arg-type]


def read_npz(content: bytes) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file.

    Args:
        content: What is in the file.

    Raises:
        ValueError: If it is damaged, no npz file, or has arrays of Python objects.
    """
    try:
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a single array")
            return {name: archive[name] for name in archive.files}
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise ValueError(f"it is damaged, or not an npz file of plain arrays ({error})") from error
