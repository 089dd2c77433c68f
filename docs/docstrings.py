"""Sphinx extension that makes docstrings and signatures readable on pages.

Docstrings are read in terminals and editors first. Those of environments have headings and tables
as Gymnasium's do, and shapes are written (n, *observation_shape), without escaping the asterisk.
They become reStructuredText. In signatures, arrays are written as they are in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LITERAL = re.compile(r"(``.+?``)")
CODE = re.compile(r"(?<![`:])`([^`]+)`(?!`)")
NDARRAY = re.compile(
    r"~?numpy\.ndarray\[~?tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[(.+?)\]\]"
)
ALIAS = re.compile(r"TypeAliasForwardRef\('(\w+)'\)")
MARKUP = re.compile(r"(?<![*|\\])([*|])(?![*|])")


def converted(lines: list[str]) -> Iterator[str]:
    """Lines of reStructuredText."""
    is_markdown = any(line.startswith("## ") for line in lines)
    if is_markdown:
        lines = CODE.sub(r"``\1``", "\n".join(lines)).split("\n")
    for is_table, rows in groupby(lines, lambda line: line.lstrip().startswith("|")):
        if is_table and is_markdown:
            yield from table(rows)
            continue
        for line in rows:
            if line.startswith("## "):
                yield from (f".. rubric:: {line[3:]}", "")
            elif line.lstrip().startswith((">>>", "...", "* ")):
                yield line
            else:
                yield escaped(line)


def escaped(line: str) -> str:
    """A line whose single asterisks and bars are no markup, outside of code."""
    parts = LITERAL.split(line)
    parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def table(rows: Iterable[str]) -> Iterator[str]:
    """A Markdown table as a directive; its second row is a line."""
    header, _, *body = [
        [cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows
    ]
    yield from (".. list-table::", "   :header-rows: 1", "")
    for cells in (header, *body):
        for i, cell in enumerate(cells):
            yield f"   {'  - ' if i else '* - '}" + escaped(cell)
    yield ""


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Convert a docstring in place."""
    lines[:] = converted(lines)


def shorten(
    app: Sphinx,
    what: str,
    name: str,
    obj: Any,
    options: Any,
    signature: str | None,
    result: str | None,
) -> tuple[str | None, str | None]:
    """Write types as in the source: NDArray[float64], and aliases by their names."""
    short = [
        text and ALIAS.sub(r"\1", NDARRAY.sub(r"NDArray[\1]", text)) for text in (signature, result)
    ]
    return short[0], short[1]


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what says nothing: fields of named tuples, which the class's docstring explains."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, before napoleon reads the docstrings."""
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
