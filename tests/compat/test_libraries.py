"""The libevent libraries of the release build, seen as the loader and the linker see them: which names leave, which do not,
what each library needs and where it looks for it."""
from __future__ import annotations

import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CE_BIN_DIR", ROOT / "build/release/bin"))
LIB = BIN.parent / "lib/corevent"
IMPLEMENTATION = LIB / "libcorevent_event.so.0"
LISTS = {"": ("core", "extra"), "_core": ("core",), "_extra": ("extra",), "_pthreads": ("pthreads",), "_openssl": ("openssl",)}


def promised(*lists: str) -> set[str]:
    lines = (line for name in lists for line in (ROOT / f"cmake/libevent/{name}.sym").read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def of_libevent(*lists: str) -> set[str]:
    """Those that libevent 2.1 has as well, by the headings of the lists."""
    names, wanted = set(), False
    for name in lists:
        for line in (ROOT / f"cmake/libevent/{name}.sym").read_text().splitlines():
            if line.startswith("#"):
                wanted = line in ("# Public functions of libevent 2.1", "# In no header, yet called by programs")
            elif line and wanted:
                names.add(line)
    return names


def called_by(program: Path) -> set[str]:
    said = subprocess.run(["nm", "-D", "--undefined-only", program], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in said.splitlines()}


def exported(library: Path) -> set[str]:
    said = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in said.splitlines()}


def dynamic(library: Path) -> dict[str, list[str]]:
    said = subprocess.run(["readelf", "-d", "-W", library], capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    for tag, value in re.findall(r"\((\w+)\).*\[(.*)\]", said):
        found.setdefault(tag, []).append(value)
    return found


class Libraries(unittest.TestCase):
    maxDiff = None

    def test_all_that_is_promised_leaves_and_nothing_else(self) -> None:
        names = exported(IMPLEMENTATION)
        wanted = promised("core", "extra", "pthreads", "private")
        self.assertEqual(sorted(wanted - names), [], "not exported")
        self.assertEqual(sorted(names - wanted), [], "in no list of cmake/libevent")

    def test_tls_has_its_own_library(self) -> None:
        names = exported(LIB / "libevent_openssl-2.1.so.7")
        self.assertEqual(names, promised("openssl"))
        self.assertFalse([name for name in dynamic(IMPLEMENTATION)["NEEDED"] if name.startswith(("libssl", "libcrypto"))])

    def test_declared_functions_are_promised(self) -> None:
        lists = promised("core", "extra", "pthreads", "openssl")
        for header in (ROOT / "include/libevent").rglob("*.h"):
            code = re.sub(r"/\*.*?\*/|^\s*#(?:[^\n\\]|\\.|\\\n)*", " ", header.read_text(), flags=re.S | re.M)
            declared = {text.split()[-1].lstrip("*") for text in re.findall(r"EVENT2_EXPORT_SYMBOL\s+([^;]*?)\(", code)}
            with self.subTest(header=header.name):
                self.assertEqual(sorted(declared - lists), [])

    def test_a_program_that_runs_on_both_calls_each_function(self) -> None:
        sources = sorted((ROOT / "tests/compat/diff").glob("*.c"))
        calls = set().union(*(called_by(BIN / "compat/corevent" / source.stem) for source in sources))
        wanted = of_libevent("core", "extra", "pthreads", "openssl")
        self.assertGreater(len(wanted), 400)
        self.assertEqual(sorted(wanted - calls), [], "in no program of tests/compat/diff")

    def test_a_library_is_named_as_programs_ask_for_it_and_finds_the_others_beside_it(self) -> None:
        for name in LISTS:
            with self.subTest(name=name):
                tags = dynamic(LIB / f"libevent{name}-2.1.so.7")
                self.assertEqual(tags["SONAME"], [f"libevent{name}-2.1.so.7"])
                self.assertIn("libcorevent_event.so.0", tags["NEEDED"])
                self.assertEqual(tags["RUNPATH"], ["$ORIGIN"])
                self.assertFalse((LIB / f"libevent{name}-2.1.so.7").is_symlink())

    def test_thin_libraries_hold_nothing(self) -> None:
        for name in ("", "_core", "_extra", "_pthreads"):
            self.assertEqual(exported(LIB / f"libevent{name}-2.1.so.7"), set())

    def test_symbols_have_no_version(self) -> None:
        said = subprocess.run(["readelf", "-V", "-W", IMPLEMENTATION], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(".gnu.version_d", said)

    def test_link_stubs_name_all_that_a_library_promises(self) -> None:
        for name, lists in LISTS.items():
            with self.subTest(name=name):
                stub = LIB / f"libevent{name}.so"
                self.assertEqual(exported(stub), promised(*lists))
                self.assertEqual(dynamic(stub), {"SONAME": [f"libevent{name}-2.1.so.7"]})


if __name__ == "__main__":
    unittest.main()
