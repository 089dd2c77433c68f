"""Published values of the papers' tables, and the cells that those have."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from rlsp_sb3.utils.settings import validated

_FILE = "published.yaml"


@dataclass(frozen=True)
class PublishedRow:
    """A row of a published table: an environment or a skill.

    Attributes:
        also: What the same is called in older versions of Gymnasium.
        published: By method, the value for each number of states; None where none is known.
        not_run: Why cells are empty, if there is more to say than that nobody ran them.
        source: Where the values are from, if from elsewhere than those of the table.
    """

    also: list[str] = field(default_factory=list)
    published: dict[str, list[float | None]] = field(default_factory=dict)
    not_run: str = ""
    source: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """A published table.

    Attributes:
        title: What it is a table of.
        source: Where its values are from, and what they are.
        kind: The kind of ``rlsp table`` that has its cells.
        measures: What is compared: labels by the names in ``table.csv``.
        n_states: The numbers of observed states; [0] if it has none.
        methods: The names of its methods.
        rows: Its rows by the environment or skill.
    """

    title: str
    source: str
    kind: str
    measures: dict[str, str]
    n_states: list[int]
    methods: list[str]
    rows: dict[str, PublishedRow]

    def value(self, subject: str, method: str, n_states: int) -> float | None:
        """The published value of a cell; None if none is known."""
        row = self.rows.get(subject) or next(
            (each for each in self.rows.values() if subject in each.also), PublishedRow()
        )
        values = row.published.get(method)
        if values is None or n_states not in self.n_states:
            return None
        return values[self.n_states.index(n_states)]


@cache
def published_tables() -> list[PublishedTable]:
    """The tables of both papers."""
    text = resources.files("rlsp_sb3.experiments.report").joinpath(_FILE).read_text("utf-8")
    return read_published_tables(text)


def read_published_tables(text: str) -> list[PublishedTable]:
    """Read and check a file of published tables.

    Raises:
        TypeError: If an entry has a wrong type.
        ValueError: If an entry is unknown, or a row has another number of values than there are
            numbers of states.
    """
    content: Any = yaml.safe_load(text)
    tables: list[PublishedTable] = validated(list[PublishedTable], content, _FILE)
    for table in tables:
        for name, row in table.rows.items():
            for method, values in row.published.items():
                if method not in table.methods or len(values) != len(table.n_states):
                    raise ValueError(
                        f"{_FILE}: {name}, {method}={values!r}: expected a value for each of "
                        f"{table.n_states} states, of one of {', '.join(table.methods)}"
                    )
    return tables
