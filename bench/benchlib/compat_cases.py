"""Programs built for libevent, on the installed libevent and on corevent's libraries in turn."""
from __future__ import annotations

import subprocess
from pathlib import Path

from . import libraries
from .case import Case, Findings
from .context import Context
from .process import pinned
from .result import Bar, Chart, Column, Table
from .stats import median

PROGRAMS = {"event": "event_bench", "buffer": "buffer_bench"}
SLOWEST = {  # what is held against the targets: the smallest ratio of the rows that begin so
    "event": {
        "slowest": ("",),
        "dispatch": ("cascade_", "active_", "chain", "empty_turn"),
        "timers": ("timers_", "readd_", "expire_", "persist_"),
    },
    "buffer": {"slowest": ("",)},
}


def _there(context: Context, program: str) -> bool:
    return (context.bin_dir / program).exists() and libraries.there(context.bin_dir)


def _rounds(context: Context) -> int:
    return max(1, context.rounds // 3)  # a round takes each case's best of several already


def run(program: Path, cores: set[int], folder: Path | None) -> dict[str, float]:
    """Nanoseconds by name, as the program prints them, on the libraries of `folder`."""
    done = subprocess.run(
        [str(program)],
        env=libraries.environment(folder),
        preexec_fn=pinned(cores),
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


def rows_of(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> list[dict]:
    """A row per case: medians, and the median of the ratios of the same round."""
    return [
        {
            "label": name,
            "system": median([system[name] for system, _ in rounds]),
            "ours": median([ours[name] for _, ours in rounds]),
            "ratio": median([system[name] / ours[name] for system, ours in rounds]),
        }
        for name in rounds[0][0]
    ]


def figures_of(kind: str, rows: list[dict]) -> dict[str, float]:
    """The smallest ratios, by the ids of the targets."""
    return {
        f"compat-{kind}/{name}": min(
            row["ratio"] for row in rows if row["label"].startswith(beginnings)
        )
        for name, beginnings in SLOWEST[kind].items()
    }


def _measure(context: Context, kind: str) -> Findings:
    program = context.bin_dir / PROGRAMS[kind]
    folders = (None, libraries.folder(context.bin_dir))
    rounds = []
    for turn in range(_rounds(context)):
        taken = {
            folder: run(program, context.server_cores, folder)
            for folder in (folders if turn % 2 == 0 else folders[::-1])
        }
        rounds.append((taken[folders[0]], taken[folders[1]]))
        context.progress.step(f"compat-{kind}  round {turn + 1}/{_rounds(context)}", line=True)
    rows = rows_of(rounds)
    columns = [
        Column("label", "case", None),
        Column("system", "libevent ns", 1),
        Column("ours", "corevent ns", 1),
        Column("ratio", "libevent / corevent"),
    ]
    bars = [
        Bar(row["label"], 1 / row["ratio"], "", [], "own" if row["ratio"] >= 1 else "peer")
        for row in rows
    ]
    notes = [
        f"{row['label']} is below 0.95 of libevent's speed: {row['ratio']:.2f}."
        for row in rows
        if row["ratio"] < 0.95
    ]
    how = [
        f"bench/compat/{PROGRAMS[kind]}.c, compiled once against libevent's headers, run on the "
        f"installed libevent and on lib/corevent, {_rounds(context)} rounds, both in each, first one, "
        "then the other. A ratio above 1: corevent is faster. The bars are corevent's time where "
        "libevent's is 1.",
    ]
    chart = Chart("Time per operation, libevent = 1", "smaller is better", bars)
    tables = [Table("Nanoseconds per operation", columns, rows)]
    return Findings(how, tables, [chart], notes, figures_of(kind, rows))


def _case(kind: str, title: str, what: str) -> Case:
    return Case(
        f"compat-{kind}",
        title,
        what,
        lambda context: _rounds(context) if _there(context, PROGRAMS[kind]) else 0,
        lambda context: _measure(context, kind),
    )


COMPAT_CASES = (
    _case(
        "event",
        "The event core beside libevent",
        "pipe cascade, timers, dispatch: a program built for libevent on both libraries",
    ),
    _case(
        "buffer",
        "evbuffers beside libevent",
        "add, drain, search, move: a program built for libevent on both libraries",
    ),
)
