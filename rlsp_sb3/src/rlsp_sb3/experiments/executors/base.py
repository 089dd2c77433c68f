"""Executors: computation of many tasks at once, each by the same function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium as gym

from rlsp_sb3.utils.errors import PluginError

Report = Callable[[str, float], None]
"""Is told the stage of a task, and how much of it is done, from 0 to 1."""
Function = Callable[..., Any]

MAX_RETRIES = 3
"""Number of restarts of a task whose process or machine was lost."""

TASK_ERRORS = (
    *(ArithmeticError, ImportError, OSError, RuntimeError, TypeError, ValueError),
    *(gym.error.Error, PluginError),
)
"""Errors that a task may fail with; any other is a bug, and ends its process."""


class Task(NamedTuple):
    """A call of a function.

    Attributes:
        name: Differs from that of any other task.
        arguments: For the function, after the :data:`Report` that it gets first.
    """

    name: str
    arguments: tuple[Any, ...]


class Event(NamedTuple):
    """Something that happened to a task.

    Attributes:
        task: The name of the task.
        kind: "started"; "stage", with its name as value and how much of it is done; "lost", when
            its process or machine is, and it will start anew; "done", with what the function
            returned as value; "failed", with the reason as value.
        value: See above.
        fraction: How much of the stage is done, from 0 to 1.
    """

    task: str
    kind: str
    value: Any = None
    fraction: float = 0.0


class Executor(Protocol):
    """Computes tasks."""

    shares_disk: bool
    """True if tasks can write to the folders of this process."""

    @property
    def n_workers(self) -> int:
        """The number of tasks that it computes at once, about."""

    def run(self, function: Function, tasks: Sequence[Task]) -> Iterator[Event]:
        """Compute all tasks, and tell what happens; the last event of each is done or failed.

        Args:
            function: Called as ``function(report, *arguments)``; importable, so that other
                processes find it.
            tasks: The tasks, which start in this order.
        """


def call(function: Function, report: Report, task: Task) -> tuple[str, Any]:
    """Call a function for a task; returns ("done", value) or ("failed", reason)."""
    try:
        return "done", function(report, *task.arguments)
    except TASK_ERRORS as error:
        return "failed", f"{type(error).__name__}: {error}"
