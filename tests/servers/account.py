# SPDX-License-Identifier: MIT
"""What a server saw and did, for the tests to ask."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One request. ``status`` is None where there was no answer, or not all of it was sent.

    ``received`` and ``sent`` count the bytes of the bodies; ``fault`` is what was ordered.
    """

    step: str
    method: str
    path: str
    status: int | None
    received: int
    sent: int
    fault: str = ""


@dataclass(frozen=True)
class StoredFile:
    """What is kept under a key, which is an id or a path, and how often it was written."""

    sha256: str
    size: int
    times: int


class Account:
    """All requests, files and connections of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._acknowledged: set[tuple[str, str]] = set()
        self.requests: list[Exchange] = []
        self.files: dict[str, StoredFile] = {}
        # Bytes of content per key, of all complete deliveries together.
        self.content: Counter[str] = Counter()
        # How often content came again after it had been acknowledged, per key.
        self.duplicates: Counter[str] = Counter()
        self.connections = 0
        self.open = 0
        self.peak = 0
        self.dropped = 0
        self.failed_handshakes = 0

    def statuses(self, step: str) -> list[int | None]:
        """The status of each request of one step, in the order in which they ended."""
        return [request.status for request in list(self.requests) if request.step == step]

    def connection_opened(self) -> None:
        with self._lock:
            self.connections += 1
            self.open += 1
            self.peak = max(self.peak, self.open)

    def connection_closed(self) -> None:
        with self._lock:
            self.open -= 1

    def connection_dropped(self) -> None:
        """The client, or a fault, ended a connection within a request."""
        with self._lock:
            self.dropped += 1

    def handshake_failed(self) -> None:
        with self._lock:
            self.failed_handshakes += 1

    def stored(self, key: str, sha256: str, size: int) -> None:
        with self._lock:
            old = self.files.get(key)
            self.files[key] = StoredFile(sha256, size, 1 + (old.times if old else 0))

    def delivered(self, key: str, sha256: str, size: int) -> None:
        """The whole content of a file came in."""
        with self._lock:
            self.content[key] += size
            self._count_duplicate(key, sha256)

    def answered(self, exchange: Exchange, content: Iterable[tuple[str, str]]) -> None:
        """Note a request; a whole 2xx answer acknowledges its content, by key and SHA-256."""
        with self._lock:
            self.requests.append(exchange)
            if exchange.status is not None and 200 <= exchange.status < 300:
                self._acknowledged.update(content)

    def settled(self, name: str, key: str, sha256: str) -> None:
        """What came under a passing ``name`` has turned out to be content of ``key``."""
        with self._lock:
            self.content[key] += self.content.pop(name, 0)
            self.files.pop(name, None)
            self._count_duplicate(key, sha256)

    def _count_duplicate(self, key: str, sha256: str) -> None:
        if (key, sha256) in self._acknowledged:
            self.duplicates[key] += 1
