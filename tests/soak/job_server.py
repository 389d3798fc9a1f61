"""gearmand: jobs that clients give and workers do. The work is a checksum of what was given."""
from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from daemons import Run, find, free_ports, require

THREADS, WORKERS, CLIENTS = 4, 3, 8
JOBS, JOB_SIZE_MAX, LARGE_JOB_SIZE = 20, 200_000, 3_000_000
START_SECONDS = 20


def status(port: int) -> str:
    """What it says of its functions: the name, jobs that wait, jobs that run, workers."""
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5) as admin:
        admin.sendall(b"status\n")
        lines = b""
        while not lines.endswith(b".\n") and (more := admin.recv(1000)):
            lines += more
        return lines.decode()
    return ""


@contextmanager
def gearmand(run: Run) -> Iterator[Callable[[], str]]:
    client = find("gearman")
    [port] = free_ports(1)
    idle = f"sum\t0\t0\t{WORKERS}\n.\n"
    run.start("gearmand", find("gearmand"), "--listen", "127.0.0.1", "--port", str(port), "--threads", str(THREADS),
              "--pid-file", run.folder / "pid", "--log-file", "stderr", "--verbose", "ERROR")
    run.until(lambda: status(port), "gearmand answers", START_SECONDS)
    for number in range(WORKERS):
        run.help(f"worker{number}", client, "-h", "127.0.0.1", "-p", str(port), "-w", "-f", "sum", "--", "sha256sum")
    run.until(lambda: status(port) == idle, f"gearmand knows {WORKERS} workers", START_SECONDS)

    def give(data: bytes) -> None:
        result = run.pipe(client, "-h", "127.0.0.1", "-p", str(port), "-f", "sum", input=data)
        require(result.decode().split()[0] == hashlib.sha256(data).hexdigest(), f"a job of {len(data)} octets arrived as another")

    def work() -> str:
        made = random.Random(3)
        jobs = [made.randbytes(made.randrange(1, JOB_SIZE_MAX)) for _ in range(CLIENTS * JOBS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(give, jobs))
        give(made.randbytes(LARGE_JOB_SIZE))
        run.until(lambda: status(port) == idle, "gearmand has no job left", START_SECONDS)
        octets = sum(map(len, jobs)) + LARGE_JOB_SIZE
        return f"{len(jobs) + 1} jobs, {octets / 1e6:.3g} MB, {CLIENTS} clients and {WORKERS} workers at once"

    yield work
