"""The log of the runs that computed the results of a table: machine, versions, wall time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlsp_sb3.io.json_file import read_json, write_json
from rlsp_sb3.runs.run_folder import versions
from rlsp_sb3.utils.machine import machine
from rlsp_sb3.utils.settings import validated

RUN_LOG = "runs.json"


@dataclass
class RunRecord:
    """A command that computed results.

    Attributes:
        machine: What it ran on.
        versions: Those of the libraries.
        jobs_at_once: How many results it computed at once.
        wall_seconds: By result, how long it was there after the one before it, or after the start.
    """

    machine: str
    versions: dict[str, str | None]
    jobs_at_once: int
    wall_seconds: dict[str, float]


class RunLog:
    """Keeps the runs of a table in a file of its folder, which is written with each result.

    The wall time of a table is the sum over its results, however often it was stopped. A command
    that is killed loses no more of it than what came after its last result, and what is computed
    anew replaces what it took before.

    Args:
        folder: The folder of the table; no other process may work there.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / RUN_LOG
        self._runs = _read(self._path)
        self._now: RunRecord | None = None
        self._last = 0.0

    def start(self, jobs_at_once: int, where: str | None = None) -> None:
        """Begin to measure.

        Args:
            jobs_at_once: How many results are computed at once.
            where: What computes them; None for this machine.
        """
        self._now = RunRecord(where or machine(), versions(), jobs_at_once, {})
        self._last = time.monotonic()

    def add(self, result: str) -> None:
        """Note that a result has been computed and written.

        Args:
            result: Its name, the same if it is computed anew.

        Raises:
            RuntimeError: If nothing has begun.
        """
        if self._now is None:
            raise RuntimeError("add() before start(): call start() when results are begun")
        before, self._last = self._last, time.monotonic()
        for run in self._runs:
            run.wall_seconds.pop(result, None)
        self._now.wall_seconds[result] = round(self._last - before, 3)
        others = [run for run in self._runs if run.wall_seconds and run is not self._now]
        self._runs = [*others, self._now]
        write_json(self._path, [asdict(run) for run in self._runs])

    def about(self, results: Iterable[str]) -> dict[str, Any]:
        """The machine, the versions and the wall time of some results, as JSON can hold them.

        Args:
            results: Their names. Of those that are not in the log, nothing is known.

        Returns:
            How many are in the log (``timed``), their ``wall_seconds``, and the different values of
            ``jobs_at_once``, ``machines`` and ``versions``; where none is in the log, the last two
            are those of now.
        """
        wanted = set(results)
        runs = [run for run in self._runs if wanted & run.wall_seconds.keys()]
        seconds = [
            run.wall_seconds[name] for run in runs for name in run.wall_seconds if name in wanted
        ]
        return {
            "timed": len(seconds),
            "wall_seconds": round(sum(seconds), 1),
            "jobs_at_once": _different(run.jobs_at_once for run in runs),
            "machines": _different(run.machine for run in runs) or [machine()],
            "versions": _different(run.versions for run in runs) or [versions()],
        }


def _read(path: Path) -> list[RunRecord]:
    try:
        return validated(list[RunRecord], read_json(path))  # type: ignore[no-any-return]
    except (FileNotFoundError, TypeError, ValueError):  # none, or not ours
        return []


def _different(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
