"""The memcached of the distribution, a program nobody here has compiled, on the installed libevent and
on corevent's libraries."""
from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Iterator

from . import libraries
from .case import Case, Findings, bars_of, middle
from .context import Context
from .process import StartError, pinned
from .result import Chart, Column, Table
from .stats import number, paired_ratio
from .workspace import free_port

NAME = "compat-memcached"
REQUESTS = 50_000  # for a window of one second
START_SECONDS = 10.0
SIDES = ("libevent", "corevent")


def _there(context: Context) -> bool:
    load = context.bin_dir / "memcached_load"
    return bool(shutil.which("memcached")) and load.exists() and libraries.there(context.bin_dir)


def run_seconds(pid: int) -> float:
    """How long all threads of a process have run, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def _wait_until_it_listens(server: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise StartError("memcached does not listen") from None
            time.sleep(0.01)


@contextlib.contextmanager
def _memcached(context: Context, folder: Path | None) -> Iterator[tuple[int, int]]:
    """Process and port of one with a single worker thread."""
    port = free_port()
    argv = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "1", "-u", "nobody"]
    server = subprocess.Popen(  # pylint: disable=consider-using-with
        argv,
        env=libraries.environment(folder),
        preexec_fn=pinned(context.server_cores),
    )
    try:
        _wait_until_it_listens(server, port)
        if folder and not libraries.loaded(server.pid, folder):
            raise StartError(f"memcached does not run on the libraries of {folder}")
        yield server.pid, port
    finally:
        server.terminate()
        server.wait()


def _cpu_us(context: Context, requests: int, folder: Path | None) -> float:
    """CPU time per request of a fresh server."""
    with _memcached(context, folder) as (pid, port):
        before = run_seconds(pid)
        subprocess.run(
            [str(context.bin_dir / "memcached_load"), str(port), str(requests)],
            stdout=subprocess.DEVNULL,
            preexec_fn=pinned(context.generator.cores),
            check=True,
        )
        return (run_seconds(pid) - before) * 1e6 / requests


def _measure(context: Context) -> Findings:
    requests = max(1000, int(REQUESTS * context.seconds))
    folders = {"libevent": None, "corevent": libraries.folder(context.bin_dir)}
    cpu: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn in range(context.rounds):
        for side in SIDES if turn % 2 == 0 else SIDES[::-1]:
            cpu[side].append(_cpu_us(context, requests, folders[side]))
        last = ", ".join(f"{side} {number(cpu[side][-1])} µs" for side in SIDES)
        context.progress.step(f"{NAME}  round {turn + 1}/{context.rounds}  {last}", line=True)
    rows = [
        {
            "label": side,
            "kind": "own" if side == "corevent" else "peer",
            "cpu": middle(cpu[side]),
            "per_cpu_second": middle([1e6 / value for value in cpu[side]]),
            "speed": paired_ratio(cpu["libevent"], cpu[side]),
        }
        for side in SIDES
    ]
    columns = [
        Column("label", "library", None),
        Column("cpu", "CPU µs/request"),
        Column("per_cpu_second", "requests per CPU second", 0),
        Column("speed", "× libevent"),
    ]
    how = [
        f"memcached of the distribution with one worker thread; {requests:,} requests (nine gets, "
        f"a set of 100 octets) over 50 connections (bench/compat/memcached_load.c, every answer "
        f"checked), a fresh server each time, {context.rounds} rounds, both libraries in each, "
        "first one, then the other. CPU time is the exact scheduler run time of all its threads. "
        "The ratio is the median of the ratios of the same round.",
        "The server has one core, the load the other.",
    ]
    chart = Chart("CPU µs per request", "smaller is better", bars_of(rows, "cpu"))
    measured = {NAME: rows[1]["speed"]}
    return Findings(how, [Table("memcached", columns, rows)], [chart], [], measured)


COMPAT_MEMCACHED_CASES = (
    Case(
        NAME,
        "memcached beside libevent",
        "requests per CPU second of the distribution's memcached on both libraries",
        lambda context: context.rounds if _there(context) else 0,
        _measure,
    ),
)
