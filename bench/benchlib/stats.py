"""Pure arithmetic of the bench: medians, ratios of paired rounds, rotation, balance. No files, no
processes."""
from __future__ import annotations

import math
import operator
from typing import Iterable, Mapping, Sequence


def median(values: Iterable[float]) -> float:
    """The middle value (the mean of the two middle ones); NaN when there is none."""
    ordered = sorted(v for v in values if not math.isnan(v))
    if not ordered:
        return math.nan
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def paired_ratio(values: Sequence[float], reference: Sequence[float]) -> float:
    """Median over rounds of value / reference of the same round: noise that hits a whole round
    cancels."""
    ratios = [
        v / r for v, r in zip(values, reference) if r and not math.isnan(v) and not math.isnan(r)
    ]
    return median(ratios)


def rotated(items: Sequence, turn: int) -> list:
    """The order of round `turn`: A B C, then B C A, then C A B."""
    if not items:
        return []
    at = turn % len(items)
    return list(items[at:]) + list(items[:at])


def imbalance(counts: Sequence[float]) -> float:
    """Largest over mean; 1.0 is perfect, len(counts) means that one has everything."""
    if not counts or sum(counts) == 0:
        return math.nan
    return max(counts) * len(counts) / sum(counts)


def user_share(user: Iterable[float], system: Iterable[float]) -> float:
    """Share of user time over all rounds together: the kernel samples it, one short round says
    little."""
    total_user = sum(user)
    total = total_user + sum(system)
    return total_user / total if total else math.nan


def split_by_difference(first: float, second: float, count: int) -> float:
    """Cost of one request from two runs with `count` and 2 x `count` requests: start-up and
    set-up cancel."""
    if count <= 0:
        raise ValueError("count must be positive")
    return (second - first) / count


BOUNDS = {"≤": operator.le, "≥": operator.ge, ">": operator.gt}


def verdict(measured: float | None, limit: float, bound: str = "≤") -> str:
    """How a measured figure stands against its limit."""
    if measured is None or math.isnan(measured):
        return "not measured"
    return "met" if BOUNDS[bound](measured, limit) else "not met"


def number(value: float | None, digits: int = 2) -> str:
    """A figure for a table: thousands apart, a dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:,.{digits}f}"


def summed(maps: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Adds mappings key by key."""
    total: dict[str, float] = {}
    for mapping in maps:
        for key, value in mapping.items():
            total[key] = total.get(key, 0) + value
    return total
