"""Files that cannot be written, while others can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path


def reason(error: OSError) -> str:
    """The reason that a file cannot be written, as the operating system calls it."""
    return error.strerror or str(error)


def write_all(
    folder: Path, writers: Mapping[str, Callable[[Path], object]]
) -> tuple[list[str], list[str]]:
    """Write files, and go on if one cannot be written.

    Args:
        folder: Where to.
        writers: What writes each file, whole or not at all, by its name; called with where to.

    Returns:
        The names of the files that are there, and why others are not.
    """
    written, missing = [], []
    for name, write in writers.items():
        try:
            write(folder / name)
            written.append(name)
        except OSError as error:
            (folder / name).unlink(missing_ok=True)  # it would be that of other results
            missing.append(f"{name} cannot be written: {reason(error)}")
    return written, missing
