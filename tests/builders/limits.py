"""Run the command in a child process that may use only so much, and measure it.

The peak is the larger of the command's own VmHWM and of RUSAGE_CHILDREN as the command sees it: the
work on a file is done in a process that the command starts. (RUSAGE_CHILDREN of the tests would
begin with the size of the process that runs them.)
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from crashsym.engines import engine

from builders.lint import lint

MEBIBYTE = 1 << 20
# What any one file may cost: its size times a small factor; the reference needs a larger one.
FREE_MEMORY, MEMORY_FACTOR = 64 * MEBIBYTE, 10 if engine().name == "kernel" else 50
# Far from what an innocent file of these sizes needs (below 3); a hang needs hours.
CPU_SECONDS = 20
ADDRESS_SPACE = 4096 * MEBIBYTE
MOST_LINES = 6  # one for each kind of finding that one file can have

# The peak is written last; after a crash or an exit by signal it is missing.
_PROGRAM = """
import resource
import sys
from pathlib import Path
from crashsym.cli.main import main
code = main(sys.argv[2:])
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
peak = max(peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
Path(sys.argv[1]).write_text(str(peak))
sys.exit(code)
"""


@dataclass(frozen=True)
class Outcome:
    """How it ended; ``peak`` is the resident memory in bytes at its highest, None after a crash."""

    code: int
    stdout: bytes
    stderr: str
    peak: int | None

    @property
    def timed_out(self) -> bool:
        """Whether it ran into the limit of processor time."""
        return self.code in (-signal.SIGXCPU, -signal.SIGKILL)


def run_limited(folder: Path, *arguments: str | Path) -> Outcome:
    """Run ``crashsym`` with these arguments; ``folder`` is for the measurement."""
    report = folder / "peak-memory"
    report.unlink(missing_ok=True)
    process = subprocess.run(
        [sys.executable, "-c", _PROGRAM, report, *arguments],
        capture_output=True,
        check=False,
        preexec_fn=_limit,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    peak = int(report.read_text()) * 1024 if report.exists() else None
    stderr = process.stderr.decode("utf-8", "replace")
    return Outcome(process.returncode, process.stdout, stderr, peak)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check_promise(folder: Path, data: bytes, codes: tuple[int, ...] = (0, 3)) -> list[str]:
    """Dump ``data`` and assert what is promised for bad input; return the lines of the output.

    It ends with one of ``codes``, without a traceback, in time, in memory; at most one line of
    each kind is on stderr; what is written is well-formed.
    """
    subject, output = folder / "subject.so", folder / "subject.sym"
    subject.write_bytes(data)
    outcome = run_limited(folder, "dump", subject, "-o", output)
    assert not outcome.timed_out, "it does not end"
    assert "Traceback" not in outcome.stderr, outcome.stderr[-2000:]
    assert outcome.code in codes, outcome.stderr[-2000:]
    assert outcome.peak is not None
    assert outcome.peak <= FREE_MEMORY + MEMORY_FACTOR * len(data), (
        f"{outcome.peak} bytes of memory for a file of {len(data)}"
    )
    said = outcome.stderr.splitlines()
    assert len(said) <= MOST_LINES, f"{len(said)} lines on stderr for one file: {said[:3]}"
    if outcome.code == 2:
        assert said, "exit 2 without a word"
        assert not output.exists()
        return []
    lines = lint(output.read_bytes())
    output.unlink()
    return lines
