# SPDX-License-Identifier: MIT
"""One line on a terminal that says how far an upload is, how fast, and how long it will take."""

from __future__ import annotations

import threading
from typing import TextIO

from crashsym.cli.common import MOST
from crashsym.cli.output import tell
from crashsym.cli.progress import TerminalLine
from crashsym.errors import visible
from crashsym.upload.meter import Meter

_PAUSE = 0.2  # seconds between two lines
_MB = 1e6


class UploadLine:
    """A context manager: a thread of it writes the line; what is told meanwhile is not mixed up.

    A terminal gets the first ten of many lines, and in the end their number.
    """

    def __init__(self, stream: TextIO | None, target: str, meter: Meter) -> None:
        self._line = TerminalLine(stream)
        self._target = target
        self._meter = meter
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._told = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> UploadLine:
        if self._line.is_seen:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._line.clear()
        if self._line.is_seen and self._told > MOST:
            tell(f"{self._told - MOST} more like these. Send stderr to a file to read all: 2>FILE")

    def tell(self, text: str) -> None:
        """Print one of many lines."""
        self._told += 1
        if not self._line.is_seen or self._told <= MOST:
            self.say(text)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._line.clear()
            tell(text)

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                self._line.write(self._text)
            self._ended.wait(_PAUSE)

    def _text(self, width: int) -> str:
        return line(self._target, self._meter)[:width]


def line(target: str, meter: Meter) -> str:
    """Return how far the upload to a target is."""
    name = visible(target).encode("ascii", "backslashreplace").decode()
    text = f"crashsym: {name}: {meter.done_files} of {meter.files} files"
    if meter.size:
        text += f", {meter.done_size / _MB:.1f} of {meter.size / _MB:.1f} MB"
    left = meter.left
    if left is None:
        return text
    return f"{text}, {meter.rate / _MB:.1f} MB/s, {_duration(left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
