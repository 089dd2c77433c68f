"""Console of the commands: messages, and errors that a user can mend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from rlsp_sb3.utils.errors import user_error_types

INTERRUPTED = 130  # the exit status of shells after Ctrl-C

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
        stderr.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(status) from None


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
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"{path} cannot be written to: choose another name")
    return path
