"""Runs a target over many inputs in child processes, which may crash, hang or eat memory."""

from __future__ import annotations

import faulthandler
import mmap
import os
import resource
import signal
import struct
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.mutate import mutated
from fuzz.seeds import Seed

MEBIBYTE = 1 << 20
# The promise for a small file: processor time in seconds, and memory above what Python needs.
SECONDS = 2.0
FREE_MEMORY, MEMORY_FACTOR = 64 * MEBIBYTE, 10
_BATCH = 20_000  # inputs of one child
_STATE = struct.Struct("qq")  # the number of the input in work, and how many are done


@dataclass(frozen=True)
class Limits:
    """What one input may cost; ``memory`` False under a sanitizer, which has its own."""

    seconds: float = SECONDS
    memory: bool = True


@dataclass
class Totals:
    """How much was tried, and what was found: kind → inputs."""

    inputs: int = 0
    seconds: float = 0.0
    findings: list[Path] = field(default_factory=list)


class Runner:
    """One target, its seeds, and a folder for what is found."""

    def __init__(
        self, name: str, target: Callable[[bytes], None], seeds: Sequence[Seed], folder: Path
    ) -> None:
        self.name, self.target, self.seeds, self.folder = name, target, seeds, folder
        self.limits = Limits()
        self.most_findings = 50
        folder.mkdir(parents=True, exist_ok=True)
        self._state = mmap.mmap(-1, _STATE.size)

    def input(self, number: int) -> bytes:
        """Return the input of this number; without change for the first round of seeds."""
        seed = self.seeds[number % len(self.seeds)]
        return mutated(seed, number) if number >= len(self.seeds) else seed.data

    def run(self, first: int, count: int, seconds: float) -> Totals:
        """Try ``count`` inputs, or as many as ``seconds`` allow."""
        begin, totals, number = time.monotonic(), Totals(), first
        before = set(self.folder.iterdir())
        while number < first + count and time.monotonic() - begin < seconds:
            size = min(_BATCH, first + count - number)
            number = self._batch(number, size, begin + seconds)
            totals.findings = sorted(set(self.folder.iterdir()) - before)
            if len(totals.findings) > 2 * self.most_findings:
                break
        totals.inputs, totals.seconds = number - first, time.monotonic() - begin
        return totals

    def _batch(self, first: int, size: int, end: float) -> int:
        """Run a child; return the number of the next input."""
        self._state[:] = _STATE.pack(first, 0)
        child = os.fork()
        if child == 0:
            self._work(first, size, end)
        _, status = os.waitpid(child, 0)
        number, _ = _STATE.unpack(self._state[:])
        if status == 0:
            return int(number)
        self._finding(number, _why(status))
        return int(number) + 1

    def _work(self, first: int, size: int, end: float) -> None:
        faulthandler.disable()
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = 1
        try:
            for number in range(first, first + size):
                self._state[:] = _STATE.pack(number, 0)
                if time.monotonic() > end or not self._try(number):
                    break
            else:
                self._state[:] = _STATE.pack(first + size, 0)
            code = 0
        finally:
            os._exit(code)

    def _try(self, number: int) -> bool:
        """Try one input; False when this child has grown too much to go on."""
        data = self.input(number)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        signal.setitimer(signal.ITIMER_VIRTUAL, self.limits.seconds)
        try:
            self.target(data)
        except Exception as error:  # noqa: BLE001 - each is a finding
            self._finding(number, _told(error))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        grown = peak - before
        if self.limits.memory and grown > FREE_MEMORY + MEMORY_FACTOR * len(data):
            self._finding(number, f"memory: {grown} bytes for a file of {len(data)}")
            self._state[:] = _STATE.pack(number + 1, 0)
            return False
        return True

    def _finding(self, number: int, why: str) -> None:
        """Keep an input, with a line about it."""
        seed = self.seeds[number % len(self.seeds)]
        (self.folder / f"{self.name}-{number}{seed.suffix}").write_bytes(self.input(number))
        (self.folder / f"{self.name}-{number}.txt").write_text(f"{seed.name}\n{why}\n")


def _why(status: int) -> str:
    if os.WIFSIGNALED(status):
        killer = signal.Signals(os.WTERMSIG(status)).name
        return "hang: the time is up" if killer == "SIGVTALRM" else f"crash: {killer}"
    return f"crash: exit {os.waitstatus_to_exitcode(status)}"


def _told(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))
    return f"{type(error).__name__}: {error}\nat {places}"
