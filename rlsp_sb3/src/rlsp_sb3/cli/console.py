"""Console of the commands: messages, and errors that a user can mend."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from rlsp_sb3.utils.errors import user_error_types

ProgressOption = Annotated[
    bool,
    typer.Option(
        "--progress/--no-progress",
        help="Show progress on stderr: bars in a terminal, elsewhere a line every 10 seconds.",
    ),
]
"""The option ``--progress``, on by default."""

INTERRUPTED = 130  # the exit status of shells after Ctrl-C
_SIGNALED = 128  # plus the number of a signal, as shells have it

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """Print text as it is: no markup, no lines broken."""
    stdout.print(text, style=style, markup=False, soft_wrap=True)


@contextmanager
def user_errors(
    errors: tuple[type[Exception], ...] | None = None, status: int = 2
) -> Iterator[None]:
    """Turn errors that the user can mend into one message, and exit with a status.

    Args:
        errors: The errors; None for all that users can mend.
        status: The exit status.
    """

    def mendable() -> tuple[type[Exception], ...]:  # is asked when there is an error
        return user_error_types() if errors is None else errors

    try:
        yield
    except mendable() as error:
        stderr.print(f"error: {_message(error)}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(status) from None


def _message(error: Exception) -> str:
    """The message of an error; of the operating system's, which file it is about, and why."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


@contextmanager
def interruptible(message: str) -> Iterator[None]:
    """Let SIGTERM and SIGHUP act like Ctrl-C, and exit with the status that shells give for them.

    The handlers that were there before are put back at the end. A signal that is ignored, as SIGHUP
    is under ``nohup``, stays ignored.

    Args:
        message: What to say when there was one.

    Raises:
        Exit: With status 130 after Ctrl-C, 143 after SIGTERM and 129 after SIGHUP.
    """
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:  # a terminal that closes may send several: let the first one finish
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows knows no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say(message, style="yellow")
        raise typer.Exit(_SIGNALED + received[0] if received else INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_output(path: Path, suffix: str = "") -> Path:
    """The path of a file, checked before the work that it is to hold.

    Args:
        path: The path.
        suffix: What to add if it has no suffix.

    Raises:
        OSError: If it cannot be written to.
    """
    if path.name and not path.suffix:
        path = path.with_suffix(suffix)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: expected the name of a file")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with TemporaryFile(dir=folder):  # permissions alone do not tell
            return path
    except OSError as error:
        raise OSError(
            f"{path} cannot be written to ({error.strerror}): choose another name"
        ) from error
