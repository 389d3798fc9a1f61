"""sslsplit and webdis: what comes through them is what lies behind them."""
from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from daemons import Run, find, free_ports, require

CLIENTS = 20
START_SECONDS, FETCH_SECONDS = 20, 30
FILE_SIZE = 5_000_000
VALUES, LARGE_VALUE, REQUESTS, CONNECTIONS = 200, 200_000, 20_000, 50


def fetch(run: Run, *arguments: str) -> bytes:
    return run.pipe(find("curl"), "-sSf", "--max-time", str(FETCH_SECONDS), *arguments)


def await_page(run: Run, what: str, *arguments: str) -> None:
    def comes() -> bool:
        return subprocess.run([find("curl"), "-s", "-o", "/dev/null", *arguments], timeout=FETCH_SECONDS).returncode == 0

    run.until(comes, what, START_SECONDS)


def make_certificate(run: Run, name: str) -> tuple[Path, Path]:
    """A key, and a certificate by nobody else."""
    key, certificate = run.folder / f"{name}.key", run.folder / f"{name}.crt"
    run.call(find("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
    return key, certificate


@contextmanager
def sslsplit(run: Run) -> Iterator[Callable[[], str]]:
    """TLS to the client and TLS to the server, and it in between: libevent_openssl on both sides."""
    port, behind = free_ports(2)
    key, certificate = make_certificate(run, "origin")
    authority_key, authority = make_certificate(run, "authority")
    content = random.Random(5).randbytes(FILE_SIZE)
    (run.folder / "content").write_bytes(content)
    run.help("server", "env", "-C", run.folder, find("openssl"), "s_server", "-accept", f"127.0.0.1:{behind}", "-key", key, "-cert",
             certificate, "-WWW", "-quiet")
    run.start("sslsplit", find("sslsplit"), "-D", "-k", authority_key, "-c", authority, "-l", run.folder / "connections", "ssl", "127.0.0.1",
              str(port), "127.0.0.1", str(behind))
    # The client trusts the authority of sslsplit alone: what it gets has been in its hands.
    page = ["--cacert", str(authority), f"https://127.0.0.1:{port}/content"]
    await_page(run, "sslsplit forwards", *page)

    def work() -> str:
        times = 10  # one at a time: s_server is no better
        for _ in range(times):
            require(fetch(run, *page) == content, "a file came through sslsplit as something else")
        return f"{times} files of {FILE_SIZE / 1e6:.3g} MB through TLS on both sides"

    yield work


@contextmanager
def webdis(run: Run) -> Iterator[Callable[[], str]]:
    """Redis over HTTP."""
    port, redis_port = free_ports(2)
    settings = run.folder / "webdis.json"
    settings.write_text(f"""{{"redis_host": "127.0.0.1", "redis_port": {redis_port}, "http_host": "127.0.0.1", "http_port": {port},
        "threads": 3, "pool_size": 5, "daemonize": false, "database": 0, "acl": [], "verbosity": 1, "logfile": "{run.folder}/log"}}""")
    run.help("redis", find("redis-server"), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", run.folder)
    run.until(lambda: b"PONG" in subprocess.run([find("redis-cli"), "-p", str(redis_port), "ping"], capture_output=True).stdout,
              "redis answers", START_SECONDS)
    run.start("webdis", find("webdis"), settings)
    base = f"http://127.0.0.1:{port}"
    await_page(run, "webdis answers", f"{base}/PING")

    def keep(number: int) -> None:
        value = f"{random.Random(number).randrange(1 << 200):x}"
        fetch(run, f"{base}/SET/key{number}/{value}")
        require(value.encode() in fetch(run, f"{base}/GET/key{number}.txt"), f"key{number} has another value")

    def count() -> int:
        return int(fetch(run, f"{base}/INCRBY/requests/0.txt"))

    def work() -> str:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(keep, range(VALUES)))
        large = random.Random(6).randbytes(LARGE_VALUE)
        run.pipe(find("redis-cli"), "-p", str(redis_port), "-x", "SET", "large", input=large)
        require(fetch(run, f"{base}/GET/large.bin") == large, "the large value came as another")
        before = count()
        said = run.pipe(find("h2load"), "--h1", "-n", str(REQUESTS), "-c", str(CONNECTIONS), f"{base}/INCR/requests").decode()
        require(re.search(rf"status codes: {REQUESTS} 2xx", said), f"h2load says: {said[-500:]}")
        require(count() - before == REQUESTS, f"of {REQUESTS} requests redis has seen {count() - before}")
        return f"{VALUES} values kept and found, {REQUESTS} requests on {CONNECTIONS} connections"

    yield work
