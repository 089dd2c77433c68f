"""Runs ``rlsp learn`` in a process that is sent a signal after so many timesteps.

``python -m helpers.stopped_command SIGNAL N_TIMESTEPS ARGUMENTS…``, from the folder of the tests.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_until_stopped(
    number: signal.Signals, n_timesteps: int, *arguments: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, which gets a signal at the end of a timestep."""
    command = [sys.executable, "-m", "helpers.stopped_command", str(int(number)), str(n_timesteps)]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def main() -> None:
    # Here, because processes that this one starts import this module, too.
    from rlsp_sb3.cli.main import app
    from rlsp_sb3.learners.base import RewardLearner

    number, n_timesteps = int(sys.argv.pop(1)), int(sys.argv.pop(1))
    # Whoever started the tests, such as nohup, may have had signals ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    end_step = RewardLearner._end_step

    def end_step_and_stop(self: RewardLearner, *arguments: Any) -> bool:
        goes_on = end_step(self, *arguments)
        if self.num_timesteps == n_timesteps:
            os.kill(os.getpid(), number)
        return goes_on

    RewardLearner._end_step = end_step_and_stop  # type: ignore[method-assign]
    app()


if __name__ == "__main__":
    main()
