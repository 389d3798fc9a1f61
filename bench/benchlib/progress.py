"""One line that moves while the bench runs: what is measured, the last figure, the time left."""
from __future__ import annotations

import sys
import time


def duration(seconds: float) -> str:
    """ "1:05" or "1:02:03"."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


class Progress:
    """Counts steps of about equal length. On a terminal the line is rewritten; elsewhere each
    round gets a line."""

    def __init__(self, steps: int, stream=None, clock=time.monotonic):
        self.stream = stream or sys.stderr
        self.clock = clock
        self.steps = max(1, steps)
        self.done = 0
        self.began = clock()
        self.width = 0
        self.live = self.stream.isatty()

    def remaining(self) -> float:
        """Seconds left at the pace so far; NaN-free: 0 before the first step."""
        if self.done == 0:
            return 0.0
        return (self.clock() - self.began) / self.done * (self.steps - self.done)

    def show(self, text: str, line: bool = False) -> None:
        """Shows `text`; `line` marks the end of a round, the only moment that is shown off a
        terminal."""
        eta = f"{duration(self.remaining())} left" if self.done else "…"
        message = f"[{self.done}/{self.steps}] {text}  {eta}"
        if self.live:
            self.stream.write("\r" + message[:118].ljust(self.width))
            self.width = min(118, len(message))
        elif line:
            self.stream.write(message + "\n")
        self.stream.flush()

    def step(self, text: str, line: bool = False) -> None:
        """One step is done."""
        self.done = min(self.steps, self.done + 1)
        self.show(text, line)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self.live and self.width:
            self.stream.write("\r" + " " * self.width + "\r")
        self.width = 0
        self.stream.write(text + "\n")
        self.stream.flush()
