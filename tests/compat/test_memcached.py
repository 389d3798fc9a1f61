#!/usr/bin/env python3
"""Debian's memcached on corevent: four threads, fifty clients, both protocols, a hundred thousand keys, an orderly end."""
from __future__ import annotations

import hashlib
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import programs  # noqa: E402

CLIENTS = 50
KEYS_PER_CLIENT = 2000
BATCH = 100
LARGE = 100_000  # more than a socket takes at once

# What is sent, and what comes back; @ stands for the unique number that `gets` told last.
TEXT = [
    ("set a 5 0 3\r\none\r\n", "STORED\r\n"),
    ("get a\r\n", "VALUE a 5 3\r\none\r\nEND\r\n"),
    ("get a nothing a\r\n", "VALUE a 5 3\r\none\r\nVALUE a 5 3\r\none\r\nEND\r\n"),
    ("add a 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
    ("add b 0 0 1\r\nx\r\n", "STORED\r\n"),
    ("replace nothing 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
    ("replace b 1 0 1\r\ny\r\n", "STORED\r\n"),
    ("append a 0 0 4\r\n two\r\n", "STORED\r\n"),
    ("prepend a 0 0 5\r\nzero \r\n", "STORED\r\n"),
    ("get a b\r\n", "VALUE a 5 12\r\nzero one two\r\nVALUE b 1 1\r\ny\r\nEND\r\n"),
    ("append nothing 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
    ("gets a\r\n", "VALUE a 5 12 @\r\nzero one two\r\nEND\r\n"),
    ("cas a 0 0 3 @\r\nnew\r\n", "STORED\r\n"),
    ("cas a 0 0 3 @\r\nold\r\n", "EXISTS\r\n"),
    ("cas nothing 0 0 1 1\r\nx\r\n", "NOT_FOUND\r\n"),
    ("set n 0 0 2\r\n10\r\n", "STORED\r\n"),
    ("incr n 5\r\n", "15\r\n"),
    ("decr n 6\r\n", "9\r\n"),
    ("decr n 60\r\n", "0\r\n"),
    ("incr n 18446744073709551615\r\n", "18446744073709551615\r\n"),
    ("incr n 2\r\n", "1\r\n"),
    ("incr nothing 1\r\n", "NOT_FOUND\r\n"),
    ("incr a 1\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("touch a 100\r\n", "TOUCHED\r\n"),
    ("touch nothing 100\r\n", "NOT_FOUND\r\n"),
    ("gat 100 a\r\n", "VALUE a 0 3\r\nnew\r\nEND\r\n"),
    ("set quiet 0 0 1 noreply\r\nq\r\nget quiet\r\n", "VALUE quiet 0 1\r\nq\r\nEND\r\n"),
    ("delete b\r\n", "DELETED\r\n"),
    ("delete b\r\n", "NOT_FOUND\r\n"),
    ("get b\r\n", "END\r\n"),
    ("nonsense\r\n", "ERROR\r\n"),
    ("get " + "k" * 251 + "\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ("set a 0 0 1\r\ntoo long\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\n"),
    ("set gone 0 -1 1\r\nx\r\nget gone\r\n", "STORED\r\nEND\r\n"),
    ("verbosity 0\r\n", "OK\r\n"),
    ("flush_all\r\n", "OK\r\n"),
    ("get a n quiet\r\n", "END\r\n"),
]
META = [
    ("mn\r\n", "MN\r\n"),
    ("ms m 2 T0 F7\r\nhi\r\n", "HD\r\n"),
    ("mg m\r\n", "HD\r\n"),
    ("mg m v f s k Oab\r\n", "VA 2 f7 s2 km Oab\r\nhi\r\n"),
    ("mg nothing v\r\n", "EN\r\n"),
    ("mg nothing v q\r\nmn\r\n", "MN\r\n"),
    ("ms m 1 MA\r\n!\r\n", "HD\r\n"),
    ("mg m v\r\n", "VA 3\r\nhi!\r\n"),
    ("ms m 1 ME\r\nx\r\n", "NS\r\n"),
    ("ms m 1 C1\r\nx\r\n", "EX\r\n"),
    ("ma count v\r\n", "NF\r\n"),
    ("ma count N0 J13 v\r\n", "VA 2\r\n13\r\n"),
    ("ma count D2 v\r\n", "VA 2\r\n15\r\n"),
    ("ma count MD D5 v\r\n", "VA 2\r\n10\r\n"),
    ("mg count t\r\n", "HD t-1\r\n"),
    ("md count\r\n", "HD\r\n"),
    ("md count\r\n", "NF\r\n"),
    ("me nothing\r\n", "EN\r\n"),
]


class Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), programs.DEADLINE_SECONDS)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    def ask(self, request: bytes, octets: int) -> bytes:
        self.socket.sendall(request)
        return self.reader.read(octets)

    def lines(self, request: str) -> list[str]:
        """The lines before END."""
        self.socket.sendall(request.encode())
        found = []
        while (line := self.reader.readline().decode()) != "END\r\n":
            if not line:
                raise AssertionError(f"the connection ended after {found}")
            found.append(line.rstrip())
        return found

    def stats(self) -> dict[str, str]:
        return dict(line.split(maxsplit=2)[1:] for line in self.lines("stats\r\n"))

    def put(self, items: list[tuple[str, bytes]]) -> None:
        """All in one go, more than memcached answers in one turn of its loop."""
        request = b"".join(f"set {key} 0 0 {len(value)}\r\n".encode() + value + b"\r\n" for key, value in items)
        wanted = b"STORED\r\n" * len(items)
        if (said := self.ask(request, len(wanted))) != wanted:
            raise AssertionError(said)

    def check(self, items: list[tuple[str, bytes]]) -> None:
        wanted = b"".join(f"VALUE {key} 0 {len(value)}\r\n".encode() + value + b"\r\n" for key, value in items) + b"END\r\n"
        request = "get " + " ".join(key for key, _ in items) + "\r\n"
        if self.ask(request.encode(), len(wanted)) != wanted:
            raise AssertionError(f"not what was stored, among {items[0][0]} to {items[-1][0]}")


def items_of(client: int) -> list[list[tuple[str, bytes]]]:
    """A client's keys in batches. Values differ as keys do, and one is large."""
    made = random.Random(client)

    def item(number: int) -> tuple[str, bytes]:
        key = f"client{client}:key{number}"
        seed = hashlib.sha256(key.encode()).hexdigest().encode()
        size = LARGE if number == 999 else made.randrange(200)
        return key, (seed * (size // len(seed) + 1))[:size]

    return [[item(first + i) for i in range(BATCH)] for first in range(0, KEYS_PER_CLIENT, BATCH)]


class Server:
    """memcached on a free port of loopback."""

    def __init__(self, folder: str, threads: int = 4) -> None:
        ports = Path(folder, "ports")
        user = pwd.getpwuid(os.getuid()).pw_name
        command = ["memcached", "-u", user, "-p", "-1", "-U", "0", "-l", "127.0.0.1", "-t", str(threads), "-m", "256"]
        self.process = subprocess.Popen(command, env=programs.environment(MEMCACHED_PORT_FILENAME=str(ports)),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            programs.until(lambda: ports.exists() or self.process.poll() is not None, "memcached listens")
            if self.process.poll() is not None:
                raise AssertionError(self.process.stderr.read())
            self.port = int(ports.read_text().removeprefix("TCP INET: "))
        except BaseException:
            self.kill()
            raise

    def stop(self) -> tuple[int, str]:
        """Its exit status and what it said, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=programs.DEADLINE_SECONDS)
        return self.process.returncode, said

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Memcached(unittest.TestCase):
    maxDiff = None

    def start(self, threads: int = 4) -> Server:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        server = Server(folder.name, threads)
        self.addCleanup(server.kill)
        return server

    def connect(self, server: Server) -> Client:
        client = Client(server.port)
        self.addCleanup(client.__exit__)
        return client

    def test_runs_on_ours_alone(self) -> None:
        ours, others = programs.libevents(self.start().process.pid)
        self.assertEqual(ours, {"libcorevent_event.so.0", "libevent-2.1.so.7"})
        self.assertEqual(others, set())

    def talk(self, table: list[tuple[str, str]], octets_at_once: int) -> None:
        client = self.connect(self.start())
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        unique = "@"
        for request, wanted in table:
            request = request.replace("@", unique)
            for at in range(0, len(request), octets_at_once):
                client.socket.sendall(request[at : at + octets_at_once].encode())
            if request.startswith("gets"):
                line = client.reader.readline().decode()
                unique = line.split()[-1]
                wanted = wanted.replace("@", unique)
                said = line + client.reader.read(len(wanted) - len(line)).decode()
            else:
                said = client.reader.read(len(wanted)).decode()
            self.assertEqual(said, wanted, request)
        self.assertEqual(client.ask(b"mn\r\n", 4), b"MN\r\n", "nothing more was said than expected")

    def test_text_commands(self) -> None:
        self.talk(TEXT, octets_at_once=1 << 16)

    def test_text_commands_octet_by_octet(self) -> None:
        self.talk(TEXT, octets_at_once=1)

    def test_meta_commands(self) -> None:
        self.talk(META, octets_at_once=1 << 16)

    def test_meta_commands_octet_by_octet(self) -> None:
        self.talk(META, octets_at_once=1)

    def test_conformance_tool_finds_nothing(self) -> None:
        commands = [["memccapable", kind, "-h", "127.0.0.1", "-p", str(self.start().port)] for kind in ("-a", "-b")]
        with ThreadPoolExecutor() as pool:
            runs = pool.map(lambda command: subprocess.run(command, capture_output=True, text=True, timeout=60), commands)
            for run in runs:
                self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
                self.assertIn("All tests passed", run.stdout)
                self.assertGreater(run.stdout.count("[pass]"), 20)

    def test_time_passes(self) -> None:
        client = self.connect(self.start())
        self.assertEqual(client.ask(b"set short 0 1 1\r\nx\r\nset kept 0 1 1\r\ny\r\ntouch kept 0\r\n", 25),
                         b"STORED\r\nSTORED\r\nTOUCHED\r\n")
        programs.until(lambda: not client.lines("get short\r\n"), "a key with a second to live has gone", 5)
        self.assertEqual(client.lines("get kept\r\n"), ["VALUE kept 0 1", "y"])
        self.assertGreaterEqual(int(client.stats()["uptime"]), 1)

    def test_readers_that_do_not_read(self) -> None:
        server = self.start(threads=1)
        value = os.urandom(500_000)
        answer = b"VALUE big 0 500000\r\n" + value + b"\r\nEND\r\n"
        patient, stuck = self.connect(server), self.connect(server)
        patient.put([("big", value)])
        stuck.socket.sendall(b"get big\r\n" * 40)  # 20 MB: far more than the kernel holds for it
        for _ in range(5):
            self.assertEqual(patient.ask(b"get big\r\n", len(answer)), answer, "others go on")
        self.assertLess(programs.idle_share(server.process.pid, 0.5), 0.05, "waits for the reader without turning")
        for _ in range(40):
            self.assertEqual(stuck.reader.read(len(answer)), answer)

    def test_a_hundred_thousand_keys_of_fifty_clients_on_four_threads(self) -> None:
        server = self.start()
        clients = [self.connect(server) for _ in range(CLIENTS)]
        for client in clients:  # all are with their threads
            self.assertEqual(client.ask(b"mn\r\n", 4), b"MN\r\n")
        before = programs.cpu_by_thread(server.process.pid)

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda i: [clients[i].put(batch) for batch in items_of(i)], range(CLIENTS)))
            # Each is read through a connection that did not write it, most of them on another thread.
            list(pool.map(lambda i: [clients[i - 1].check(batch) for batch in items_of(i)], range(CLIENTS)))

        after = programs.cpu_by_thread(server.process.pid)
        workers = [name for name, seconds in after.items() if seconds - before.get(name, 0) > 0.01]
        self.assertGreaterEqual(len(workers), 4, "threads that did something")
        stats = clients[0].stats()
        self.assertEqual(stats["threads"], "4")
        self.assertEqual(int(stats["curr_items"]), CLIENTS * KEYS_PER_CLIENT)
        self.assertEqual(int(stats["cmd_set"]), CLIENTS * KEYS_PER_CLIENT)
        self.assertEqual(int(stats["get_hits"]), CLIENTS * KEYS_PER_CLIENT)
        self.assertEqual((stats["get_misses"], stats["evictions"]), ("0", "0"))
        self.assertGreater(int(stats["conn_yields"]), 0, "connections gave way to others amid their input")
        self.assertGreaterEqual(int(stats["curr_connections"]), CLIENTS)
        self.assertTrue(programs.on_ours_alone(server.process.pid))

        # Best of three: the kernel counts in ticks, of which the machine may charge it some. A loop that spins takes all.
        idle = min(programs.idle_share(server.process.pid) for _ in range(3))
        self.assertLess(idle, 0.02, "fifty silent clients cost nothing")
        status, said = server.stop()
        self.assertEqual((status, said), (0, ""))
        for client in clients:
            self.assertEqual(client.reader.read(), b"", "the connection has ended, with nothing unasked before")

    def test_clients_come_and_go(self) -> None:
        server = self.start()
        request, wanted = b"set k 0 0 1\r\nx\r\nget k\r\n", b"STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n"

        def visits(_: int) -> None:
            for turn in range(60):
                with Client(server.port) as client:
                    if turn % 3 == 0:
                        client.socket.sendall(b"set half 0 0 1000\r\nleft in the middle")
                    elif (said := client.ask(request, len(wanted))) != wanted:
                        raise AssertionError(said)

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(visits, range(20)))
        client = self.connect(server)
        self.assertGreaterEqual(int(client.stats()["total_connections"]), 1200)
        resting = int(self.connect(self.start()).stats()["curr_connections"])
        programs.until(lambda: int(client.stats()["curr_connections"]) == resting, "those who left are forgotten", 5)
        self.assertEqual(server.stop(), (0, ""))


if __name__ == "__main__":
    unittest.main()
