# SPDX-License-Identifier: MIT
"""Run one command to its end and take its time, and if wanted its memory.

The callers take memory in runs whose times they do not use: looking at a process every few
milliseconds slows it down.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.003


@dataclass(frozen=True)
class Memory:
    """Highest sums over a process and its descendants, in bytes; 0 when it ended at once.

    ``total`` is resident memory with the pages of mapped files, ``anonymous`` is without them.
    Pages that forked processes share count once for each of them.
    """

    total: int = 0
    anonymous: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.total + other.total, self.anonymous + other.anonymous)

    def highest(self, other: Memory) -> Memory:
        """Return the larger of each of the two figures."""
        return Memory(max(self.total, other.total), max(self.anonymous, other.anonymous))


@dataclass(frozen=True)
class Run:
    """One finished command.

    ``user`` are its seconds and its descendants', ``cpu`` those with the system's, ``exit_code`` is
    negative for a signal.
    """

    user: float
    cpu: float
    wall: float
    exit_code: int
    memory: Memory


def run(command: Sequence[str], stdout: Path, stderr: Path, *, watch: bool = False) -> Run:
    """Run ``command``, its output and messages into files; with ``watch`` sample its memory.

    Source: wait4(2) gives the usage of a process and of all descendants that were waited for.
    """
    with stdout.open("wb") as output, stderr.open("wb") as messages:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=messages)
        watcher = _Watcher(process.pid) if watch else None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    memory = watcher.stop() if watcher else Memory()
    cpu = usage.ru_utime + usage.ru_stime
    return Run(usage.ru_utime, cpu, wall, process.returncode, memory)


class _Watcher(threading.Thread):
    """Samples the memory of a process and its descendants until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = Memory()
        self.stopped = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.stopped.wait(_SAMPLE_SECONDS):
            now = sum((resident(pid) for pid in tree_of(self.pid)), Memory())
            self.peak = self.peak.highest(now)

    def stop(self) -> Memory:
        self.stopped.set()
        self.join()
        return self.peak


def tree_of(pid: int) -> Iterator[int]:
    """Yield ``pid`` and the processes below it.

    Source: proc(5), /proc/PID/task/TID/children.
    """
    yield pid
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = listing.read_text().split()
        except OSError:  # ended meanwhile
            continue
        for child in children:
            yield from tree_of(int(child))


def resident(pid: int) -> Memory:
    """Return what ``pid`` has in memory now; nothing if it has ended.

    Source: proc(5), /proc/PID/status, in kB.
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Memory()
    lines = (line.split() for line in text.splitlines() if line.startswith(("VmRSS:", "RssAnon:")))
    found = {words[0]: int(words[1]) * 1024 for words in lines}
    return Memory(found.get("VmRSS:", 0), found.get("RssAnon:", 0))
