# SPDX-License-Identifier: MIT
"""How far an upload is, counted in bytes of the files, whatever is sent of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from crashsym.upload.items import Item
from crashsym.upload.outcome import SENT, Outcome


class Meter:
    """Counts from several threads; sizes are bytes of the files, before any compression.

    ``files`` and ``size`` are those of all, ``done_files`` of those that have ended.
    """

    def __init__(self, items: Sequence[Item], clock: Callable[[], float] = time.monotonic) -> None:
        self.files = len(items)
        self.size = sum(map(_size, items))
        self.done_files = 0
        self._ended = 0
        self._moving = self._moved = 0.0  # of files that have not ended, and of all
        self._clock = clock
        self._begun = clock()
        self._lock = threading.Lock()

    def moved(self, size: float) -> None:
        """Count what has been sent; less than 0 if it has to be sent again."""
        with self._lock:
            self._moving += size
            self._moved += size

    def ended(self, outcome: Outcome) -> None:
        """Count a file that needs nothing more."""
        with self._lock:
            self.done_files += 1
            self._ended += _size(outcome.item)
            if outcome.state == SENT:
                self._moving -= _size(outcome.item)

    @property
    def done_size(self) -> int:
        """Bytes of the files that have ended, and what is sent of the others."""
        with self._lock:
            return min(self._ended + int(max(self._moving, 0.0)), self.size)

    @property
    def rate(self) -> float:
        """Bytes that are sent in a second, on average; 0 before the first."""
        with self._lock:
            moved = max(self._moved, 0.0)
        return moved / max(self._clock() - self._begun, 0.001)

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take at this rate; None if nothing has been sent."""
        rate = self.rate
        return (self.size - self.done_size) / rate if rate > 0 else None


def _size(item: Item) -> int:
    """Return the bytes of a file; 0 if there is only a manifest, and nothing to send."""
    return item.content.size if item.content is not None else 0
