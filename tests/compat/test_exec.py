#!/usr/bin/env python3
"""corevent exec on a program that was compiled and linked with the system's libevent: what it is made of then, on how many
threads it answers, how it ends."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import programs  # noqa: E402

BIN = programs.LIB.parent.parent / "bin"
COREVENT = BIN / "corevent"
SERVER = BIN / "compat/system/evhttp_conformance_server"
REQUESTS = 200


class Server:
    """An evhttp program behind `corevent exec FLAGS`, or by itself when there are none."""

    def __init__(self, *exec_words: str, **variables: str) -> None:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("COREVENT_", "LD_", "EVENT_"))}
        before = [COREVENT, *exec_words] if exec_words else []
        self.process = subprocess.Popen([*before, SERVER, "--port", "0"], env=env | variables, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().removeprefix("listening "))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=programs.DEADLINE_SECONDS) as answer:
            return answer.read()

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(programs.DEADLINE_SECONDS)


class Exec(unittest.TestCase):
    def setUp(self) -> None:
        urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))

    def test_the_program_alone_runs_on_the_systems_libevent(self) -> None:
        with Server() as server:
            ours, others = programs.libevents(server.process.pid)
            self.assertEqual(ours, set())
            self.assertTrue(others)

    def test_it_runs_on_ours_and_on_one_thread_when_nothing_else_is_asked(self) -> None:
        with Server("exec", "--") as server:
            self.assertEqual(server.get("/hello"), b"Hello, World!")
            self.assertTrue(programs.on_ours_alone(server.process.pid))
            self.assertEqual(server.threads(), 1)
            self.assertEqual(server.stop(), 0)

    def test_threads_answer_for_a_program_that_knows_of_none(self) -> None:
        for words, variables in ((("-t", "3"), {}), (("--threads=3", "--mode", "all"), {}),
                                 (("--",), {"COREVENT_HTTP_THREADS": "3", "COREVENT_HTTP_MODE": "all"})):
            with self.subTest(words=words, variables=variables), Server("exec", *words, **variables) as server:
                with ThreadPoolExecutor(8) as pool:
                    answers = list(pool.map(lambda _: server.get("/hello"), range(REQUESTS)))
                self.assertEqual(set(answers), {b"Hello, World!"})
                self.assertTrue(programs.on_ours_alone(server.process.pid))
                programs.until(lambda: server.threads() == 4, "three threads beside that of the base")
                self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
