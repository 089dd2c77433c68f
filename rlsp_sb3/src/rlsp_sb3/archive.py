"""Files of learners: a zip of JSON and safetensors, which can hold no code."""

from __future__ import annotations

import json
import os
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = "rlsp-learner-1"

# What the zipfile module raises for spoiled files; the last two for flags that make no sense.
_SPOILED = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def with_suffix(path: str | Path) -> Path:
    """The path, with ".zip" at its end if it has no suffix, as in SB3."""
    path = Path(path)
    return path if path.suffix else path.with_suffix(".zip")


def write_archive(path: str | Path, data: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write a file, all of it or nothing.

    Args:
        path: Where to; ".zip" is added if there is no suffix, and missing folders are made.
        data: What JSON can hold; numbers of NumPy and paths, too.
        arrays: Arrays by name.
    """
    path = with_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with ZipFile(unfinished, "w") as archive:
            # ZipInfo's default date instead of now: the same learner gives the same file.
            archive.writestr(
                ZipInfo("data.json"), _to_json({"format": FORMAT, **data}), ZIP_DEFLATED
            )
            archive.writestr(ZipInfo("arrays.safetensors"), save(contiguous), ZIP_DEFLATED)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_archive(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file that :func:`write_archive` wrote.

    Raises:
        FileNotFoundError: If there is no such file, with or without ".zip".
        ValueError: If it is not such a file.
    """
    path = Path(path) if Path(path).is_file() else with_suffix(path)
    content = BytesIO(path.read_bytes())
    try:
        with ZipFile(content) as archive:
            data = json.loads(archive.read("data.json"))
            arrays = load(archive.read("arrays.safetensors"))
    except (*_SPOILED, KeyError, ValueError, SafetensorError) as error:
        raise ValueError(f"path={str(path)!r} is not the file of a learner: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(
            f"path={str(path)!r} is not the file of a learner in the format {FORMAT!r}: a newer "
            "version of rlsp-sb3 may have written it"
        )
    return data, arrays


def _to_json(data: dict[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Path):
            return str(value)
        raise TypeError(f"{value!r} cannot be saved: expected what JSON can hold")

    return json.dumps(data, indent=2, default=plain)
