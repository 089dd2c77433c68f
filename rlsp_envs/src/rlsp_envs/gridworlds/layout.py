"""ASCII layouts: a drawing of the world, one character a cell."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent, indent

import numpy as np
from numpy.typing import NDArray

GOALS = "123456789"
FLOOR_SYMBOLS = {".": "floor", "#": "wall", "A": "agent"}
GOAL_SYMBOLS = {GOALS: "goals, numbered from 1"}


class Layout:
    """A parsed drawing.

    Args:
        text: The drawing: rows of equal length. Indentation and blank lines around it are ignored.
        symbols: What the allowed characters mean, beside '.', '#' and 'A': a meaning for each
            string of characters.

    Raises:
        ValueError: If the drawing is empty or ragged, or has an unknown character, or other than
            one agent, or goals that are not numbered 1, 2, …; the message points to the place.
    """

    def __init__(self, text: str, symbols: Mapping[str, str]) -> None:
        if not isinstance(text, str):
            raise TypeError(
                f"layout={text!r} is a {type(text).__name__}: expected a str, the text of a drawing"
            )
        if not isinstance(symbols, Mapping):
            raise TypeError(f"symbols={symbols!r}: expected a meaning for each str of characters")
        self.rows = dedent(text).strip("\n").rstrip().split("\n")
        self._symbols = {**FLOOR_SYMBOLS, **symbols}
        if self.rows == [""]:
            raise ValueError(f"layout is empty: draw a world with {self._allowed}")
        allowed = set("".join(self._symbols))
        for r, row in enumerate(self.rows):
            if len(row) != len(self.rows[0]):
                end = min(len(row), len(self.rows[0]))
                raise self.error(
                    f"row {r} has {len(row)} cells and row 0 has {len(self.rows[0])}: "
                    "make all rows equally long ('.' is floor)",
                    (r, end),
                )
            for c, symbol in enumerate(row):
                if symbol not in allowed:
                    raise self.error(f"{symbol!r} is unknown: expected {self._allowed}", (r, c))
        self.agent = self.one("A")
        self.walls = np.array([[symbol == "#" for symbol in row] for row in self.rows])
        self.goals = self._find_goals()

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return len(self.rows), len(self.rows[0])

    def cells(self, symbols: str) -> NDArray[np.int16]:
        """The (row, column) of the k cells that hold one of the symbols, an array (k, 2).

        They come column by column, each from top to bottom: the order of the published problems.

        Raises:
            TypeError: If the symbols are no text.
        """
        if not isinstance(symbols, str):
            raise TypeError(f"symbols={symbols!r}: expected text, a character for each symbol")
        height, width = self.shape
        cells = [(r, c) for c in range(width) for r in range(height) if self.rows[r][c] in symbols]
        return np.array(cells, dtype=np.int16).reshape(-1, 2)

    def one(self, symbol: str) -> tuple[int, int]:
        """The cell of a symbol that must stand exactly once.

        Raises:
            TypeError: If the symbol is no text.
            ValueError: If it does not.
        """
        cells = self.cells(symbol).tolist()
        if len(cells) != 1:
            meaning = self._symbols.get(symbol, "no symbol")
            message = f"expected one {symbol!r} ({meaning}), found {len(cells)}"
            raise self.error(message, cells[1] if cells else None)
        return cells[0][0], cells[0][1]

    def error(self, message: str, cell: tuple[int, int] | list[int] | None = None) -> ValueError:
        """An error that shows the layout and points to a cell of it."""
        lines = list(self.rows)
        where = ""
        if cell is not None:
            row, column = cell
            where = f"row {row}, column {column}: "
            lines.insert(row + 1, " " * column + "^")
        return ValueError(f"layout: {where}{message}\n{indent(chr(10).join(lines), '    ')}")

    @property
    def _allowed(self) -> str:
        return ", ".join(f"{symbol!r} {meaning}" for symbol, meaning in self._symbols.items())

    def _find_goals(self) -> NDArray[np.int16]:
        found: list[list[int]] = []
        numbers = sorted({symbol for row in self.rows for symbol in row if symbol in GOALS})
        for expected, number in zip(GOALS, numbers, strict=False):
            cells = self.cells(number).tolist()
            if number != expected:
                raise self.error(f"goal {number} without a goal {expected}", cells[0])
            if len(cells) > 1:
                raise self.error(f"goal {number} stands more than once", cells[1])
            found += cells
        return np.array(found, dtype=np.int16).reshape(-1, 2)
