"""The cells of the papers' tables as Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rlsp_sb3.experiments.report.markdown import escaped
from rlsp_sb3.experiments.report.paper_cells import Measured, PaperCell
from rlsp_sb3.experiments.report.published import PublishedTable
from rlsp_sb3.experiments.table_cells import LARGE, NOTHING, csv_value, format_number
from rlsp_sb3.io.atomic_write import atomic_write, write_csv

CSV, LATEX = "cells.csv", "cells.tex"
_COLUMNS = (
    *("table", "subject", "n_states", "method", "published"),
    *("measure", "mean", "std", "seeds", "folder", "why"),
)
_LATEX_SIGNS = str.maketrans({"_": r"\_", "%": r"\%", "&": r"\&", "±": r"$\pm$", "−": "$-$"})
_ABOUT = """\
{n_run} of {n} cells were run; of {n_known} the published value is known here. In each cell the
published value comes first, then ours in bold: mean ± standard deviation over seeds, and their
number in brackets. Of a cell that several tables have, the one with the most seeds counts.
{nothing}: not run, and no published value is known."""

Cells = Sequence[tuple[PublishedTable, Sequence[PaperCell]]]


def cells_section(tables: Cells, folder: str) -> str:
    """The section of a page with all cells.

    Args:
        tables: The cells of each published table.
        folder: Where :data:`CSV` and :data:`LATEX` are, from the page.
    """
    every = [cell for _, cells in tables for cell in cells]
    n_run, n_known = (
        sum(map(bool, each))
        for each in (
            [cell.measured for cell in every],
            [cell.published is not None for cell in every],
        )
    )
    parts = [
        "## All cells of both papers",
        _ABOUT.format(n_run=n_run, n=len(every), n_known=n_known, nothing=NOTHING),
    ]
    for table, cells in tables:
        parts += [f"### {escaped(table.title)}", _markdown(table, cells), escaped(table.source)]
        if notes := _notes(table, cells):
            parts.append("\n".join(f"- {escaped(note)}" for note in notes))
    parts.append(f"Files: [{CSV}]({folder}/{CSV}), [{LATEX}]({folder}/{LATEX}).")
    return "\n\n".join(parts) + "\n"


def write_cells(tables: Cells, folder: Path) -> None:
    """Write all cells as CSV and as LaTeX, which needs the package booktabs.

    Raises:
        OSError: If one cannot be written.
    """
    write_csv(folder / CSV, _COLUMNS, _csv_rows(tables))
    text = "\n".join(_latex(table, cells) for table, cells in tables)
    with atomic_write(folder / LATEX) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _csv_rows(tables: Cells) -> Iterable[tuple[object, ...]]:
    for table, cells in tables:
        for cell in cells:
            place = (table.title, cell.subject, cell.n_states or "", cell.method)
            head = (*place, csv_value(cell.published))
            for name, each in cell.measured.items():
                numbers = (each.mean, csv_value(each.std), each.n_seeds)
                yield (*head, name, *numbers, cell.folder, "")
            if not cell.measured:
                yield (*head, "", "", "", "", "", cell.why)


def _rows(cells: Sequence[PaperCell]) -> list[tuple[str, list[PaperCell]]]:
    """The rows of a table: their labels and their cells."""
    rows = []
    for (subject, n), row in groupby(cells, lambda cell: (cell.subject, cell.n_states)):
        states = f", {n} state{'s' if n > 1 else ''}" if n else ""
        rows.append((f"{subject}{states}", list(row)))
    return rows


def _markdown(table: PublishedTable, cells: Sequence[PaperCell]) -> str:
    lines = [["", *map(escaped, table.methods)], ["---", *("---:" for _ in table.methods)]]
    for label, row in _rows(cells):
        lines.append([escaped(label), *(_markdown_cell(table, cell) for cell in row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(table: PublishedTable, cell: PaperCell) -> str:
    lines = [] if cell.published is None else [f"published {_number(cell.published)}"]
    for name, measured in cell.measured.items():
        label = f"{table.measures[name]} " if len(table.measures) > 1 else ""
        lines.append(f"{label}**{_ours(measured)}** ({measured.n_seeds})")
    return "<br>".join(lines or [NOTHING])


def _latex(table: PublishedTable, cells: Sequence[PaperCell]) -> str:
    """A table of booktabs, with a line for the published values and one for each measure."""

    def line(words: Iterable[str]) -> str:
        return " & ".join(word.translate(_LATEX_SIGNS) for word in words) + r" \\"

    lines = [
        f"% {table.title}. {table.source}",
        r"\begin{tabular}{ll" + "r" * len(table.methods) + "}",
        r"\toprule",
        line(["", "", *table.methods]),
        r"\midrule",
    ]
    for label, row in _rows(cells):
        published = [NOTHING if each.published is None else _number(each.published) for each in row]
        lines.append(line([label, "published", *published]))
        for name, words in table.measures.items():
            ours = [
                _ours(each.measured[name]) if name in each.measured else NOTHING for each in row
            ]
            lines.append(line(["", words, *ours]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _ours(measured: Measured) -> str:
    mean = _number(measured.mean)
    return mean if measured.std is None else f"{mean} ± {_number(measured.std, measured.mean)}"


def _number(value: float, like: float | None = None) -> str:
    """A number, with the digits of another one."""
    size = abs(value if like is None else like)
    return format_number(value, 0 if size >= LARGE else 1 if size >= 10 else 3)


def _notes(table: PublishedTable, cells: Sequence[PaperCell]) -> list[str]:
    """The sources of the values of rows, and the reasons that rows are not complete."""
    notes = []
    for name, row in table.rows.items():
        is_missing = any(cell.why for cell in cells if cell.subject == name)
        said = [row.source, row.not_run and f"not run, since {row.not_run}" if is_missing else ""]
        notes += [f"{name}: {text}" for text in said if text]
    return notes
