"""The targets that the index holds the measured figures against."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One row of the summary: figure `id` of case `case` must be `bound` (≤, ≥ or >) `limit`."""

    id: str
    case: str
    text: str
    limit: float
    unit: str
    digits: int = 2
    bound: str = "≤"


TARGETS: tuple[Target, ...] = (
    Target(
        "plain-64/floor",
        "plain-64",
        "CPU per request, plain keep-alive, 64 connections",
        1.12,
        "× raw epoll floor",
    ),
    Target(
        "plain-64/nginx",
        "plain-64",
        "CPU per request, plain keep-alive, 64 connections",
        0.85,
        "× nginx",
    ),
    Target("browser-64/nginx", "browser-64", "CPU per request, browser request", 0.75, "× nginx"),
    Target(
        "pipeline-16/nginx", "pipeline-16", "CPU per request, 16-deep pipelining", 0.15, "× nginx"
    ),
    Target(
        "connection-per-request/nginx",
        "connection-per-request",
        "CPU per request, connection per request",
        0.90,
        "× nginx",
    ),
    Target(
        "plain-10000/nginx", "plain-10000", "CPU per request, 10,000 connections", 0.85, "× nginx"
    ),
    Target(
        "static-1k/nginx", "static-1k", "CPU per request, static file of 1 KiB", 0.70, "× nginx"
    ),
    Target(
        "static-64k/nginx", "static-64k", "CPU per request, static file of 64 KiB", 0.90, "× nginx"
    ),
    Target(
        "static-10m/nginx", "static-10m", "CPU per request, static file of 10 MiB", 1.05, "× nginx"
    ),
    Target(
        "master-worker/64",
        "master-worker",
        "loop per core against reader + pool, 64 connections",
        0.85,
        "× pool of 2",
    ),
    Target(
        "master-worker/1000",
        "master-worker",
        "loop per core against reader + pool, 1,000 connections",
        0.85,
        "× pool of 2",
    ),
    Target(
        "instructions/plain",
        "instructions",
        "user-space instructions, minimal request",
        3000,
        "instructions",
        0,
    ),
    Target(
        "instructions/browser",
        "instructions",
        "user-space instructions, browser request",
        8000,
        "instructions",
        0,
    ),
    Target(
        "syscalls/keep-alive",
        "syscalls",
        "system calls per keep-alive request, 64 connections",
        2.2,
        "calls",
    ),
    Target("syscalls/pipeline", "syscalls", "system calls per pipelined request", 0.15, "calls"),
    Target("syscalls/close", "syscalls", "system calls per connection", 6.0, "calls"),
    Target(
        "idle-memory/rss", "idle-memory", "RSS per idle keep-alive connection", 400, "octets", 0
    ),
    Target(
        "idle-memory/back",
        "idle-memory",
        "RSS after 10,000 connections closed",
        1.10,
        "× RSS before",
    ),
    Target("balance", "balance", "64 connections on 8 loops, fullest loop", 1.15, "× mean"),
    Target(
        "blocked-loop",
        "blocked-loop",
        "new connections delayed > 10 ms, 1 of 4 loops blocked",
        0.5,
        "%",
    ),
    Target(
        "compat-event/slowest",
        "compat-event",
        "event core, the slowest row",
        0.95,
        "× libevent's speed",
        bound="≥",
    ),
    Target(
        "compat-event/dispatch",
        "compat-event",
        "event core, dispatch (the slowest row)",
        1.0,
        "× libevent's speed",
        bound=">",
    ),
    Target(
        "compat-event/timers",
        "compat-event",
        "event core, timers (the slowest row)",
        1.0,
        "× libevent's speed",
        bound=">",
    ),
    Target(
        "compat-buffer/slowest",
        "compat-buffer",
        "evbuffers, the slowest row",
        0.95,
        "× libevent's speed",
        bound="≥",
    ),
    Target(
        "compat-memcached",
        "compat-memcached",
        "memcached, requests per CPU second",
        0.95,
        "× on libevent",
        bound="≥",
    ),
    Target(
        "compat-http/plain",
        "compat-http",
        "evhttp, CPU per request, plain keep-alive",
        0.50,
        "× libevent's evhttp",
    ),
    Target(
        "compat-http/browser",
        "compat-http",
        "evhttp, CPU per request, browser request",
        0.45,
        "× libevent's evhttp",
    ),
    Target(
        "compat-http/pipeline",
        "compat-http",
        "evhttp, CPU per request, 16-deep pipelining",
        0.15,
        "× libevent's evhttp",
    ),
    Target(
        "compat-http/io",
        "compat-http",
        "evhttp, CPU per request, mode IO with 2 threads",
        1.25,
        "× one thread",
    ),
    Target(
        "compat-http/all",
        "compat-http",
        "evhttp, requests/s, mode ALL with 2 threads, 20 µs of work",
        1.60,
        "× one thread",
        bound="≥",
    ),
)
