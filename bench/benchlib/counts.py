"""What does not drift with the neighbours: system calls and instructions per request."""
from __future__ import annotations

from typing import Callable

from .case import Case, Findings, bars_of, figures_of
from .context import Context
from .measure import Load, LoadError, callgrind_prefix, callgrind_total, count_syscalls
from .peers import HELLO, PEERS, Setup, serving
from .process import StartError
from .result import Chart, Column, Table
from .rounds import kind_of
from .stats import number, split_by_difference

STRACE_REQUESTS, CALLGRIND_REQUESTS = 8_000, 1_000

SYSCALL_LOADS = {
    "keep-alive": (Load(), Setup()),
    "pipeline": (Load(pipeline=16), Setup()),
    "close": (Load(mode="close"), Setup(close=True)),
}
INSTRUCTION_LOADS = {
    "plain": Load(connections=1),
    "browser": Load(connections=1, request="browser"),
    "pipeline": Load(connections=1, pipeline=10),
}


def _rows(
    context: Context, case: str, keys: list[str], count: Callable[[str, str, dict], float]
) -> tuple[list[dict], list[str]]:
    """A row per server with a figure per key; `count(server, key, row)` measures one."""
    rows: list[dict] = []
    notes: list[str] = []
    for name in context.usable(serving(HELLO)):
        row: dict = {"label": PEERS[name].label, "kind": kind_of(name)}
        for key in keys:
            row[key] = None
            try:
                row[key] = count(name, key, row)
            except (LoadError, StartError, OSError) as error:
                notes.append(f"{key}: {error}.")
            context.progress.step(
                f"{case}  {PEERS[name].label} {key} {number(row[key])}", line=True
            )
        rows.append(row)
    return rows, notes


# ---- system calls


def _syscalls_of(context: Context, name: str, load: Load, setup: Setup) -> dict[str, float]:
    folder = context.work.folder("strace")
    with context.starter.start(name, context.server_cores, setup) as server:
        first, second = (
            count_syscalls(
                context.generator, server, load, STRACE_REQUESTS * factor, folder / str(factor)
            )
            for factor in (1, 2)
        )
    return {
        call: split_by_difference(first.get(call, 0), second.get(call, 0), STRACE_REQUESTS)
        for call in first.keys() | second.keys()
    }


def _measure_syscalls(context: Context) -> Findings:
    def count(name: str, key: str, row: dict) -> float:
        calls = _syscalls_of(context, name, *SYSCALL_LOADS[key])
        often = sorted(((n, call) for call, n in calls.items() if n >= 0.01), reverse=True)
        row[key + " calls"] = ", ".join(f"{call} {n:.2f}" for n, call in often)
        return sum(calls.values())

    rows, notes = _rows(context, "syscalls", list(SYSCALL_LOADS), count)
    titles = {
        "keep-alive": "keep-alive, 64 connections",
        "pipeline": "16-deep pipeline",
        "close": "connection per request",
    }
    columns = [
        Column("label", "server", None),
        *[Column(key, title) for key, title in titles.items()],
    ]
    by_name = [
        Column("label", "server", None),
        *[Column(key + " calls", title, None) for key, title in titles.items()],
    ]
    tables = [
        Table("System calls per request", columns, rows),
        Table("By name", by_name, rows),
    ]
    charts = [
        Chart(f"System calls per request: {title}", "calls; smaller is better", bars_of(rows, key))
        for key, title in titles.items()
    ]
    how = [
        f"strace -c -f on the running server while it answers exactly {STRACE_REQUESTS:,} and "
        f"{2 * STRACE_REQUESTS:,} requests; the difference of the two, so that accepting the 64 "
        "connections does not count.",
        "Tracing slows the server, so more connections are ready per epoll_wait than at full "
        "speed: the share of epoll_wait is a lower bound, for all servers alike.",
    ]
    measured = figures_of(rows, "corevent", {key: f"syscalls/{key}" for key in titles})
    return Findings(how, tables, charts, notes, measured)


# ---- instructions


def _instructions_of(context: Context, name: str, load: Load) -> float:
    folder = context.work.folder("callgrind")
    totals = []
    for factor in (1, 2):
        out = folder / f"run{factor}"
        setup = Setup(single_process=True, connections=256)
        prefix = callgrind_prefix(out)
        with context.starter.start(name, context.server_cores, setup, prefix) as server:
            context.generator.exactly(server, load, CALLGRIND_REQUESTS * factor)
        totals.append(callgrind_total(out))
    return split_by_difference(totals[0], totals[1], CALLGRIND_REQUESTS)


def _measure_instructions(context: Context) -> Findings:
    def count(name: str, key: str, _: dict) -> float:
        return _instructions_of(context, name, INSTRUCTION_LOADS[key])

    rows, notes = _rows(context, "instructions", list(INSTRUCTION_LOADS), count)
    titles = {
        "plain": "minimal request",
        "browser": "browser request",
        "pipeline": "minimal, 10-deep pipeline",
    }
    columns = [
        Column("label", "server", None),
        *[Column(key, title, 0) for key, title in titles.items()],
    ]
    charts = [
        Chart(
            f"User-space instructions: {titles[key]}",
            "instructions; smaller is better",
            bars_of(rows, key),
            0,
        )
        for key in ("plain", "browser")
    ]
    how = [
        f"valgrind --tool=callgrind over two runs with {CALLGRIND_REQUESTS:,} and "
        f"{2 * CALLGRIND_REQUESTS:,} requests on one connection; the difference divided by the "
        "number, so that start-up does not count. The kernel's part is not in it. Valgrind shows "
        "AVX2 to programs, not AVX-512.",
    ]
    measured = figures_of(rows, "corevent", {key: f"instructions/{key}" for key in titles})
    table = Table("User-space instructions per request", columns, rows)
    return Findings(how, [table], charts, notes, measured)


COUNT_CASES = (
    Case(
        "syscalls",
        "System calls per request",
        "strace -c on a fixed number of requests",
        lambda context: len(context.usable(serving(HELLO))) * len(SYSCALL_LOADS),
        _measure_syscalls,
    ),
    Case(
        "instructions",
        "User-space instructions per request",
        "callgrind, difference of two runs",
        lambda context: len(context.usable(serving(HELLO))) * len(INSTRUCTION_LOADS),
        _measure_instructions,
    ),
)
