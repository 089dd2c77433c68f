"""Locks that keep other processes out of a folder."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"


class InUseError(RuntimeError):
    """Another process works in a folder."""


def lock_folder(folder: Path, other: str) -> FileLock:
    """Lock a folder until the lock is released, or the process ends.

    Args:
        folder: The folder, which is there.
        other: What to choose instead, such as "another folder by --out", for the error.

    Raises:
        InUseError: If another process, or somebody else in this one, has locked it.
        OSError: If it cannot be written to.
    """
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InUseError(
            f"{folder} is in use by another process: wait until it is done, or choose {other}"
        ) from None
    return lock
