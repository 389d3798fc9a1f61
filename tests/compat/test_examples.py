"""Examples of examples/libevent that need no HTTP, each built with our headers and with the system's, each on our libraries and
the latter on the system's as well: they do what they say, and say the same everywhere."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CE_BIN_DIR", ROOT / "build/release/bin"))
OURS = {"LD_LIBRARY_PATH": str(BIN.parent / "lib/corevent")}
SECONDS_MAX = 60


def ways(name: str) -> Iterator[tuple[str, Path, dict[str, str]]]:
    yield "our headers", BIN / name, OURS
    system = BIN / "compat/system" / name
    if system.exists():
        yield "the system's headers, our libraries", system, OURS
        yield "the system's libevent", system, {}


def output_of(program: Path, env: dict[str, str], *arguments: str) -> str:
    return subprocess.run([program, *arguments], env=os.environ | env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=SECONDS_MAX, check=True).stdout


@contextmanager
def started(program: Path, env: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen]:
    with subprocess.Popen([program, *arguments], env=os.environ | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            yield process
        finally:
            process.kill()


class Examples(unittest.TestCase):
    def test_timers_and_signals_ticks_and_ends(self) -> None:
        for way, program, env in ways("timers_and_signals"):
            with self.subTest(way):
                lines = output_of(program, env, "3").splitlines()
                self.assertEqual(lines, ["ready", "tick, 2 to go", "tick, 1 to go", "tick, 0 to go", "time is up"])

    def test_timers_and_signals_ends_on_a_signal(self) -> None:
        for way, program, env in ways("timers_and_signals"):
            with self.subTest(way), started(program, env, "4000") as process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.stdout.read().splitlines()[-1], "signal 15")
                self.assertEqual(process.wait(SECONDS_MAX), 0)

    def test_evbuffer_numbers_lines(self) -> None:
        for way, program, env in ways("evbuffer"):
            with self.subTest(way):
                lines = output_of(program, env).splitlines()
                self.assertEqual(lines, ["1\tBuffers are queues of bytes.", "2\tThis line was never copied.", "3\tNor was",
                                         "4\tthis one", "(the 74 bytes of the text are free)", "4 lines, 82 bytes"])
                lines = output_of(program, env, str(Path(__file__))).splitlines()
                self.assertEqual(lines[:-1], [f"{number}\t{line}" for number, line in
                                              enumerate(Path(__file__).read_text().splitlines(), 1)])

    def test_echo_server_echoes_to_many_and_ends_on_sigterm(self) -> None:
        for way, program, env in ways("echo_server"):
            with self.subTest(way), started(program, env, "0") as process:
                port = int(process.stdout.readline().removeprefix("listening "))
                clients = [socket.create_connection(("127.0.0.1", port), SECONDS_MAX) for _ in range(20)]
                for number, client in enumerate(clients):
                    client.sendall(bytes([number]) * 30000)
                for number, client in enumerate(clients):
                    client.shutdown(socket.SHUT_WR)
                    received = b""
                    while len(received) < 30000 and (piece := client.recv(65536)):
                        received += piece
                    self.assertEqual(received, bytes([number]) * 30000)
                    client.close()
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(SECONDS_MAX), 0)


if __name__ == "__main__":
    unittest.main()
