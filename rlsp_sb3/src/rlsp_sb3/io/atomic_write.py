"""Files that are written whole or not at all."""

from __future__ import annotations

import csv
import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_UNFINISHED = re.compile(r"\..+\.(?P<machine>[\w-]*)\.(?P<process>\d{1,7})\.tmp")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file beside the one that it is to replace; if that fails, the old one stays.

    What processes that were killed while they wrote have left in the folder is removed.

    Args:
        path: The file to be written; missing folders are made.

    Yields:
        Where to write it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(path.parent)
    unfinished = path.with_name(f".{path.name}.{_this_machine()}.{os.getpid()}.tmp")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes of this machine that are over have not finished in a folder."""
    for path in folder.glob(".*.tmp"):
        name = _UNFINISHED.fullmatch(path.name)
        if name and name["machine"] == _this_machine() and _is_over(int(name["process"])):
            with suppress(OSError):  # another process removes it, too, or it is somebody else's
                path.unlink()


def _this_machine() -> str:
    return re.sub(r"[^\w-]", "-", platform.node())


def _is_over(process: int) -> bool:
    """True if there is no process of a number; where nobody can be asked, there may be one."""
    if os.name != "posix":  # os.kill ends processes on Windows, whatever the signal
        return False
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)  # else it is somebody else's
    return False


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file, whole or not at all."""
    with (
        atomic_write(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
