"""The cases that do not measure CPU time: memory, balance, blocked loops, system calls, instructions."""
from __future__ import annotations

import json
import math
import os
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from typing import Callable

from .context import Context
from .measure import (Held, Load, LoadError, callgrind_prefix, callgrind_total, count_syscalls, settled_memory)
from .peers import HELLO, PEERS, Setup, serving
from .process import Server, StartError
from .result import Bar, Chart, Column, Result, Table
from .rounds import kind_of
from .stats import imbalance, median, number, rotated, split_by_difference

IDLE_CONNECTIONS = 10_000
MEMORY_ROUNDS, BALANCE_ROUNDS, BLOCKED_ROUNDS = 3, 10, 5
LOOPS, BALANCE_CONNECTIONS = 8, 64
BLOCKED_LOOPS, BLOCKED_RATE = 4, 1500
STRACE_REQUESTS, CALLGRIND_REQUESTS = 8_000, 1_000


@dataclass(frozen=True)
class SpecialCase:
    """A case with a way of measuring of its own."""

    name: str
    title: str
    what: str
    steps: Callable[[Context], int]
    run: Callable[[Context], Result]


def _value(numbers: list[float]) -> float | None:
    middle = median(numbers)
    return None if math.isnan(middle) else middle


def _bars(rows: list[dict], key: str) -> list[Bar]:
    return [Bar(row["label"], math.nan if row[key] is None else row[key], "" if row[key] is not None else
                "not measured", [], row["kind"]) for row in rows]


def _figure(measured: dict[str, float], key: str, value: float | None) -> None:
    if value is not None:
        measured[key] = value


# ---- memory of idle connections

def _memory_of(context: Context, name: str) -> dict[str, float]:
    with context.starter.start(name, context.server_cores, Setup()) as server:
        context.generator.window(server, Load(), min(context.seconds, 0.5), 0.1)
        before = settled_memory(server)
        with Held(context.generator, server, IDLE_CONNECTIONS) as held:
            during = settled_memory(server)
            lost = held.release()
        after = settled_memory(server)
    return {"before": before["rss"], "during": during["rss"], "after": after["rss"], "lost": lost,
            "rss": (during["rss"] - before["rss"]) / IDLE_CONNECTIONS,
            "pss": (during["pss"] - before["pss"]) / IDLE_CONNECTIONS,
            "back": after["rss"] / before["rss"]}


def _idle_memory(context: Context) -> Result:
    names, rounds = context.usable(serving(HELLO)), min(context.rounds, MEMORY_ROUNDS)
    found: dict[str, list[dict]] = {name: [] for name in names}
    notes = []
    for turn in range(rounds):
        for name in rotated(names, turn):
            try:
                found[name].append(_memory_of(context, name))
            except (LoadError, StartError) as error:
                notes.append(f"not measured: {error}.")
            last = found[name][-1]["rss"] if found[name] else None
            context.progress.step(f"idle memory  round {turn + 1}/{rounds}  {PEERS[name].label} {number(last, 0)} B",
                                  line=True)
    rows = []
    for name in names:
        values = {key: _value([one[key] for one in found[name]])
                  for key in ("rss", "pss", "before", "during", "after", "back")}
        for key in ("before", "during", "after"):
            values[key] = values[key] / 2**20 if values[key] is not None else None
        rows.append({"label": PEERS[name].label, "kind": kind_of(name), **values})
        lost = sum(one["lost"] for one in found[name])
        if lost:
            notes.append(f"{PEERS[name].label} ended {lost} idle connections meanwhile.")
    measured: dict[str, float] = {}
    for row in rows:
        if row["label"] == "corevent":
            _figure(measured, "idle-memory/rss", row["rss"])
            _figure(measured, "idle-memory/back", row["back"])
    table = Table(f"{IDLE_CONNECTIONS:,} idle connections", [
        Column("label", "server", None), Column("rss", "RSS octets/connection", 0),
        Column("pss", "PSS octets/connection", 0), Column("before", "RSS before, MiB"),
        Column("during", "with connections, MiB"), Column("after", "after they closed, MiB"),
        Column("back", "after / before")], rows)
    charts = [Chart("RSS per idle connection that has served a request", "octets; smaller is better",
                    _bars(rows, "rss"), 0),
              Chart("RSS after all connections closed, relative to before", "ratio; 1.00 is all given back",
                    _bars(rows, "back"))]
    how = [f"A fresh server answers 64 connections for a moment; its memory settles ('before'). {IDLE_CONNECTIONS:,} "
           "connections from ten client addresses serve one request each and stay idle ('with connections'), then "
           "close. Sums over all processes of the server, from smaps_rollup; medians of the rounds.",
           "User-space memory only: the kernel's part of a connection is the same for every epoll server.",
           "nginx and HAProxy lay out their connection tables at start, so part of their cost is in 'before'."]
    return Result("idle-memory", IDLE.title, IDLE.what, how, [table], charts, notes, measured)


# ---- balance over loops

def _loops_of(server: Server) -> list[int]:
    """Connections by loop without the one that asks."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/loops", timeout=5) as answer:
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


def _settled(ask: Callable[[], list[int]], wanted: Callable[[list[int]], bool]) -> list[int]:
    """Counts once they are as wanted and have not changed for 0.3 s: closed connections go a moment later."""
    deadline, since = time.monotonic() + 5, time.monotonic()
    last = ask()
    while time.monotonic() < deadline and (time.monotonic() - since < 0.3 or not wanted(last)):
        time.sleep(0.02)
        now = ask()
        if now != last:
            last, since = now, time.monotonic()
    return last


def _balance_of(context: Context, name: str, setup: Setup) -> float:
    ask = _loops_of if name == "corevent" else _sockets_of
    with context.starter.start(name, context.all_cores, setup) as server:
        before = _settled(lambda: ask(server), lambda counts: True)
        with Held(context.shared_generator, server, BALANCE_CONNECTIONS) as held:
            counts = _settled(lambda: [now - then for now, then in zip(ask(server), before)],
                              lambda counts: sum(counts) == BALANCE_CONNECTIONS)
            held.release()
    if sum(counts) != BALANCE_CONNECTIONS:
        raise LoadError(f"{PEERS[name].label} holds {sum(counts)} of {BALANCE_CONNECTIONS} connections: {counts}")
    return imbalance(counts)


def _spread_variants(context: Context, loops: int) -> list[tuple[str, str, Setup]]:
    variants = [("corevent", "corevent", Setup(workers=loops)),
                ("corevent", "corevent, reuse-port", Setup(workers=loops, extra=("--reuse-port",)))]
    if loops == LOOPS:
        variants += [("nginx", "nginx, one listener", Setup(workers=loops)),
                     ("nginx-reuseport", "nginx, reuseport", Setup(workers=loops))]
    there = context.usable([name for name, _, _ in variants])
    return [variant for variant in variants if variant[0] in there]


def _balance(context: Context) -> Result:
    variants, rounds = _spread_variants(context, LOOPS), min(context.rounds, BALANCE_ROUNDS)
    found: dict[str, list[float]] = {label: [] for _, label, _ in variants}
    notes = []
    for turn in range(rounds):
        for name, label, setup in rotated(variants, turn):
            try:
                found[label].append(_balance_of(context, name, setup))
            except (LoadError, StartError, OSError) as error:
                notes.append(f"{label}: {error}.")
            last = found[label][-1] if found[label] else None
            context.progress.step(f"balance  round {turn + 1}/{rounds}  {label} {number(last)}", line=True)
    rows = [{"label": label, "kind": kind_of(name), "balance": _value(found[label]),
             "worst": max(found[label], default=None)} for name, label, _ in variants]
    measured: dict[str, float] = {}
    _figure(measured, "balance", next((row["balance"] for row in rows if row["label"] == "corevent"), None))
    table = Table(f"{BALANCE_CONNECTIONS} connections on {LOOPS} loops",
                  [Column("label", "server", None), Column("balance", "max / mean"), Column("worst", "worst round")], rows)
    chart = Chart("Largest share of connections over the mean", "max / mean; 1.00 is even", _bars(rows, "balance"))
    how = [f"{LOOPS} loops (workers), {BALANCE_CONNECTIONS} keep-alive connections opened by one client as fast as it "
           "can, one request each, then counted per loop. corevent tells its counts on a route; for nginx the open "
           "sockets of each worker are counted in /proc. A fresh server each round; median of the rounds."]
    return Result("balance", BALANCE.title, BALANCE.what, how, [table], [chart], notes, measured)


# ---- one loop blocked

def _blocked_of(context: Context, name: str, setup: Setup, seconds: float) -> dict:
    generator = context.shared_generator
    with context.starter.start(name, context.all_cores, setup) as server:
        blocker = generator.start(server, "--mode", "keep-alive", "--connections", "1", "--pipeline", "2", "--path",
                                  "/block/200", "--warmup", "0", "--seconds", str(seconds + 3),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            result = generator.run(server, "--mode", "open-loop", "--rate", str(BLOCKED_RATE), "--warmup", "1",
                                   "--seconds", str(seconds), "--expect-body", "13")
        finally:
            blocked, said = blocker.communicate()
    if blocker.returncode != 0:
        raise LoadError(f"the blocking connection failed: {said.strip() or blocked.strip()}")
    return result


def _blocked_loop(context: Context) -> Result:
    variants, rounds = _spread_variants(context, BLOCKED_LOOPS), min(context.rounds, BLOCKED_ROUNDS)
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
    rows = []
    for name, label, _ in variants:
        results = found[label]
        asked = [r["requests"] + r["errors"]["total"] for r in results]
        rows.append({"label": label, "kind": kind_of(name),
                     "share": _value([100 * r["delayed_over_10ms"] / n for r, n in zip(results, asked) if n]),
                     "p50": _value([r["latency_us"]["p50"] for r in results]),
                     "p99": _value([r["latency_us"]["p99"] / 1000 for r in results]),
                     "late": _value([100 * r["started_late"] / n for r, n in zip(results, asked) if n])})
        wrong = sum(r["errors"]["total"] for r in results)
        if wrong:
            notes.append(f"{label}: {wrong} connections got no right answer.")
    measured: dict[str, float] = {}
    _figure(measured, "blocked-loop", next((row["share"] for row in rows if row["label"] == "corevent"), None))
    table = Table(f"{BLOCKED_RATE:,} new connections/s, one of {BLOCKED_LOOPS} loops blocked", [
        Column("label", "server", None), Column("share", "delayed > 10 ms, %"), Column("p50", "p50 µs", 0),
        Column("p99", "p99 ms"), Column("late", "started > 1 ms late by the generator, %")], rows)
    chart = Chart("New connections that wait more than 10 ms for their first octet", "% ; smaller is better",
                  _bars(rows, "share"))
    how = [f"One connection keeps one of {BLOCKED_LOOPS} loops in a handler that sleeps 200 ms, all the time. Meanwhile "
           f"new connections arrive open-loop at {BLOCKED_RATE:,}/s for {seconds:g} s; each is timed from connect to the "
           "first octet of its answer. Server and generator share the cores; medians of the rounds.",
           "The reuse-port line is the usual way of sharing a port (a listener per loop), for comparison."]
    return Result("blocked-loop", BLOCKED.title, BLOCKED.what, how, [table], [chart], notes, measured)


# ---- system calls and instructions per request

SYSCALL_LOADS = {"keep-alive": (Load(), Setup()), "pipeline": (Load(pipeline=16), Setup()),
                 "close": (Load(mode="close"), Setup(close=True))}


def _syscalls_of(context: Context, name: str, load: Load, setup: Setup) -> dict[str, float]:
    folder = context.work.folder("strace")
    with context.starter.start(name, context.server_cores, setup) as server:
        counts = [count_syscalls(context.generator, server, load, STRACE_REQUESTS * factor, folder / str(factor))
                  for factor in (1, 2)]
    return {call: split_by_difference(counts[0].get(call, 0), counts[1].get(call, 0), STRACE_REQUESTS)
            for call in counts[0].keys() | counts[1].keys()}


def _syscalls(context: Context) -> Result:
    names = context.usable(serving(HELLO))
    rows, notes, measured = [], [], {}
    for name in names:
        row: dict = {"label": PEERS[name].label, "kind": kind_of(name), "calls": "-"}
        for key, (load, setup) in SYSCALL_LOADS.items():
            row[key] = None
            try:
                calls = _syscalls_of(context, name, load, setup)
                row[key] = sum(calls.values())
                if key == "keep-alive":
                    often = sorted(((n, call) for call, n in calls.items() if n >= 0.01), reverse=True)
                    row["calls"] = ", ".join(f"{call} {n:.2f}" for n, call in often)
                if name == "corevent":
                    measured[f"syscalls/{key}"] = row[key]
            except (LoadError, StartError, OSError) as error:
                notes.append(f"{key}: {error}.")
            context.progress.step(f"syscalls  {PEERS[name].label} {key} {number(row[key])}", line=True)
        rows.append(row)
    table = Table("System calls per request", [
        Column("label", "server", None), Column("keep-alive", "keep-alive, 64 connections"),
        Column("pipeline", "16-deep pipeline"), Column("close", "connection per request"),
        Column("calls", "keep-alive, by name", None)], rows)
    charts = [Chart(f"System calls per request: {label}", "calls; smaller is better", _bars(rows, key))
              for key, label in (("keep-alive", "keep-alive, 64 connections"), ("pipeline", "16-deep pipeline"),
                                 ("close", "connection per request"))]
    how = [f"strace -c -f on the running server while it answers exactly {STRACE_REQUESTS:,} and {2 * STRACE_REQUESTS:,} "
           "requests; the difference of the two, so that accepting the 64 connections does not count.",
           "Tracing slows the server, so more connections are ready per epoll_wait than at full speed: the share of "
           "epoll_wait is a lower bound, for all servers alike."]
    return Result("syscalls", SYSCALLS.title, SYSCALLS.what, how, [table], charts, notes, measured)


def _instructions_of(context: Context, name: str, load: Load) -> float:
    folder = context.work.folder("callgrind")
    totals = []
    for factor in (1, 2):
        out = folder / f"run{factor}"
        setup = Setup(single_process=True, connections=256)
        with context.starter.start(name, context.server_cores, setup, callgrind_prefix(out)) as server:
            context.generator.exactly(server, load, CALLGRIND_REQUESTS * factor)
        totals.append(callgrind_total(out))
    return split_by_difference(totals[0], totals[1], CALLGRIND_REQUESTS)


INSTRUCTION_LOADS = {"plain": Load(connections=1), "browser": Load(connections=1, request="browser"),
                     "pipeline": Load(connections=1, pipeline=10)}


def _instructions(context: Context) -> Result:
    names = context.usable(serving(HELLO))
    rows, notes, measured = [], [], {}
    for name in names:
        row: dict = {"label": PEERS[name].label, "kind": kind_of(name)}
        for key, load in INSTRUCTION_LOADS.items():
            row[key] = None
            try:
                row[key] = _instructions_of(context, name, load)
                if name == "corevent":
                    measured[f"instructions/{key}"] = row[key]
            except (LoadError, StartError, OSError) as error:
                notes.append(f"{key}: {error}.")
            context.progress.step(f"instructions  {PEERS[name].label} {key} {number(row[key], 0)}", line=True)
        rows.append(row)
    table = Table("User-space instructions per request", [
        Column("label", "server", None), Column("plain", "minimal request", 0),
        Column("browser", "browser request", 0), Column("pipeline", "minimal, 10-deep pipeline", 0)], rows)
    charts = [Chart(f"User-space instructions: {label}", "instructions; smaller is better", _bars(rows, key), 0)
              for key, label in (("plain", "minimal request"), ("browser", "browser request"))]
    how = [f"valgrind --tool=callgrind over two runs with {CALLGRIND_REQUESTS:,} and {2 * CALLGRIND_REQUESTS:,} requests "
           "on one connection; the difference divided by the number, so that start-up does not count. The kernel's part "
           "is not in it. Valgrind shows AVX2 to programs, not AVX-512."]
    return Result("instructions", INSTRUCTIONS.title, INSTRUCTIONS.what, how, [table], charts, notes, measured)


IDLE = SpecialCase("idle-memory", "Memory of idle connections", "RSS per idle keep-alive connection at 10,000, and what "
                   "is given back", lambda c: len(c.usable(serving(HELLO))) * min(c.rounds, MEMORY_ROUNDS), _idle_memory)
BALANCE = SpecialCase("balance", "Balance over loops", "64 connections on 8 loops: the fullest loop over the mean",
                      lambda c: len(_spread_variants(c, LOOPS)) * min(c.rounds, BALANCE_ROUNDS), _balance)
BLOCKED = SpecialCase("blocked-loop", "One of four loops blocked", "share of new connections that wait more than 10 ms "
                      "while a 200 ms handler blocks one loop",
                      lambda c: len(_spread_variants(c, BLOCKED_LOOPS)) * min(c.rounds, BLOCKED_ROUNDS), _blocked_loop)
SYSCALLS = SpecialCase("syscalls", "System calls per request", "strace -c on a fixed number of requests",
                       lambda c: len(c.usable(serving(HELLO))) * len(SYSCALL_LOADS), _syscalls)
INSTRUCTIONS = SpecialCase("instructions", "User-space instructions per request", "callgrind, difference of two runs",
                           lambda c: len(c.usable(serving(HELLO))) * len(INSTRUCTION_LOADS), _instructions)

SPECIAL_CASES = (IDLE, BALANCE, BLOCKED, SYSCALLS, INSTRUCTIONS)
