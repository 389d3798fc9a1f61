"""What the figures were measured on: machine, kernel, versions, date."""
from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

from . import parse
from .peers import PEERS


def _read(path: str, default: str = "") -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return default


def _revision(repository: Path) -> str:
    def git(*args: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(repository), *args], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    revision = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return revision + (" with local changes" if git("status", "--porcelain", "-uno") else "")


def describe(repository: Path) -> dict:
    """The machine, the kernel, the revision, today."""
    release = dict(
        line.split("=", 1) for line in _read("/etc/os-release").splitlines() if "=" in line
    )
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": parse.cpu_model(_read("/proc/cpuinfo")),
        "cores": os.cpu_count(),
        "memory": f"{gib:.0f} GiB",
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", "unknown").strip('"'),
        "congestion": _read("/proc/sys/net/ipv4/tcp_congestion_control").strip(),
        "revision": _revision(repository),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load_before": " ".join(_read("/proc/loadavg").split()[:3]),
    }


def versions(names: list[str], bin_dir: Path) -> dict[str, str]:
    """Versions by label of the peers that are there."""
    return {
        PEERS[name].label: PEERS[name].version(bin_dir)
        for name in names
        if PEERS[name].path(bin_dir)
    }
