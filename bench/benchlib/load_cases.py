"""The cases that put a load on servers and take CPU time per request."""
from __future__ import annotations

from typing import Callable

from .case import Case, Findings
from .context import Context
from .measure import Load
from .peers import HELLO, STATIC, Setup, serving
from .rounds import Cell, Outcome, Variant, chart, observations, run_cell, steps, table
from .workspace import STATIC as FILES

HOW = [
    "CPU per request is the exact scheduler run time of all threads of the server's processes over "
    "a window after a warm-up, divided by the answers that arrived in it; user and system are the "
    "kernel's sampled split of it.",
    "All servers of a table are started together. Rounds visit them in rotated order. Figures are "
    "medians over rounds; a ratio is the median of the ratios of the same round.",
    "Every answer is checked for status 200 and its length; a round with a wrong answer is left "
    "out and noted.",
    "Loopback: the sender pays for the receiver's TCP input path, alike for every server.",
]
PINNED = (
    "Each server has one worker pinned to one core; the generator (ce_load, one thread) has the "
    "other core."
)

Figures = Callable[[dict[str, Outcome]], dict[str, float]]


def load_case(
    name: str, title: str, what: str, cells: tuple[Cell, ...], figures: Figures, *how: str
) -> Case:
    """A case made of cells. `figures` picks what is held against the targets."""

    def measure(context: Context) -> Findings:
        outcomes = {cell.key: run_cell(context, cell) for cell in cells}
        tables = [table(outcome) for outcome in outcomes.values()]
        charts = [chart(found, values) for found, values in zip(outcomes.values(), tables)]
        notes = []
        for outcome in outcomes.values():
            prefix = f"{outcome.cell.caption}: " if len(cells) > 1 else ""
            notes += [prefix + note for note in observations(outcome)]
        return Findings([*HOW, *how], tables, charts, notes, figures(outcomes))

    return Case(name, title, what, lambda context: steps(context, list(cells)), measure)


def _variants(what: str, setup: Setup = Setup()) -> tuple[Variant, ...]:
    return tuple(Variant(name, name, setup) for name in serving(what))


def _against(name: str, references: tuple[str, ...]) -> Figures:
    return lambda outcomes: {
        f"{name}/{reference}": outcomes[name].ratio("corevent", reference)
        for reference in references
    }


def _hello(name: str, title: str, what: str, load: Load, setup: Setup = Setup()) -> Case:
    references = ("nginx", "floor")
    cell = Cell(name, title, load, _variants(HELLO, setup), references)
    return load_case(name, title, what, (cell,), _against(name, references), PINNED)


def _static(name: str, size: str, file: str, connections: int) -> Case:
    title = f"Static file of {size}"
    what = f"GET of a file of {size} over {connections} keep-alive connections, page cache warm"
    load = Load(connections=connections, path=f"/static/{file}", body=FILES[file])
    cell = Cell(name, title, load, _variants(STATIC), references=("nginx",))
    tuned = (
        "nginx runs as most configure it (sendfile, tcp_nopush); the line with open_file_cache "
        "shows what its cache of open files brings."
    )
    return load_case(name, title, what, (cell,), _against(name, ("nginx",)), PINNED, tuned)


def _two_loops() -> Case:
    def pair(name: str, unit: str) -> list[Variant]:
        return [
            Variant(f"{name}-{n}", name, Setup(workers=n), f"{name}, {n} {unit}{'s' * (n > 1)}")
            for n in (1, 2)
        ]

    def figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
        return {
            "two-loops/nginx": outcomes["two-loops"].ratio("corevent-2", "nginx-2"),
            "two-loops/one": outcomes["two-loops"].ratio("corevent-2", "corevent-1"),
        }

    cell = Cell(
        "two-loops",
        "One and two loops, 64 connections",
        Load(),
        (*pair("corevent", "loop"), *pair("nginx", "worker"), *pair("h2o", "thread")),
        references=("nginx-2", "corevent-1"),
        share_cores=True,
    )
    return load_case(
        "two-loops",
        "One and two loops",
        "64 keep-alive connections; server and generator share two cores",
        (cell,),
        figures,
        "Server and generator share all cores of the bench, because two loops need two cores.",
    )


def _model(key: str, label: str, *extra: str) -> Variant:
    return Variant(key, "master-worker", Setup(extra=extra), label)


def _models(work_us: int) -> tuple[Variant, ...]:
    def loops(count: int) -> tuple[str, ...]:
        return ("--model", "loops", "--count", str(count), "--work-us", str(work_us))

    def pool(count: int, batch: int = 1) -> tuple[str, ...]:
        return (
            *("--model", "pool", "--count", str(count), "--work-us", str(work_us)),
            *("--batch", str(batch)),
        )

    return (
        _model("loops-1", "loop per core × 1", *loops(1)),
        _model("loops-2", "loop per core × 2", *loops(2)),
        _model("pool-1", "reader + pool of 1", *pool(1)),
        _model("pool-2", "reader + pool of 2", *pool(2)),
        _model("pool-2-batch", "the same, batches of 16", *pool(2, 16)),
        _model("pool-4", "reader + pool of 4", *pool(4)),
    )


def _model_cell(connections: int, work_us: int, shared: bool) -> Cell:
    where = "both cores shared with the generator" if shared else "one core"
    work = f"{work_us} µs of work a request" if work_us else "no work"
    return Cell(
        f"{connections}-{work_us}-{'shared' if shared else 'one'}",
        f"{connections:,} connections, {work}, {where}",
        Load(connections=connections),
        _models(work_us),
        references=("pool-2", "loops-2") if shared else ("pool-2", "loops-1"),
        share_cores=shared,
    )


def _master_worker() -> Case:
    def figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
        return {
            "master-worker/64": outcomes["64-0-one"].ratio("loops-1", "pool-2"),
            "master-worker/1000": outcomes["1000-0-one"].ratio("loops-1", "pool-2"),
            "master-worker/64-shared": outcomes["64-0-shared"].ratio("loops-2", "pool-2"),
        }

    return load_case(
        "master-worker",
        "The seed question: one reader and a pool, or a loop per core",
        "one thread that reads and parses and a pool that works and answers, against a loop per "
        "core, both on corevent",
        (
            _model_cell(64, 0, False),
            _model_cell(1000, 0, False),
            _model_cell(64, 20, False),
            _model_cell(64, 0, True),
            _model_cell(64, 20, True),
        ),
        figures,
        "On one core no model has more hardware than another; on shared cores wake-ups cross "
        "cores.",
    )


LOAD_CASES: tuple[Case, ...] = (
    _hello(
        "plain-1",
        "Plain keep-alive, 1 connection",
        "GET /hello, 13 octets, one connection: mostly the cost of waking an idle core",
        Load(connections=1),
    ),
    _hello(
        "plain-64",
        "Plain keep-alive, 64 connections",
        "GET /hello, 13 octets, 64 keep-alive connections",
        Load(),
    ),
    _hello(
        "plain-1000",
        "Plain keep-alive, 1,000 connections",
        "GET /hello, 13 octets, 1,000 keep-alive connections",
        Load(connections=1000),
    ),
    _hello(
        "plain-10000",
        "Plain keep-alive, 10,000 connections",
        "GET /hello, 13 octets, 10,000 keep-alive connections",
        Load(connections=10_000),
    ),
    _hello(
        "pipeline-16",
        "16-deep pipelining, 64 connections",
        "16 requests in one batch, the next batch when all are answered",
        Load(pipeline=16),
    ),
    _hello(
        "browser-64",
        "Browser request, 64 connections",
        "GET /hello with the 15 fields that a desktop browser sends (693 octets)",
        Load(request="browser"),
    ),
    _hello(
        "connection-per-request",
        "A connection for every request, 64 at a time",
        "connect, GET /hello with Connection: close, the server ends the connection",
        Load(mode="close"),
        Setup(close=True),
    ),
    _static("static-1k", "1 KiB", "1k.bin", 64),
    _static("static-64k", "64 KiB", "64k.bin", 64),
    _static("static-10m", "10 MiB", "10m.bin", 8),
    _two_loops(),
    _master_worker(),
)
