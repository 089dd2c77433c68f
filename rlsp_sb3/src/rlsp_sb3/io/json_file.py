"""JSON files, written whole or not at all, and read with limits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.io.atomic_write import atomic_write

MAX_DEPTH = 32
"""Largest depth of nested lists and objects: code that goes through them cannot run too deep."""


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON, see :func:`parse_json`, or larger than a file may be.
    """
    try:
        return parse_json(read_text_file(path))
    except ValueError as error:
        raise ValueError(f"{path} is not a JSON file: {error}") from error


def parse_json(text: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: If it is none, nested too deep, or has a number that no float can hold, or a
            name twice in one object.
    """
    try:
        content = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_float=lambda digits: _finite(float(digits), digits),
            parse_int=_int,
        )
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}") from error
    _check_depth(content)
    return content


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of which no name is there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _int(digits: str) -> int:
    _finite(float(digits), digits)  # first, because Python limits the digits of an int
    return int(digits)


def _finite(number: float, digits: str) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]}… is too large for a number")
    return number


def _check_depth(content: Any) -> None:
    """Raise a ValueError if lists and objects are nested too deep."""
    level = [content]
    for _ in range(MAX_DEPTH + 1):
        level = [
            part
            for whole in level
            if isinstance(whole, (dict, list))
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
