"""nsd and unbound: every answer, over UDP and TCP, is what the zone has. unbound knows nothing by itself, it asks nsd."""
from __future__ import annotations

import random
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from daemons import Run, find, free_ports, require

ZONE = "soak.test"
HOSTS = 1_000
A, TXT = 1, 16
LONG = [bytes([97 + i]) * 200 for i in range(20)]  # more than goes into a datagram
UDP_CLIENTS, TCP_CLIENTS = 6, 4
PIPELINED = 50
START_SECONDS, ANSWER_SECONDS = 20, 10
RESPONSE, TRUNCATED, RCODE, NO_SUCH_NAME = 0x8000, 0x0200, 0x000F, 3


@dataclass(frozen=True)
class Question:
    name: str
    kind: int
    data: bytes | None  # of the one record that answers; None when there is no such name

    def wire(self) -> bytes:
        labels = b"".join(bytes([len(label)]) + label.encode() for label in f"{self.name}.{ZONE}".split("."))
        return labels + b"\0" + self.kind.to_bytes(2, "big") + b"\0\1"

    def message(self, number: int) -> bytes:
        recursion_desired = b"\1\0"
        return number.to_bytes(2, "big") + recursion_desired + b"\0\1\0\0\0\0\0\0" + self.wire()

    def check(self, number: int, reply: bytes, whole: bool) -> None:
        asked = self.wire()
        flags, answers, rest = int.from_bytes(reply[2:4], "big"), int.from_bytes(reply[6:8], "big"), reply[12 + len(asked):]
        right = reply[:2] == number.to_bytes(2, "big") and flags & RESPONSE and reply[12:12 + len(asked)] == asked
        if self.data is None:
            right = right and flags & RCODE == NO_SUCH_NAME and answers == 0
        elif whole or len(self.data) < 512:
            name, kind, life, data = b"\xc0\x0c", asked[-4:], 4, len(self.data).to_bytes(2, "big") + self.data
            right = (right and not flags & (TRUNCATED | RCODE) and answers == 1 and rest.startswith(name + kind)
                     and rest[6 + life:].startswith(data))
        else:
            right = right and flags & TRUNCATED
        require(right, f"the answer about {self.name}.{ZONE}, type {self.kind}, is {reply[:300].hex()}")


def host(number: int) -> Question:
    return Question(f"h{number}", A, bytes([10, number >> 8, number & 255, 7]))


def all_questions() -> list[Question]:
    text = Question("long", TXT, b"".join(bytes([len(part)]) + part for part in LONG))
    missing = [Question(f"no{number}", A, None) for number in range(HOSTS // 10)]
    return [*map(host, range(HOSTS)), *missing, *[text] * (HOSTS // 50)]


def ask_by_datagram(port: int, questions: list[Question]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_SECONDS)
        client.connect(("127.0.0.1", port))
        for number, question in enumerate(questions):
            client.send(question.message(number))
            question.check(number, client.recv(65_535), whole=False)


def ask_by_stream(port: int, questions: list[Question]) -> None:
    """Many at once; the answers may come in another order."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as client, client.makefile("rb") as replies:
        for first in range(0, len(questions), PIPELINED):
            pending = dict(enumerate(questions[first:first + PIPELINED], first))
            messages = [question.message(number) for number, question in pending.items()]
            client.sendall(b"".join(len(message).to_bytes(2, "big") + message for message in messages))
            while pending:
                reply = replies.read(int.from_bytes(replies.read(2), "big"))
                number = int.from_bytes(reply[:2], "big")
                require(number in pending, f"an answer that nobody waits for, or the end: {reply[:300].hex()}")
                pending.pop(number).check(number, reply, whole=True)


def ask(port: int) -> str:
    def mixed(seed: int) -> list[Question]:
        return random.Random(seed).sample(questions, len(questions))

    questions = all_questions()
    with ThreadPoolExecutor(UDP_CLIENTS + TCP_CLIENTS) as pool:
        jobs = [pool.submit(ask_by_datagram, port, mixed(i)) for i in range(UDP_CLIENTS)]
        jobs += [pool.submit(ask_by_stream, port, mixed(UDP_CLIENTS + i)) for i in range(TCP_CLIENTS)]
        for job in jobs:
            job.result()
    return f"{UDP_CLIENTS * len(questions)} answers over UDP, {TCP_CLIENTS * len(questions)} over TCP, as the zone has them"


def await_answer(run: Run, name: str, port: int) -> None:
    def answers() -> bool:
        with suppress(OSError):  # refused as long as it does not listen
            ask_by_datagram(port, [host(0)])
            return True
        return False

    run.until(answers, f"{name} answers", START_SECONDS)


def start_nsd(run: Run) -> int:
    """Its port."""
    [port] = free_ports(1)
    folder = run.folder / "nsd"
    folder.mkdir()
    records = [f"{host(number).name} A {socket.inet_ntoa(host(number).data)}" for number in range(HOSTS)]
    text = " ".join(f'"{part.decode()}"' for part in LONG)
    (folder / "zone").write_text("\n".join([
        f"$ORIGIN {ZONE}.", "@ 3600 SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1", *records,
        f"long TXT {text}", ""]))
    (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: 2
    rrl-ratelimit: 0
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{folder}"
    xfrdir: "{folder}"
    xfrdfile: "{folder}/xfrd"
    zonelistfile: "{folder}/zones"
    pidfile: "{folder}/pid"
remote-control:
    control-enable: no
zone:
    name: {ZONE}
    zonefile: zone
""")
    run.start("nsd", find("nsd"), "-d", "-c", folder / "nsd.conf")
    await_answer(run, "nsd", port)
    return port


@contextmanager
def nsd(run: Run) -> Iterator[Callable[[], str]]:
    port = start_nsd(run)
    yield lambda: ask(port)


@contextmanager
def unbound(run: Run) -> Iterator[Callable[[], str]]:
    knowing = start_nsd(run)
    [port] = free_ports(1)
    folder = run.folder / "unbound"
    folder.mkdir()
    (folder / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1
    port: {port}
    num-threads: 2
    module-config: "iterator"
    do-daemonize: no
    do-not-query-localhost: no
    local-zone: "test." nodefault
    use-syslog: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: "{folder}/pid"
remote-control:
    control-enable: no
forward-zone:
    name: "{ZONE}."
    forward-addr: 127.0.0.1@{knowing}
""")
    # Debian's AppArmor profile goes by the program's path, and lets it read no other settings and libraries than the system's.
    program = shutil.copy(find("unbound"), folder / "program")
    run.start("unbound", program, "-d", "-c", folder / "unbound.conf")
    await_answer(run, "unbound", port)
    yield lambda: ask(port)
