"""Formats of numbers in the cells of tables."""

from __future__ import annotations

import math
from typing import Any

from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_IQM, SeedSummary

NOTHING = "–"
LARGE = 1_000  # from here on means have no decimals
EXPLANATION = (
    "Mean ± standard deviation over seeds; below, of at least 4 seeds the interquartile mean, and "
    "the bootstrapped 95 % confidence interval of that, or else of the mean. "
    f"{NOTHING}: not run, or there is none."
)
"""Caption of the cells of :func:`format_cell`."""


def states_label(n: int) -> str:
    """The label of a row."""
    return f"  {n} state{'s' if n > 1 else ''}"


def format_cell(summary: SeedSummary | None, digits: int, spread: bool = True) -> Text:
    """The mean and the spread of some values, and below them their center and its interval."""
    if summary is None:
        return Text(NOTHING)
    digits = 0 if abs(summary.mean) >= LARGE else digits
    text = Text(format_number(summary.mean, digits), "bold")
    if spread and summary.n > 1:
        text.append(f" ± {format_number(summary.std, digits)}")
    if summary.n >= FEWEST_FOR_IQM:
        text.append(f"\n{format_number(summary.center, digits)}", "not bold")
    if not math.isnan(summary.low):
        low, high = format_number(summary.low, digits), format_number(summary.high, digits)
        text.append(f"\n{low}…{high}", "not bold")
    return text


def format_number(value: float, digits: int) -> str:
    """A number with some digits after the point."""
    return f"{value:,.{digits}f}".replace("-", "−")


def round_floats(value: Any) -> Any:
    """A number as CSV has it: none where there is none."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else value
