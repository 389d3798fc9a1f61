#!/usr/bin/env python3
"""tests/compat/run_diff.py BUILD [--list] [NAME...]: runs the programs of BUILD/bin/compat/system and BUILD/bin/compat/corevent, all or those
named, and compares what they print.

The trace of a program compiled with the system's libevent and run on it is the measure. The same program on the libraries of
BUILD/lib/corevent, and the program compiled with our headers, must print the same and end the same way. Ends each check with
`ok NAME` or `failed NAME` after what differs; exits 1 when something did.
"""
from __future__ import annotations

import difflib
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SECONDS_MAX = 120
LINES_SHOWN = 60
LIBRARIES = ("libevent-2.1.so.7", "libevent_core-2.1.so.7", "libevent_extra-2.1.so.7", "libevent_openssl-2.1.so.7",
             "libevent_pthreads-2.1.so.7")


@dataclass
class Run:
    what: str
    status: int
    trace: list[str]
    errors: str


class Build:
    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.lib = folder / "lib" / "corevent"
        self.sanitized = b"__asan_init" in self.implementation() or b"__tsan_init" in self.implementation()

    def implementation(self) -> bytes:
        return (self.lib / "libcorevent_event.so.0").read_bytes()

    def names(self) -> list[str]:
        found = sorted(path.name for path in (self.bin / "compat/corevent").iterdir() if os.access(path, os.X_OK))
        return found if self.sanitized else ["loaded", *found]

    def check(self, name: str) -> list[str]:
        """What is wrong, line by line."""
        if name == "loaded":
            return self.check_loaded()
        expected = run("the system's libevent", self.bin / "compat/system" / name)
        runs = [run("a program compiled with our headers", self.bin / "compat/corevent" / name, self.lib)]
        if not self.sanitized:
            runs.insert(0, run("a program compiled with the system's headers", self.bin / "compat/system" / name, self.lib))
            runs += self.foreign_libraries(name)
        return [line for each in runs for line in differences(expected, each)]

    def foreign_libraries(self, name: str) -> list[Run]:
        """As a failed run: the libevent libraries of the program that would not come from our folder."""
        env = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_LIBRARY_PATH": str(self.lib)}
        said = subprocess.run([self.bin / "compat/system" / name], env=env, capture_output=True, text=True, check=False).stdout
        lines = [line.split() for line in said.splitlines() if "libevent" in line]
        foreign = [" ".join(words) for words in lines if str(self.lib) not in " ".join(words)]
        return [Run("LD_LIBRARY_PATH on our folder", 1, [], "\n".join(foreign or ["no libevent loaded"]))] \
            if foreign or not lines else []

    def check_loaded(self) -> list[str]:
        """By its memory map: all of libevent comes from our folder, and the implementation is there once."""
        program = self.bin / "compat/system" / "loaded"
        ours = run("our libraries", program, self.lib).trace
        theirs = run("the system's libraries", program).trace
        present = [name for name in LIBRARIES if (self.lib / name).exists()]
        wrong = [f"not mapped from our folder: {name}" for name in (*present, "libcorevent_event.so.0")
                 if ours.count(str(self.lib / name)) != 1]
        wrong += [f"mapped beside ours: {path}" for path in ours
                  if not path.startswith(str(self.lib)) and Path(path).name in present]
        wrong += [f"mapped without being asked for: {path}" for path in theirs if path.startswith(str(self.lib))]
        return wrong


def run(what: str, program: Path, libraries: Path | None = None) -> Run:
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("EVENT_", "COREVENT_", "LD_", "http_proxy"))} | {"LC_ALL": "C"}
    if libraries:
        env["LD_LIBRARY_PATH"] = str(libraries)
    with tempfile.TemporaryDirectory(prefix="corevent-diff-") as folder, \
            subprocess.Popen([program], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            out, errors = process.communicate(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, errors = process.communicate()
            errors += f"\nended after {SECONDS_MAX} s".encode()
    return Run(what, process.returncode, out.decode(errors="backslashreplace").splitlines(),
               errors.decode(errors="backslashreplace"))


def differences(expected: Run, got: Run) -> list[str]:
    if (expected.status, expected.trace) == (got.status, got.trace):
        return []
    lines = [*difflib.unified_diff(expected.trace, got.trace, expected.what, got.what, n=4, lineterm="")] \
        if got.trace or got.status == expected.status else []
    if len(lines) > LINES_SHOWN:
        lines = [*lines[:LINES_SHOWN], f"({len(lines) - LINES_SHOWN} lines left out)"]
    if expected.status != got.status:
        lines.append(f"{got.what} ended with status {got.status}, {expected.what} with {expected.status}")
    return lines + [f"stderr: {line}" for line in got.errors.splitlines()[:LINES_SHOWN]]


def main(arguments: list[str]) -> int:
    words = [word for word in arguments if word != "--list"]
    if not words or words[0].startswith("-"):
        print(__doc__.strip())
        return 2
    build = Build(Path(words[0]).resolve())
    names = words[1:] or build.names()
    if "--list" in arguments:
        print("\n".join(names))
        return 0
    clean = True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, wrong in zip(names, pool.map(build.check, names), strict=True):
            print("\n".join([*wrong, f"{'failed' if wrong else 'ok'} {name}"]), flush=True)
            clean = clean and not wrong
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
