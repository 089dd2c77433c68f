"""Runs the command ``rlsp`` until it has written so many results, and kills it then.

``python -m helpers.killed_command N_RESULTS ARGUMENTS…``, from the folder of the tests.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_until_killed(n_results: int, *arguments: Any) -> None:
    """Run a command in a process of its own, which is killed as soon as it has the results."""
    command = [sys.executable, "-m", "helpers.killed_command", str(n_results)]
    process = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )
    assert process.returncode == -signal.SIGKILL


def main() -> None:
    # Here, because processes that this one starts import this module, too.
    from rlsp_sb3.cli.main import app
    from rlsp_sb3.experiments.result_folder import ResultFolder

    left = int(sys.argv.pop(1))
    add = ResultFolder.add

    def add_and_die(self: ResultFolder, *arguments: Any) -> None:
        nonlocal left
        add(self, *arguments)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    ResultFolder.add = add_and_die
    app()


if __name__ == "__main__":
    main()
