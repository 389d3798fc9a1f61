"""What a case found, as plain data: tables, charts, notes, figures against targets. Saved as
JSON, rendered later."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Column:
    """A column of a table; `digits` None means text."""

    key: str
    label: str
    digits: int | None = 2


@dataclass
class Table:
    """Rows are mappings by column key; a missing or None value is a dash."""

    caption: str
    columns: list[Column]
    rows: list[dict]


@dataclass
class Bar:
    """One bar; `parts` are (name, value) from left to right and add up to `value`."""

    label: str
    value: float
    text: str = ""
    parts: list[tuple[str, float]] = field(default_factory=list)
    kind: str = "peer"  # own, floor, peer


@dataclass
class Chart:
    """Horizontal bars; smaller is better unless said otherwise."""

    title: str
    unit: str
    bars: list[Bar]
    digits: int = 2


@dataclass
class Result:
    """One case."""

    name: str
    title: str
    what: str
    how: list[str]
    tables: list[Table]
    charts: list[Chart]
    notes: list[str] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)  # figures by target id
    environment: dict = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes the JSON twin."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Result:
    """Reads the JSON twin."""
    data = json.loads(path.read_text(encoding="utf-8"))
    data["tables"] = [
        Table(t["caption"], [Column(**c) for c in t["columns"]], t["rows"]) for t in data["tables"]
    ]
    data["charts"] = [
        Chart(c["title"], c["unit"], [_bar(b) for b in c["bars"]], c["digits"])
        for c in data["charts"]
    ]
    return Result(**data)


def _bar(data: dict[str, Any]) -> Bar:
    data["parts"] = [tuple(part) for part in data["parts"]]
    return Bar(**data)
