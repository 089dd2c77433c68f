"""Run tasks in this process: others would import everything anew, which takes seconds each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from rlsp_sb3.experiments.executors.base import Event, Function, Task, call
from rlsp_sb3.experiments.executors.local import LocalExecutor


class InProcessExecutor:
    """Computes one task after the other."""

    n_workers = 1
    shares_disk = True

    def run(self, function: Function, tasks: Sequence[Task]) -> Iterator[Event]:
        for task in tasks:
            events: list[Event] = []

            def report(
                stage: str, fraction: float, events: Any = events, name: str = task.name
            ) -> None:
                events.append(Event(name, "stage", stage, fraction))

            kind, value = call(function, report, task)
            yield from [Event(task.name, "started"), *events, Event(task.name, kind, value)]


@contextmanager
def in_this_process() -> Iterator[None]:
    """Let commands compute here what they would compute in processes of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalExecutor, "run", InProcessExecutor.run)
        yield
