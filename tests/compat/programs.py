"""Programs of the distribution with corevent in libevent's place: starting them, proving what they run on, ending them.

Used by tests/compat/test_*.py and tests/soak. The libraries are those beside $CE_BIN_DIR, else those of the release build.
"""
from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
LIB = (Path(os.environ.get("CE_BIN_DIR", ROOT / "build/release/bin")).parent / "lib/corevent").resolve()
DEADLINE_SECONDS = 30

Found = TypeVar("Found")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": str(LIB), "LC_ALL": "C.UTF-8", **more}


def libevents(pid: int) -> tuple[set[str], set[str]]:
    """The libevent libraries in a process's memory: the names of ours, the paths of others."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    paths = {Path(fields[5]) for fields in (line.split(maxsplit=5) for line in maps) if len(fields) == 6}
    found = {path for path in paths if "event" in path.name and ".so" in path.name}
    return {path.name for path in found if path.parent == LIB}, {str(path) for path in found if path.parent != LIB}


def on_ours_alone(pid: int) -> bool:
    ours, others = libevents(pid)
    return "libcorevent_event.so.0" in ours and not others


def until(probe: Callable[[], Found], what: str, seconds: float = DEADLINE_SECONDS) -> Found:
    """Asks again and again until the answer is true."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
    return found


def cpu_by_thread(pid: int) -> dict[str, float]:
    """Seconds that each thread has run."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}


def idle_share(pid: int, seconds: float = 1.0) -> float:
    """The share of one core that a process takes while nobody asks anything of it."""
    before, began = sum(cpu_by_thread(pid).values()), time.monotonic()
    time.sleep(seconds)
    return (sum(cpu_by_thread(pid).values()) - before) / (time.monotonic() - began)


class Ending:
    """Sees a process end that need not be a child."""

    def __init__(self, pid: int) -> None:
        self.fd = os.pidfd_open(pid)

    def wait(self, seconds: float = DEADLINE_SECONDS) -> bool:
        return bool(select.select([self.fd], [], [], seconds)[0])

    def signal(self, number: int) -> None:
        """Never reaches another process that got the same id later."""
        try:
            signal.pidfd_send_signal(self.fd, number)
        except ProcessLookupError:
            pass

    def close(self) -> None:
        os.close(self.fd)
