#!/usr/bin/env python3
"""Tests of tools/tidy: each rule finds what it is for, in a small tree made for it, and nothing in a clean one."""
from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("tidy", str(REPOSITORY / "tools/tidy"))
sys.dont_write_bytecode = True
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", LOADER))
sys.modules["tidy"] = tidy
LOADER.exec_module(tidy)

HEADER = "// What it is.\n#pragma once\n"


class Rules(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def findings(self, rule, files: dict[str, str]) -> list[str]:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        return [f"{f.path}:{f.line}: {f.text}" for f in rule(tidy.Tree(self.root, sorted(files)))]

    def include(self, path: str, *lines: str, others: tuple[str, ...] = ()) -> list[str]:
        """What the floors rule says of `path` with these includes, when the other files exist."""
        body = HEADER + "".join(f"#include {line}\n" for line in lines)
        return self.findings(tidy.floors, {path: body, **{other: HEADER for other in others}})


class Floors(Rules):
    def test_arrows_that_point_down_are_fine(self) -> None:
        for path, line, other in (
            ("src/buffer/a.h", '"base/list.h"', "src/base/list.h"),
            ("src/codec/a.h", '"buffer/b.h"', "src/buffer/b.h"),
            ("src/loop/a.h", '"reactor/b.h"', "src/reactor/b.h"),
            ("src/net/a.cc", '"codec/dns.h"', "src/codec/dns.h"),
            ("src/http/a.cc", '"codec/h1.h"', "src/codec/h1.h"),
            ("src/http/a.cc", "<corevent/stream.h>", "include/corevent/stream.h"),
            ("src/http/a.cc", "<corevent/http/server.h>", "include/corevent/http/server.h"),
            ("src/app/a.cc", "<corevent/http.h>", "include/corevent/http.h"),
            ("src/app/a.cc", '"app/b.h"', "src/app/b.h"),
            ("include/corevent/loop.h", "<corevent/error.h>", "include/corevent/error.h"),
            ("src/compat/a.cc", '"reactor/b.h"', "src/reactor/b.h"),
            ("src/compat/a.h", "<event2/b.h>", "include/libevent/event2/b.h"),
            ("include/libevent/a.h", "<event2/b.h>", "include/libevent/event2/b.h"),
        ):
            with self.subTest(path=path, line=line):
                self.assertEqual(self.include(path, line, others=(other,)), [])

    def test_arrows_that_point_up_or_sideways(self) -> None:
        for path, line, other, said in (
            ("src/base/a.h", '"buffer/b.h"', "src/buffer/b.h", "base may see nothing of ours"),
            ("src/codec/a.h", '"loop/b.h"', "src/loop/b.h", "codec may see base, buffer"),
            ("src/reactor/a.h", '"codec/b.h"', "src/codec/b.h", "reactor includes"),
            ("src/net/a.cc", '"codec/h1.h"', "src/codec/h1.h", "net includes"),
            ("src/http/a.cc", '"reactor/b.h"', "src/reactor/b.h", "http includes"),
            ("src/codec/a.cc", "<corevent/loop.h>", "include/corevent/loop.h", "of loop"),
            ("src/app/a.cc", '"http/b.h"', "src/http/b.h", "the program sees <corevent/...> only"),
            ("include/corevent/error.h", "<corevent/loop.h>", "include/corevent/loop.h", "base includes"),
            ("include/corevent/error.h", '"base/list.h"', "src/base/list.h", "a public header includes"),
            ("src/compat/a.cc", '"loop/b.h"', "src/loop/b.h", "compat includes"),
            ("src/http/a.cc", '"compat/b.h"', "src/compat/b.h", "http includes"),
            ("include/libevent/a.h", "<corevent/loop.h>", "include/corevent/loop.h", "C programs see"),
        ):
            with self.subTest(path=path, line=line):
                found = self.include(path, line, others=(other,))
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(f"{path}:3: "), found)
                self.assertIn(said, found[0])

    def test_what_no_floor_claims(self) -> None:
        self.assertIn("no floor claims", self.include("include/corevent/strange.h")[0])
        self.assertIn("is no floor", self.include("src/attic/a.h")[0])
        self.assertIn("names no file", self.include("src/base/a.h", '"base/missing.h"')[0])
        self.assertIn("system headers take <>", self.include("src/base/a.h", '"vector"')[0])

    def test_libraries_of_others(self) -> None:
        for path, line, said in (
            ("src/codec/a.cc", "<openssl/ssl.h>", None),
            ("src/codec/a.h", "<openssl/ssl.h>", "in a header"),
            ("src/net/a.cc", "<openssl/ssl.h>", "belongs to codec"),
            ("src/reactor/a.cc", "<liburing.h>", None),
            ("src/loop/a.cc", "<liburing.h>", "belongs to reactor"),
            ("src/http/a.cc", "<fmt/format.h>", None),
            ("src/http/a.h", "<fmt/format.h>", "in a header"),
            ("src/app/a.cc", "<CLI/CLI.hpp>", None),
            ("src/http/a.cc", "<CLI/CLI.hpp>", "belongs to app"),
            ("src/codec/a.cc", "<sys/socket.h>", "does no input or output"),
            ("src/codec/a.cc", "<thread>", "knows no threads"),
            ("src/base/a.h", "<netinet/in.h>", None),
            ("src/buffer/a.h", "<sys/uio.h>", None),
            ("src/buffer/a.h", "<unistd.h>", "does no input or output"),
            ("src/net/a.cc", "<sys/socket.h>", None),
            ("include/corevent/loop.h", "<sys/epoll.h>", "std and <corevent/...> only"),
        ):
            with self.subTest(path=path, line=line):
                found = self.include(path, line)
                self.assertEqual(len(found), 0 if said is None else 1, found)
                if said is not None:
                    self.assertIn(said, found[0])


class OtherRules(Rules):
    def test_circles(self) -> None:
        found = self.findings(tidy.circles, {"src/base/a.h": '#include "base/b.h"\n',
                                             "src/base/b.h": '#include "base/c.h"\n',
                                             "src/base/c.h": '\n#include "base/a.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("src/base/c.h:2: circle: src/base/a.h -> src/base/b.h -> src/base/c.h -> src/base/a.h", found[0])

    def test_a_diamond_is_no_circle(self) -> None:
        self.assertEqual(self.findings(tidy.circles, {"src/base/a.h": '#include "base/b.h"\n#include "base/c.h"\n',
                                                      "src/base/b.h": '#include "base/d.h"\n',
                                                      "src/base/c.h": '#include "base/d.h"\n',
                                                      "src/base/d.h": ""}), [])

    def test_own_header_first(self) -> None:
        files = {"src/base/a.h": HEADER, "src/base/a.cc": '#include <vector>\n#include "base/a.h"\n'}
        self.assertEqual(self.findings(tidy.first, files), ['src/base/a.cc:1: include "base/a.h" before everything else'])
        files["src/base/a.cc"] = '#include "base/a.h"\n#include <vector>\n'
        self.assertEqual(self.findings(tidy.first, files), [])

    def test_headers_compile_alone_and_are_remembered(self) -> None:
        files = {"src/base/good.h": HEADER + "#include <vector>\ninline std::vector<int> v;\n",
                 "src/base/bad.h": HEADER + "inline std::vector<int> w;\n"}
        found = self.findings(tidy.headers, files)
        self.assertEqual(len(found), 1)
        self.assertIn("src/base/bad.h:1: does not compile alone", found[0])
        original, compiled = tidy.compile_alone, []
        self.addCleanup(setattr, tidy, "compile_alone", original)
        tidy.compile_alone = lambda tree, path: compiled.append(path) or original(tree, path)
        self.assertEqual(self.findings(tidy.headers, files), found)
        self.assertEqual(compiled, ["src/base/bad.h"])
        files["src/base/bad.h"] = files["src/base/good.h"]
        self.assertEqual(self.findings(tidy.headers, files), [])

    def test_libevent_headers_compile_as_c_and_as_cpp(self) -> None:
        guard = "/* What it is. */\n#ifndef A_\n#define A_\n"
        found = self.findings(tidy.headers, {"include/libevent/good.h": guard + "struct a { int b; };\n#endif\n",
                                             "include/libevent/cpp.h": guard + "class a;\n#endif\n",
                                             "include/libevent/c99.h": guard + "// C++ and C99\n#endif\n",
                                             "include/libevent/c.h": guard + "extern int class;\n#endif\n"})
        self.assertEqual(sorted(line.split(":")[0] for line in found),
                         [f"include/libevent/{name}.h" for name in ("c", "c99", "cpp")])

    def test_a_header_is_compiled_again_when_what_it_includes_changes(self) -> None:
        files = {"src/base/a.h": HEADER + '#include "base/b.h"\ninline int a = b;\n',
                 "src/base/b.h": HEADER + "inline int b = 1;\n"}
        self.assertEqual(self.findings(tidy.headers, files), [])
        files["src/base/b.h"] = HEADER + "inline int c = 1;\n"
        self.assertEqual(len(self.findings(tidy.headers, files)), 1)

    def test_comments(self) -> None:
        found = self.findings(tidy.comments, {"src/base/a.h": HEADER, "src/base/b.h": "#pragma once\n",
                                              "src/base/c.h": "// What it is.\n", "src/base/d.cc": "int d;\n"})
        self.assertEqual([line.split(":")[0] for line in found], ["src/base/b.h", "src/base/b.h", "src/base/c.h"])

    def test_guards_of_c_headers(self) -> None:
        guard = "/* What it is. */\n#ifndef A_INCLUDED_\n#define A_INCLUDED_\n"
        files = {"include/libevent/a.h": guard + 'extern "C" {\nEVENT2_EXPORT_SYMBOL void a(void);\n',
                 "include/libevent/b.h": "// C++\n#ifndef B\n#define B\n",
                 "include/libevent/c.h": guard.replace("define A", "define B"),
                 "include/libevent/d.h": guard + "EVENT2_EXPORT_SYMBOL void d(void);\n"}
        found = self.findings(tidy.comments, files)
        self.assertEqual([line.split(":")[0][-3] for line in found], ["b", "c", "d"])
        self.assertIn("#ifndef", found[1])
        self.assertIn("extern", found[2])

    def test_words(self) -> None:
        found = self.findings(tidy.words, {"src/base/a.h": "int a;  // FIXME\n", "docs/b.md": "\nTODO: write\n",
                                           "src/base/c.h": "int fixmes, TODOS;\n"})
        self.assertEqual([line.rsplit(":", 2)[0] for line in found], ["docs/b.md:2", "src/base/a.h:1"])

    def test_sizes(self) -> None:
        long_function = "void f() {\n" + "    g();\n" * 69 + "}\n"
        found = self.findings(tidy.sizes, {"src/base/a.cc": "int a;\n" * 1001, "src/base/b.cc": "\n" + long_function,
                                           "src/base/c.cc": long_function.replace("    g();\n", "", 1),
                                           "tests/base/d_test.cc": long_function})
        self.assertEqual(found, ["src/base/a.cc:1001: 1001 lines, at most 1000: split along its ideas",
                                 "src/base/b.cc:2: f has 71 lines, at most 70: name a part of it and take it out"])

    def test_the_command_line(self) -> None:
        done = subprocess.run([REPOSITORY / "tools/tidy", "--list"], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(), ["floors", "circles", "first", "headers", "sizes", "comments", "words"])
        self.assertEqual(subprocess.run([REPOSITORY / "tools/tidy", "--what"], capture_output=True).returncode, 2)


class Functions(unittest.TestCase):
    def check(self, code: str, *expected: tuple[str, int, int]) -> None:
        self.assertEqual(list(tidy.functions(textwrap.dedent(code).lstrip("\n"))), list(expected))

    def test_free_functions_and_namespaces(self) -> None:
        self.check("""
            namespace corevent::h1 {
            namespace {
            int f(int a) {
                if (a) {
                    return 1;
                }
                return 0;
            }
            }  // namespace
            template <class T, class U = std::vector<int>>
            requires(sizeof(T) > 4)
            auto g(T t,
                   U u) noexcept -> std::size_t
            {
                return 0;
            }
            }
        """, ("f", 3, 8), ("g", 10, 16))

    def test_classes_and_members(self) -> None:
        self.check("""
            class CE_API Loop final : public Base<int> {
            public:
                explicit Loop(Options options = {});
                ~Loop() { stop(); }
                bool operator==(const Loop& other) const = default;
                Loop& operator=(Loop&&) noexcept {
                    return *this;
                }
                void operator()() const { run(); }
                int index() const noexcept override { return index_; }
            private:
                struct Inner {
                    int a = 0;
                    int b{3};
                    void h() {
                    }
                };
                std::array<int, 2> both_ = {1, 2};
                int index_{0};
            };
            void Loop::stop() {
            }
        """, ("~Loop", 4, 4), ("operator=", 6, 8), ("operator()", 9, 9), ("index", 10, 10), ("h", 15, 16),
            ("Loop::stop", 21, 22))

    def test_constructors_with_braces(self) -> None:
        self.check("""
            Loop::Loop(Options options)
                : options_{options},
                  core_(std::make_unique<Core>(Point{1, 2})), table_{
                      1, 2} {
                start();
            }
            int after() { return 1; }
        """, ("Loop::Loop", 1, 6), ("after", 7, 7))

    def test_what_is_no_function(self) -> None:
        self.check("""
            enum class State : std::uint8_t { open, closed };
            constexpr Entry table[] = {
                {"a", 1},
                {"b", f(2)},
            };
            inline constexpr int x{3};
            struct __attribute__((packed)) Wire { int a; };
            struct alignas(64) Slot { int a; };
            template <class T> concept Handler = requires(T t) { t(); };
            extern "C" {
            int f();
            }
        """)

    def test_lambdas_belong_to_their_function(self) -> None:
        self.check("""
            void f() {
                g([&](int a) {
                    return a;
                });
                struct Local { void m() {} };
            }
            constexpr auto named = [](int a) {
                return a;
            };
            int after() { return 1; }
        """, ("f", 1, 6), ("a lambda", 7, 9), ("after", 10, 10))

    def test_braces_that_are_not_code(self) -> None:
        self.check(r"""
            // void in_comment() {
            /* { */
            #define OPEN {
            #define LONG(x) \
                do {        \
                } while (0)
            void f() {
                const char* a = "{ \" {";
                char b = '{', c = '\'', d = '"';
                int e = 1'000'000;
                auto g = R"(} { ")";
                auto h = R"x(})" })x";
            }
            void i() {}
        """, ("f", 7, 13), ("i", 14, 14))

    def test_attributes_before_a_function(self) -> None:
        self.check("""
            [[noreturn]] __attribute__((cold, noinline)) inline void failed(const char* text) noexcept {
                abort();
            }
            extern "C" int entry(const char* data) {
                return 0;
            }
        """, ("failed", 1, 3), ("entry", 4, 6))


if __name__ == "__main__":
    unittest.main()
