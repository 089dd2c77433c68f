"""Tasks in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from rlsp_sb3.experiments.executors.base import MAX_RETRIES, Event, Function, Task, call
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.type_checks import checks_types

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

# Spawned and not forked: PyTorch's threads do not survive a fork.
_context = multiprocessing.get_context("spawn")


class LocalExecutor:
    """Computes tasks in processes of this machine, each with one thread.

    A process that dies (killed, or out of memory) is replaced, and its task starts anew, up to
    :data:`~rlsp_sb3.experiments.executors.MAX_RETRIES` times; other tasks do not notice. If this
    process dies, they end, too.

    Args:
        n_workers: The number of processes, at least 1.

    Raises:
        TypeError: If it is no int.
        ValueError: If it is less than 1.
    """

    shares_disk = True

    @checks_types
    def __init__(self, n_workers: int = 1) -> None:
        check_int("n_workers", n_workers, 1)
        self.n_workers = n_workers

    def run(self, function: Function, tasks: Sequence[Task]) -> Iterator[Event]:
        """Compute all tasks, and tell what happens; see ``Executor``."""
        waiting = list(reversed(tasks))
        n_lost = dict.fromkeys((task.name for task in tasks), 0)
        workers = [_Worker(function) for _ in range(min(self.n_workers, len(tasks)))]
        try:
            while True:
                for worker in workers:
                    if worker.task is None and waiting:
                        task = waiting.pop()
                        worker.start(task)
                        yield Event(task.name, "started")
                busy = {worker.connection: worker for worker in workers if worker.task is not None}
                if not busy:
                    return
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]
                    task = worker.task
                    if task is None:
                        continue
                    event = worker.next_event()
                    if event is not None:
                        yield event
                        continue
                    workers.remove(worker)
                    workers.append(_Worker(function))
                    n_lost[task.name] += 1
                    how = worker.how_it_ended()
                    if worker.was_killed and n_lost[task.name] <= MAX_RETRIES:
                        waiting.append(task)
                        yield Event(task.name, "lost", how)
                    else:
                        yield Event(task.name, "failed", how)
        finally:
            for worker in workers:
                worker.end()


class _Worker:
    """A process that computes one task after the other."""

    def __init__(self, function: Function) -> None:
        self.task: Task | None = None
        self.connection, theirs = _context.Pipe()
        self._process = _context.Process(target=_serve, args=(theirs, function), daemon=True)
        with _one_thread():
            self._process.start()
        theirs.close()  # so that ours ends when the process does

    def start(self, task: Task) -> None:
        """Begin with a task."""
        self.task = task
        with suppress(OSError):  # it has died: what is read next is the end
            self.connection.send(task)

    def next_event(self) -> Event | None:
        """The next event of the task; None if the process has ended."""
        try:
            event: Event = self.connection.recv()
        except (EOFError, OSError):
            return None
        if event.kind in ("done", "failed"):
            self.task = None
        return event

    @property
    def was_killed(self) -> bool:
        """True if a signal ended the process, rather than a bug."""
        self._process.join()
        return (self._process.exitcode or 0) < 0

    def how_it_ended(self) -> str:
        """The reason for the end of the process."""
        self._process.join()
        code = self._process.exitcode or 0
        if code < 0:
            return f"its process was killed by {signal.Signals(-code).name}"
        return f"its process ended with status {code}: see what it printed"

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()
        self.connection.close()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that start now use one thread: libraries read this when they are imported."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(connection: Connection[Any, Any], function: Function) -> None:
    """Compute one task after the other, in a worker."""
    # Ctrl-C is for the process that started this one, which ends it; a learner would take it for
    # a wish to stop early with what it has learned so far.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return

        def report(stage: str, fraction: float, name: str = task.name) -> None:
            connection.send(Event(name, "stage", stage, fraction))

        connection.send(Event(task.name, *call(function, report, task)))


def _end_with_parent() -> None:
    """End this process when the one that started it does, even if that is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
