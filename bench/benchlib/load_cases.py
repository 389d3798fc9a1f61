"""The cases that put a load on servers and take CPU time per request."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Callable

from .context import Context
from .measure import Load
from .peers import HELLO, STATIC, Setup, serving
from .result import Result
from .rounds import Cell, Outcome, Variant, chart, observations, run_cell, steps, table
from .workspace import STATIC as FILES

HOW = [
    "CPU per request is the exact scheduler run time of all threads of the server's processes over a window after a "
    "warm-up, divided by the answers that arrived in it; user and system are the kernel's sampled split of it.",
    "All servers of a table are started together, each pinned to one core with one worker; the generator (ce_load, one "
    "thread) has the other core. Rounds visit the servers in rotated order. Figures are medians over rounds; a ratio is "
    "the median of the ratios of the same round.",
    "Every answer is checked for status 200 and its length; a round with a wrong answer is left out and noted.",
    "Loopback: the sender pays for the receiver's TCP input path, alike for every server.",
]


@dataclass(frozen=True)
class LoadCase:
    """A named case made of cells. `figures` picks what is held against the targets."""

    name: str
    title: str
    what: str
    cells: tuple[Cell, ...]
    figures: Callable[[dict[str, Outcome]], dict[str, float]]
    how: tuple[str, ...] = field(default_factory=tuple)

    def steps(self, context: Context) -> int:
        """Windows to measure."""
        return steps(context, list(self.cells))

    def run(self, context: Context) -> Result:
        """Measures all cells."""
        outcomes = {cell.key: run_cell(context, cell) for cell in self.cells}
        tables = [table(outcome) for outcome in outcomes.values()]
        charts = [chart(outcome, values) for outcome, values in zip(outcomes.values(), tables)]
        notes = []
        for outcome in outcomes.values():
            for note in observations(outcome):
                prefix = f"{outcome.cell.caption}: " if len(self.cells) > 1 else ""
                notes.append(prefix + note)
        figures = {key: value for key, value in self.figures(outcomes).items() if not math.isnan(value)}
        return Result(self.name, self.title, self.what, [*HOW, *self.how], tables, charts, notes, figures)


def _variants(what: str, setup: Setup = Setup()) -> tuple[Variant, ...]:
    return tuple(Variant(name, name, setup) for name in serving(what))


def _against(name: str, references: tuple[str, ...]) -> Callable[[dict[str, Outcome]], dict[str, float]]:
    return lambda outcomes: {f"{name}/{reference}": outcomes[name].ratio("corevent", reference)
                             for reference in references}


def _hello(name: str, title: str, what: str, load: Load, setup: Setup = Setup()) -> LoadCase:
    cell = Cell(name, title, load, _variants(HELLO, setup))
    return LoadCase(name, title, what, (cell,), _against(name, ("nginx", "floor")))


def _static(name: str, size: str, file: str, connections: int) -> LoadCase:
    title = f"Static file of {size}"
    load = Load(connections=connections, path=f"/static/{file}", body=FILES[file])
    cell = Cell(name, title, load, _variants(STATIC), references=("nginx",))
    return LoadCase(name, title, f"GET of a file of {size} over {connections} keep-alive connections, from the page cache",
                    (cell,), _against(name, ("nginx",)),
                    ("nginx runs as configured by most (sendfile, tcp_nopush); the line with open_file_cache shows what "
                     "its cache of open files brings.",))


def _two_loops() -> LoadCase:
    def pair(name: str, unit: str) -> list[Variant]:
        return [Variant(f"{name}-{n}", name, Setup(workers=n), f"{name}, {n} {unit}{'s' if n > 1 else ''}")
                for n in (1, 2)]

    variants = (*pair("corevent", "loop"), *pair("nginx", "worker"), *pair("h2o", "thread"))
    cell = Cell("two-loops", "Two loops, 64 connections, cores shared with the generator", Load(), variants,
                references=("nginx-2", "corevent-1"), share_cores=True)

    def figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
        return {"two-loops/nginx": outcomes["two-loops"].ratio("corevent-2", "nginx-2"),
                "two-loops/one": outcomes["two-loops"].ratio("corevent-2", "corevent-1")}

    return LoadCase("two-loops", "One and two loops", "64 keep-alive connections, servers with one and two loops, server "
                    "and generator sharing the cores", (cell,), figures,
                    ("Here server and generator share all cores of the bench, because two loops need two cores.",))


def _model(key: str, label: str, *extra: str) -> Variant:
    return Variant(key, "master-worker", Setup(extra=extra), label)


def _master_worker() -> LoadCase:
    def models(work_us: int) -> tuple[Variant, ...]:
        work = ("--work-us", str(work_us))
        return (_model("loops-1", "loop per core × 1", "--model", "loops", "--count", "1", *work),
                _model("loops-2", "loop per core × 2", "--model", "loops", "--count", "2", *work),
                _model("pool-1", "reader + pool of 1", "--model", "pool", "--count", "1", *work),
                _model("pool-2", "reader + pool of 2", "--model", "pool", "--count", "2", *work),
                _model("pool-2-batch", "reader + pool of 2, batches of 16", "--model", "pool", "--count", "2", "--batch", "16",
                       *work),
                _model("pool-4", "reader + pool of 4", "--model", "pool", "--count", "4", *work))

    def cell(connections: int, work_us: int, shared: bool) -> Cell:
        where = "both cores shared with the generator" if shared else "one core"
        work = f"{work_us} µs of work a request" if work_us else "no work"
        return Cell(f"{connections}-{work_us}-{'shared' if shared else 'one'}",
                    f"{connections:,} connections, {work}, {where}", Load(connections=connections), models(work_us),
                    references=("pool-2",) if shared else ("pool-1", "pool-2"), share_cores=shared)

    cells = (cell(64, 0, False), cell(1000, 0, False), cell(64, 20, False), cell(64, 0, True), cell(64, 20, True))

    def figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
        return {"master-worker/64": outcomes["64-0-one"].ratio("loops-1", "pool-2"),
                "master-worker/1000": outcomes["1000-0-one"].ratio("loops-1", "pool-2"),
                "master-worker/64-shared": outcomes["64-0-shared"].ratio("loops-2", "pool-2")}

    return LoadCase("master-worker", "The seed question: one reader and a pool, or a loop per core",
                    "one thread that reads and parses and a pool that works and answers, against a loop per core; both "
                    "built on corevent", cells, figures,
                    ("On one core no model has more hardware than another; on shared cores wake-ups cross cores.",))


LOAD_CASES: tuple[LoadCase, ...] = (
    _hello("plain-1", "Plain keep-alive, 1 connection", "GET /hello, 13 octets, one connection: mostly the cost of waking "
           "an idle core", Load(connections=1)),
    _hello("plain-64", "Plain keep-alive, 64 connections", "GET /hello, 13 octets, 64 keep-alive connections", Load()),
    _hello("plain-1000", "Plain keep-alive, 1,000 connections", "GET /hello, 13 octets, 1,000 keep-alive connections",
           Load(connections=1000)),
    _hello("plain-10000", "Plain keep-alive, 10,000 connections", "GET /hello, 13 octets, 10,000 keep-alive connections",
           Load(connections=10_000)),
    _hello("pipeline-16", "16-deep pipelining, 64 connections", "16 requests in one batch, the next batch when all are "
           "answered", Load(pipeline=16)),
    _hello("browser-64", "Browser request, 64 connections", "GET /hello with the 15 fields that a desktop browser sends "
           "(693 octets)", Load(request="browser")),
    _hello("connection-per-request", "A connection for every request, 64 at a time", "connect, GET /hello with "
           "Connection: close, the server ends the connection", Load(mode="close"), Setup(close=True)),
    _static("static-1k", "1 KiB", "1k.bin", 64),
    _static("static-64k", "64 KiB", "64k.bin", 64),
    _static("static-10m", "10 MiB", "10m.bin", 8),
    _two_loops(),
    _master_worker(),
)
