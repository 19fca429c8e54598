# SPDX-License-Identifier: MIT
"""One line on a terminal that says how far the work is; nothing anywhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic
from typing import TextIO

from crashsym.cli.output import is_terminal
from crashsym.errors import visible
from crashsym.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self

_PAUSE = 0.1  # seconds between two lines
_MB = 1_000_000


class TerminalLine:
    """A context manager: whatever was written is gone at the end.

    The line is written over the one before and stays shorter than the terminal is wide, so what
    comes next, a finding or an error, begins where the line did.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if is_terminal(stream) else None
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    @property
    def is_seen(self) -> bool:
        """Whether there is a terminal."""
        return self._stream is not None

    def clear(self) -> None:
        """Take the line away."""
        if self._written:
            self._write("")

    def write(self, text: Callable[[int], str]) -> None:
        """Write a line, which is called with the columns that there are."""
        if self._stream is not None:
            self._write(text(_columns(self._stream) - 1))

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        # As it is now: in one that was wider before, blanks for the whole line would begin another.
        blanks = min(self._written, _columns(self._stream) - 1)
        try:
            self._stream.write("\r" + text.ljust(blanks) + "\r" * (not text))
            self._stream.flush()
        except OSError:  # the terminal has gone, which changes nothing else
            self._stream = None
        self._written = len(text)


class ProgressLine(TerminalLine):
    """How far the work on a tree is."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._next = 0.0
        self._working = False

    def show(self, progress: Progress) -> None:
        """Write how far the work is, unless that was done a moment ago.

        The first file may take longer than all others: that it has begun is always written.
        """
        now = monotonic()
        if now < self._next and progress.working == self._working:
            return
        self._next, self._working = now + _PAUSE, progress.working
        self.write(lambda width: line(progress, width))


def _columns(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or 80
    except OSError:
        return 80


def line(progress: Progress, width: int) -> str:
    """Return how far the work is in ``width`` columns at most; of a long path the end counts."""
    done, size = progress.done_size // _MB, progress.size // _MB
    text = f"crashsym: {progress.done_files} of {progress.files} files, {done} of {size} MB"
    if progress.current is None:
        return text[:width]
    path = visible(progress.current.path).encode("ascii", "backslashreplace").decode()
    room = width - len(text) - 2
    if room < len(path):
        path = f"...{path[len(path) - room + 3 :]}" if room > 10 else ""
    return f"{text}: {path}" if path else text[:width]
