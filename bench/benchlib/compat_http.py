"""evhttp: one program built for libevent, on the installed libevent and on corevent's libraries, as
it is and on several threads."""
from __future__ import annotations

from .load_cases import PINNED, load_case
from .measure import Load
from .peers import Setup
from .rounds import Cell, Outcome, Variant

SERVER = (
    "The server is bench/compat/http_bench_server.c, compiled once against libevent's headers and "
    "linked with the installed libevent; LD_LIBRARY_PATH puts lib/corevent in its place. Its "
    "listening socket has TCP_NODELAY, without which libevent's evhttp stalls for 40 ms under "
    "pipelining."
)
SHARED = (
    "Where threads are compared, server and generator share all cores of the bench, because two "
    "threads need two."
)
WORK = (
    "Work in a handler is arithmetic whose steps are counted out in CPU time before the server "
    "listens."
)
THREADS = 2
WORK_US = 20


def _ours(key: str, label: str, work_us: int, mode: str = "", model: str = "loop") -> Variant:
    """The server on corevent's libraries; with a mode on two network threads."""
    threads = (("COREVENT_HTTP_THREADS", str(THREADS)), ("COREVENT_HTTP_MODE", mode))
    setup = Setup(extra=_arguments(model, work_us), environment=threads if mode else ())
    return Variant(key, "evhttp-corevent", setup, label)


def _theirs(key: str, label: str, work_us: int, model: str = "loop") -> Variant:
    """The server on the installed libevent."""
    return Variant(key, "evhttp-libevent", Setup(extra=_arguments(model, work_us)), label)


def _arguments(model: str, work_us: int) -> tuple[str, ...]:
    return ("--model", model, "--count", str(THREADS), "--work-us", str(work_us))


def _work(work_us: int) -> str:
    return f"{work_us} µs of work a request" if work_us else "no work"


def _side_by_side() -> tuple[Cell, ...]:
    loads = {
        "plain": ("Plain keep-alive, 64 connections", Load()),
        "browser": ("Browser request, 64 connections", Load(request="browser")),
        "pipeline": ("16-deep pipelining, 64 connections", Load(pipeline=16)),
        "close": ("A connection for every request, 64 at a time", Load(mode="close")),
    }
    variants = (_ours("corevent", "corevent", 0), _theirs("libevent", "libevent", 0))
    return tuple(
        Cell(key, caption, load, variants, references=("libevent",))
        for key, (caption, load) in loads.items()
    )


def _threads(work_us: int) -> Cell:
    return Cell(
        f"threads-{work_us}",
        f"Threads of corevent, 64 connections, {_work(work_us)}",
        Load(),
        (
            _ours("one", "one thread", work_us),
            _ours("io", f"mode IO × {THREADS}", work_us, "io"),
            _ours("all", f"mode ALL × {THREADS}", work_us, "all"),
        ),
        references=("one",),
        share_cores=True,
        rates=True,
    )


def _http_figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
    against = {
        f"compat-http/{key}": outcomes[key].ratio("corevent", "libevent")
        for key in ("plain", "browser", "pipeline", "close")
    }
    return {
        **against,
        "compat-http/io": outcomes["threads-0"].ratio("io", "one"),
        "compat-http/all": outcomes[f"threads-{WORK_US}"].rate_ratio("all", "one"),
    }


def _design_cell(connections: int, work_us: int) -> Cell:
    return Cell(
        f"{connections}-{work_us}",
        f"{connections:,} connections, {_work(work_us)}",
        Load(connections=connections),
        (
            _ours("loops", "loop per core", work_us, "all"),
            _ours("pool", "pool answers", work_us, model="pool"),
            _ours("relay", "base answers", work_us, model="relay"),
            _theirs("classic", "base answers, libevent", work_us, "relay"),
            _theirs("base", "one base, libevent", work_us),
        ),
        references=("pool", "classic"),
        share_cores=True,
        rates=True,
        stretch=2 if connections > 1000 else 1,
    )


def _design_figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
    return {
        f"evhttp-master-worker/{key}/{reference}": outcome.ratio("loops", reference)
        for key, outcome in outcomes.items()
        for reference in ("pool", "classic")
    }


COMPAT_HTTP_CASES = (
    load_case(
        "compat-http",
        "evhttp beside libevent",
        "a server built for libevent's evhttp on both libraries, and on corevent's threads",
        (*_side_by_side(), _threads(0), _threads(WORK_US)),
        _http_figures,
        SERVER,
        "The first four tables: " + PINNED[0].lower() + PINNED[1:],
        SHARED,
        WORK,
    ),
    load_case(
        "evhttp-master-worker",
        "evhttp: one base and a pool, or a loop per core",
        "one base that reads and a pool of 2 that works, against a loop per core (mode ALL), all "
        "with evhttp",
        tuple(_design_cell(count, work) for count in (64, 1000, 10_000) for work in (0, WORK_US)),
        _design_figures,
        SERVER,
        f"Loop per core: mode ALL, {THREADS} threads. Pool: the base hands a request to {THREADS} "
        "threads through a queue. A thread of the pool answers itself, which only corevent's "
        "libraries allow; or the base answers: the thread hands the request back and wakes the "
        "base by an octet in a pipe when nobody else has. One base works and answers alone. "
        "Lines that do not name libevent are on corevent.",
        "Server and generator share all cores of the bench, in all designs. A window with 10,000 "
        "connections is twice as long: each of them must get an answer within it.",
        WORK,
    ),
)
