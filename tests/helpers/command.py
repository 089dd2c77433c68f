"""Run the command ``rlsp`` in this process."""

import re
from types import SimpleNamespace
from typing import Any

from typer.testing import CliRunner

from rlsp_sb3.cli.main import app


def rlsp(*arguments: Any) -> SimpleNamespace:
    """Run a command; what it prints comes without colors."""
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(word) for word in arguments])
    return SimpleNamespace(
        code=result.exit_code,
        exception=result.exception,
        out=re.sub(r"\x1b\[[\d;]*m", "", result.stdout),
        err=re.sub(r"\x1b\[[\d;]*m", "", result.stderr),
    )


def ok(*arguments: Any) -> SimpleNamespace:
    """Run a command that must succeed."""
    result = rlsp(*arguments)
    assert result.code == 0, (result.out, result.err, result.exception)
    return result
