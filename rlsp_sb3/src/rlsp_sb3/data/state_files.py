"""Files of observed states: arrays of observations, as NumPy or a spreadsheet writes them."""

from __future__ import annotations

import csv
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.io.npz import DAMAGED_ARCHIVE_ERRORS, parse_npy, read_npz

STATE_SUFFIXES = (".npy", ".csv", ".npz")
"""The endings of files that :func:`load_states` reads."""


def holds_states(path: Path) -> bool:
    """Return whether a file is one of states by its name; of an npz file, by its only array."""
    if path.suffix != ".npz" or not zipfile.is_zipfile(path):
        return path.suffix in STATE_SUFFIXES and path.suffix != ".npz"
    try:
        with zipfile.ZipFile(path) as archive:
            return len(archive.namelist()) == 1
    except zipfile.BadZipFile:
        return False


def load_states(path: Path) -> NDArray[Any]:
    """Read states (n, *observation_shape).

    Args:
        path: An npy file, an npz file with a single array, or a CSV file with a row for each state
            and perhaps one of names above. No code is run from it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a folder, has no states, or something else than finite numbers.
    """
    if path.is_dir():
        raise ValueError(f"path={str(path)!r} is a folder: expected a file of states")
    try:
        if path.suffix == ".csv":
            states = _read_csv(read_text_file(path).decode("utf-8-sig"))
        elif path.suffix == ".npy":
            states = _read_npy(path.read_bytes())
        else:
            (states,) = read_npz(path.read_bytes()).values()
        if states.dtype.kind not in "biuf" or states.ndim == 0 or len(states) == 0:
            raise ValueError(
                f"it has the type {states.dtype} and the shape {states.shape}: expected numbers "
                "(n, *observation_shape) with n of at least 1"
            )
        finite = np.isfinite(states.reshape(len(states), -1)).all(axis=1)
        if not finite.all():
            raise ValueError(f"state {int(finite.argmin())}, counted from 0, is not finite")
    except ValueError as error:
        raise ValueError(f"path={str(path)!r} is not a file of states: {error}") from error
    return states


def _read_npy(content: bytes) -> NDArray[Any]:
    try:
        return parse_npy(content)
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise ValueError(f"it is damaged, or not an npy file of a plain array ({error})") from error


def _read_csv(text: str) -> NDArray[np.float64]:
    """The rows of a CSV file (n, d); the first one may be of names."""
    reader = csv.reader(StringIO(text))
    rows: list[list[float]] = []
    width = None
    try:
        for cells in reader:
            if not cells:
                continue
            numbers = [_number(cell) for cell in cells]
            is_first, width = width is None, width or len(cells)
            if is_first and all(number is None for number in numbers):
                continue
            if None in numbers:
                cell = cells[numbers.index(None)]
                raise ValueError(f"{cell!r} in line {reader.line_num} is no number")
            if len(cells) != width:
                raise ValueError(
                    f"line {reader.line_num} has {len(cells)} numbers: expected {width}"
                )
            rows.append([number for number in numbers if number is not None])
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    return np.array(rows, dtype=np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
