"""HTML of objects, as notebooks show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_BAR = 6  # em, of the largest number on each side of the middle


class Markup(str):
    """Text that is HTML already; no other is: names of features may come from anybody's file."""


def html_table(rows: Iterable[Sequence[str]], header: Sequence[str] = (), caption: str = "") -> str:
    """A table of texts; those that are no markup are escaped.

    Args:
        rows: The texts of each row.
        header: The texts above the columns.
        caption: What stands above.
    """
    parts = [f"<caption><b>{escape(caption)}</b></caption>"] if caption else []
    if header:
        cells = "".join(f"<th>{escape(text)}</th>" for text in header)
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    for row in rows:
        parts.append(f"<tr>{''.join(map(_cell, range(len(row)), row))}</tr>")
    return f"<table>{''.join(parts)}</table>"


def _cell(column: int, text: str) -> str:
    content = text if isinstance(text, Markup) else escape(text)
    return f'<td style="text-align:{"right" if column else "left"}">{content}</td>'


def svg_bar(number: float, largest: float) -> Markup:
    """A bar from the middle to the right for a positive number, to the left for a negative one."""
    length = 50 * abs(number) / largest if largest else 0.0
    start = 50 - length if number < 0 else 50.0
    return Markup(
        f'<svg width="{2 * _BAR}em" height=".8em" viewBox="0 0 100 8" preserveAspectRatio="none">'
        f'<rect x="{start:.2f}" width="{length:.2f}" height="8" fill="#0072B2"/>'
        '<path d="M50 0V8" stroke="currentColor"/></svg>'
    )
