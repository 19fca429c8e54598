# SPDX-License-Identifier: MIT
"""All tools on one file, in turn, several rounds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from statistics import median

from bench.farm import Facts, FarmFile, facts
from bench.measure import Memory, Run, run
from bench.tools import OURS, Tool, complaint, count

Measure = Callable[["Measured"], float]


@dataclass(frozen=True)
class Measured:
    """One tool on one file: medians of seconds, highest memory, records written.

    ``user`` are seconds of the processes alone, ``cpu`` those with the system's for them.

    ``complaint`` says why the figures do not count; empty if they do.
    """

    user: float
    cpu: float
    wall: float
    memory: Memory
    records: dict[str, int]
    exit_code: int = 0
    complaint: str = ""


USER: Measure = attrgetter("user")
CPU: Measure = attrgetter("cpu")


@dataclass(frozen=True)
class Compared:
    """One file under all tools, by tool's name."""

    file: FarmFile
    facts: Facts
    what: str
    by_tool: dict[str, Measured] = field(default_factory=dict)

    def ratio(self, peer: str, measure: Measure) -> float | None:
        """Return the peer's seconds divided by ours; nothing unless both count."""
        ours, theirs = self.by_tool.get(OURS), self.by_tool.get(peer)
        if ours is None or theirs is None or ours.complaint or theirs.complaint:
            return None
        return measure(theirs) / measure(ours)


def compare(file: FarmFile, tools: Sequence[Tool], rounds: int, scratch: Path) -> Compared:
    """Measure ``tools`` on ``file``: first memory, once, then ``rounds`` times in turn.

    The order is reversed in every other round. Outputs go to the folder ``scratch``, and repaired
    copies beside the farm.
    """
    path = file.path()
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".repaired-") as folder:
        inputs = {tool.name: tool.prepared(path, Path(folder), file.cpu) for tool in tools}
        first = {tool.name: _watch(tool, inputs[tool.name], scratch) for tool in tools}
        times: dict[str, list[Run]] = {tool.name: [] for tool in tools}
        for number in range(rounds):
            for tool in tools if number % 2 == 0 else tools[::-1]:
                times[tool.name].append(_once(tool, inputs[tool.name], scratch))
    found = {tool.name: _summary(first[tool.name], times[tool.name]) for tool in tools}
    return Compared(file, facts(path), file.recipe.describe(path), found)


def _once(tool: Tool, path: Path, scratch: Path, *, watch: bool = False) -> Run:
    output = scratch / "out.sym"
    output.unlink(missing_ok=True)
    stdout = output if tool.to_stdout else scratch / "stdout"
    return run(tool.command(path, output), stdout, scratch / "stderr", watch=watch)


def _watch(tool: Tool, path: Path, scratch: Path) -> Measured:
    """Return what the first run of a tool shows: memory and output; its times do not count."""
    done = _once(tool, path, scratch, watch=True)
    records = count(scratch / "out.sym")
    messages = (scratch / "stderr").read_text(errors="replace")
    trouble = complaint(tool, done.exit_code, messages, records)
    return Measured(done.user, done.cpu, done.wall, done.memory, records, done.exit_code, trouble)


def _summary(first: Measured, runs: Sequence[Run]) -> Measured:
    trouble = first.complaint
    if any(done.exit_code != first.exit_code for done in runs):
        trouble = trouble or "not the same exit code in all rounds"
    user, cpu, wall = (median(times) for times in zip(*map(_seconds, runs), strict=True))
    return replace(first, user=user, cpu=cpu, wall=wall, complaint=trouble)


def _seconds(done: Run) -> tuple[float, float, float]:
    return done.user, done.cpu, done.wall
