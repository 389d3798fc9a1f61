"""The servers that are compared: how each is configured and started. Every configuration is written
for one run: loopback, no logs, keep-alive without end, TCP_NODELAY, as many workers as asked for."""
from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import libraries, parse
from .workspace import Workspace, free_port

CONNECTIONS = 15_000


@dataclass(frozen=True)
class Setup:
    """What a case asks of a server."""

    workers: int = 1
    close: bool = False  # one connection per request
    single_process: bool = False  # no master process, for tools that follow one process
    connections: int = CONNECTIONS
    extra: tuple[str, ...] = ()  # further arguments of corevent's own bench programs
    environment: tuple[tuple[str, str], ...] = ()  # of the programs that run on either library


@dataclass
class Launch:
    """A command line; port 0 means that the program prints "listening PORT"."""

    argv: list[str]
    port: int = 0
    environment: dict[str, str] | None = None  # None: the bench's own
    libraries: Path | None = None  # that it must have loaded when it answers


@dataclass(frozen=True)
class Peer:
    """One server program."""

    name: str
    label: str
    launch: Callable[[Workspace, Path, Setup], Launch]
    program: str  # found in PATH, or in the bench folder of the build
    version: Callable[[Path], str]
    serves: frozenset[str] = field(default_factory=frozenset)  # hello, static, workers
    own: bool = False  # built here
    on_libraries: bool = False  # with corevent's libraries in libevent's place

    def path(self, bin_dir: Path) -> str | None:
        """The program, or None when it is not there."""
        if self.on_libraries and not libraries.there(bin_dir):
            return None
        if self.own:
            return str(bin_dir / self.program) if (bin_dir / self.program).exists() else None
        return shutil.which(
            self.program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
        )


def _output(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _nginx(
    work: Workspace, _: Path, setup: Setup, cached: bool = False, reuseport: bool = False
) -> Launch:
    folder, port = work.folder("nginx"), free_port()
    files = "open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s;" if cached else ""
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = f"""daemon off;
master_process {"off" if setup.single_process else "on"};
worker_processes {setup.workers};
worker_rlimit_nofile 20000;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections {setup.connections}; use epoll; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    {files}
{temporary}    server {{
        listen 127.0.0.1:{port} backlog=4096{" reuseport" if reuseport else ""};
        root {work.www};
        location = /hello {{ default_type text/plain; return 200 "Hello, World!"; }}
        location /static/ {{ }}
    }}
}}
"""
    (folder / "nginx.conf").write_text(config)
    return Launch(
        ["nginx", "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"],
        port,
    )


def _lighttpd(work: Workspace, _: Path, setup: Setup) -> Launch:
    folder, port = work.folder("lighttpd"), free_port()
    config = f"""server.document-root = "{work.www}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.event-handler = "linux-sysepoll"
server.network-backend = "sendfile"
server.listen-backlog = 4096
server.max-connections = {setup.connections}
server.max-fds = {20_000 if setup.connections > 1000 else 2 * setup.connections}
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
server.max-read-idle = 3600
server.max-write-idle = 3600
mimetype.assign = ( ".bin" => "application/octet-stream", "" => "text/plain" )
"""
    if setup.workers > 1:
        config += f"server.max-worker = {setup.workers}\n"
    (folder / "lighttpd.conf").write_text(config)
    return Launch(["lighttpd", "-D", "-f", f"{folder}/lighttpd.conf"], port)


def _h2o(work: Workspace, _: Path, setup: Setup) -> Launch:
    folder, port = work.folder("h2o"), free_port()
    config = f"""listen:
  host: 127.0.0.1
  port: {port}
user: root
num-threads: {setup.workers}
max-connections: {setup.connections}
num-name-resolution-threads: 1
http1-request-timeout: 3600
error-log: {folder}/error.log
pid-file: {folder}/h2o.pid
file.mime.setdefaulttype: text/plain
hosts:
  default:
    paths:
      /:
        file.dir: {work.www}
"""
    (folder / "h2o.conf").write_text(config)
    return Launch(["h2o", "-m", "worker", "-c", f"{folder}/h2o.conf"], port)


def _haproxy(work: Workspace, _: Path, setup: Setup) -> Launch:
    folder, port = work.folder("haproxy"), free_port()
    config = f"""global
    nbthread {setup.workers}
    maxconn {min(setup.connections, 12_000)}
    no strict-limits
defaults
    mode http
    timeout client 3600s
    timeout http-request 3600s
    timeout http-keep-alive 3600s
frontend bench
    bind 127.0.0.1:{port} backlog 4096
    http-request return status 200 content-type text/plain string "Hello, World!" if {{ path /hello }}
    http-request return status 404 content-type text/plain string "not here"
"""
    (folder / "haproxy.cfg").write_text(config)
    return Launch(["haproxy", "-db", "-q", "-f", f"{folder}/haproxy.cfg"], port)


def _evhttp(work: Workspace, bin_dir: Path, _: Setup) -> Launch:
    return Launch([str(bin_dir / "evhttp_server"), str(work.static)])


def _floor(_: Workspace, bin_dir: Path, setup: Setup) -> Launch:
    return Launch([str(bin_dir / "epoll_floor"), *(["--close"] if setup.close else [])])


def _corevent(work: Workspace, bin_dir: Path, setup: Setup) -> Launch:
    return Launch(
        [
            str(bin_dir / "corevent_server"),
            "--threads",
            str(setup.workers),
            "--root",
            str(work.static),
            *setup.extra,
        ]
    )


def _master_worker(_: Workspace, bin_dir: Path, setup: Setup) -> Launch:
    return Launch([str(bin_dir / "master_worker"), *setup.extra])


def _evhttp_on(ours: bool) -> Callable[[Workspace, Path, Setup], Launch]:
    def launch(_: Workspace, bin_dir: Path, setup: Setup) -> Launch:
        folder = libraries.folder(bin_dir) if ours else None
        return Launch(
            [str(bin_dir / "http_bench_server"), *setup.extra],
            environment=libraries.environment(folder, dict(setup.environment)),
            libraries=folder,
        )

    return launch


def _corevent_version(bin_dir: Path) -> str:
    return parse.version_of(_output(str(bin_dir / "corevent_server"), "--version"))


def _libevent_version(bin_dir: Path) -> str:
    return parse.version_of(_output(str(bin_dir / "evhttp_server"), "--version"))


def _always(_: Path) -> str:
    return "this repository"


HELLO, STATIC, WORKERS = "hello", "static", "workers"


def _served(*what: str) -> frozenset[str]:
    return frozenset(what)


def _system(name: str, label: str, launch: Callable, program: str, flag: str, *what: str) -> Peer:
    def version(_: Path) -> str:
        found = shutil.which(program, path="/usr/sbin:/usr/bin") or program
        return parse.version_of(_output(found, flag))

    return Peer(name, label, launch, program, version, _served(*what))


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            "corevent",
            "corevent",
            _corevent,
            "corevent_server",
            _corevent_version,
            _served(HELLO, STATIC, WORKERS),
            own=True,
        ),
        Peer("floor", "raw epoll floor", _floor, "epoll_floor", _always, _served(HELLO), own=True),
        _system("nginx", "nginx", _nginx, "nginx", "-v", HELLO, STATIC, WORKERS),
        _system(
            "nginx-cached",
            "nginx, open_file_cache",
            lambda w, b, s: _nginx(w, b, s, cached=True),
            "nginx",
            "-v",
            STATIC,
        ),
        _system(
            "nginx-reuseport",
            "nginx, reuseport",
            lambda w, b, s: _nginx(w, b, s, reuseport=True),
            "nginx",
            "-v",
            WORKERS,
        ),
        _system("h2o", "h2o", _h2o, "h2o", "--version", HELLO, STATIC, WORKERS),
        _system("lighttpd", "lighttpd", _lighttpd, "lighttpd", "-v", HELLO, STATIC),
        _system("haproxy", "HAProxy", _haproxy, "haproxy", "-v", HELLO, WORKERS),
        Peer(
            "evhttp",
            "libevent evhttp",
            _evhttp,
            "evhttp_server",
            _libevent_version,
            _served(HELLO, STATIC),
            own=True,
        ),
        Peer(
            "master-worker",
            "corevent, reader + pool",
            _master_worker,
            "master_worker",
            _corevent_version,
            _served(),
            own=True,
        ),
        Peer(
            "evhttp-corevent",
            "evhttp on corevent",
            _evhttp_on(True),
            "http_bench_server",
            _corevent_version,
            _served(),
            own=True,
            on_libraries=True,
        ),
        Peer(
            "evhttp-libevent",
            "evhttp on libevent",
            _evhttp_on(False),
            "http_bench_server",
            _libevent_version,
            _served(),
            own=True,
        ),
    )
}


def serving(what: str) -> list[str]:
    """Names of the peers that serve `what`, corevent first."""
    return [peer.name for peer in PEERS.values() if what in peer.serves]
