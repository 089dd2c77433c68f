"""The folder that `rlsp table` leaves behind, or a copy of what of it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from rlsp_sb3.experiments.table_metadata import CONFIG, TABLE
from rlsp_sb3.io.json_file import read_json
from rlsp_sb3.utils.settings import validated

FILMS = "films"
LARGEST_FILM = 1_500_000  # bytes; a page with larger ones takes long to load


@dataclass(frozen=True)
class TableRun:
    """A table and how it came about; see :class:`~rlsp_sb3.experiments.TableConfig`.

    Attributes:
        path: The folder.
        markdown: The table.
        table: Its kind.
        command: The command that made it.
        seeds: The seeds.
        jobs: How many results there are when all are computed.
        done: How many there are.
        timed: Of how many of them it is known how they came about.
        wall_seconds: How long those took.
        job_seconds: For how long methods learned, as far as that is known.
        jobs_at_once: How many were computed at once.
        machines: On what.
        versions: With what versions of the libraries.
        configs: How methods were run.
        files: The names of the figures and of the files of numbers.
        films: The names of all films.
    """

    path: Path
    markdown: str
    table: str
    command: str
    seeds: list[int]
    jobs: int
    done: int
    timed: int
    wall_seconds: float
    job_seconds: float
    jobs_at_once: list[int]
    machines: list[str]
    versions: list[dict[str, str | None]]
    configs: dict[str, Any]
    files: list[str]
    films: list[str]

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.resolve().name

    @property
    def figures(self) -> list[str]:
        """The names of the figures."""
        return [name for name in self.files if name.endswith(".png")]

    @property
    def data(self) -> list[str]:
        """The names of the files of numbers, and of the configuration."""
        return [*(name for name in self.files if name not in self.figures), CONFIG]

    @property
    def shown_films(self) -> list[str]:
        """The names of the films that are there and not too large."""
        sizes = {path.name: path.stat().st_size for path in (self.path / FILMS).glob("*")}
        return [name for name in self.films if sizes.get(name, LARGEST_FILM + 1) <= LARGEST_FILM]

    @property
    def shown(self) -> list[str]:
        """The files that a page shows or links, or that it takes to make it again."""
        films = [f"{FILMS}/{name}" for name in self.shown_films]
        return [TABLE, *self.data, *self.figures, *films]


def read_table_run(path: Path) -> TableRun:
    """Read the folder of a table.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it is none of a table, or of one that is not finished.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is no folder: expected one that `rlsp table` has filled")
    try:
        content = read_json(path / CONFIG)
        command = content["command"]
        is_table = command.startswith("rlsp table ")
    except (FileNotFoundError, AttributeError, KeyError, TypeError, ValueError):
        is_table = False
    if not is_table:
        raise ValueError(
            f"{path} is not the folder of a table: expected one that `rlsp table` has filled, with "
            f"its {CONFIG}"
        )
    again = f"run its command again, which computes only what is missing: {command}"
    wanted = dict(list(get_type_hints(TableRun).items())[2:])
    if missing := [name for name in wanted if name not in content]:
        raise ValueError(f"{path / CONFIG} does not say {', '.join(missing)}: {again}")
    try:
        entries = {name: validated(kind, content[name], name) for name, kind in wanted.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path / CONFIG} is spoiled: {error}; {again}") from error
    there = {each.name for each in path.iterdir() if each.is_file()}
    if missing := [name for name in (TABLE, *entries["files"]) if name not in there]:
        raise ValueError(f"{path} has no {', '.join(missing)}, it is not finished: {again}")
    markdown = (path / TABLE).read_text(encoding="utf-8")
    return TableRun(path, markdown, **entries)
