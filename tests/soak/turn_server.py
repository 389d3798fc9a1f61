"""coturn: relays what its own client sends to a peer and back, by UDP, by TCP to UDP, and by TCP to TCP (RFC 6062). Nothing is lost."""
from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemons import Run, find, free_ports, require

RELAYS = 2  # threads
WAYS = {  # the client's options, its sessions, messages of each
    "by UDP": (["-y"], 20, 50),
    "by TCP": (["-t", "-X"], 20, 50),
    "from TCP to TCP": (["-T", "-y"], 4, 50),
}
MESSAGE_SIZE = 800
START_SECONDS = 20


@contextmanager
def coturn(run: Run) -> Iterator[Callable[[], str]]:
    client = find("turnutils_uclient")
    port, peer_port = free_ports(2)
    turn = run.start("turnserver", find("turnserver"), "-n", "--no-auth", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port),
                     "-m", str(RELAYS), "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers", "--log-file", "stdout",
                     "--pidfile", run.folder / "pid", "--userdb", run.folder / "users")
    turn.end = -signal.SIGTERM  # it does not catch it
    peer = run.start("peer", find("turnutils_peer"), "-L", "127.0.0.1", "-p", str(peer_port))
    peer.end = -signal.SIGTERM

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    run.until(listens, "turnserver listens", START_SECONDS)

    def relay(options: list[str], sessions: int, messages: int) -> int:
        to_peer = [] if "-y" in options else ["-r", str(peer_port)]  # -y: the sessions are each other's peers
        said = run.pipe(client, *options, *to_peer, "-e", "127.0.0.1", "-p", str(port), "-n", str(messages), "-m", str(sessions),
                        "-l", str(MESSAGE_SIZE), "127.0.0.1").decode(errors="replace")
        counts = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", said)
        require(counts and re.search(r"Total lost packets 0 ", said), f"turnutils_uclient {' '.join(options)} says: {said[-500:]}")
        sent, received = map(int, counts[-1])
        require(sent == received == sessions * messages, f"{sent} messages sent and {received} received of {sessions * messages}")
        return received

    def work() -> str:
        return ", ".join(f"{relay(*how)} messages {way}" for way, how in WAYS.items())

    yield work
