"""Progress of long work: bars in a terminal or a notebook, elsewhere a line every 10 seconds.

What may take long says so by :func:`stage` or :func:`track`, and need not know whether anybody
looks: it is shown inside of :func:`show_progress` only.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlsp_sb3.utils.timer import format_duration

LINE_EVERY = 10.0  # seconds
_BAR = 12  # characters
_WINDOW = 7  # looks, of 10 seconds each: the last minute tells the speed
_LEAST = 0.02  # of a stage, before its speed says something
_BRIEF = 0.5  # seconds; what is over by then need not flicker

T = TypeVar("T")


class Stage:
    """A stage of work.

    Args:
        description: What is done, such as "collecting transitions".
        total: How many steps it takes; None if nobody knows.

    Attributes:
        done: How many it has taken, to be set by who takes them.
        notes: What else is to be shown.
    """

    def __init__(self, description: str, total: int | None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self.notes = ""
        self.start = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque(maxlen=_WINDOW)

    @property
    def fraction(self) -> float | None:
        """The share that is over; None if nobody knows."""
        return min(1.0, self.done / self.total) if self.total else None

    def time_left(self, now: float) -> str:
        """The time that it still takes, in words; empty if there is nothing to tell from."""
        if not self._seen or now - self._seen[-1][0] >= LINE_EVERY:
            self._seen.append((now, self.done))
        is_long = len(self._seen) == _WINDOW
        since, done = self._seen[0] if is_long else (self.start, 0)
        fraction, steps = self.fraction, self.done - done
        if self.total is None or fraction is None or not _LEAST <= fraction < 1 or steps <= 0:
            return ""
        left = (now - since) * (self.total - self.done) / steps
        return f"about {format_duration(left)} to go"

    def line(self, now: float) -> str:
        """All of it in a line."""
        count = f"{self.done:,} of {self.total:,}" if self.total else ""
        so_far = f"{format_duration(now - self.start)} so far"
        parts = [count, so_far, self.time_left(now), self.notes]
        return f"{self.description}: {', '.join(part for part in parts if part)}"


class _Display:
    """Shows stages, the outer ones first."""

    def __init__(self, console: Console) -> None:
        self.stages: list[Stage] = []
        self._console = console
        self._over = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._console.is_terminal or self._console.is_jupyter:
            self._live = Live(console=self._console, get_renderable=self.picture, transient=True)
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._print_lines, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._live is not None:
            self._live.stop()
        if self._thread is not None:
            self._thread.join()

    def picture(self) -> Table:
        """The stages as bars."""
        now = time.monotonic()
        table = Table.grid(padding=(0, 2))
        table.add_column(width=_BAR)
        table.add_column(no_wrap=True)
        for stage in list(self.stages):
            if now - stage.start > _BRIEF:
                fraction = stage.fraction
                total = None if fraction is None else 1.0
                bar = ProgressBar(total, fraction or 0.0, width=_BAR)
                table.add_row(bar, Text(stage.line(now)))
        return table

    def _print_lines(self) -> None:
        while not self._over.wait(LINE_EVERY):
            now = time.monotonic()
            if self.stages:
                text = " · ".join(stage.line(now) for stage in list(self.stages))
                self._console.print(text, markup=False, highlight=False, soft_wrap=True)


_DISPLAY: ContextVar[_Display | None] = ContextVar("progress display", default=None)


@contextmanager
def show_progress(shown: bool = True) -> Iterator[None]:
    """Show the progress of what is done in the block, on stderr.

    Args:
        shown: Whether to do so at all. Inside of another such block, that one shows it.
    """
    if not shown or _DISPLAY.get() is not None:
        yield
        return
    display = _Display(Console(stderr=True))
    token = _DISPLAY.set(display)
    display.start()
    try:
        yield
    finally:
        display.stop()
        _DISPLAY.reset(token)


@contextmanager
def stage(description: str, total: int | None = None) -> Iterator[Stage]:
    """A stage of work, whose steps are counted in the block.

    Args:
        description: What is done.
        total: How many steps it takes; None if nobody knows.
    """
    entered, display = Stage(description, total), _DISPLAY.get()
    if display is None:
        yield entered
        return
    display.stages.append(entered)
    try:
        yield entered
    finally:
        display.stages.remove(entered)


def track(items: Sequence[T], description: str) -> Iterator[T]:
    """Iterate over the items of a stage of work; a single one is no stage.

    Args:
        items: The items.
        description: What is done.
    """
    if len(items) <= 1:
        yield from items
        return
    with stage(description, len(items)) as entered:
        for i, item in enumerate(items):
            entered.done = i
            yield item
