"""What the long runs with Debian's daemons share: their start on one libevent or the other, the proof of it, their end.

Used by the executable files beside it. A run owns its folder and its daemons, and ends both, whatever happens.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compat"))

import programs  # noqa: E402

PAUSE_SECONDS = 0.1  # between two questions whether something has come about
TELLING = re.compile(r"\[(warn|err)\]|\bBug\b|Bootstrapped|[Ee]rror|[Ff]ail|[Cc]ouldn't|[Uu]nable")
TELLING_LINES, TELLING_LENGTH = 8, 200

Found = TypeVar("Found")
Server = TypeVar("Server", bound=socketserver.BaseServer)


class Failure(Exception):
    """What did not happen, or happened and must not."""


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Failure(otherwise)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has, from a range of which the kernel gives clients none by itself."""
    found = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise Failure(f"of {count} ports of loopback {len(found)} are free")


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Answers in threads of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(PAUSE_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def find(program: str) -> str:
    """Its path. Many daemons are where only root's PATH leads."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    require(path, f"{program} is not installed: ./dev soak installs it")
    return path


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Daemon:
    """A process with its log. It dies with this one, even if this one is killed."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self.end = 0  # its status upon SIGTERM
        with log.open("wb") as out:
            # A session of its own: Ctrl-C is for the run, which then ends its daemons.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True)

    def pids(self) -> list[int]:
        """Its processes that live: itself, and its children, which are in the session that began with it."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return found

    def wait(self) -> int:
        """The status with which it ends. Its children end with it."""
        try:
            code = self.process.wait(programs.DEADLINE_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"{self.name} does not end within {programs.DEADLINE_SECONDS} s of SIGTERM") from late
        programs.until(lambda: not self.pids(), f"{self.name}'s children end after it")
        return code

    def kill(self) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def telling(self) -> list[str]:
        """The last lines that tell of trouble or progress; of those that differ in numbers only, the last."""
        lines = self.said().splitlines()
        chosen = {}
        for line in filter(TELLING.search, lines):
            kind = re.sub(r"\d+", "", line)
            chosen.pop(kind, None)
            chosen[kind] = line
        return [line[:TELLING_LENGTH] for line in (list(chosen.values()) or lines)[-TELLING_LINES:]]


class Run:
    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.daemons: list[Daemon] = []
        self.helpers: list[Daemon] = []  # not on libevent, and nobody's concern but that they live as long as the daemons
        self.began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        print(f"{self.seconds():6.1f} s  {text}", flush=True)

    def environment(self) -> dict[str, str]:
        if self.options.libs == "corevent":
            require((programs.LIB / "libcorevent_event.so.0").exists(), f"no libraries in {programs.LIB}: build them first")
            return programs.environment()
        return {**{name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}, "LC_ALL": "C.UTF-8"}

    def call(self, *command: str | Path, input: str = "") -> str:
        """Runs a program that ends, on the same libraries, and returns what it said."""
        return self.pipe(*command, input=input.encode()).decode(errors="replace")

    def pipe(self, *command: str | Path, input: bytes = b"") -> bytes:
        done = subprocess.run([str(word) for word in command], input=input, capture_output=True, env=self.environment(),
                              timeout=programs.DEADLINE_SECONDS)
        said = (done.stdout + done.stderr)[-1000:].decode(errors="replace").rstrip()
        require(done.returncode == 0, f"{command[0]} ended with {done.returncode}: {said}")
        return done.stdout

    def start(self, name: str, *command: str | Path) -> Daemon:
        self.daemons.append(self.launch(name, *command))
        return self.daemons[-1]

    def help(self, name: str, *command: str | Path) -> None:
        self.helpers.append(self.launch(name, *command))

    def launch(self, name: str, *command: str | Path) -> Daemon:
        return Daemon(name, [str(word) for word in command], self.environment(), self.folder / f"{name}.log")

    def until(self, probe: Callable[[], Found], what: str, seconds: float) -> Found:
        """Asks again and again until the answer is true, as long as every daemon lives."""
        deadline = time.monotonic() + seconds
        while True:
            for daemon in self.daemons + self.helpers:
                require(daemon.process.poll() is None, f"{daemon.name} ended with {daemon.process.returncode}, before: {what}")
            if found := probe():
                return found
            require(time.monotonic() < deadline, f"not within {seconds} s: {what}")
            time.sleep(PAUSE_SECONDS)

    def prove_libraries(self) -> str:
        """Every process of the daemons has the libevent in its memory that was asked for, and no other. Says so."""
        count, names = 0, set()
        for daemon in self.daemons:
            for pid in daemon.pids():
                ours, others = programs.libevents(pid)
                if self.options.libs == "corevent":
                    require(programs.on_ours_alone(pid), f"{daemon.name} is not on corevent alone: {ours | others}")
                else:
                    require(others and not ours, f"{daemon.name} is not on the system's libevent alone: {ours | others}")
                    require(not any("corevent" in path for path in others), f"{daemon.name} is on another corevent: {others}")
                count, names = count + 1, names | ours | others
        return f"{count} process{'es' * (count > 1)} on {', '.join(sorted(names))}, as their memory shows"

    def prove_rest(self, share_max: float = 0.1) -> None:
        """Daemons that nobody asks anything take next to no time. Best of three, for they have duties of their own."""
        with ThreadPoolExecutor(len(self.daemons)) as pool:
            windows = [list(pool.map(lambda daemon: programs.idle_share(daemon.process.pid), self.daemons)) for _ in range(3)]
        share, busiest = max((min(shares), daemon.name) for daemon, *shares in zip(self.daemons, *windows, strict=True))
        require(share < share_max, f"{busiest} takes {share:.0%} of a core while nobody asks anything")
        self.say(f"at rest; the busiest, {busiest}, takes {share:.2%} of a core")

    def stop(self) -> None:
        """SIGTERM, upon which each ends with 0."""
        for daemon in self.daemons:
            daemon.process.send_signal(signal.SIGTERM)
        for daemon in self.daemons:
            code = daemon.wait()
            require(code == daemon.end, f"{daemon.name} ended with {code} upon SIGTERM")

    def abandon(self) -> None:
        for daemon in self.daemons + self.helpers:
            daemon.kill()


def arguments(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--libs", choices=("corevent", "system"), default="corevent",
                        help="the system's libevent instead: tells a fault of ours from one of the set-up")
    parser.add_argument("--keep", action="store_true", help="keep the folder with settings and logs, and say where it is")
    return parser


def carry_out(options: argparse.Namespace, work: Callable[[Run], None]) -> int:
    """The exit status of a run: 0 only when all was well. Says what went wrong, with the daemons' words about it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="corevent-soak-"))
    run = Run(options, folder)
    try:
        work(run)
        return 0
    except (Failure, AssertionError, OSError, subprocess.SubprocessError) as failure:
        run.say(f"failed: {failure}")
        for daemon in run.daemons + run.helpers:
            print(f"  {daemon.name}:", *daemon.telling(), sep="\n    ")
        return 1
    except KeyboardInterrupt:
        run.say("interrupted")
        return 128 + signal.SIGINT
    finally:
        run.abandon()
        if options.keep:
            run.say(f"settings and logs are in {folder}")
        else:
            # A daemon's child may still write: what it leaves behind is no failure of the run.
            subprocess.run(["rm", "-rf", str(folder)], check=False)
