"""Files of learners: a zip of JSON and safetensors, which can hold no code."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = "rlsp-learner-1"


def with_suffix(path: str | Path) -> Path:
    """The path, with ".zip" at its end if it has no suffix, as in SB3."""
    path = Path(path)
    return path if path.suffix else path.with_suffix(".zip")


def write_archive(path: str | Path, data: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write a file, all of it or nothing.

    Args:
        path: Where to; ".zip" is added if there is no suffix, and missing folders are made.
        data: What JSON can hold.
        arrays: Arrays by name.
    """
    path = with_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("data.json", json.dumps({"format": FORMAT, **data}, indent=2))
            archive.writestr("arrays.safetensors", save(contiguous))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_archive(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file that :func:`write_archive` wrote.

    Raises:
        FileNotFoundError: If there is no such file, with or without ".zip".
        ValueError: If it is not such a file.
    """
    path = path if Path(path).is_file() else with_suffix(path)
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data.json"))
            arrays = load(archive.read("arrays.safetensors"))
    except (zipfile.BadZipFile, KeyError, ValueError, SafetensorError) as error:
        raise ValueError(f"path={str(path)!r} is not the file of a learner: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(
            f"path={str(path)!r} is not the file of a learner in the format {FORMAT!r}: a newer "
            "version of rlsp-sb3 may have written it"
        )
    return data, arrays
