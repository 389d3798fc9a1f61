"""coturn: what goes to a peer and back through its relays is compared, over UDP, over TCP and from TCP to TCP (RFC 6062).

The relays of two of its own clients, which are on libevent too, then load it.
"""
from __future__ import annotations

import random
import re
import secrets
import signal
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from daemons import Failure, Run, find, free_ports, require, serving

START_SECONDS, ANSWER_SECONDS = 20, 10
CLIENTS = 4  # of each kind, all at once
DATAGRAMS, DATAGRAM_SIZE_MAX = 400, 1_200
STREAM_SIZE = 5_000_000
LOAD = "-n 100 -m 8 -l 170".split()

# RFC 8656 and RFC 6062
ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND, CONNECT, CONNECTION_BIND = 3, 4, 8, 9, 0x0A, 0x0B
SUCCESS, ERROR = 0x0100, 0x0110
ERROR_CODE, CHANNEL_NUMBER, LIFETIME, XOR_PEER_ADDRESS, REQUESTED_TRANSPORT, CONNECTION_ID = 9, 0x0C, 0x0D, 0x12, 0x19, 0x2A
COOKIE = 0x2112A442
CHANNEL = b"\x40\x01"
TCP, UDP = 6, 17


def padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def address_of(port: int) -> bytes:
    """127.0.0.1, as XOR-PEER-ADDRESS has it."""
    return b"\0\1" + (port ^ COOKIE >> 16).to_bytes(2, "big") + (0x7F000001 ^ COOKIE).to_bytes(4, "big")


class Client:
    """One that has a connection or a datagram socket to the server, and a relay there."""

    def __init__(self, port: int, transport: int) -> None:
        self.transport = transport
        if transport == TCP:
            self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
            self.incoming = self.socket.makefile("rb")
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.settimeout(ANSWER_SECONDS)
            self.socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def receive(self) -> bytes:
        """A message or, on a channel, data."""
        if self.transport == UDP:
            return self.socket.recv(65_535)
        head = self.incoming.read(4)
        size = int.from_bytes(head[2:], "big")
        return head + (self.incoming.read(size + -size % 4)[:size] if head[:2] == CHANNEL else self.incoming.read(16 + size))

    def ask(self, method: int, **attributes: tuple[int, bytes]) -> dict[int, bytes]:
        """What the answer says, by attribute."""
        number = secrets.token_bytes(12)
        body = b"".join(kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + padded(value)
                        for kind, value in attributes.values())
        self.socket.sendall(method.to_bytes(2, "big") + len(body).to_bytes(2, "big") + COOKIE.to_bytes(4, "big") + number + body)
        answer = self.receive()
        require(answer[8:20] == number, f"the answer to {method:#x} is another's: {answer.hex()}")
        said, rest = {}, answer[20:]
        while rest:
            size = int.from_bytes(rest[2:4], "big")
            said[int.from_bytes(rest[:2], "big")] = rest[4:4 + size]
            rest = rest[4 + size + -size % 4:]
        kind = int.from_bytes(answer[:2], "big")
        require(kind == method | SUCCESS, f"{method:#x} is answered with {kind:#x}: {said.get(ERROR_CODE)}")
        return said

    def allocate(self, transport: int, peer: int) -> None:
        self.ask(ALLOCATE, transport=(REQUESTED_TRANSPORT, bytes([transport, 0, 0, 0])))
        self.ask(CREATE_PERMISSION, peer=(XOR_PEER_ADDRESS, address_of(peer)))

    def release(self) -> None:
        self.ask(REFRESH, lifetime=(LIFETIME, bytes(4)))


def relay_datagrams(port: int, transport: int, peer: int, made: random.Random) -> None:
    with Client(port, transport) as client:
        client.allocate(UDP, peer)
        client.ask(CHANNEL_BIND, channel=(CHANNEL_NUMBER, CHANNEL + bytes(2)), peer=(XOR_PEER_ADDRESS, address_of(peer)))
        for _ in range(DATAGRAMS):
            data = made.randbytes(made.randrange(1, DATAGRAM_SIZE_MAX))
            message = CHANNEL + len(data).to_bytes(2, "big") + data
            client.socket.sendall(padded(message) if transport == TCP else message)
            back = client.receive()[:len(message)]  # a datagram may be padded
            require(back == message, f"a datagram of {len(data)} octets came back as {back.hex()}")
        client.release()


def relay_stream(port: int, peer: int, made: random.Random) -> None:
    data = made.randbytes(STREAM_SIZE)
    with Client(port, TCP) as control, Client(port, TCP) as stream:
        control.allocate(TCP, peer)
        connection = control.ask(CONNECT, peer=(XOR_PEER_ADDRESS, address_of(peer)))[CONNECTION_ID]
        stream.ask(CONNECTION_BIND, connection=(CONNECTION_ID, connection))
        sender = threading.Thread(target=stream.socket.sendall, args=(data,), daemon=True)
        sender.start()
        require(stream.incoming.read(len(data)) == data, f"{len(data)} octets of a stream came back as others")
        sender.join()
        control.release()


class DatagramEcho(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, listener = self.request
        listener.sendto(data, self.client_address)


class StreamEcho(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError):
            while data := self.request.recv(65_536):
                self.request.sendall(data)


class StreamServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def load(run: Run, port: int, *more: str) -> int:
    """How many messages two relays of each of coturn's own clients passed on, of which none is missing."""
    said = run.call("turnutils_uclient", "-p", str(port), "-y", *LOAD, *more, "127.0.0.1")
    totals = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", said)
    lost = re.search(r"Total lost packets (\d+)", said)
    require(totals and lost, f"turnutils_uclient says {said[-500:]}")
    sent, received = map(int, totals[-1])
    require(sent > 0 and sent == received and lost[1] == "0", f"of {sent} messages {received} arrived: {said[-500:]}")
    return received


@contextmanager
def coturn(run: Run) -> Iterator[Callable[[], str]]:
    find("turnutils_uclient")
    [port] = free_ports(1)
    turn = run.start("turnserver", find("turnserver"), "-n", "--no-auth", "--no-cli", "--no-tls", "--no-dtls", "-L", "127.0.0.1",
                     "-E", "127.0.0.1", "--allow-loopback-peers", "-p", str(port), "-m", "2", "--log-file", "stdout",
                     "--pidfile", run.folder / "pid", "--userdb", run.folder / "users")
    turn.end = -signal.SIGTERM  # it does not catch it

    def answers() -> bool:
        with suppress(OSError, Failure), Client(port, TCP) as client:
            client.ask(1)  # Binding
            return True
        return False

    run.until(answers, "turnserver answers", START_SECONDS)
    datagrams = socketserver.UDPServer(("127.0.0.1", 0), DatagramEcho)
    with serving(datagrams), serving(StreamServer(("127.0.0.1", 0), StreamEcho)) as streams:
        peer, stream_peer = datagrams.server_address[1], streams.server_address[1]

        def work() -> str:
            with ThreadPoolExecutor(3 * CLIENTS) as pool:
                jobs = []
                for number in range(CLIENTS):
                    jobs += [pool.submit(relay_datagrams, port, transport, peer, random.Random(number)) for transport in (UDP, TCP)]
                    jobs.append(pool.submit(relay_stream, port, stream_peer, random.Random(number)))
                for job in jobs:
                    job.result()
            messages = load(run, port) + load(run, port, "-T")
            return (f"{2 * CLIENTS * DATAGRAMS} datagrams and {CLIENTS} streams of {STREAM_SIZE / 1e6:.3g} MB to a peer and back, "
                    f"{messages} messages of its own clients")

        yield work
