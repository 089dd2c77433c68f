"""The machine that computes."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def machine() -> str:
    """The processor, the number of cores and the system; no name of a host or of a user."""
    cores = n_cores()
    kind = f"{platform.system()} {platform.machine()}".strip() or "unknown system"
    return f"{processor()}, {cores} core{'s' if cores > 1 else ''}, {kind}"


def processor() -> str:
    """The model of the processor, as far as the system tells it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text("utf-8"), re.MULTILINE)
    except OSError:  # there is no such file outside Linux
        found = None
    return found[1].strip() if found else platform.processor() or "unknown processor"


def n_cores() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
