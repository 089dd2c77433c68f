"""Tables of the screen as LaTeX, for papers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlsp_sb3.io.atomic_write import atomic_write

_SIGNS = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": r"$\vert$",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "…": r"\ldots{}",
    "–": "--",
}
"""Signs that LaTeX takes for something else, or has in other fonts only."""

_console = Console()  # resolves styles, and prints nothing


def write_latex_tables(path: Path, tables: Mapping[str, Table], explanation: str) -> None:
    r"""Write a file of LaTeX that has a ``table`` for each table, whole or not at all.

    It is for ``\input`` and needs no package.

    Args:
        path: The file.
        tables: The tables by their titles.
        explanation: What their cells show.
    """
    parts = [
        "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{latex(title[:1].upper() + title[1:])}. {latex(explanation)}}}",
                tabular(table),
                r"\end{table}",
            ]
        )
        for title, table in tables.items()
    ]
    with atomic_write(path) as unfinished:
        unfinished.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def tabular(table: Table) -> str:
    """A table as ``tabular``: its header and its cells, with what is bold and where lines break."""
    places = ["r" if column.justify == "right" else "l" for column in table.columns]
    columns = [
        [_cell(cell, place) for cell in (each.header, *each.cells)]
        for each, place in zip(table.columns, places, strict=True)
    ]
    header, *rows = [rf"{' & '.join(row)} \\" for row in zip(*columns, strict=True)]
    begin = rf"\begin{{tabular}}{{{''.join(places)}}}"
    return "\n".join([begin, r"\hline", header, r"\hline", *rows, r"\hline", r"\end{tabular}"])


def latex(text: str) -> str:
    """A text that LaTeX shows as it is, on one line."""
    return "".join(_SIGNS.get(sign, sign) for sign in " ".join(text.split()))


def _cell(content: Any, place: str) -> str:
    text = content if isinstance(content, Text) else Text.from_markup(str(content))
    lines = [_line(line) for line in text.split("\n")]
    stacked = r" \\ ".join(lines)
    return lines[0] if len(lines) == 1 else rf"\shortstack[{place}]{{{stacked}}}"


def _line(line: Text) -> str:
    def is_bold(place: int) -> bool:
        return bool(line.get_style_at_offset(_console, place).bold)

    parts = []
    for bold, places in groupby(range(len(line)), is_bold):
        part = "".join(line.plain[place] for place in places)
        words = latex(part)
        text = rf"\textbf{{{words}}}" if bold and words else words
        parts.append(part.replace(part.strip(), text, 1) if words else part)
    return "".join(parts).strip()
