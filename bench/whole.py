# SPDX-License-Identifier: MIT
"""What concerns the command as a whole: a tree of files on one and two cores, and its start-up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.errors import BenchError
from bench.farm import FarmFile, facts
from bench.measure import Memory, Run, run
from bench.objects import bench_cache
from bench.tools import Tool, crashsym

_JOBS = (1, 2)
_STARTS = 15


@dataclass(frozen=True)
class Tree:
    """``crashsym extract`` of a tree: median wall seconds and highest memory, by number of jobs."""

    files: int
    debug_info: int
    wall: dict[int, float]
    memory: dict[int, Memory]

    @property
    def speed_up(self) -> float:
        """How many times faster two jobs are than one."""
        return self.wall[1] / self.wall[2]


@dataclass(frozen=True)
class Start:
    """Median wall seconds of a command that has next to nothing to do."""

    what: str
    seconds: float


def measure_tree(files: Sequence[FarmFile], rounds: int, scratch: Path) -> Tree:
    """Extract a tree of hard links to ``files`` with one and with two jobs, in turn."""
    paths = [file.path() for file in files]
    with tempfile.TemporaryDirectory(dir=bench_cache(), prefix=".tree-") as folder:
        root = Path(folder)
        for path in paths:
            os.link(path, root / path.name)
        first = {jobs: _extract(root, jobs, scratch, watch=True) for jobs in _JOBS}
        runs = [{jobs: _extract(root, jobs, scratch) for jobs in _JOBS} for _ in range(rounds)]
    return Tree(
        len(paths),
        sum(facts(path).debug_info for path in paths),
        {jobs: median(found[jobs].wall for found in runs) for jobs in _JOBS},
        {jobs: done.memory for jobs, done in first.items()},
    )


def _extract(root: Path, jobs: int, scratch: Path, *, watch: bool = False) -> Run:
    with tempfile.TemporaryDirectory(dir=scratch, prefix="store-") as folder:
        store, messages = Path(folder) / "store", Path(folder) / "stderr"
        manifest = Path(folder) / "manifest.json"
        command = [crashsym(), "extract", str(root), "-j", str(jobs), "--store", str(store)]
        command += ["--manifest", str(manifest)]
        done = run(command, Path(folder) / "stdout", messages, watch=watch)
        made = sum(1 for _ in store.rglob("*.sym"))
        expected = sum(1 for _ in root.iterdir())
        if done.exit_code not in (0, 3) or made != expected:
            raise BenchError(
                f"cannot measure the tree: '{root}': crashsym extract -j {jobs} ended with"
                f" {done.exit_code} and {made} symbol files of {expected}:"
                f" {messages.read_text()[-500:]}"
            )
    return done


def measure_starts(tools: Sequence[Tool], tiny: FarmFile, scratch: Path) -> list[Start]:
    """Time ``crashsym --version``, and each tool on a file of one small C unit."""
    commands = {"crashsym --version": [crashsym(), "--version"]}
    for tool in tools:
        commands[f"{tool.name}, {tiny.name}"] = tool.command(tiny.path(), scratch / "out.sym")
    return [Start(what, _start(command, scratch)) for what, command in commands.items()]


def _start(command: list[str], scratch: Path) -> float:
    runs = [run(command, scratch / "stdout", scratch / "stderr") for _ in range(_STARTS)]
    return median(done.wall for done in runs)
