"""The memory of idle connections: octets of RSS for each, and what is given back."""
from __future__ import annotations

from .case import Case, Findings, bars_of, figures_of, middle
from .context import Context
from .measure import Held, Load, LoadError, settled_memory
from .peers import HELLO, PEERS, Setup, serving
from .process import StartError
from .result import Chart, Column, Table
from .rounds import kind_of
from .stats import number, rotated

CONNECTIONS = 10_000
ROUNDS_MAX = 3
MIB = 2**20

HOW = [
    "A fresh server answers 64 connections for a moment; its memory settles ('before'). "
    f"{CONNECTIONS:,} connections from ten client addresses serve one request each and stay idle "
    "('with connections'), then close. Sums over all processes of the server, from smaps_rollup; "
    "medians of the rounds.",
    "User-space memory only: the kernel's part of a connection is the same for every epoll server.",
    "nginx and HAProxy lay out their connection tables at start, so part of their cost is in "
    "'before'.",
]

COLUMNS = [
    Column("label", "server", None),
    Column("rss", "RSS octets/connection", 0),
    Column("pss", "PSS octets/connection", 0),
    Column("before", "RSS before, MiB"),
    Column("during", "with connections, MiB"),
    Column("after", "after they closed, MiB"),
    Column("back", "after / before"),
]


def _memory_of(context: Context, name: str) -> dict[str, float]:
    with context.starter.start(name, context.server_cores, Setup()) as server:
        context.generator.window(server, Load(), min(context.seconds, 0.5), 0.1)
        before = settled_memory(server)
        with Held(context.generator, server, CONNECTIONS) as held:
            during = settled_memory(server)
            lost = held.release()
        after = settled_memory(server)
    return {
        "before": before["rss"] / MIB,
        "during": during["rss"] / MIB,
        "after": after["rss"] / MIB,
        "rss": (during["rss"] - before["rss"]) / CONNECTIONS,
        "pss": (during["pss"] - before["pss"]) / CONNECTIONS,
        "back": after["rss"] / before["rss"],
        "lost": lost,
    }


def _measure(context: Context) -> Findings:
    names, rounds = context.usable(serving(HELLO)), min(context.rounds, ROUNDS_MAX)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    notes = []
    for turn in range(rounds):
        for name in rotated(names, turn):
            try:
                found[name].append(_memory_of(context, name))
            except (LoadError, StartError) as error:
                notes.append(f"Not measured: {error}.")
            last = found[name][-1]["rss"] if found[name] else None
            label = PEERS[name].label
            context.progress.step(
                f"idle memory  round {turn + 1}/{rounds}  {label} {number(last, 0)} B", line=True
            )
    rows = []
    for name in names:
        row: dict = {"label": PEERS[name].label, "kind": kind_of(name)}
        for column in COLUMNS[1:]:
            row[column.key] = middle([one[column.key] for one in found[name]])
        rows.append(row)
        lost = sum(one["lost"] for one in found[name])
        if lost:
            notes.append(f"{PEERS[name].label} ended {lost:.0f} idle connections meanwhile.")
    charts = [
        Chart(
            "RSS per idle connection that has served a request",
            "octets; smaller is better",
            bars_of(rows, "rss"),
            0,
        ),
        Chart(
            "RSS after all connections closed, relative to before",
            "ratio; 1.00 is all given back",
            bars_of(rows, "back"),
        ),
    ]
    measured = figures_of(rows, "corevent", {"rss": "idle-memory/rss", "back": "idle-memory/back"})
    table = Table(f"{CONNECTIONS:,} idle connections", COLUMNS, rows)
    return Findings(HOW, [table], charts, notes, measured)


MEMORY_CASES = (
    Case(
        "idle-memory",
        "Memory of idle connections",
        "RSS per idle keep-alive connection at 10,000, and what is given back",
        lambda context: len(context.usable(serving(HELLO))) * min(context.rounds, ROUNDS_MAX),
        _measure,
    ),
)
