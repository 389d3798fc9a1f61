"""A named case of the bench: what it is called, how many steps it takes, how it is measured."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Callable

from .context import Context
from .result import Bar, Chart, Result, Table
from .stats import median


@dataclass
class Findings:
    """What measuring a case brought; `measured` holds figures by the id of their target."""

    how: list[str]
    tables: list[Table]
    charts: list[Chart]
    notes: list[str] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`what` is one line for the list; steps are for the progress line."""

    name: str
    title: str
    what: str
    steps: Callable[[Context], int]
    measure: Callable[[Context], Findings]

    def run(self, context: Context) -> Result:
        """Measures and puts the name on it."""
        found = self.measure(context)
        figures = {key: value for key, value in found.measured.items() if not math.isnan(value)}
        return Result(
            self.name,
            self.title,
            self.what,
            found.how,
            found.tables,
            found.charts,
            found.notes,
            figures,
        )


def middle(values: list[float]) -> float | None:
    """The median as a cell of a table: None where nothing was measured."""
    value = median(values)
    return None if math.isnan(value) else value


def bars_of(rows: list[dict], key: str) -> list[Bar]:
    """A bar for each row of a table, by its columns "label" and `key` and its colour "kind"."""
    return [
        Bar(row["label"], math.nan, "not measured", [], row["kind"])
        if row[key] is None
        else Bar(row["label"], row[key], "", [], row["kind"])
        for row in rows
    ]


def figures_of(rows: list[dict], label: str, keys: dict[str, str]) -> dict[str, float]:
    """Figures for the targets from the row `label`: {column: id of the target}."""
    return {
        target: row[column]
        for row in rows
        if row["label"] == label
        for column, target in keys.items()
        if row.get(column) is not None
    }
