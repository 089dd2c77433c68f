"""A page of results, made of the folders of tables."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import yaml

from rlsp_sb3.experiments.report.cell_tables import Cells, cells_section, write_cells
from rlsp_sb3.experiments.report.markdown import escaped
from rlsp_sb3.experiments.report.paper_cells import paper_cells
from rlsp_sb3.experiments.report.table_run import FILMS, LARGEST_FILM, TableRun
from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.utils.timer import format_duration

_TITLES = {"gridworlds": "Gridworlds", "mujoco": "MuJoCo environments", "skills": "Skills"}
_LINE = 96  # characters of a command, after which it goes on in the next line
_COPIED = ("*.csv", "*.png", "*.pdf", "*.svg", "*.tex", f"{FILMS}/*.gif", f"{FILMS}/*.mp4")
"""The files that may be left from an earlier page."""

_INTRODUCTION = """\
# Results

This page is generated from the folders beside it. In the folder of this page, this makes it anew:

```bash
{command}
```

Each section is what one command has computed. Its wall time is how long the results of the table
were waited for, however often the command was stopped and went on; what it had not finished when it
was stopped is not counted. The time to learn is what methods took by themselves, and retrained
policies; results that were resumed are not counted.
"""


def write_page(runs: Sequence[TableRun], out: Path, with_cells: bool = False) -> None:
    """Write a page of tables, and beside it a folder with a copy of all that it shows.

    It depends on what is copied alone: made of the copies, it is the same to the byte.

    Args:
        runs: The tables, in the order of the page.
        out: The page, a Markdown file; the folder has its name without the suffix.
        with_cells: Whether it begins with all cells of the papers' tables, beside the published
            values.

    Raises:
        OSError: If something cannot be written.
        ValueError: If two folders have the same name.
    """
    by_name: dict[str, TableRun] = {}
    for run in runs:
        if run.name in by_name:
            raise ValueError(
                f"{by_name[run.name].path} and {run.path} are both called {run.name!r}: expected "
                "folders of different names, since their sections are called after them"
            )
        by_name[run.name] = run
    folder = out.with_suffix("")
    cells = paper_cells(runs) if with_cells else []
    text = page(runs, out.name, cells)
    for run in runs:
        copy(run, folder / run.name)
    if cells:
        write_cells(cells, folder)
    with atomic_write(out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def page(runs: Sequence[TableRun], name: str, cells: Cells = ()) -> str:
    """The text of a page with a name, which begins with the cells of the papers' tables if any."""
    folder = PurePosixPath(name).stem
    folders = [f"{folder}/{run.name}" for run in runs]
    options = ["--cells"] if cells else []
    command = shlex.join(["rlsp", "report", *folders, *options, "--out", name])
    parts = [_INTRODUCTION.format(command=broken(command))]
    parts += [cells_section(cells, quote(folder))] if cells else []
    return "\n".join([*parts, *map(section, runs, folders)])


def section(run: TableRun, folder: str) -> str:
    """The section of a page on a table.

    Args:
        run: The table.
        folder: Where its files are, from the page.
    """

    def link(name: str) -> str:
        return f"[{escaped(name)}]({quote(f'{folder}/{name}')})"

    title = _TITLES.get(run.table, run.table)
    if run.name != run.table:
        title += f": {run.name}"
    configs = yaml.safe_dump(
        run.configs, sort_keys=False, default_flow_style=None, allow_unicode=True
    )
    films = [f"{FILMS}/{name}" for name in run.shown_films]
    too_large = [name for name in run.films if name not in run.shown_films]
    parts = [
        f"## {escaped(title)}",
        f"```bash\n{broken(run.command)}\n```",
        "\n".join(f"- **{name}:** {value}" for name, value in facts(run).items()),
        run.markdown.strip(),
        *(f"!{link(name)}" for name in run.figures),
        *(f"!{link(name)}" if name.endswith(".gif") else link(name) for name in films),
    ]
    if too_large:
        size = f"{LARGEST_FILM / 1e6:g} MB"
        parts.append(
            f"Films that are not here, since they are larger than {size}: "
            f"{', '.join(map(escaped, too_large))}."
        )
    parts += [
        f"Files: {', '.join(map(link, run.data))}.",
        f"<details>\n<summary>Configuration</summary>\n\n```yaml\n{configs}```\n\n</details>",
    ]
    return "\n\n".join(parts) + "\n"


def facts(run: TableRun) -> dict[str, str]:
    """Facts about a table, as Markdown."""
    missing = f"{run.done} of {run.jobs}; the others failed, or were not run"
    versions = [
        ", ".join(f"{name} {version}" for name, version in each.items() if version is not None)
        for each in run.versions
    ]
    return {
        "Seeds": ", ".join(map(str, run.seeds)),
        "Results": f"all {run.jobs}" if run.done == run.jobs else missing,
        "Wall time": wall_time(run),
        "Time to learn": f"{format_duration(run.job_seconds)}, if results are added up",
        "Machine": "; or ".join(map(escaped, run.machines)),
        "Versions": "; or ".join(map(escaped, versions)),
    }


def wall_time(run: TableRun) -> str:
    """The wall time that the results of a table took, as far as that is known."""
    if not run.timed:
        return "not recorded; the machine and the versions are those that made the table"
    text = (
        f"{format_duration(run.wall_seconds)}, {' or '.join(map(str, run.jobs_at_once))} at a time"
    )
    if run.timed < run.done:
        part = f"{run.timed} of the {run.done} results"
        text += f"; that, the machine and the versions are of {part}, and were not recorded for "
        text += "the others"
    return text


def broken(command: str) -> str:
    """A command for the shell, with lines that end before options."""
    words: list[str] = []
    for word in shlex.split(command):
        if word.startswith("-") or not words:
            words.append(shlex.quote(word))
        else:
            words[-1] += f" {shlex.quote(word)}"
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= _LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f"    {word}")
    return " \\\n".join(lines)


def copy(run: TableRun, folder: Path) -> None:
    """Copy all that is shown of a table, in place of what an earlier page has shown of it."""
    if folder.resolve() == run.path.resolve():
        return
    for name in run.shown:
        with atomic_write(folder / name) as unfinished:
            shutil.copyfile(run.path / name, unfinished)
    shown = {folder / name for name in run.shown}
    for pattern in _COPIED:
        for old in set(folder.glob(pattern)) - shown:
            old.unlink()
