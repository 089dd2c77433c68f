"""Progress of jobs on the screen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlsp_sb3.experiments.executors.base import Event
from rlsp_sb3.utils.progress import LINE_EVERY
from rlsp_sb3.utils.timer import format_duration

_BAR = 20  # characters
_LEAST = 0.02  # of a stage, before its speed says something


class _Running:
    """A job that runs."""

    def __init__(self, now: float) -> None:
        self.start = now
        self.enter("starting", now)

    def enter(self, stage: str, now: float) -> None:
        self.stage = stage
        self.stage_start = now
        self.first: float | None = None
        self.fraction = 0.0

    def seconds_left(self, now: float) -> float | None:
        """The seconds that the stage still takes; None if there is nothing to tell from."""
        if self.first is None or self.fraction - self.first < _LEAST:
            return None
        rate = (self.fraction - self.first) / max(now - self.stage_start, 1e-9)
        return (1 - self.fraction) / rate


class JobProgress:
    """Shows what jobs are doing: a live table on a terminal, and elsewhere a line for each change.

    While nothing changes, that is a line every 10 seconds.

    Args:
        titles: What jobs are called, by name.
        n_workers: How many run at once.
        console: Where to.
        live: Whether to show a table; None for whether it is a terminal.
        expected: The seconds that jobs are expected to take, by name, as far as they are known;
            those of jobs that are over correct them.
    """

    def __init__(
        self,
        titles: Mapping[str, str],
        n_workers: int,
        console: Console,
        live: bool | None = None,
        expected: Mapping[str, float] | None = None,
    ) -> None:
        self._titles = titles
        self._n_workers = n_workers
        self._console = console
        self._running: dict[str, _Running] = {}
        self._line_at = time.monotonic()
        # Without expectations all jobs are alike, and nothing is known before one is over.
        self._expected = expected or dict.fromkeys(titles, 1.0)
        self._is_expected = bool(expected)
        self._seconds: dict[str, float] = {}  # of jobs that are over
        shown = console.is_terminal if live is None else live
        self._live = (
            Live(console=console, get_renderable=self.picture, transient=True) if shown else None
        )

    def __enter__(self) -> JobProgress:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        """End to show."""
        if self._live is not None:
            self._live.stop()

    def tell(self, event: Event) -> None:
        """Take note of what happened to a job."""
        now = time.monotonic()
        name, kind = event.task, event.kind
        running = self._running.setdefault(name, _Running(now))
        if kind == "stage":
            if event.value != running.stage:
                running.enter(event.value, now)
                self._line(name, event.value)
            running.fraction = event.fraction
            if running.first is None:
                running.first = event.fraction
            if now - self._line_at > LINE_EVERY:
                self._line(name, f"{event.value}, {event.fraction:.0%}")
        elif kind in ("started", "lost"):
            running.enter("starting", now)
            if kind == "lost":
                self._line(name, f"starts anew: {event.value}", "yellow", always=True)
        else:
            del self._running[name]
            self._seconds[name] = now - running.start
            if kind == "failed":
                self._line(name, f"failed: {event.value}", "yellow", always=True)
            else:
                self._line(name, f"done in {format_duration(self._seconds[name])}")

    def picture(self) -> Group:
        """The progress of all jobs, to be drawn."""
        now = time.monotonic()
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in ("job", "stage", "", "so far", "stage ends in"):
            table.add_column(column, justify="right" if column[-2:] in ("ar", "in") else "left")
        for name, running in list(self._running.items()):
            left = running.seconds_left(now)
            table.add_row(
                Text(self._titles[name]),
                running.stage,
                ProgressBar(1.0, running.fraction, width=_BAR),
                format_duration(now - running.start),
                "" if left is None else format_duration(left),
            )
        return Group(Text(self.headline(), "bold"), table)

    def headline(self) -> str:
        """The number of jobs that are over, and when all will be."""
        n_over, n = len(self._seconds), len(self._titles)
        now = time.monotonic()
        left = [running.seconds_left(now) or 0.0 for running in list(self._running.values())]
        if n_over or self._is_expected:
            left.append(self._expected_left(now) / min(self._n_workers, n))
        text = f"{n_over} of {n} jobs"
        if n_over < n and any(left):
            text += f", about {format_duration(max(left))} to go"
        return text

    def _expected_left(self, now: float) -> float:
        """The seconds that all jobs still take, as long as those that are over say they do."""
        told = [name for name in self._seconds if name in self._expected]
        before = sum(self._expected[name] for name in told)
        scale = sum(self._seconds[name] for name in told) / before if before else 1.0
        left = 0.0
        for name in self._titles.keys() - self._seconds.keys():
            running = self._running.get(name)
            so_far = now - running.start if running and self._is_expected else 0.0
            left += max(scale * self._expected.get(name, 0.0) - so_far, 0.0)
        return left

    def _line(self, name: str, what: str, style: str = "", always: bool = False) -> None:
        """Print a line, unless the table shows it."""
        if self._live is not None and not always:
            return
        text = f"{self.headline()} · {self._titles[name]}: {what}"
        self._line_at = time.monotonic()
        self._console.print(text, style=style, markup=False, soft_wrap=True)
