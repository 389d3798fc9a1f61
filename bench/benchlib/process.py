"""Starting, pinning, watching and stopping one server. Each is stopped by the pid that was
started here."""
from __future__ import annotations

import os
import resource
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import libraries, parse
from .peers import PEERS, Peer, Setup
from .workspace import Workspace

START_SECONDS = 20.0


class StartError(RuntimeError):
    """A server did not come up."""


def raise_open_files() -> int:
    """Raises the soft limit of open files to the hard one for this process and all it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pinned(cores: set[int]):
    """A function for subprocess that pins the child to `cores`."""
    return lambda: os.sched_setaffinity(0, cores)


def process_tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    tree, open_pids = [], [pid]
    while open_pids:
        parent = open_pids.pop()
        tree.append(parent)
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as children:
                    open_pids += [int(child) for child in children.read().split()]
        except OSError:
            continue
    return sorted(set(tree))


class Server:
    """A running server."""

    def __init__(self, peer: Peer, process: subprocess.Popen, port: int, setup: Setup):
        self.peer = peer
        self.process = process
        self.port = port
        self.setup = setup

    @property
    def pids(self) -> list[int]:
        """All processes of the server, at this moment."""
        return process_tree(self.process.pid)

    def memory(self) -> dict[str, int]:
        """Resident and proportional octets of the whole tree."""
        total = {"rss": 0, "pss": 0}
        for pid in self.pids:
            sizes = parse.rollup_bytes(
                Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            )
            total = {key: total[key] + sizes[key] for key in total}
        return total

    def stop(self) -> None:
        """Asks, waits, and ends what has not ended; its children are told by their own pids."""
        pids = self.pids
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _read_line(process: subprocess.Popen, deadline: float) -> str:
    assert process.stdout
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        byte = os.read(process.stdout.fileno(), 1) if ready else b""
        if not byte:
            raise StartError("ended or said nothing before it listened")
        line += byte
    return line.decode()


def _wait_for_answer(process: subprocess.Popen, port: int, deadline: float) -> None:
    """Until the server answers a request: a listening master may still be without its workers."""
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"ended with status {process.returncode} before it answered")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                probe.sendall(
                    b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                if probe.recv(12) == b"HTTP/1.1 200":
                    return
                raise StartError("does not answer /hello with 200")
        except OSError:
            time.sleep(0.02)
    raise StartError(f"does not answer on port {port}")


class Starter:
    """Starts servers for one run."""

    def __init__(self, work: Workspace, bin_dir: Path):
        self.work = work
        self.bin_dir = bin_dir

    def available(self, name: str) -> bool:
        """Whether the program of this peer is there."""
        return PEERS[name].path(self.bin_dir) is not None

    def start(
        self, name: str, cores: set[int], setup: Setup, prefix: list[str] | None = None
    ) -> Server:
        """Starts a peer pinned to `cores`; `prefix` is a tool that runs it (valgrind)."""
        peer = PEERS[name]
        program = peer.path(self.bin_dir)
        if program is None:
            raise StartError(f"{peer.program} is not installed")
        launch = peer.launch(self.work, self.bin_dir, setup)
        argv = [*(prefix or []), program, *launch.argv[1:]]
        log_path = self.work.folder(name) / "stderr"
        deadline = time.monotonic() + START_SECONDS * (6 if prefix else 1)
        with open(log_path, "wb") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if launch.port == 0 else subprocess.DEVNULL,
                stderr=log,
                env=launch.environment,
                preexec_fn=pinned(cores),
            )
        try:
            port = launch.port
            if port == 0:
                port = parse.listening_port(_read_line(process, deadline))
            _wait_for_answer(process, port, deadline)
            if launch.libraries and not libraries.loaded(process.pid, launch.libraries):
                raise StartError(f"does not run on the libraries of {launch.libraries}")
        except (StartError, parse.ParseError) as error:
            process.kill()
            process.wait()
            said = log_path.read_text(errors="replace").strip()[-400:]
            raise StartError(f"{peer.label} {error}" + (f": {said}" if said else "")) from error
        return Server(peer, process, port, setup)
