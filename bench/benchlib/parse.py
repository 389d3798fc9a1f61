"""Parsers of what other programs print: ce_load, strace -c, callgrind, /proc. Text in, values
out."""
from __future__ import annotations

import json
import re


class ParseError(ValueError):
    """The text is not what the program is known to print."""


def load_events(text: str) -> list[dict]:
    """The JSON lines of ce_load."""
    events = []
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ParseError(f"ce_load printed a bad line: {line[:120]}") from error
    return events


def load_result(text: str) -> dict:
    """The result line of ce_load."""
    for event in reversed(load_events(text)):
        if event.get("event") == "result":
            return event
    raise ParseError("ce_load printed no result")


def strace_counts(text: str) -> dict[str, int]:
    """Calls by name from the table of strace -c; the total line is left out."""
    counts: dict[str, int] = {}
    for line in text.splitlines():
        fields = (
            line.split()
        )  # % time, seconds, usecs/call, calls, errors where there were some, name
        if len(fields) not in (5, 6) or not fields[3].isdigit() or fields[-1] == "total":
            continue
        counts[fields[-1]] = counts.get(fields[-1], 0) + int(fields[3])
    if not counts:
        raise ParseError("no table of strace -c found")
    return counts


def callgrind_instructions(text: str) -> int:
    """All instructions of a callgrind output file."""
    total = 0
    found = False
    for match in re.finditer(r"^(?:totals|summary): (\d+)", text, re.MULTILINE):
        total = max(total, int(match.group(1)))
        found = True
    if not found:
        raise ParseError("no totals in the callgrind output")
    return total


def rollup_bytes(text: str) -> dict[str, int]:
    """Rss and Pss in octets from /proc/PID/smaps_rollup."""
    sizes = {}
    for key in ("Rss", "Pss"):
        match = re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)
        if not match:
            raise ParseError(f"no {key} in smaps_rollup")
        sizes[key.lower()] = int(match.group(1)) * 1024
    return sizes


def listening_port(line: str) -> int:
    """The port of a "listening PORT" line."""
    match = re.fullmatch(r"listening (\d+)", line.strip())
    if not match:
        raise ParseError(f'expected "listening PORT", got {line.strip()!r}')
    return int(match.group(1))


def version_of(text: str) -> str:
    """The first dotted number in what a program prints about itself."""
    match = re.search(r"\d+\.\d+(?:\.\d+)*", text)
    return match.group(0) if match else "unknown"


def cpu_model(cpuinfo: str) -> str:
    """The model name of /proc/cpuinfo."""
    match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return match.group(1).strip() if match else "unknown"
