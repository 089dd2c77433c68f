"""A disk that is full when some files are written."""

import errno
import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest


def full_disk_for(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files fail where they would get their names, as a last write does.

    Args:
        pattern: Of the names of the files.
        monkeypatch: Makes room again.
    """
    replace = Path.replace

    def fail(self: Path, target: Any) -> Path:
        if fnmatch(Path(target).name, pattern):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
