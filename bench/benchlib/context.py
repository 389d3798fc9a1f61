"""What every case gets: where things are, how long to measure, how to say what goes on."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .measure import Generator
from .process import Starter
from .progress import Progress
from .workspace import Workspace


@dataclass
class Context:
    """One run of the bench."""

    work: Workspace
    bin_dir: Path
    starter: Starter
    generator: Generator
    shared_generator: Generator  # on all cores of the bench, where the server needs them too
    progress: Progress
    rounds: int
    seconds: float
    server_cores: set[int]
    all_cores: set[int]
    only: set[str] | None = None  # peers asked for; None means all
    missing: set[str] = field(default_factory=set)

    def usable(self, names: list[str]) -> list[str]:
        """The peers of `names` that were asked for and are installed; the others are
        remembered for the notes."""
        chosen = [name for name in names if self.only is None or name in self.only]
        absent = [name for name in chosen if not self.starter.available(name)]
        self.missing.update(absent)
        return [name for name in chosen if name not in absent]
