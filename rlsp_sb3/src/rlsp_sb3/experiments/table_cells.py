"""Cells of tables: how numbers of several seeds are shown."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import FEWEST_FOR_INTERVAL, SeedSummary

NOTHING = "–"
LARGE = 1_000  # from here on means have no decimals
SPREAD = (
    f"below, where seeds differ, of fewer than {FEWEST_FOR_INTERVAL} their range, from the lowest "
    f"to the highest, and of {FEWEST_FOR_INTERVAL} or more the interquartile mean and its "
    "bootstrapped 95 % confidence interval"
)
"""The lower lines of a cell of :func:`format_cell`."""
EXPLANATION = (
    f"Mean ± standard deviation over seeds; {SPREAD}. {NOTHING}: not run, or there is none."
)
"""Caption of the cells of :func:`format_cell`."""


def format_cell(summary: SeedSummary[float] | None, digits: int, with_std: bool = True) -> Text:
    """The mean of seeds, and below it their range, or their interquartile mean and its interval.

    Args:
        summary: The summary; None if there is none.
        digits: After the point, of small numbers.
        with_std: Whether to show the standard deviation, too.
    """
    if summary is None:
        return Text(NOTHING)
    digits = 0 if abs(summary.mean) >= LARGE else digits
    text = Text(format_number(summary.mean, digits), "bold")
    if with_std and summary.n > 1 and summary.std is not None:
        text.append(f" ± {format_number(summary.std, digits)}")
    low, high = format_number(summary.low, digits), format_number(summary.high, digits)
    if low == high:
        return text
    if summary.n >= FEWEST_FOR_INTERVAL:
        text.append(f"\n{format_number(summary.center, digits)}", "not bold")
    text.append(f"\n{low}…{high}", "not bold")
    return text


def format_number(value: float, digits: int) -> str:
    """A number with some digits after the point."""
    return f"{value:,.{digits}f}".replace("-", "−")


def csv_value(value: Any) -> Any:
    """A number as CSV has it: nothing where there is none."""
    return "" if value is None else value
