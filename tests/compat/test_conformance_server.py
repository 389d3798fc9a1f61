#!/usr/bin/env python3
"""examples/libevent/evhttp_conformance_server: its routes and its end, on one thread, with threads in both modes, and as a program
that was compiled for libevent, on the system's libraries and on ours."""
from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import programs  # noqa: E402

BIN = programs.LIB.parent.parent / "bin"
NAME = "evhttp_conformance_server"
BIG = 10485760
BODY_MAX = 8 * 1024 * 1024
HEAD_MAX = 64 * 1024
CUT_SHORT = 3


@dataclass
class Way:
    """How the server can be had."""
    name: str
    program: Path
    flags: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    extras: bool = True  # built with event2/corevent.h
    streams: bool = True  # bodies are read as they come
    handlers_at_home: bool = True


OURS = {"LD_LIBRARY_PATH": str(programs.LIB)}
WAYS = [
    Way("plain", BIN / NAME),
    Way("io", BIN / NAME, ("--threads", "2", "--mode", "io"), streams=False),
    Way("all", BIN / NAME, ("--threads", "2", "--mode", "all"), handlers_at_home=False),
    Way("libevent", BIN / "compat/system" / NAME, extras=False, streams=False),
    Way("for libevent, on ours", BIN / "compat/system" / NAME, (), OURS, extras=False, streams=False),
    Way("for libevent, on ours, io", BIN / "compat/system" / NAME, (), OURS | {"COREVENT_HTTP_THREADS": "2"},
        extras=False, streams=False),
    Way("for libevent, on ours, all", BIN / "compat/system" / NAME, (),
        OURS | {"COREVENT_HTTP_THREADS": "2", "COREVENT_HTTP_MODE": "all"}, extras=False, streams=False, handlers_at_home=False),
]


class Server:
    def __init__(self, way: Way, *flags: str) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("COREVENT_", "EVENT_", "LD_"))}
        self.process = subprocess.Popen([way.program, "--port", "0", *way.flags, *flags], env=clean | way.variables,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().removeprefix("listening "))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def connect(self, receive_buffer: int = 0) -> Client:
        return Client(self.port, receive_buffer)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=programs.DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def refuses(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), programs.DEADLINE_SECONDS).close()
            return False
        except ConnectionError:
            return True

    def most_memory(self) -> int:
        """Octets that the process has had in memory at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        return self.process.wait(programs.DEADLINE_SECONDS)


class Client:
    """A connection that sends octets as told."""

    def __init__(self, port: int, receive_buffer: int) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(programs.DEADLINE_SECONDS)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.got = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def get(self, path: str, version: str = "1.1") -> None:
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: h\r\n\r\n".encode())

    def until(self, mark: bytes) -> bytes:
        """What came, up to the end of `mark`."""
        while mark not in self.got:
            more = self.socket.recv(65536)
            if not more:
                raise AssertionError(f"ended before {mark!r}: {self.got[-200:]!r}")
            self.got += more
        before, _, self.got = self.got.partition(mark)
        return before + mark

    def rest(self) -> bytes:
        try:
            while more := self.socket.recv(65536):
                self.got += more
        except ConnectionResetError:
            pass
        return self.got

    def was_read(self) -> bool:
        """Whether the server has taken all that was sent from the kernel."""
        ends = [f"{self.socket.getpeername()[1]:04X}", f"{self.socket.getsockname()[1]:04X}"]
        rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return any([row[1][-4:], row[2][-4:]] == ends and row[4].endswith(":00000000") and row[9] != "0" for row in rows)


class ConformanceServer(unittest.TestCase):
    def each(self, *flags: str) -> Iterator[tuple[Way, Server]]:
        for way in WAYS:
            with self.subTest(way=way.name), Server(way, *flags) as server:
                yield way, server

    def test_small_routes(self) -> None:
        for _, server in self.each():
            answer, body = server.ask("GET", "/hello")
            self.assertEqual((answer.status, answer.headers["Content-Type"], body), (200, "text/plain", b"Hello, World!"))
            answer, body = server.ask("GET", "/%68ello?query")
            self.assertEqual((answer.status, body), (200, b"Hello, World!"))
            answer, body = server.ask("HEAD", "/hello")
            self.assertEqual((answer.status, answer.headers["Content-Length"], body), (200, "13", b""))
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
                answer, _ = server.ask(method, "/hello", b"")
                self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)
            answer, body = server.ask("GET", "/nocontent")
            self.assertEqual((answer.status, body), (204, b""))
            for path in ("/", "/other", "/delay/", "/delay/x", "/delay/-1", "/delay/60001", "/ws", "/static/x"):
                self.assertEqual(server.ask("GET", path)[0].status, 404, path)

    def test_bodies(self) -> None:
        octets = bytes(range(256)) * 500
        for _, server in self.each():
            answer, body = server.ask("POST", "/echo", octets)
            self.assertEqual((answer.status, body), (200, octets))
            self.assertEqual(server.ask("POST", "/upload", octets)[1], b"128000\n")
            self.assertEqual(server.ask("GET", "/echo")[0].status, 405)
            with server.connect() as client:
                client.socket.sendall(f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {BODY_MAX + 1}\r\n\r\n".encode())
                self.assertIn(b" 413 ", client.until(b"\r\n"))

    def test_a_large_head(self) -> None:
        for way, server in self.each():
            with server.connect() as client:
                client.socket.sendall(b"GET /hello HTTP/1.1\r\nHost: h\r\nX: " + b"x" * HEAD_MAX + b"\r\n\r\n")
                self.assertIn(b" 431 " if way.extras else b" 400 ", client.until(b"\r\n"))

    def test_uploads(self) -> None:
        size = 8 * BODY_MAX
        for way, server in self.each():
            if way.streams:
                before = server.most_memory()
                self.assertEqual(server.ask("POST", "/upload", b"x" * size)[1], b"%d\n" % size)
                self.assertLess(server.most_memory() - before, size // 4)
            with server.connect() as client:
                path = "/echo" if way.streams else "/upload"
                client.socket.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n".encode())
                self.assertIn(b" 413 ", client.until(b"\r\n"))

    def test_long_answers(self) -> None:
        for _, server in self.each():
            answer, body = server.ask("GET", "/stream")
            self.assertEqual((answer.headers["Transfer-Encoding"], body), ("chunked", b"x" * 32768))
            with server.connect() as client:
                client.get("/stream", "1.0")
                self.assertNotIn(b"Transfer-Encoding", client.until(b"\r\n\r\n"))
                self.assertEqual(client.rest(), b"x" * 32768)
            answer, body = server.ask("GET", "/big")
            self.assertEqual((answer.status, len(body)), (200, BIG))
            answer, body = server.ask("HEAD", "/big")
            self.assertEqual((answer.headers["Content-Length"], body), (str(BIG), b""))
            with server.connect() as client:
                client.get("/sse")
                self.assertIn(b"Content-Type: text/event-stream\r\n", client.until(b"\r\n\r\n"))
                client.until(b"id: 0\ndata: tick 0\n\n")
                client.until(b"id: 1\ndata: tick 1\n\n")

    def test_inspect(self) -> None:
        for _, server in self.each():
            with server.connect() as client:
                client.socket.sendall(b"PUT http://Other:81/inspect?q HTTP/1.1\r\nHost: h\r\nX-One:  1 \r\nConnection: close\r\n"
                                      b"Content-Length: 0\r\n\r\n")
                body = client.rest().partition(b"\r\n\r\n")[2]
                self.assertEqual(body, b"PUT http://Other:81/inspect?q\nhost: Other:81\nhost: h\nx-one: 1\nconnection: close\n"
                                       b"content-length: 0\n")

    def test_time_and_threads(self) -> None:
        for way, server in self.each():
            with server.connect() as waiting:
                waiting.get("/delay/300")
                self.assertEqual(server.ask("GET", "/hello")[0].status, 200)
                self.assertTrue(waiting.until(b"\r\n\r\n300\n").startswith(b"HTTP/1.1 200 "))
            self.assertEqual(server.ask("GET", "/block/20")[1], b"20\n")
            for path, body in (("/offload/20", b"20\n"), ("/thread", b"from a thread\n")):
                answer, got = server.ask("GET", path)
                if way.extras:
                    self.assertEqual(got, body)
                else:
                    self.assertEqual(answer.status, 404)

    def test_a_handler_that_throws(self) -> None:
        for _, server in self.each():
            for _ in range(3):
                self.assertEqual(server.ask("GET", "/throw")[0].status, 500)
            self.assertEqual(server.ask("GET", "/hello")[0].status, 200)
            server.terminate()
            self.assertEqual(server.ended(), 0)
            self.assertEqual(server.process.stderr.read(), "/throw: thrown by the handler of /throw\n" * 3)

    def test_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = Path(folder, "site")
            (site / "sub").mkdir(parents=True)
            Path(folder, "secret").write_text("secret")
            (site / "index.html").write_text("index")
            (site / "sub/index.html").write_text("sub")
            (site / "a.txt").write_text("plain")
            (site / "a.txt.gz").write_text("as gzip")
            (site / "a.txt.br").write_text("as brotli")
            (site / ".hidden").write_text("hidden")
            (site / "empty.css").touch()
            (site / "link").symlink_to("../secret")
            (site / "inside").symlink_to("a.txt")
            os.mkfifo(site / "fifo")
            for _, server in self.each("--root", str(site)):
                self.check_files(server)

    def check_files(self, server: Server) -> None:
        for path, body in (("", b"index"), ("sub/", b"sub"), ("%61.txt", b"plain"), ("empty.css", b""), ("inside", b"plain")):
            answer, got = server.ask("GET", f"/static/{path}")
            self.assertEqual((answer.status, got), (200, body), path)
        for path in ("link", "fifo", ".hidden", "../secret", "%2e%2e/secret", "a.txt%00", "sub", "missing"):
            self.assertEqual(server.ask("GET", f"/static/{path}")[0].status, 404, path)
        answer, body = server.ask("HEAD", "/static/a.txt")
        self.assertEqual((answer.headers["Content-Length"], body), ("5", b""))
        tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
        for conditions, status in (({"If_None_Match": tag}, 304), ({"If_None_Match": f'"x", W/{tag}'}, 304),
                                   ({"If_None_Match": "*"}, 304), ({"If_None_Match": '"x"', "If_Modified_Since": date}, 200),
                                   ({"If_Modified_Since": date}, 304), ({"If_Modified_Since": "never"}, 200),
                                   ({"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200)):
            answer, body = server.ask("GET", "/static/a.txt", **conditions)
            self.assertEqual((answer.status, body), (status, b"plain" if status == 200 else b""), conditions)
        for accepted, coding, body in (("gzip", "gzip", b"as gzip"), ("gzip, br", "br", b"as brotli"), ("zstd", None, b"plain"),
                                       ("br;q=0, GZIP;q=0.5", "gzip", b"as gzip"), ("xbr", None, b"plain")):
            answer, got = server.ask("GET", "/static/a.txt", Accept_Encoding=accepted)
            self.assertEqual((answer.headers["Content-Encoding"], got), (coding, body), accepted)
            self.assertEqual((answer.headers["Vary"], answer.headers["Content-Type"]), ("Accept-Encoding", "text/plain"))


class Drain(unittest.TestCase):
    def each(self) -> Iterator[tuple[Way, Server]]:
        for way in WAYS:
            with self.subTest(way=way.name), Server(way) as server:
                yield way, server

    def test_nothing_is_open(self) -> None:
        for _, server in self.each():
            with server.connect(), server.connect() as idle:
                idle.get("/hello")
                idle.until(b"Hello, World!")
                server.terminate()
                self.assertEqual(server.ended(), 0)
                self.assertEqual(idle.rest(), b"")

    def test_a_long_answer_is_finished(self) -> None:
        for way, server in self.each():
            with server.connect(65536) as slow, server.connect() as idle:
                idle.get("/hello")
                idle.until(b"Hello, World!")
                slow.get("/big")
                slow.until(b"\r\n\r\n")
                server.terminate()
                programs.until(server.refuses, "new connections are refused")
                if way.handlers_at_home:
                    self.assertEqual(idle.rest(), b"")
                else:  # evhttp does not tell whether it is idle just now
                    idle.get("/hello")
                    self.assertIn(b"Connection: close\r\n", idle.until(b"Hello, World!"))
                    self.assertEqual(idle.rest(), b"")
                self.assertIsNone(server.process.poll())
                self.assertEqual(len(slow.rest()), BIG)
            self.assertEqual(server.ended(), 0)

    def test_events_come_to_their_end(self) -> None:
        for _, server in self.each():
            with server.connect() as client:
                client.get("/sse")
                client.until(b"data: tick 0\n\n")
                server.terminate()
                self.assertTrue(client.rest().endswith(b"\r\n0\r\n\r\n"))
            self.assertEqual(server.ended(), 0)

    def test_an_answer_that_waits_is_given(self) -> None:
        """On one thread, where what was read has reached its handler before a signal does."""
        for way, server in self.each():
            if "io" in way.name or "all" in way.name:
                continue
            paths = ["/delay/500"] + (["/offload/500"] if way.extras else [])
            clients = [server.connect() for _ in paths]
            gone = server.connect()
            for client, path in zip([*clients, gone], [*paths, "/delay/300"], strict=True):
                client.get(path)
                programs.until(client.was_read, f"the server reads {path}")
            gone.socket.close()
            server.terminate()
            for client in clients:
                head, _, body = client.rest().partition(b"\r\n\r\n")
                self.assertIn(b"\r\nConnection: close", head)
                self.assertEqual(body, b"500\n")
                client.socket.close()
            self.assertEqual(server.ended(), 0)

    def test_a_second_signal_does_not_wait(self) -> None:
        for _, server in self.each():
            with server.connect(65536) as slow:
                slow.get("/big")
                slow.until(b"\r\n\r\n")
                server.terminate()
                programs.until(server.refuses, "the first has been heard")
                server.terminate()
                self.assertEqual(server.ended(), CUT_SHORT)


if __name__ == "__main__":
    unittest.main()
