"""How connections spread over loops: balance, and new connections while one loop is blocked."""
from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from typing import Callable

from .case import Case, Findings, bars_of, figures_of, middle
from .context import Context
from .measure import Held, LoadError
from .peers import PEERS, Setup
from .process import Server, StartError
from .result import Chart, Column, Table
from .rounds import kind_of
from .stats import imbalance, number, rotated

BALANCE_LOOPS, BALANCE_CONNECTIONS, BALANCE_ROUNDS_MAX = 8, 64, 10
BLOCKED_LOOPS, BLOCKED_RATE, BLOCKED_ROUNDS_MAX = 4, 1500, 5

Spread = tuple[str, str, Setup]  # peer, label, set-up


def _variants(context: Context, loops: int, with_peers: bool) -> list[Spread]:
    variants: list[Spread] = [
        ("corevent", "corevent", Setup(workers=loops)),
        ("corevent", "corevent, reuse-port", Setup(workers=loops, extra=("--reuse-port",))),
    ]
    if with_peers:
        variants += [
            ("nginx", "nginx, one listener", Setup(workers=loops)),
            ("nginx-reuseport", "nginx, reuseport", Setup(workers=loops)),
        ]
    there = context.usable([name for name, _, _ in variants])
    return [variant for variant in variants if variant[0] in there]


# ---- balance


def _loops_of(server: Server) -> list[int]:
    """Connections by loop without the one that asks."""
    url = f"http://127.0.0.1:{server.port}/loops"
    with urllib.request.urlopen(url, timeout=5) as answer:
        told = json.load(answer)
    counts = list(told["connections"])
    counts[told["loop"]] -= 1
    return counts


def _sockets_of(server: Server) -> list[int]:
    """Open sockets of each worker process."""
    counts = []
    for pid in server.pids:
        if pid == server.process.pid:
            continue
        sockets = 0
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                sockets += os.readlink(entry.path).startswith("socket:")
            except OSError:
                continue
        counts.append(sockets)
    return counts


def _settled(ask: Callable[[], list[int]], wanted: int | None) -> list[int]:
    """Counts once they add up to `wanted` and have not changed for 0.3 s: closed connections
    disappear a moment later."""
    deadline, since = time.monotonic() + 5, time.monotonic()
    last = ask()
    while time.monotonic() < deadline:
        if time.monotonic() - since >= 0.3 and wanted in (None, sum(last)):
            break
        time.sleep(0.02)
        now = ask()
        if now != last:
            last, since = now, time.monotonic()
    return last


def _balance_of(context: Context, name: str, setup: Setup) -> float:
    ask = _loops_of if name == "corevent" else _sockets_of
    with context.starter.start(name, context.all_cores, setup) as server:
        before = _settled(lambda: ask(server), None)

        def opened() -> list[int]:
            return [now - then for now, then in zip(ask(server), before)]

        with Held(context.shared_generator, server, BALANCE_CONNECTIONS) as held:
            counts = _settled(opened, BALANCE_CONNECTIONS)
            held.release()
    if sum(counts) != BALANCE_CONNECTIONS:
        raise LoadError(
            f"{PEERS[name].label} holds {sum(counts)} of {BALANCE_CONNECTIONS}: {counts}"
        )
    return imbalance(counts)


def _measure_balance(context: Context) -> Findings:
    variants = _variants(context, BALANCE_LOOPS, True)
    rounds = min(context.rounds, BALANCE_ROUNDS_MAX)
    found: dict[str, list[float]] = {label: [] for _, label, _ in variants}
    notes = []
    for turn in range(rounds):
        for name, label, setup in rotated(variants, turn):
            try:
                found[label].append(_balance_of(context, name, setup))
            except (LoadError, StartError, OSError) as error:
                notes.append(f"{label}: {error}.")
            last = found[label][-1] if found[label] else None
            context.progress.step(
                f"balance  round {turn + 1}/{rounds}  {label} {number(last)}", line=True
            )
    rows = [
        {
            "label": label,
            "kind": kind_of(name),
            "balance": middle(found[label]),
            "worst": max(found[label], default=None),
        }
        for name, label, _ in variants
    ]
    columns = [
        Column("label", "server", None),
        Column("balance", "max / mean"),
        Column("worst", "worst round"),
    ]
    table = Table(f"{BALANCE_CONNECTIONS} connections on {BALANCE_LOOPS} loops", columns, rows)
    chart = Chart(
        "Largest share of connections over the mean",
        "max / mean; 1.00 is even",
        bars_of(rows, "balance"),
    )
    how = [
        f"{BALANCE_LOOPS} loops (workers), {BALANCE_CONNECTIONS} keep-alive connections opened by "
        "one client as fast as it can, one request each, then counted per loop. corevent tells its "
        "counts on a route; for nginx the open sockets of each worker are counted in /proc. A "
        "fresh server each round; median of the rounds."
    ]
    measured = figures_of(rows, "corevent", {"balance": "balance"})
    return Findings(how, [table], [chart], notes, measured)


# ---- one loop blocked


def _blocked_of(context: Context, name: str, setup: Setup, seconds: float) -> dict:
    generator = context.shared_generator
    with context.starter.start(name, context.all_cores, setup) as server:
        blocker = generator.start(
            server,
            *("--connections", "1", "--pipeline", "2", "--path", "/block/200"),
            *("--warmup", "0", "--seconds", str(seconds + 3)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            result = generator.run(
                server,
                *("--mode", "open-loop", "--rate", str(BLOCKED_RATE), "--warmup", "1"),
                *("--seconds", str(seconds), "--expect-body", "13"),
            )
        except BaseException:
            blocker.kill()
            blocker.communicate()
            raise
        blocked, said = blocker.communicate()
    if blocker.returncode != 0:
        raise LoadError(f"the blocking connection failed: {said.strip() or blocked.strip()}")
    return result


def _blocked_row(name: str, label: str, results: list[dict]) -> dict:
    asked = [one["requests"] + one["errors"]["total"] for one in results]
    pairs = [(one, count) for one, count in zip(results, asked) if count]
    return {
        "label": label,
        "kind": kind_of(name),
        "share": middle([100 * one["delayed_over_10ms"] / count for one, count in pairs]),
        "p50": middle([one["latency_us"]["p50"] for one in results]),
        "p99": middle([one["latency_us"]["p99"] / 1000 for one in results]),
        "late": middle([100 * one["started_late"] / count for one, count in pairs]),
    }


def _measure_blocked(context: Context) -> Findings:
    variants = _variants(context, BLOCKED_LOOPS, False)
    rounds = min(context.rounds, BLOCKED_ROUNDS_MAX)
    seconds = max(2.0, 5.0 * context.seconds)
    found: dict[str, list[dict]] = {label: [] for _, label, _ in variants}
    notes = []
    for turn in range(rounds):
        for name, label, setup in rotated(variants, turn):
            try:
                found[label].append(_blocked_of(context, name, setup, seconds))
            except (LoadError, StartError) as error:
                notes.append(f"{label}: {error}.")
            context.progress.step(f"blocked loop  round {turn + 1}/{rounds}  {label}", line=True)
    rows = [_blocked_row(name, label, found[label]) for name, label, _ in variants]
    for _, label, _ in variants:
        wrong = sum(one["errors"]["total"] for one in found[label])
        if wrong:
            notes.append(f"{label}: {wrong} connections got no right answer.")
    columns = [
        Column("label", "server", None),
        Column("share", "delayed > 10 ms, %"),
        Column("p50", "p50 µs", 0),
        Column("p99", "p99 ms"),
        Column("late", "started > 1 ms late by the generator, %"),
    ]
    caption = f"{BLOCKED_RATE:,} new connections/s, one of {BLOCKED_LOOPS} loops blocked"
    chart = Chart(
        "New connections that wait more than 10 ms for their first octet",
        "%; smaller is better",
        bars_of(rows, "share"),
    )
    how = [
        f"One connection keeps one of {BLOCKED_LOOPS} loops in a handler that sleeps 200 ms, all "
        f"the time. Meanwhile new connections arrive open-loop at {BLOCKED_RATE:,}/s for "
        f"{seconds:g} s; each is timed from connect to the first octet of its answer. Server and "
        "generator share the cores; medians of the rounds.",
        "The reuse-port line is the usual way of sharing a port (a listener per loop), for "
        "comparison.",
    ]
    measured = figures_of(rows, "corevent", {"share": "blocked-loop"})
    return Findings(how, [Table(caption, columns, rows)], [chart], notes, measured)


SPREAD_CASES = (
    Case(
        "balance",
        "Balance over loops",
        "64 connections on 8 loops: the fullest loop over the mean",
        lambda context: len(_variants(context, BALANCE_LOOPS, True))
        * min(context.rounds, BALANCE_ROUNDS_MAX),
        _measure_balance,
    ),
    Case(
        "blocked-loop",
        "One of four loops blocked",
        "share of new connections that wait > 10 ms while a 200 ms handler blocks one loop",
        lambda context: len(_variants(context, BLOCKED_LOOPS, False))
        * min(context.rounds, BLOCKED_ROUNDS_MAX),
        _measure_blocked,
    ),
)
