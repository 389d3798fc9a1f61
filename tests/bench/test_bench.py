#!/usr/bin/env python3
"""Tests of the bench: its arithmetic, parsers, pages and plots, and that ce_load counts no wrong
answer as a request.

Programs are taken from $CE_BENCH_BIN when that is set, else compiled from the sources here.
"""
from __future__ import annotations

import atexit
import contextlib
import io
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

REPOSITORY = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(REPOSITORY / "bench"))

from benchlib import cli, compat_cases, libraries, parse, report, result, stats, svg  # noqa: E402
from benchlib.compat_memcached import run_seconds  # noqa: E402
from benchlib.measure import Load, sample_of  # noqa: E402
from benchlib.peers import PEERS, Setup, serving  # noqa: E402
from benchlib.progress import Progress, duration  # noqa: E402
from benchlib.rounds import Cell, Outcome, Variant, chart, observations, table  # noqa: E402
from benchlib.targets import TARGETS  # noqa: E402
from benchlib.workspace import Workspace  # noqa: E402


class Stats(unittest.TestCase):
    def test_median(self) -> None:
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 3, 2]), 2.5)
        self.assertEqual(stats.median([5, math.nan]), 5)
        self.assertTrue(math.isnan(stats.median([])))

    def test_paired_ratio_cancels_what_hits_a_whole_round(self) -> None:
        self.assertAlmostEqual(stats.paired_ratio([10, 100, 20], [20, 200, 40]), 0.5)

    def test_paired_ratio_skips_failed_rounds(self) -> None:
        self.assertAlmostEqual(stats.paired_ratio([1, math.nan, 3], [2, 2, math.nan]), 0.5)
        self.assertTrue(math.isnan(stats.paired_ratio([math.nan], [1])))
        self.assertTrue(math.isnan(stats.paired_ratio([1], [0])))

    def test_rotation_gives_every_server_every_place(self) -> None:
        orders = [stats.rotated("ABC", turn) for turn in range(3)]
        self.assertEqual(orders, [["A", "B", "C"], ["B", "C", "A"], ["C", "A", "B"]])
        self.assertEqual(stats.rotated("ABC", 3), ["A", "B", "C"])
        self.assertEqual(stats.rotated([], 2), [])

    def test_imbalance(self) -> None:
        self.assertEqual(stats.imbalance([8] * 8), 1.0)
        self.assertEqual(stats.imbalance([64] + [0] * 7), 8.0)
        self.assertTrue(math.isnan(stats.imbalance([])))

    def test_user_share_is_pooled(self) -> None:
        self.assertAlmostEqual(stats.user_share([0, 20], [40, 40]), 0.2)
        self.assertTrue(math.isnan(stats.user_share([0], [0])))

    def test_difference_of_two_runs(self) -> None:
        self.assertEqual(stats.split_by_difference(5_100, 10_100, 1000), 5)
        with self.assertRaises(ValueError):
            stats.split_by_difference(1, 2, 0)

    def test_verdict(self) -> None:
        self.assertEqual(stats.verdict(1.12, 1.12), "met")
        self.assertEqual(stats.verdict(1.13, 1.12), "not met")
        self.assertEqual(stats.verdict(None, 1), "not measured")
        self.assertEqual(stats.verdict(0.95, 0.95, "≥"), "met")
        self.assertEqual(stats.verdict(0.94, 0.95, "≥"), "not met")
        self.assertEqual(stats.verdict(1.0, 1.0, ">"), "not met")

    def test_number(self) -> None:
        self.assertEqual(stats.number(1234.5, 1), "1,234.5")
        self.assertEqual(stats.number(math.nan), "-")
        self.assertEqual(stats.number(None), "-")


STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.060000           6     10000           sendto
 30.00    0.030000           3     10000        12 recvfrom
 10.00    0.010000          50       200           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.100000           4     20200        12 total
"""


class Parsers(unittest.TestCase):
    def test_strace(self) -> None:
        self.assertEqual(
            parse.strace_counts(STRACE), {"sendto": 10000, "recvfrom": 10000, "epoll_wait": 200}
        )
        with self.assertRaises(parse.ParseError):
            parse.strace_counts("strace: attach failed")

    def test_callgrind(self) -> None:
        self.assertEqual(
            parse.callgrind_instructions("events: Ir\nsummary: 41\nfn=(1)\ntotals: 42\n"), 42
        )
        with self.assertRaises(parse.ParseError):
            parse.callgrind_instructions("events: Ir\n")

    def test_rollup(self) -> None:
        text = "00400000-7ffe rollup\nRss:     2048 kB\nPss:     100 kB\nPss_Anon: 1 kB\n"
        self.assertEqual(parse.rollup_bytes(text), {"rss": 2 << 20, "pss": 102_400})
        with self.assertRaises(parse.ParseError):
            parse.rollup_bytes("Rss: 1 kB\n")

    def test_listening(self) -> None:
        self.assertEqual(parse.listening_port("listening 8080\n"), 8080)
        with self.assertRaises(parse.ParseError):
            parse.listening_port("cannot listen")

    def test_load_result(self) -> None:
        text = '{"event":"holding","connections":3}\n{"event":"result","requests":7}\n'
        self.assertEqual(parse.load_result(text)["requests"], 7)
        with self.assertRaises(parse.ParseError):
            parse.load_result('{"event":"holding"}\n')
        with self.assertRaises(parse.ParseError):
            parse.load_result('{"event":"result",\n')

    def test_versions(self) -> None:
        self.assertEqual(parse.version_of("nginx version: nginx/1.22.1"), "1.22.1")
        self.assertEqual(parse.version_of("no number"), "unknown")

    def test_cpu_model(self) -> None:
        self.assertEqual(parse.cpu_model("vendor_id\t: X\nmodel name\t: Some CPU\n"), "Some CPU")


def sample(cpu_us: float, errors: int = 0, **more: object):
    """A sample of 1,000 requests in one second."""
    found = {
        "requests": 1000,
        "seconds": 1.0,
        "requests_per_second": 1000.0,
        "reconnects": 0,
        "own_cpu_us": 5e5,
        "server_cpu": {"run_us": cpu_us * 1000, "user_us": 1.0, "system_us": 3.0, "complete": True},
        "errors": {"total": errors, "status": errors},
        "latency_us": {"p50": 10.0, "p99": 20.0},
    }
    found.update(more)
    return sample_of(found)


class Rounds(unittest.TestCase):
    def outcome(self) -> Outcome:
        variants = (
            Variant("corevent", "corevent"),
            Variant("nginx", "nginx"),
            Variant("floor", "floor"),
        )
        outcome = Outcome(Cell("c", "A case", Load(), variants), list(variants))
        outcome.samples = {
            "corevent": [sample(8), sample(16), sample(1, errors=5)],
            "nginx": [sample(10), sample(20), sample(10)],
            "floor": [None, sample(16), None],
        }
        return outcome

    def test_a_round_with_wrong_answers_does_not_count(self) -> None:
        outcome = self.outcome()
        self.assertAlmostEqual(outcome.ratio("corevent", "nginx"), 0.8)
        row = table(outcome).rows[0]
        self.assertEqual(row["cpu"], 12)
        self.assertEqual(row["user"], 3)
        self.assertEqual(row["range"], "8.00-16.00")
        self.assertTrue(any("5 wrong answers (status)" in note for note in observations(outcome)))

    def test_requests_per_second_are_compared_round_by_round(self) -> None:
        outcome = self.outcome()
        outcome.samples["corevent"] = [
            sample(8, requests_per_second=1600.0),
            sample(8, requests_per_second=500.0),
            sample(8, requests_per_second=9000.0, errors=1),
        ]
        self.assertAlmostEqual(outcome.rate_ratio("corevent", "nginx"), 1.05)
        self.assertTrue(math.isnan(outcome.rate_ratio("corevent", "nobody")))

    def test_ratios_of_requests_per_second_stand_where_they_were_asked_for(self) -> None:
        for asked in (False, True):
            outcome = self.outcome()
            outcome.cell = Cell("c", "A case", Load(), outcome.cell.variants, rates=asked)
            keys = [column.key for column in table(outcome).columns]
            self.assertEqual("r_nginx" in keys, asked)

    def test_a_failed_round_leaves_the_others(self) -> None:
        self.assertAlmostEqual(self.outcome().ratio("corevent", "floor"), 1.0)

    def test_generator_limit_is_said(self) -> None:
        outcome = self.outcome()
        outcome.samples["nginx"] = [sample(500, own_cpu_us=0.97e6)] * 3
        self.assertTrue(
            any(
                "generator was the limit" in note and "nginx" in note
                for note in observations(outcome)
            )
        )
        self.assertFalse(
            any("generator was the limit" in note for note in observations(self.outcome()))
        )

    def test_a_server_that_ended_gives_no_figure(self) -> None:
        gone = sample(
            8, server_cpu={"run_us": 1.0, "user_us": 0.0, "system_us": 0.0, "complete": False}
        )
        self.assertTrue(math.isnan(gone.cpu_us))

    def test_chart_has_a_bar_for_what_was_not_measured(self) -> None:
        outcome = self.outcome()
        outcome.samples["floor"] = [None, None, None]
        bars = chart(outcome, table(outcome)).bars
        self.assertEqual([bar.kind for bar in bars], ["own", "peer", "floor"])
        self.assertEqual(bars[0].parts, [("user", 3), ("system", 9)])
        self.assertTrue(math.isnan(bars[2].value))


class Pages(unittest.TestCase):
    def found(self) -> result.Result:
        columns = [result.Column("label", "server", None), result.Column("cpu", "CPU", 1)]
        rows = [{"label": "a|b", "cpu": 1234.56}, {"label": "c", "cpu": None}]
        bars = [
            result.Bar("<own> & co", 2.0, "", [("user", 0.5), ("system", 1.5)], "own"),
            result.Bar("peer", 4.0),
            result.Bar("gone", math.nan, "not measured"),
        ]
        return result.Result(
            "plain-64",
            "Plain",
            "what it is",
            ["so"],
            [result.Table("T", columns, rows)],
            [result.Chart("C", "µs", bars), result.Chart("empty", "µs", [])],
            ["beware"],
            {"plain-64/nginx": 0.8, "plain-64/floor": 1.2},
            {
                "machine": {
                    "cpu": "X",
                    "cores": 2,
                    "memory": "1 GiB",
                    "system": "S",
                    "kernel": "6",
                    "congestion": "cubic",
                    "date": "today",
                    "revision": "r",
                    "load_before": "0",
                },
                "versions": {"nginx": "1"},
                "command": "./dev bench plain-64",
                "rounds": 3,
                "seconds": 1.0,
            },
        )

    def test_picture_is_xml_with_bars_to_scale(self) -> None:
        tree = ElementTree.fromstring(svg.render(self.found().charts, 'say "hi" & <go>'))
        rects = tree.findall("{http://www.w3.org/2000/svg}rect")
        widths = [float(rect.get("width")) for rect in rects]
        self.assertEqual(len(rects), 3)
        self.assertAlmostEqual(widths[0] + widths[1], widths[2] / 2, delta=0.2)
        self.assertAlmostEqual(
            float(rects[0].get("x")) + widths[0], float(rects[1].get("x")), delta=0.1
        )
        for rect in rects:
            self.assertLessEqual(float(rect.get("x")) + float(rect.get("width")), svg.WIDTH)
        texts = "".join(text.text or "" for text in tree.iter("{http://www.w3.org/2000/svg}text"))
        self.assertIn("<own> & co", texts)
        self.assertIn("not measured", texts)

    def test_picture_is_readable_on_dark_pages(self) -> None:
        self.assertIn("prefers-color-scheme: dark", svg.render(self.found().charts, "x"))

    def test_case_page(self) -> None:
        page = report.case_page(self.found())
        self.assertIn("| a\\|b | 1,234.6 |", page)
        self.assertIn("| c | - |", page)
        for part in (
            "![Plain](plain-64.svg)",
            "- beware",
            "- so",
            "./dev bench plain-64",
            "nginx 1",
            "kernel 6",
        ):
            self.assertIn(part, page)

    def test_index_holds_figures_against_targets(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            report.write_case(self.found(), out)
            report.write_index(out, {"plain-64": "Plain", "plain-1": "One"})
            index = (out / "README.md").read_text(encoding="utf-8")
            self.assertTrue((out / "plain-64.svg").exists())
        rows = [line for line in index.splitlines() if "](plain-64.md) |" in line]
        self.assertTrue(any("≤ 1.12" in row and "| 1.20 | not met |" in row for row in rows))
        self.assertTrue(any("≤ 0.85" in row and "| 0.80 | met |" in row for row in rows))
        self.assertIn("| One (`plain-1`) | - |", index)

    def test_a_target_may_be_a_lower_limit(self) -> None:
        summary = report.summary_table({"compat-http/all": 1.7, "compat-event/timers": 1.0})
        rows = {line.split("](")[0]: line for line in summary.splitlines()}
        all_row = next(row for text, row in rows.items() if "mode ALL" in text)
        self.assertIn("| ≥ 1.60 × one thread | 1.70 | met |", all_row)
        timers = next(row for text, row in rows.items() if "timers" in text)
        self.assertIn("| > 1.00 × libevent's speed | 1.00 | not met |", timers)

    def test_result_survives_its_file(self) -> None:
        found = self.found()
        found.charts[0].bars.pop()  # NaN equals nothing
        with tempfile.TemporaryDirectory() as folder:
            found.save(Path(folder) / "x.json")
            self.assertEqual(result.load(Path(folder) / "x.json"), found)

    def test_every_target_belongs_to_a_case(self) -> None:
        for target in TARGETS:
            self.assertIn(target.case, cli.CASES)
            self.assertTrue(target.id == target.case or target.id.startswith(target.case + "/"))
        self.assertEqual(len({target.id for target in TARGETS}), len(TARGETS))


class Compat(unittest.TestCase):
    def test_the_slowest_row_is_held_against_the_target(self) -> None:
        ratios = {"cascade_100_1": 1.2, "cascade_9000_1": 1.1, "readd_10": 1.4, "once": 0.9}
        ratios["persist_10"] = 1.3
        rows = compat_cases.rows_of([(ratios, dict.fromkeys(ratios, 1.0))])
        found = compat_cases.figures_of("event", rows)
        self.assertEqual(
            {key.removeprefix("compat-event/"): value for key, value in found.items()},
            {"slowest": 0.9, "dispatch": 1.1, "timers": 1.3},
        )

    def test_the_shell_has_no_part_in_the_choice_of_libraries(self) -> None:
        told = {"LD_LIBRARY_PATH": "/a", "LD_PRELOAD": "/b.so", "COREVENT_HTTP_THREADS": "9"}
        with mock.patch.dict(os.environ, {**told, "OTHER": "kept"}):
            installed = libraries.environment(None)
            ours = libraries.environment(Path("/ours"), {"COREVENT_HTTP_MODE": "io"})
        self.assertEqual([name for name in told if name in installed], [])
        self.assertEqual((installed["OTHER"], ours["OTHER"]), ("kept", "kept"))
        self.assertEqual((ours["LD_LIBRARY_PATH"], ours["COREVENT_HTTP_MODE"]), ("/ours", "io"))
        self.assertNotIn("COREVENT_HTTP_THREADS", ours)


class CommandLine(unittest.TestCase):
    def refuse(self, *argv: str) -> str:
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as ended:
            cli.parse_arguments(list(argv))
        self.assertEqual(ended.exception.code, 2)
        return said.getvalue()

    def test_names(self) -> None:
        self.assertEqual(cli.parse_arguments(["all"]).names, list(cli.CASES))
        self.assertIn("plain-64", self.refuse("plain-65"))
        self.assertIn("known: corevent", self.refuse("plain-64", "--peers", "apache"))
        self.refuse("plain-64", "--rounds", "-1")
        self.refuse("plain-64", "--server-core", "0", "--client-core", "0")

    def test_quick(self) -> None:
        self.assertEqual(
            (cli.parse_arguments([]).rounds, cli.parse_arguments([]).seconds), (15, 1.0)
        )
        quick = cli.parse_arguments(["plain-64", "--quick", "--rounds", "5"])
        self.assertEqual((quick.rounds, quick.seconds), (5, 0.4))

    def test_list_names_every_case(self) -> None:
        for name in cli.CASES:
            self.assertIn(name, cli.case_list())


class ProgressLine(unittest.TestCase):
    def test_duration(self) -> None:
        self.assertEqual([duration(5), duration(65), duration(3700)], ["0:05", "1:05", "1:01:40"])

    def test_time_left(self) -> None:
        now = [0.0]
        said = io.StringIO()
        progress = Progress(4, said, lambda: now[0])
        now[0] = 10.0
        progress.step("one", line=True)
        self.assertEqual(progress.remaining(), 30.0)
        self.assertIn("[1/4] one  0:30 left", said.getvalue())


class Configurations(unittest.TestCase):
    def test_hello_and_static_have_the_peers_they_need(self) -> None:
        self.assertEqual(serving("hello")[:3], ["corevent", "floor", "nginx"])
        self.assertNotIn("haproxy", serving("static"))

    def test_workers_and_folder_are_in_the_configuration(self) -> None:
        with Workspace() as work:
            for name, words in {
                "nginx": [
                    "worker_processes 3;",
                    "master_process on",
                    "keepalive_requests 1000000000",
                ],
                "h2o": ["num-threads: 3", "max-connections"],
                "haproxy": ["nbthread 3"],
                "lighttpd": ["server.max-worker = 3"],
            }.items():
                launch = PEERS[name].launch(work, Path("/nowhere"), Setup(workers=3))
                text = Path(launch.argv[-1]).read_text(encoding="utf-8")
                for word in [*words, str(launch.port), "127.0.0.1"]:
                    self.assertIn(word, text, name)
                self.assertNotIn("0.0.0.0", text)
            self.assertEqual((work.static / "10m.bin").stat().st_size, 10 << 20)
            root = work.root
            self.assertIn(f"pid{os.getpid()}_", root.name)
        self.assertFalse(root.exists())


class FakeServer:
    """Answers every request on every connection with fixed octets, in so many pieces. A connection
    ends after `closes_after` answers; after `good` requests in all the answer is `then`."""

    def __init__(
        self,
        answer: bytes,
        closes_after: int = 0,
        pieces: int = 1,
        good: int = 0,
        then: bytes = b"",
    ):
        self.answer, self.closes_after, self.pieces, self.good, self.then = (
            answer,
            closes_after,
            pieces,
            good,
            then,
        )
        self.requests = 0
        self.octets = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        pending, answered = b"", 0
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), client:
            while True:
                data = client.recv(65536)
                if not data:
                    return
                with self.lock:
                    self.octets += len(data)
                pending += data
                heads = pending.count(b"\r\n\r\n")
                pending = pending[pending.rfind(b"\r\n\r\n") + 4 :] if heads else pending
                for _ in range(heads):
                    with self.lock:
                        self.requests += 1
                    answer = self.then if 0 < self.good < self.requests else self.answer
                    step = max(1, len(answer) // self.pieces)
                    for at in range(0, len(answer), step):
                        client.sendall(answer[at : at + step])
                    answered += 1
                    if answered == self.closes_after:
                        return

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"


_built: list[Path] = []


def programs() -> Path:
    """The folder with ce_load and epoll_floor: $CE_BENCH_BIN, or both compiled once."""
    given = os.environ.get("CE_BENCH_BIN")
    if given and (Path(given) / "ce_load").exists():
        return Path(given)
    if not _built:
        folder = Path(tempfile.mkdtemp(prefix="ce_bench_test_")) / "bin" / "bench"
        folder.mkdir(parents=True)
        atexit.register(shutil.rmtree, folder.parents[1], True)
        compile_program(folder, "ce_load", sorted((REPOSITORY / "bench" / "load").glob("*.cc")))
        compile_program(folder, "epoll_floor", [REPOSITORY / "bench/floor/epoll_floor.cc"])
        _built.append(folder)
    return _built[0]


def compile_program(folder: Path, name: str, sources: list[Path]) -> None:
    compiler = os.environ.get("CXX", "g++")
    launcher = ["ccache"] if shutil.which("ccache") else []
    objects = []
    for source in sources:
        objects.append(str(folder / (source.stem + ".o")))
        flags = ["-std=c++23", "-O1", f"-I{REPOSITORY / 'bench'}"]
        command = [*launcher, compiler, *flags, "-c", str(source), "-o", objects[-1]]
        subprocess.run(command, check=True)
    subprocess.run([compiler, *objects, "-o", str(folder / name)], check=True)


class Runner(unittest.TestCase):
    """bench/run as a whole, on the floor alone."""

    def start(self, scratch: str, *args: str) -> subprocess.Popen:
        command = [
            sys.executable,
            str(REPOSITORY / "bench" / "run"),
            "plain-64",
            "--peers",
            "floor",
        ]
        command += ["--build", str(programs().parents[1]), "--out", scratch + "/out", *args]
        os.mkdir(scratch + "/tmp")
        return subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": scratch + "/tmp"},
        )

    def children_of(self, pid: int) -> list[int]:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in listed.split()]

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "the bench needs two cores")
    def test_writes_its_pages(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            with self.start(scratch, "--rounds", "2", "--seconds", "0.1") as process:
                _, said = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, said)
            page = Path(scratch, "out", "plain-64.md").read_text(encoding="utf-8")
            self.assertRegex(page, r"\| raw epoll floor \| \d+\.\d\d ")
            self.assertTrue(Path(scratch, "out", "README.md").exists())
            self.assertEqual(os.listdir(scratch + "/tmp"), [])

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "the bench needs two cores")
    def test_sigterm_leaves_nothing_behind(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            with self.start(scratch, "--rounds", "1000", "--seconds", "0.1") as process:
                line = process.stderr.readline()  # the end of the first round
                children = self.children_of(process.pid)
                process.terminate()
                _, said = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, line + said)
            self.assertNotEqual(children, [])
            self.assertEqual([pid for pid in children if Path(f"/proc/{pid}").exists()], [])
            self.assertEqual(os.listdir(scratch + "/tmp"), [])


class Generator(unittest.TestCase):
    """ce_load against servers that misbehave."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.program = str(programs() / "ce_load")

    def run_load(self, port: int, *args: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [self.program, "--port", str(port), *args],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def test_counts_exactly_what_it_was_asked_for(self) -> None:
        with FakeServer(GOOD) as server:
            status, out, err = self.run_load(
                server.port, "--connections", "3", "--requests", "50", "--expect-body", "13"
            )
            self.assertEqual((status, err), (0, ""))
            found = parse.load_result(out)
            self.assertEqual((found["requests"], found["errors"]["total"]), (50, 0))
            self.assertEqual(server.requests, 50 + 3)  # one each to bring the connections up

    def test_sizes_of_the_requests(self) -> None:
        for name, octets in {"plain": 45, "tool": 143, "browser": 693}.items():
            with FakeServer(GOOD) as server:
                self.run_load(
                    server.port, "--connections", "1", "--requests", "1", "--request", name
                )
                self.assertEqual(server.octets, 2 * octets, name)

    def test_pipelined_and_split_answers(self) -> None:
        with FakeServer(GOOD, pieces=5) as server:
            status, out, _ = self.run_load(
                server.port, "--connections", "2", "--pipeline", "8", "--requests", "64"
            )
            self.assertEqual((status, parse.load_result(out)["requests"]), (0, 64))

    def test_a_connection_for_every_request(self) -> None:
        with FakeServer(GOOD, closes_after=1) as server:
            status, out, _ = self.run_load(
                server.port, "--mode", "close", "--connections", "2", "--requests", "20"
            )
            self.assertEqual(
                (status, parse.load_result(out)["requests"], server.requests), (0, 20, 20)
            )

    def test_open_loop_keeps_its_rate(self) -> None:
        with FakeServer(GOOD, closes_after=1) as server:
            status, out, _ = self.run_load(
                server.port,
                "--mode",
                "open-loop",
                "--rate",
                "100",
                "--warmup",
                "0",
                "--seconds",
                "0.5",
            )
            self.assertEqual((status, parse.load_result(out)["requests"]), (0, 50))

    def test_a_server_that_ends_connections_between_requests_is_followed(self) -> None:
        with FakeServer(GOOD, closes_after=10) as server:
            status, out, _ = self.run_load(server.port, "--connections", "2", "--requests", "60")
            found = parse.load_result(out)
            self.assertEqual((status, found["requests"], found["errors"]["total"]), (0, 60, 0))
            self.assertGreater(found["reconnects"], 0)

    def test_idle_connections_are_held_until_told(self) -> None:
        with FakeServer(GOOD) as server:
            args = [
                self.program,
                "--port",
                str(server.port),
                "--mode",
                "idle",
                "--connections",
                "5",
            ]
            with subprocess.Popen(
                args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                self.assertEqual(
                    parse.load_events(process.stdout.readline())[0],
                    {"event": "holding", "connections": 5},
                )
                self.assertIsNone(process.poll())
                out, _ = process.communicate("close\n", timeout=30)
            self.assertEqual((process.returncode, parse.load_result(out)["errors"]["cut"]), (0, 0))
            self.assertEqual(server.requests, 5)

    def refused(self, answer: bytes, kind: str) -> None:
        with FakeServer(answer, closes_after=1) as server:
            status, out, err = self.run_load(
                server.port, "--connections", "1", "--requests", "10", "--expect-body", "13"
            )
            self.assertEqual(status, 1, out)
            self.assertRegex(err, rf"{kind} [1-9]")

    def test_wrong_status_is_an_error(self) -> None:
        self.refused(GOOD.replace(b"200 OK", b"503 No"), "status")

    def test_wrong_length_is_an_error(self) -> None:
        self.refused(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello, World", "length")

    def test_no_length_is_an_error(self) -> None:
        self.refused(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "malformed")

    def test_two_lengths_are_an_error(self) -> None:
        self.refused(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "malformed"
        )

    def test_an_answer_nobody_asked_for_is_an_error(self) -> None:
        self.refused(GOOD + GOOD, "malformed")

    def test_wrong_answers_in_the_window_are_no_requests(self) -> None:
        with FakeServer(GOOD, good=100, then=GOOD.replace(b"200 OK", b"500 No")) as server:
            status, out, _ = self.run_load(
                server.port, "--connections", "1", "--warmup", "0", "--seconds", "1"
            )
        found = parse.load_result(out)
        self.assertEqual(status, 3)
        self.assertEqual(found["requests"], 99)  # and one to bring the connection up
        self.assertGreater(found["errors"]["status"], 0)

    def test_an_answer_cut_in_the_middle_is_an_error(self) -> None:
        self.refused(GOOD[:-3], "cut")

    def test_nobody_there(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            status, _, err = self.run_load(taken.getsockname()[1], "--connections", "2")
        self.assertEqual(status, 1)
        self.assertIn("0 of 2 connections came up", err)

    def test_usage(self) -> None:
        for args in (
            ("--no-such", "1"),
            ("--pipeline", "0"),
            ("--mode", "close", "--pipeline", "2"),
            ("--requests", "7", "--pipeline", "2"),
            ("--seconds",),
        ):
            status, _, err = self.run_load(1, *args)
            self.assertEqual(status, 2, args)
            self.assertIn("ce_load: ", err)


class CompatServer(unittest.TestCase):
    """The evhttp server of the bench, in each of its designs."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.bin_dir = programs()
        cls.server = cls.bin_dir / "http_bench_server"
        if not cls.server.exists():
            flags = subprocess.run(
                ["pkg-config", "--cflags", "--libs", "libevent"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
            source = REPOSITORY / "bench" / "compat" / "http_bench_server.c"
            command = ["cc", "-O1", "-D_GNU_SOURCE", str(source), *flags, "-o", str(cls.server)]
            subprocess.run(command, check=True)

    def answers(self, model: str, folder: Path | None, **more: str) -> None:
        """Every request is answered rightly, and SIGTERM under load is an orderly end."""
        with subprocess.Popen(
            [str(self.server), "--model", model, "--work-us", "5"],
            env=libraries.environment(folder, more),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                port = parse.listening_port(process.stdout.readline())
                load = [str(self.bin_dir / "ce_load"), "--port", str(port), "--connections", "50"]
                done = subprocess.run(
                    [*load, "--requests", "2000", "--expect-body", "13"],
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""), model)
                ours = libraries.folder(self.bin_dir)
                self.assertEqual(libraries.loaded(process.pid, ours), folder is not None, model)
                with subprocess.Popen(
                    [*load, "--seconds", "30"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                ) as under_way:
                    self.until_answered(process.pid, under_way)
                    process.terminate()
                    self.assertEqual(process.wait(timeout=30), 0, model)
                    under_way.kill()
            finally:
                process.kill()

    def until_answered(self, server: int, load: subprocess.Popen) -> None:
        """Until the load keeps the server busy: it has run for some milliseconds more."""
        begun = run_seconds(server)
        while run_seconds(server) - begun < 0.02:
            self.assertIsNone(load.poll())

    def test_on_the_installed_libevent(self) -> None:
        self.answers("loop", None)
        self.answers("relay", None)

    def test_a_pool_cannot_answer_on_libevent(self) -> None:
        done = subprocess.run(
            [str(self.server), "--model", "pool"],
            env=libraries.environment(None),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("needs corevent's libraries", done.stderr)

    def test_on_corevents_libraries(self) -> None:
        if not libraries.there(self.bin_dir):
            self.skipTest("corevent's libraries are not built beside the bench")
        folder = libraries.folder(self.bin_dir)
        for model in ("loop", "pool", "relay"):
            self.answers(model, folder)
        self.answers("loop", folder, COREVENT_HTTP_THREADS="2", COREVENT_HTTP_MODE="all")
        self.answers("loop", folder, COREVENT_HTTP_THREADS="2", COREVENT_HTTP_MODE="io")

    def test_usage(self) -> None:
        for args in (("--model", "none"), ("--count", "0"), ("--work-us", "-1"), ("--count",)):
            done = subprocess.run(
                [str(self.server), *args],
                env=libraries.environment(None),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            self.assertEqual(done.returncode, 2, args)
            self.assertIn("usage: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
