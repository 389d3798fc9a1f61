"""Which libevent a program runs on that was linked with the installed one: that, or corevent's
libraries in its place."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping

LIBRARY = "libevent-2.1.so.7"


def folder(bin_dir: Path) -> Path:
    """lib/corevent of the build that bin/bench is in."""
    return bin_dir.parents[1] / "lib" / "corevent"


def there(bin_dir: Path) -> bool:
    """Whether corevent's libraries are built."""
    return (folder(bin_dir) / LIBRARY).exists()


def environment(libraries: Path | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """For a program on `libraries`, None for the installed one. What the caller's shell says about
    either has no part in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LD_LIBRARY_PATH", "LD_PRELOAD") and not name.startswith("COREVENT_")
    }
    chosen = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
    return {**kept, **chosen, **(more or {})}


def loaded(pid: int, libraries: Path) -> bool:
    """Whether a process has loaded them."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    return f"{libraries.resolve()}/" in maps
