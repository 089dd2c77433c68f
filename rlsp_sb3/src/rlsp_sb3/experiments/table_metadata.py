"""Metadata of a table in its folder: ``config.json``, beside ``table.md`` with the numbers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlsp_sb3.experiments.run_log import RunLog
from rlsp_sb3.io.json_file import write_json

CONFIG = "config.json"
TABLE = "table.md"
LATEX_TABLE = "table.tex"


class TableConfig:
    """Writes ``config.json``: what a table was asked for, and how its results came about.

    It is written before results are computed, so that it is there however the command ends.

    Args:
        folder: The folder of the table; it has to be there.
        command: The words of the command, of which the third is the kind of the table.
        configs: How methods are run, as JSON can hold it.
        n_seeds: How many seeds there are, from 0 on.
        n_jobs: How many results there are when all are computed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str],
        configs: Mapping[str, Any],
        n_seeds: int,
        n_jobs: int,
    ) -> None:
        self._folder = folder
        self._asked = {
            "table": command[2],
            "command": shlex.join(command),
            "seeds": list(range(n_seeds)),
            "jobs": n_jobs,
        }
        self._configs = configs
        # That of an earlier command, with other results; this one writes its own at its end.
        (folder / TABLE).unlink(missing_ok=True)

    def write(
        self,
        log: RunLog,
        results: Mapping[str, float],
        files: Sequence[str] = (),
        films: Sequence[str] = (),
    ) -> None:
        """Write it, whole or not at all.

        Args:
            log: How results came about.
            results: The results that the table has: by name, for how many seconds methods learned,
                as far as that is known.
            files: The names of the figures and of the files of numbers.
            films: The names of the films.
        """
        content = {
            **self._asked,
            "done": len(results),
            "job_seconds": round(sum(results.values()), 1),
            **log.about(results),
            "files": list(files),
            "films": list(films),
            "configs": self._configs,
        }
        write_json(self._folder / CONFIG, content)
