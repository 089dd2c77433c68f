"""Functions for executors to call in other processes, and a small table."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np


def square(report: Any, number: int) -> int:
    report("squaring", 0.0)
    if number < 0:
        raise ValueError(f"number={number}: expected at least 0")
    report("squaring", 1.0)
    return number * number


def forget(report: Any, number: int) -> int:
    return {}["a bug"] if number == 1 else number


def die_at_first(report: Any, number: int, folder: str) -> int:
    """Kill the own process at the first call for each number that is odd."""
    mark = Path(folder, f"{number}.called")
    if number % 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def always_die(report: Any, number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def interrupt(report: Any, number: int) -> int:
    """Press Ctrl-C, which all processes of a terminal get."""
    os.kill(os.getpid(), signal.SIGINT)
    return number


def threads(report: Any) -> tuple[str | None, int]:
    import torch

    return os.environ.get("OMP_NUM_THREADS"), torch.get_num_threads()


def slow_square(report: Any, number: int, folder: str, until: str) -> int:
    """Wait for a file before it goes on, and leave the number of the process."""
    Path(folder, f"{number}.{os.getpid()}.{time.monotonic_ns()}").touch()
    while not Path(until).exists():
        report("waiting", 0.5)
        time.sleep(0.05)
    return int(np.square(number))
