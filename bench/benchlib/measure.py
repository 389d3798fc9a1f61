"""One measurement each: a window of load, a fixed number of requests, system calls,
instructions."""
from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import parse
from .process import Server, pinned


class LoadError(RuntimeError):
    """The generator could not measure."""


@dataclass(frozen=True)
class Load:
    """Arguments of ce_load."""

    mode: str = "keep-alive"
    connections: int = 64
    pipeline: int = 1
    request: str = "plain"
    path: str = "/hello"
    body: int = 13

    def argv(self) -> list[str]:
        """The command line, without port and length of the run."""
        args = [
            "--mode",
            self.mode,
            "--connections",
            str(self.connections),
            "--path",
            self.path,
            "--request",
            self.request,
            "--expect-body",
            str(self.body),
        ]
        return args + (["--pipeline", str(self.pipeline)] if self.pipeline > 1 else [])


@dataclass
class Sample:
    """What one window showed of one server."""

    requests: int
    seconds: float
    cpu_us: float  # of the server, per request
    user_us: float  # sampled by the kernel, over the window
    system_us: float
    per_second: float
    p50_us: float
    p99_us: float
    server_busy: float  # cores
    generator_busy: float
    errors: int
    reconnects: int
    error_kinds: dict[str, int] = field(default_factory=dict)


class Generator:
    """ce_load, pinned."""

    def __init__(self, bin_dir: Path, cores: set[int]):
        self.program = str(bin_dir / "ce_load")
        self.cores = cores

    def start(self, server: Server, *args: str, **pipes) -> subprocess.Popen:
        """Starts ce_load against a server."""
        return subprocess.Popen(
            [self.program, "--port", str(server.port), *args],
            text=True,
            preexec_fn=pinned(self.cores),
            **pipes,
        )

    def run(self, server: Server, *args: str) -> dict:
        """Runs ce_load to its end and returns its result; answers that were wrong are in
        "errors"."""
        with self.start(server, *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate()
            except BaseException:  # interrupted: leave no generator behind
                process.kill()
                process.wait()  # after an interrupt the context manager does not
                raise
        if process.returncode not in (0, 3):
            raise LoadError(
                f"{server.peer.label}: "
                f"{err.strip() or 'ce_load ended with ' + str(process.returncode)}"
            )
        return parse.load_result(out)

    def window(self, server: Server, load: Load, seconds: float, warmup: float = 0.3) -> Sample:
        """One measuring window with the CPU time of the server's processes."""
        watch = ",".join(str(pid) for pid in server.pids)
        return sample_of(
            self.run(
                server,
                *load.argv(),
                "--seconds",
                str(seconds),
                "--warmup",
                str(warmup),
                "--watch",
                watch,
            )
        )

    def exactly(self, server: Server, load: Load, requests: int) -> dict:
        """A fixed number of requests; any wrong answer is a failure."""
        result = self.run(server, *load.argv(), "--requests", str(requests))
        if result["errors"]["total"] or result["requests"] != requests:
            raise LoadError(
                f"{server.peer.label}: {result['requests']} of {requests} answers, "
                f"{result['errors']}"
            )
        return result


def sample_of(result: dict) -> Sample:
    """A sample from the result line of ce_load."""
    requests, seconds, cpu = result["requests"], result["seconds"], result["server_cpu"]
    return Sample(
        requests=requests,
        seconds=seconds,
        cpu_us=cpu["run_us"] / requests if requests and cpu["complete"] else math.nan,
        user_us=cpu["user_us"],
        system_us=cpu["system_us"],
        per_second=result["requests_per_second"],
        p50_us=result["latency_us"]["p50"],
        p99_us=result["latency_us"]["p99"],
        server_busy=cpu["run_us"] / (seconds * 1e6),
        generator_busy=result["own_cpu_us"] / (seconds * 1e6),
        errors=result["errors"]["total"],
        reconnects=result["reconnects"],
        error_kinds={
            kind: count for kind, count in result["errors"].items() if count and kind != "total"
        },
    )


class Held:
    """Idle connections that ce_load holds until released."""

    def __init__(self, generator: Generator, server: Server, connections: int):
        self.process = generator.start(
            server,
            "--mode",
            "idle",
            "--connections",
            str(connections),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        if '"holding"' not in line:
            _, err = self.process.communicate()
            raise LoadError(f"{server.peer.label}: {err.strip()}")

    def release(self) -> int:
        """Closes them all; returns how many the server had ended meanwhile."""
        out, _ = self.process.communicate("close\n")
        return parse.load_result(out)["errors"]["total"]

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def settled_memory(
    server: Server, quiet_seconds: float = 1.0, longest: float = 10.0
) -> dict[str, int]:
    """Memory once it has not changed for `quiet_seconds`."""
    deadline = time.monotonic() + longest
    last, since = server.memory(), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < quiet_seconds:
        time.sleep(0.1)
        now = server.memory()
        if now["rss"] != last["rss"]:
            last, since = now, time.monotonic()
    return last


def _traced(pid: int) -> bool:
    tasks = os.listdir(f"/proc/{pid}/task")
    return all(
        "TracerPid:\t0\n" not in Path(f"/proc/{pid}/task/{task}/status").read_text(encoding="ascii")
        for task in tasks
    )


def count_syscalls(
    generator: Generator, server: Server, load: Load, requests: int, out: Path
) -> dict[str, int]:
    """System calls by name of the whole server while it answers exactly `requests`, by strace -c
    -f."""
    pids = server.pids
    argv = ["strace", "-c", "-f", "-q", "-o", str(out)]
    for pid in pids:
        argv += ["-p", str(pid)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as strace:
        deadline = time.monotonic() + 10
        while not all(_traced(pid) for pid in pids):
            if strace.poll() is not None or time.monotonic() > deadline:
                strace.kill()
                _, said = strace.communicate()
                raise LoadError(f"strace cannot attach to {server.peer.label}: {said.strip()}")
            time.sleep(0.01)
        try:
            generator.exactly(server, load, requests)
        finally:
            strace.send_signal(signal.SIGINT)
            strace.communicate(timeout=20)
    return parse.strace_counts(out.read_text(encoding="ascii", errors="replace"))


def callgrind_prefix(out: Path) -> list[str]:
    """The command that runs a server under callgrind."""
    return ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}.%p"]


def callgrind_total(out: Path) -> int:
    """Instructions of all processes that wrote a file for `out`."""
    files = sorted(out.parent.glob(out.name + ".*"))
    if not files:
        raise LoadError("callgrind wrote no file")
    return sum(parse.callgrind_instructions(file.read_text(errors="replace")) for file in files)
