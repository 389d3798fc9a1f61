"""The command line of bench/run."""
from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

from . import machine, report
from .compat_cases import COMPAT_CASES
from .compat_http import COMPAT_HTTP_CASES
from .compat_memcached import COMPAT_MEMCACHED_CASES
from .context import Context
from .counts import COUNT_CASES
from .load_cases import LOAD_CASES
from .measure import Generator
from .memory import MEMORY_CASES
from .peers import PEERS
from .process import Starter, raise_open_files
from .progress import Progress, duration
from .spread import SPREAD_CASES
from .workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
CASES = {
    case.name: case
    for case in (
        *LOAD_CASES,
        *MEMORY_CASES,
        *SPREAD_CASES,
        *COUNT_CASES,
        *COMPAT_CASES,
        *COMPAT_MEMCACHED_CASES,
        *COMPAT_HTTP_CASES,
    )
}


def case_list() -> str:
    """All names with one line each."""
    width = max(map(len, CASES))
    lines = [f"  {name.ljust(width)}  {case.what}" for name, case in CASES.items()]
    return "\n".join(["cases (./dev bench NAME..., or all):", *lines])


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """Checks names and figures; ends with status 2 and one line when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="bench/run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=case_list(),
        description="corevent and its peers side by side; pages and plots into docs/benchmarks/.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases to run, or all")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (15; 3 with --quick)")
    parser.add_argument("--seconds", type=float, help="length of one window (1; 0.4 with --quick)")
    parser.add_argument(
        "--quick", action="store_true", help="few short rounds: a look, not a finding"
    )
    parser.add_argument("--peers", help="only these, comma-separated: " + ",".join(PEERS))
    parser.add_argument(
        "--build",
        type=Path,
        default=Path(os.environ.get("CE_BENCH_BUILD", "build/release")),
        help="build folder with bin/bench (build/release)",
    )
    parser.add_argument("--out", type=Path, help="where pages go (docs/benchmarks)")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (3 if options.quick else 15)
    options.seconds = options.seconds or (0.4 if options.quick else 1.0)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    options.names = list(CASES) if "all" in options.names else options.names
    unknown = [name for name in options.names if name not in CASES]
    if unknown:
        parser.error(f"unknown case {unknown[0]!r}\n{case_list()}")
    options.peers = set(options.peers.split(",")) if options.peers else None
    if options.peers and options.peers - PEERS.keys():
        parser.error(
            f"unknown peer {sorted(options.peers - PEERS.keys())[0]!r}; known: {', '.join(PEERS)}"
        )
    usable = os.sched_getaffinity(0)
    if (
        options.server_core == options.client_core
        or not {options.server_core, options.client_core} <= usable
    ):
        parser.error(
            f"--server-core and --client-core must be two different cores of {sorted(usable)}"
        )
    return options


def _context(options: argparse.Namespace, work: Workspace, bin_dir: Path) -> Context:
    both = {options.server_core, options.client_core}
    return Context(
        work,
        bin_dir,
        Starter(work, bin_dir),
        Generator(bin_dir, {options.client_core}),
        Generator(bin_dir, both),
        Progress(1),
        options.rounds,
        options.seconds,
        {options.server_core},
        both,
        options.peers,
    )


def _environment(
    options: argparse.Namespace, context: Context, argv: list[str], names: list[str]
) -> dict:
    return {
        "machine": machine.describe(REPOSITORY),
        "versions": machine.versions(names, context.bin_dir),
        "command": shlex.join(["./dev", "bench", *argv]),
        "rounds": options.rounds,
        "seconds": options.seconds,
    }


def _run_cases(options: argparse.Namespace, context: Context, argv: list[str], out: Path) -> int:
    cases = [CASES[name] for name in dict.fromkeys(options.names)]
    context.progress = Progress(sum(case.steps(context) for case in cases))
    shown = [name for name in PEERS if context.only is None or name in context.only]
    environment = _environment(options, context, argv, shown)
    if context.missing:
        missing = ", ".join(sorted(PEERS[name].label for name in context.missing))
        context.progress.say(
            f"not there, left out: {missing}  (./dev setup installs peers, ./dev bench builds "
            "programs)"
        )
    measured = 0
    for case in cases:
        if case.steps(context) == 0:
            context.progress.say(f"{case.name}: none of its servers is there, skipped")
            continue
        found = case.run(context)
        found.environment = environment
        if context.missing:
            found.notes.append(
                "Not there, so not measured: "
                + ", ".join(sorted(PEERS[name].label for name in context.missing))
                + "."
            )
        report.write_case(found, out)
        report.write_index(out, {name: case.title for name, case in CASES.items()})
        context.progress.say(
            "\n" + "\n\n".join(report.markdown_table(table) for table in found.tables)
        )
        context.progress.say(
            "".join(f"  note: {note}\n" for note in found.notes)
            + f"  -> {out / (case.name + '.md')}"
        )
        measured += 1
    took = duration(context.progress.clock() - context.progress.began)
    context.progress.say(
        f"{measured} of {len(cases)} cases measured in {took}; {out / 'README.md'} compares with "
        "the targets"
    )
    return 0 if measured == len(cases) else 1


def main(argv: list[str]) -> int:
    """Runs the cases named; lists them when none is."""
    options = parse_arguments(argv)
    if not options.names:
        print(case_list())
        return 0
    build = options.build if options.build.is_absolute() else REPOSITORY / options.build
    bin_dir = build / "bin" / "bench"
    if not (bin_dir / "ce_load").exists():
        print(
            f"no load generator in {bin_dir}: build the target bench_programs first, or name the "
            "build with --build",
            file=sys.stderr,
        )
        return 1
    out = (options.out or REPOSITORY / "docs" / "benchmarks").resolve()
    raise_open_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are stopped as on Ctrl-C
    with Workspace() as work:
        try:
            return _run_cases(options, _context(options, work, bin_dir), argv, out)
        except KeyboardInterrupt:
            print("\nstopped; the pages of finished cases are written", file=sys.stderr)
            return 130
