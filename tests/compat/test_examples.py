#!/usr/bin/env python3
"""The programs of examples/libevent: each does what its first lines say, compiled with our headers on our libraries; those that
libevent can build do the same compiled with the system's headers, on the system's libraries and on ours."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import programs  # noqa: E402

BIN = programs.LIB.parent.parent / "bin"
SYSTEM = BIN / "compat/system"
LISTENING = "0A"  # in /proc/net/tcp
PROGRAMS = {"dns", "evbuffer", "timers_and_signals"}  # run to their end
SERVERS = {"evhttp_sample", "evhttp_sample_cpp", "evhttp_io_threads", "evhttp_all_threads", "evhttp_thread_per_request",
           "evhttp_thread_pool", "evhttp_client", "evhttp_tls", "echo_server"}
ELSEWHERE = {"evhttp_conformance_server"}  # tested in test_conformance_server.py


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("COREVENT_", "EVENT_", "LD_"))}


def ways(name: str) -> list[tuple[Path, dict[str, str]]]:
    """The program as it can be had, and the environment that it runs in."""
    ours = {"LD_LIBRARY_PATH": str(programs.LIB)}
    found = [(BIN / name, {})]
    return found + ([(SYSTEM / name, {}), (SYSTEM / name, ours)] if (SYSTEM / name).exists() else [])


class Server:
    def __init__(self, program: Path, variables: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen([program, "0", *arguments], env=clean_environment() | variables,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.port = programs.until(self.listening_port, f"{program.name} listens")

    def listening_port(self) -> int:
        folder = Path(f"/proc/{self.process.pid}")
        if self.process.poll() is not None:
            raise AssertionError(f"ended with status {self.process.returncode}")
        sockets = set()
        for entry in (folder / "fd").iterdir():
            try:
                sockets.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
            except FileNotFoundError:
                continue
        for line in (folder / "net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENING and words[9] in sockets:
                return int(words[1].split(":")[1], 16)
        return 0

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def get(self, path: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"X-Seen": "by the handler"})
        with urllib.request.urlopen(request, timeout=programs.DEADLINE_SECONDS) as answer:
            return answer.read().decode()


class Examples(unittest.TestCase):
    def setUp(self) -> None:
        urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))

    def each_way(self, name: str, *arguments: str):
        for program, variables in ways(name):
            with self.subTest(program=str(program.relative_to(BIN)), variables=variables):
                with Server(program, variables, *arguments) as server:
                    yield server

    def ask_often(self, server: Server, path: str, count: int) -> list[str]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: server.get(path), range(count)))

    def test_all_are_tested(self) -> None:
        sources = {path.stem for path in (programs.ROOT / "examples/libevent").iterdir() if path.suffix in (".c", ".cc")}
        self.assertEqual(sources, PROGRAMS | SERVERS | ELSEWHERE)

    def test_programs_say_the_same_on_both_libraries(self) -> None:
        for name in sorted(PROGRAMS):
            said = [subprocess.run([program], env=clean_environment() | variables, stdin=subprocess.DEVNULL, capture_output=True,
                                   text=True, timeout=programs.DEADLINE_SECONDS) for program, variables in ways(name)]
            with self.subTest(name=name):
                self.assertEqual(len(said), 3)
                self.assertEqual({done.returncode for done in said}, {0})
                self.assertEqual(len({done.stdout for done in said}), 1, [done.stdout for done in said])
                self.assertTrue(said[0].stdout)

    def test_the_classic_shows_the_header_and_has_no_other_page(self) -> None:
        for name in ("evhttp_sample", "evhttp_sample_cpp"):
            self.assertEqual(len(ways(name)), 3)
            for server in self.each_way(name):
                self.assertIn("X-Seen: by the handler\n", server.get("/"))
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    server.get("/other")
                self.assertEqual(refused.exception.code, 404)

    def test_threads_count_each_visit_once(self) -> None:
        for name in ("evhttp_io_threads", "evhttp_all_threads"):
            for server in self.each_way(name):
                visits = sorted(int(text.removeprefix("visit ")) for text in self.ask_often(server, "/", 200))
                self.assertEqual(visits, list(range(1, 201)))

    def test_answers_from_threads_of_the_program(self) -> None:
        with Server(BIN / "evhttp_thread_per_request", {}) as server:
            self.assertEqual(set(self.ask_often(server, "/a", 40)), {"/a, after 50 ms on a thread of its own\n"})
        with Server(BIN / "evhttp_thread_pool", {}) as server:
            for text in self.ask_often(server, "/b", 100):
                self.assertRegex(text, r"^/b, by thread \d+\n$")

    def test_the_client_prints_what_a_server_answers(self) -> None:
        with Server(BIN / "evhttp_sample", {}) as server:
            for program, variables in ways("evhttp_client"):
                done = subprocess.run([program, f"http://127.0.0.1:{server.port}/"], env=clean_environment() | variables,
                                      capture_output=True, text=True, timeout=programs.DEADLINE_SECONDS)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"Host: 127.0.0.1:{server.port}\n", done.stdout)

    def test_tls(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                            "1", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
            self.assertEqual(len(ways("evhttp_tls")), 3)
            for server in self.each_way("evhttp_tls", certificate, key):
                address = f"https://127.0.0.1:{server.port}"
                done = subprocess.run(["curl", "-q", "-sS", "-k", "--noproxy", "*", "--max-time", str(programs.DEADLINE_SECONDS),
                                       "-w", "%{num_connects}\n", f"{address}/a", f"{address}/b"], capture_output=True, text=True)
                self.assertEqual((done.stderr, done.returncode), ("", 0))
                self.assertRegex(done.stdout, r"^/a over TLSv1\.[23]\n1\n/b over TLSv1\.[23]\n0\n$")

    def test_echo(self) -> None:
        sent = b"line\n" * 200
        for server in self.each_way("echo_server"):
            with socket.create_connection(("127.0.0.1", server.port), programs.DEADLINE_SECONDS) as client:
                client.sendall(sent)
                received = b""
                while len(received) < len(sent) and (more := client.recv(65536)):
                    received += more
                self.assertEqual(received, sent)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(programs.DEADLINE_SECONDS), 0)


if __name__ == "__main__":
    unittest.main()
