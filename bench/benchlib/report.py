"""Markdown: one page per case, and the index with the summary against the targets."""
from __future__ import annotations

from pathlib import Path

from . import result as results
from .result import Column, Result, Table
from .stats import number, verdict
from .svg import render
from .targets import TARGETS


def cell_text(value: object, column: Column) -> str:
    """One cell of a Markdown table."""
    if column.digits is None:
        return str(value if value is not None else "-").replace("|", "\\|")
    return number(value, column.digits)  # type: ignore[arg-type]


def markdown_table(table: Table) -> str:
    """A table with figures to the right."""
    head = "| " + " | ".join(column.label for column in table.columns) + " |"
    rule = (
        "|" + "|".join("---" if column.digits is None else "---:" for column in table.columns) + "|"
    )
    rows = [
        "| " + " | ".join(cell_text(row.get(column.key), column) for column in table.columns) + " |"
        for row in table.rows
    ]
    return "\n".join([head, rule, *rows])


def environment_lines(environment: dict) -> list[str]:
    """Machine, versions, date, command."""
    machine = environment["machine"]
    versions = ", ".join(f"{label} {version}" for label, version in environment["versions"].items())
    return [
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory']}, "
        f"{machine['system']}, kernel "
        f"{machine['kernel']}, TCP {machine['congestion']}",
        f"- Versions: {versions}",
        f"- Date: {machine['date']}, revision {machine['revision']}, load average before "
        f"{machine['load_before']}",
        f"- Command: `{environment['command']}` ({environment['rounds']} rounds of "
        f"{environment['seconds']:g} s)",
    ]


def case_page(found: Result) -> str:
    """The page of one case."""
    lines = [
        f"# {found.title}",
        "",
        found.what[0].upper() + found.what[1:] + ".",
        "",
        f"![{found.title}]({found.name}.svg)",
        "",
    ]
    for table in found.tables:
        lines += [f"## {table.caption}", "", markdown_table(table), ""]
    if found.notes:
        lines += ["## Notes", "", *[f"- {note}" for note in found.notes], ""]
    lines += [
        "## How measured",
        "",
        *[f"- {line}" for line in found.how],
        "",
        "## Where",
        "",
        *environment_lines(found.environment),
        "",
    ]
    return "\n".join(lines)


def summary_table(measured: dict[str, float]) -> str:
    """The targets with what was measured."""
    lines = ["| figure | target | measured | |", "|---|---:|---:|---|"]
    for target in TARGETS:
        value = measured.get(target.id)
        lines.append(
            f"| [{target.text}]({target.case}.md) | {target.bound} "
            f"{number(target.limit, target.digits)} {target.unit} | "
            f"{number(value, target.digits)} | {verdict(value, target.limit, target.bound)} |"
        )
    return "\n".join(lines)


def index_page(pages: list[Result], titles: dict[str, str]) -> str:
    """The index: summary first, then the pages."""
    measured = {key: value for page in pages for key, value in page.measured.items()}
    lines = [
        "# Benchmarks",
        "",
        "corevent beside its peers, in the same run, on the same cores. The figure to compare is "
        "CPU time per "
        "request: it depends far less than requests/s on the neighbours and on the load "
        "generator. `./dev bench` "
        "lists the cases, `./dev bench all` runs them and rewrites these pages.",
        "",
        "## Against the targets",
        "",
        summary_table(measured),
        "",
        "## Cases",
        "",
        "| case | measured |",
        "|---|---|",
    ]
    dates = {page.name: page.environment["machine"]["date"] for page in pages}
    for name, title in titles.items():
        lines.append(
            f"| [{title}]({name}.md) | {dates[name]} |"
            if name in dates
            else f"| {title} (`{name}`) | - |"
        )
    lines += [
        "",
        "How to read them: ratios are medians of the ratios within a round; below 10 % no "
        "difference is a "
        "finding. Each page says how it was measured, on what, and where the generator was the "
        "limit. The raw "
        "figures are in [data/](data/).",
        "",
    ]
    return "\n".join(lines)


def write_case(found: Result, out: Path) -> None:
    """Page, picture and data of one case."""
    (out / "data").mkdir(parents=True, exist_ok=True)
    found.save(out / "data" / f"{found.name}.json")
    (out / f"{found.name}.md").write_text(case_page(found), encoding="utf-8")
    (out / f"{found.name}.svg").write_text(render(found.charts, found.title), encoding="utf-8")


def write_index(out: Path, titles: dict[str, str]) -> None:
    """Rewrites the index from the data of all cases that were ever measured into `out`."""
    pages = [
        results.load(out / "data" / f"{name}.json")
        for name in titles
        if (out / "data" / f"{name}.json").exists()
    ]
    (out / "README.md").write_text(index_page(pages, titles), encoding="utf-8")
