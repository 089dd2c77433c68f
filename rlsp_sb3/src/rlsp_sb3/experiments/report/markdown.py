"""Tables of the screen as Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlsp_sb3.io.atomic_write import atomic_write

_SIGNS = re.compile(r"([\\`*_\[\]<>|~&])")
"""The signs that Markdown takes for something else than themselves, within a line."""

_console = Console()  # resolves styles, and prints nothing


def write_markdown_tables(
    path: Path, tables: Mapping[str, Table], explanation: str, notes: Iterable[str] = ()
) -> None:
    """Write a Markdown file of tables, whole or not at all.

    Args:
        path: The file.
        tables: The tables by their titles.
        explanation: What their cells show.
        notes: What else there is to know.
    """
    parts = [
        f"### {escaped(title[:1].upper() + title[1:])}\n\n{table_text(table)}"
        for title, table in tables.items()
    ]
    parts.append(f"{escaped(explanation)}\n")
    listed = "".join(f"- {escaped(note)}\n" for note in notes)
    with atomic_write(path) as unfinished:
        unfinished.write_text("\n".join([*parts, *([listed] if listed else [])]), encoding="utf-8")


def table_text(table: Table) -> str:
    """A table as Markdown: its header and its cells, with what is bold and where lines break."""
    columns = [[_cell(cell) for cell in (each.header, *each.cells)] for each in table.columns]
    header, *rows = zip(*columns, strict=True)
    rule = ["---:" if column.justify == "right" else "---" for column in table.columns]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))


def escaped(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def _cell(content: Any) -> str:
    text = content if isinstance(content, Text) else Text.from_markup(str(content))
    return "<br>".join(map(_line, text.split("\n")))


def _line(line: Text) -> str:
    def is_bold(place: int) -> bool:
        return bool(line.get_style_at_offset(_console, place).bold)

    parts = []
    for bold, places in groupby(range(len(line)), is_bold):
        part = "".join(line.plain[place] for place in places)
        words = escaped(part)
        # Stars next to a space would be stars.
        parts.append(part.replace(part.strip(), f"**{words}**" if bold and words else words, 1))
    return "".join(parts).strip()
