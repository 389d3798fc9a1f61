#!/usr/bin/env python3
"""Debian's tmux on corevent: sessions, panes, resizing, control mode, attached terminals, the end of the server."""
from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import programs  # noqa: E402

LIBRARIES = {"libcorevent_event.so.0", "libevent_core-2.1.so.7"}
SHELL = "PS1='$ ' exec sh"


class Terminal:
    """A tmux client in a terminal of its own."""

    def __init__(self, command: list[str], env: dict[str, str], columns: int, rows: int) -> None:
        self.main, side = pty.openpty()
        self.resize(columns, rows)

        def adopt() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, env=env, stdin=side, stdout=side, stderr=side, start_new_session=True,
                                        preexec_fn=adopt)
        os.close(side)
        self.shown = b""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        try:
            while octets := os.read(self.main, 65536):
                self.shown += octets
        except OSError:  # how a terminal tells that the other side is gone
            pass

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        os.close(self.main)


class Control:
    """A client in control mode: commands go in as lines, blocks and notices come out."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.notices: list[str] = []
        self.blocks: list[tuple[bool, list[str]]] = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        block = None
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.startswith("%begin "):
                block = []
            elif block is not None and line.startswith(("%end ", "%error ")):
                self.blocks.append((line.startswith("%end "), block))
                block = None
            elif block is not None:
                block.append(line)
            else:
                self.notices.append(line)

    def ask(self, command: str) -> tuple[bool, list[str]]:
        """Whether it went well, and its lines."""
        before = len(self.blocks)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        programs.until(lambda: len(self.blocks) > before, f"an answer to {command}")
        return self.blocks[before]

    def noticed(self, pattern: str) -> bool:
        return any(re.match(pattern, line) for line in self.notices)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Tmux(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.env = programs.environment(HOME=folder.name, SHELL="/bin/sh", TERM="xterm", ENV="")
        self.env.pop("TMUX", None)
        self.command = ["tmux", "-S", str(self.folder / "socket"), "-f", "/dev/null"]
        self.tmux("new-session", "-d", "-s", "first", "-x", "80", "-y", "24", SHELL)
        self.server = int(self.tmux("display-message", "-p", "#{pid}"))
        self.ending = programs.Ending(self.server)
        self.addCleanup(self.end_server)

    def end_server(self) -> None:
        if not self.ending.wait(0):
            self.ending.signal(signal.SIGKILL)
        self.ending.close()

    def run_tmux(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.command, *arguments], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=programs.DEADLINE_SECONDS)

    def tmux(self, *arguments: str) -> str:
        run = self.run_tmux(*arguments)
        if run.returncode != 0 or run.stderr:
            raise AssertionError(f"tmux {arguments}: {run.returncode} {run.stdout}{run.stderr}")
        return run.stdout.rstrip("\n")

    def told(self, target: str, form: str) -> str:
        return self.tmux("display-message", "-p", "-t", target, form)

    def type(self, target: str, text: str) -> None:
        self.tmux("send-keys", "-t", target, "-l", text)
        self.tmux("send-keys", "-t", target, "Enter")

    def until_shown(self, target: str, line: str) -> None:
        programs.until(lambda: line in self.tmux("capture-pane", "-p", "-t", target).splitlines(), f"{line} in {target}")

    def until_shell_has_size(self, target: str, size: str) -> None:
        """A shell is told a little later than windows and panes have changed."""
        def known() -> bool:
            self.type(target, "stty size")
            return size in self.tmux("capture-pane", "-p", "-t", target).splitlines()

        programs.until(known, f"the shell knows its size {size}")

    def attach(self, columns: int = 80, rows: int = 24) -> Terminal:
        terminal = Terminal([*self.command, "attach-session", "-t", "first"], self.env, columns, rows)
        self.addCleanup(terminal.end)
        programs.until(lambda: self.tmux("list-clients", "-F", "#{client_pid}"), "the client is attached")
        return terminal

    def control(self) -> Control:
        control = Control([*self.command, "-C", "attach-session", "-t", "first"], self.env)
        self.addCleanup(control.end)
        programs.until(lambda: control.blocks, "the answer to the attaching itself")
        return control

    def test_server_and_client_run_on_ours_alone(self) -> None:
        client = self.attach().process.pid
        for pid in (self.server, client):
            self.assertEqual(programs.libevents(pid), (LIBRARIES, set()))

    def test_a_shell_answers(self) -> None:
        self.type("first", "echo $((6 * 7)) is the answer")
        self.until_shown("first", "42 is the answer")

    def test_all_of_a_long_output_arrives(self) -> None:
        self.tmux("set-option", "-g", "history-limit", "50000")
        self.tmux("new-window", "-t", "first:5", "seq 1 30000; exec cat")
        programs.until(lambda: "30000" in self.tmux("capture-pane", "-p", "-t", "first:5").split(), "the last line")
        shown = self.tmux("capture-pane", "-p", "-S", "-", "-t", "first:5").splitlines()
        self.assertEqual(shown, [str(number) for number in range(1, 30001)])

    def test_sessions(self) -> None:
        for name in ("second", "third"):
            self.tmux("new-session", "-d", "-s", name, SHELL)
        self.assertEqual(self.tmux("list-sessions", "-F", "#S").split(), ["first", "second", "third"])
        self.tmux("rename-session", "-t", "second", "other")
        self.assertEqual(self.run_tmux("has-session", "-t", "second").returncode, 1)
        self.type("other", "exit")  # a shell that ends takes its window and session with it
        programs.until(lambda: self.tmux("list-sessions", "-F", "#S").split() == ["first", "third"], "the shell's end")
        self.tmux("kill-session", "-t", "third")
        self.assertEqual(self.tmux("list-sessions", "-F", "#S"), "first")

    def test_panes(self) -> None:
        self.tmux("split-window", "-h", "-t", "first", SHELL)
        self.tmux("split-window", "-v", "-t", "first", SHELL)
        sizes = "#{pane_index} #{pane_width}x#{pane_height}"
        self.assertEqual(self.tmux("list-panes", "-t", "first", "-F", sizes).splitlines(), ["0 40x24", "1 39x12", "2 39x11"])
        for pane in range(3):
            self.type(f"first:0.{pane}", f"echo I am $(({pane} + 100))")
        for pane in range(3):
            self.until_shown(f"first:0.{pane}", f"I am {pane + 100}")
        copy = self.folder / "copy"
        self.tmux("pipe-pane", "-t", "first:0.1", f"cat > {copy}")
        self.type("first:0.1", "echo piped $((1 + 1))")
        programs.until(lambda: copy.exists() and "piped 2" in copy.read_text(), "output through a pipe")
        self.tmux("kill-pane", "-t", "first:0.2")
        self.type("first:0.0", "exit")
        programs.until(lambda: self.tmux("list-panes", "-t", "first", "-F", sizes) == "0 80x24", "one pane has all again")

    def test_resizing(self) -> None:
        self.tmux("resize-window", "-t", "first", "-x", "100", "-y", "40")
        self.until_shell_has_size("first", "40 100")
        self.tmux("split-window", "-v", "-t", "first", SHELL)
        self.tmux("resize-pane", "-t", "first:0.1", "-y", "10")
        self.assertEqual(self.tmux("list-panes", "-t", "first", "-F", "#{pane_height}").split(), ["29", "10"])

    def test_an_attached_terminal(self) -> None:
        self.tmux("set-option", "-g", "status", "off")
        terminal = self.attach(columns=90, rows=30)
        programs.until(lambda: self.told("first", "#{window_width}x#{window_height}") == "90x30", "its size is taken over")
        terminal.type("echo typed $((40 + 2))\r")
        programs.until(lambda: b"typed 42" in terminal.shown, "the answer on the terminal")
        terminal.resize(120, 50)  # SIGWINCH in the client, a message to the server, SIGWINCH in the shell
        programs.until(lambda: self.told("first", "#{window_width}x#{window_height}") == "120x50", "the new size")
        self.until_shell_has_size("first", "50 120")
        terminal.type("\x02d")  # prefix, d: detaches
        self.assertEqual(terminal.process.wait(programs.DEADLINE_SECONDS), 0)
        programs.until(lambda: b"[detached (from session first)]" in terminal.shown, "a word to the user")
        self.assertFalse(self.ending.wait(0))

    def test_several_terminals_show_the_same(self) -> None:
        terminals = [self.attach() for _ in range(5)]
        programs.until(lambda: len(self.tmux("list-clients").splitlines()) == 5, "all are attached")
        terminals[0].type("echo for all $((6 * 7))\r")
        for terminal in terminals:
            programs.until(lambda: b"for all 42" in terminal.shown, "the same on each")
        for terminal in terminals:
            terminal.process.send_signal(signal.SIGHUP)
            terminal.process.wait(programs.DEADLINE_SECONDS)
        programs.until(lambda: not self.tmux("list-clients"), "their end is noticed")

    def test_control_mode(self) -> None:
        control = self.control()
        self.assertEqual(control.ask("display-message -p '#S #{pid}'"), (True, [f"first {self.server}"]))
        self.assertEqual(control.ask("no-such-command"), (False, ["parse error: unknown command: no-such-command"]))
        control.ask("send-keys -t first 'echo seen $((40 + 2))' Enter")
        programs.until(lambda: control.noticed(r"%output %0 .*seen 42"), "the shell's output as a notice")
        ok, window = control.ask(f"new-window -P -F '#{{window_id}}' \"{SHELL}\"")
        self.assertTrue(ok)
        programs.until(lambda: control.noticed(f"%window-add {window[0]}$"), "a new window as a notice")
        control.ask("rename-window renamed")
        programs.until(lambda: control.noticed(f"%window-renamed {window[0]} renamed$"), "its name")
        self.assertEqual(control.ask("list-windows -F '#{window_name}'")[1][-1], "renamed")
        for number in range(200):
            self.assertEqual(control.ask(f"display-message -p {number}"), (True, [str(number)]))
        control.process.stdin.write("detach-client\n")
        control.process.stdin.flush()
        self.assertEqual(control.process.wait(programs.DEADLINE_SECONDS), 0)
        programs.until(lambda: control.noticed("%exit"), "the farewell")

    def test_commands_run_beside_the_server(self) -> None:
        out = self.folder / "out"
        self.tmux("run-shell", f"echo out of $((1 + 1)) > {out}")
        self.assertEqual(out.read_text(), "out of 2\n")
        self.tmux("if-shell", "true", "set-option -g @branch then", "set-option -g @branch else")
        self.assertEqual(self.tmux("show-options", "-gv", "@branch"), "then")
        waiting = subprocess.Popen([*self.command, "wait-for", "flag"], env=self.env)
        self.type("first", "tmux wait-for -S flag")
        self.assertEqual(waiting.wait(programs.DEADLINE_SECONDS), 0)
        text = "\n".join(f"line {number}" for number in range(20000)) + "\n"
        (self.folder / "text").write_text(text)
        self.tmux("load-buffer", str(self.folder / "text"))
        self.assertEqual(self.tmux("show-buffer") + "\n", text)

    def test_silence_costs_nothing(self) -> None:
        self.attach()
        self.assertLess(programs.idle_share(self.server), 0.02)

    def test_kill_server_ends_all(self) -> None:
        self.tmux("new-session", "-d", "-s", "second", SHELL)
        shells = [programs.Ending(int(pid)) for pid in self.tmux("list-panes", "-a", "-F", "#{pane_pid}").split()]
        terminal, control = self.attach(), self.control()
        self.tmux("kill-server")
        self.assertTrue(self.ending.wait(), "the server")
        for shell in shells:
            self.assertTrue(shell.wait(), "a shell")
            shell.close()
        self.assertEqual(terminal.process.wait(programs.DEADLINE_SECONDS), 1)
        programs.until(lambda: b"[server exited]" in terminal.shown, "a word to the user")
        self.assertEqual(control.process.wait(programs.DEADLINE_SECONDS), 0)
        programs.until(lambda: control.noticed("%exit"), "a word to the controller")

    def test_sigterm_ends_the_server(self) -> None:
        self.ending.signal(signal.SIGTERM)
        self.assertTrue(self.ending.wait())


if __name__ == "__main__":
    unittest.main()
