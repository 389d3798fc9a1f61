"""Programs built for libevent, on the installed libevent and on corevent's libraries in turn."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .case import Case, Findings
from .context import Context
from .result import Bar, Chart, Column, Table
from .stats import median

PROGRAMS = {"event": "event_bench", "buffer": "buffer_bench"}
LIBRARY = "libevent-2.1.so.7"


def _libraries(context: Context) -> Path:
    """lib/corevent of the build that bin/bench is in."""
    return context.bin_dir.parents[1] / "lib" / "corevent"


def _there(context: Context, program: str) -> bool:
    return (context.bin_dir / program).exists() and (_libraries(context) / LIBRARY).exists()


def _rounds(context: Context) -> int:
    return max(1, context.rounds // 3)  # a round takes each case's best of several already


def run(program: Path, cores: set[int], libraries: Path | None) -> dict[str, float]:
    """Nanoseconds by name, as the program prints them."""
    environment = dict(os.environ)
    environment.pop("LD_LIBRARY_PATH", None)
    if libraries:
        environment["LD_LIBRARY_PATH"] = str(libraries)
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, sorted(cores))), str(program)],
        env=environment,
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


def _measure(context: Context, kind: str) -> Findings:
    program = context.bin_dir / PROGRAMS[kind]
    rounds = []
    for number in range(_rounds(context)):
        system = run(program, context.server_cores, None)
        rounds.append((system, run(program, context.server_cores, _libraries(context))))
        context.progress.step(f"compat-{kind}  round {number + 1}", line=True)
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
        f"installed libevent and on lib/corevent in turn, {_rounds(context)} rounds. A ratio above "
        "1: corevent is faster. The bars are corevent's time where libevent's is 1.",
    ]
    chart = Chart("Time per operation, libevent = 1", "smaller is better", bars)
    return Findings(how, [Table("Nanoseconds per operation", columns, rows)], [chart], notes)


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
