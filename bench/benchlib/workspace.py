"""A temporary folder for one run: static files, configurations, logs. Gone when the run ends."""
from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

HELLO = b"Hello, World!"
STATIC = {"1k.bin": 1024, "64k.bin": 64 * 1024, "10m.bin": 10 * 1024 * 1024}


def free_port() -> int:
    """A port that was free a moment ago, for servers that cannot pick one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Workspace:
    """www/hello and www/static/{1k,64k,10m}.bin, and room for whatever a server writes."""

    def __init__(self) -> None:
        # The name tells whose it is: several runs may be under way.
        self.root = Path(tempfile.mkdtemp(prefix=f"ce_bench_pid{os.getpid()}_"))
        self.root.chmod(0o755)
        self.www = self.root / "www"
        self.static = self.www / "static"
        self.static.mkdir(parents=True)
        (self.www / "hello").write_bytes(HELLO)
        noise = random.Random(7)
        for name, size in STATIC.items():
            (self.static / name).write_bytes(noise.randbytes(size))

    def folder(self, name: str) -> Path:
        """A fresh folder of its own for one server."""
        return Path(tempfile.mkdtemp(prefix=name + "_", dir=self.root))

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
