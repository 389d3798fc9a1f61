"""Interleaved rounds: all servers of a cell are started together, each round visits them in
rotated order."""
from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field

from .context import Context
from .measure import Load, LoadError, Sample
from .peers import PEERS, Setup
from .process import Server, StartError
from .result import Bar, Chart, Column, Table
from .stats import median, number, paired_ratio, rotated, user_share

GIVE_UP_AFTER = 2  # failed rounds in a row


@dataclass(frozen=True)
class Variant:
    """One line of a table: a peer in one configuration."""

    key: str
    peer: str
    setup: Setup = Setup()
    label: str = ""

    @property
    def title(self) -> str:
        """The label, by default the peer's."""
        return self.label or PEERS[self.peer].label


@dataclass(frozen=True)
class Cell:
    """One table: a load and the variants that it is put on."""

    key: str
    caption: str
    load: Load
    variants: tuple[Variant, ...]
    references: tuple[str, ...] = ("nginx", "floor")
    share_cores: bool = False  # server and generator on all cores instead of one each
    rates: bool = False  # requests/s are compared too
    stretch: float = 1  # windows longer than usual, where a connection waits long for its turn


@dataclass
class Outcome:
    """All samples of a cell."""

    cell: Cell
    variants: list[Variant]
    samples: dict[str, list[Sample | None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def cpu(self, key: str) -> list[float]:
        """CPU per request by round; NaN where the round failed or an answer was wrong."""
        return [s.cpu_us if s and s.errors == 0 else math.nan for s in self.samples.get(key, [])]

    def rate(self, key: str) -> list[float]:
        """Requests a second by round, as cpu()."""
        return [
            s.per_second if s and s.errors == 0 else math.nan for s in self.samples.get(key, [])
        ]

    def ratio(self, key: str, reference: str) -> float:
        """CPU per request: median of paired ratios; NaN when one of the two was not measured."""
        return paired_ratio(self.cpu(key), self.cpu(reference))

    def rate_ratio(self, key: str, reference: str) -> float:
        """Requests a second, as ratio()."""
        return paired_ratio(self.rate(key), self.rate(reference))


def steps(context: Context, cells: list[Cell]) -> int:
    """Windows that these cells take."""
    return sum(context.rounds * len(usable_variants(context, cell)) for cell in cells)


def usable_variants(context: Context, cell: Cell) -> list[Variant]:
    """The variants whose programs are there."""
    names = context.usable([variant.peer for variant in cell.variants])
    return [variant for variant in cell.variants if variant.peer in names]


def run_cell(context: Context, cell: Cell) -> Outcome:
    """Starts the servers, measures all rounds, stops the servers."""
    outcome = Outcome(cell, usable_variants(context, cell))
    cores = context.all_cores if cell.share_cores else context.server_cores
    with contextlib.ExitStack() as stack:
        servers: dict[str, Server] = {}
        for variant in outcome.variants:
            context.progress.show(f"{cell.caption}: starting {variant.title}")
            try:
                servers[variant.key] = stack.enter_context(
                    context.starter.start(variant.peer, cores, variant.setup)
                )
                outcome.samples[variant.key] = []
            except StartError as error:
                outcome.notes.append(f"{variant.title} was not measured: {error}.")
                context.progress.say(f"  {error}")
        failures = dict.fromkeys(servers, 0)
        for turn in range(context.rounds):
            _round(context, outcome, servers, failures, turn)
    return outcome


def _round(
    context: Context,
    outcome: Outcome,
    servers: dict[str, Server],
    failures: dict[str, int],
    turn: int,
) -> None:
    cell = outcome.cell
    generator = context.shared_generator if cell.share_cores else context.generator
    seconds = context.seconds * cell.stretch
    order = rotated([v for v in outcome.variants if v.key in servers], turn)
    for at, variant in enumerate(order):
        sample = None
        if failures[variant.key] < GIVE_UP_AFTER:
            try:
                sample = generator.window(servers[variant.key], cell.load, seconds)
                failures[variant.key] = 0
            except LoadError as error:
                failures[variant.key] += 1
                if failures[variant.key] == 1:
                    outcome.notes.append(f"{error}.")
        outcome.samples[variant.key].append(sample)
        context.progress.step(
            f"{cell.caption}  round {turn + 1}/{context.rounds}  {variant.title} "
            f"{number(sample.cpu_us if sample else None)} µs",
            line=at == len(order) - 1,
        )


def columns(cell: Cell) -> list[Column]:
    """The columns of a table of samples."""
    labels = {v.key: v.title for v in cell.variants}
    references = [(key, labels[key]) for key in cell.references if key in labels]
    return [
        Column("label", "server", None),
        Column("cpu", "CPU µs/request"),
        Column("user", "user"),
        Column("system", "system"),
        Column("range", "min-max", None),
        *[Column("x_" + key, f"× {label}") for key, label in references],
        Column("per_second", "requests/s", 0),
        *[Column("r_" + key, f"requests/s × {label}") for key, label in references if cell.rates],
        Column("p50", "p50 µs", 0),
        Column("p99", "p99 µs", 0),
        Column("busy", "server busy"),
        Column("generator", "generator busy"),
    ]


def row(outcome: Outcome, variant: Variant) -> dict:
    """Medians over the rounds of one variant."""
    good = [s for s in outcome.samples.get(variant.key, []) if s and s.errors == 0]
    cpu = [s.cpu_us for s in good]
    middle = median(cpu)
    share = user_share([s.user_us for s in good], [s.system_us for s in good])
    values = {
        "label": variant.title,
        "cpu": middle,
        "user": middle * share,
        "system": middle * (1 - share),
        "range": f"{number(min(cpu))}-{number(max(cpu))}" if cpu else "-",
        "per_second": median(s.per_second for s in good),
        "p50": median(s.p50_us for s in good),
        "p99": median(s.p99_us for s in good),
        "busy": median(s.server_busy for s in good),
        "generator": median(s.generator_busy for s in good),
    }
    for key in outcome.cell.references:
        values["x_" + key] = outcome.ratio(variant.key, key)
        values["r_" + key] = outcome.rate_ratio(variant.key, key)
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in values.items()
    }


def observations(outcome: Outcome) -> list[str]:
    """What a reader must know about these samples."""
    notes = list(outcome.notes)
    limited = []
    for variant in outcome.variants:
        samples = [s for s in outcome.samples.get(variant.key, []) if s]
        wrong = sum(s.errors for s in samples)
        if wrong:
            kinds = sorted({kind for s in samples for kind in s.error_kinds})
            spoiled = sum(1 for s in samples if s.errors)
            notes.append(
                f"{variant.title}: {wrong} wrong answers ({', '.join(kinds)}); "
                f"the {spoiled} rounds that had them are left out."
            )
        reconnects = sum(s.reconnects for s in samples)
        if reconnects:
            share = reconnects / max(1, sum(s.requests for s in samples))
            notes.append(
                f"{variant.title} ended {reconnects} connections between requests ({share:.3%} of "
                "requests)."
            )
        if (
            samples
            and median(s.generator_busy for s in samples) > 0.93
            and median(s.server_busy for s in samples) < 0.9
        ):
            limited.append(variant.title)
    if limited and not outcome.cell.share_cores:
        notes.append(
            "The generator was the limit, so requests/s and latency say nothing about the server "
            f"(CPU per request does): {', '.join(limited)}."
        )
    return notes


def table(outcome: Outcome) -> Table:
    """The table of a cell."""
    return Table(
        outcome.cell.caption, columns(outcome.cell), [row(outcome, v) for v in outcome.variants]
    )


def kind_of(peer: str) -> str:
    """The colour of a bar."""
    if peer in ("corevent", "master-worker", "evhttp-corevent"):
        return "own"
    return "floor" if peer == "floor" else "peer"


def chart(outcome: Outcome, values: Table) -> Chart:
    """CPU per request, user and system stacked."""
    bars = []
    for variant, line in zip(outcome.variants, values.rows):
        cpu = line["cpu"]
        if cpu is None:
            bars.append(Bar(variant.title, math.nan, "not measured", [], kind_of(variant.peer)))
            continue
        reference = next(
            (key for key in outcome.cell.references if line.get("x_" + key) is not None), None
        )
        text = number(cpu) + (
            f" ({number(line['x_' + reference])} × {reference})" if reference else ""
        )
        bars.append(
            Bar(
                variant.title,
                cpu,
                text,
                [("user", line["user"]), ("system", line["system"])],
                kind_of(variant.peer),
            )
        )
    return Chart(
        outcome.cell.caption, "CPU µs per request, user (dark) and system; smaller is better", bars
    )
