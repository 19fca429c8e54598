# SPDX-License-Identifier: MIT
"""What one scenario about the command has: a folder and the last run."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support import crashsym


@dataclass
class World:
    """One scenario: its folder and the last run."""

    root: Path
    last: subprocess.CompletedProcess[bytes] | None = None

    @property
    def result(self) -> subprocess.CompletedProcess[bytes]:
        assert self.last is not None
        return self.last

    @property
    def stdout(self) -> str:
        return self.result.stdout.decode()

    def run(self, command: str) -> None:
        """Run a command line that begins with crashsym."""
        words = shlex.split(command)
        assert words[0] == "crashsym"
        self.last = crashsym(*words[1:], cwd=self.root)
        assert b"Traceback" not in self.last.stderr, self.last.stderr.decode()
