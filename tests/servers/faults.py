# SPDX-License-Identifier: MIT
"""Faults on order: at which request of which step the server misbehaves, and how."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servers.base import Server, Step

EVERY_STEP = "*"
# Where a redirect leads to, and every server has a page for people.
LOGIN_PATH = "/login/"


@dataclass(frozen=True)
class Answer:
    """Read the request, do nothing with it, and answer this."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CloseBeforeReading:
    """Close the connection before anything of the body is read."""


@dataclass(frozen=True)
class CutRequest:
    """Close the connection when half of the body was read."""


@dataclass(frozen=True)
class CutAnswer:
    """Do the work, then close the connection when half of the answer was sent."""


@dataclass(frozen=True)
class Slow:
    """Do the work, then wait before the answer is sent."""

    seconds: float


@dataclass(frozen=True)
class Damage:
    """Store other bytes than those that came, and acknowledge them."""


@dataclass(frozen=True)
class ExpiredToken:
    """Refuse the token as the protocol does it when it is no longer valid."""


Fault = Answer | CloseBeforeReading | CutRequest | CutAnswer | Slow | Damage | ExpiredToken


@dataclass(frozen=True)
class Order:
    """A fault for the ``nth`` request of a step, and with ``onwards`` for all that follow."""

    step: str
    fault: Fault
    nth: int = 1
    onwards: bool = False


class Plan:
    """The orders of one server; counts the requests of each step."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders = tuple(orders)
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next_fault(self, step: str) -> Fault | None:
        """Count a request of ``step`` and return what was ordered for it, the first of several."""
        with self._lock:
            self._seen[step] += 1
            self._seen[EVERY_STEP] += 1
            for order in self._orders:
                number = self._seen[order.step]
                meant = number >= order.nth if order.onwards else number == order.nth
                if order.step in (step, EVERY_STEP) and meant:
                    return order.fault
        return None


def unavailable(status: int, retry_after: str | None = None) -> Answer:
    """An error of the server or of something before it, with a page that is no JSON."""
    headers = {"Content-Type": "text/html"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return Answer(status, b"<html><h1>upstream error</h1></html>", headers)


def login_page() -> Answer:
    """A page for people, of a proxy or a portal: 200, but nothing was stored."""
    return Answer(200, b"<!DOCTYPE html><form>Log in</form>", {"Content-Type": "text/html"})


def redirect(location: str = LOGIN_PATH, status: int = 302) -> Answer:
    return Answer(status, b"", {"Location": location})


def disk_full(status: int = 507) -> Answer:
    return Answer(status, b'{"detail": "no space left"}', {"Content-Type": "application/json"})


# One of each, under a name for the tests' ids.
FAULTS: Mapping[str, Fault] = {
    "400": Answer(400, b'{"detail": "bad request"}', {"Content-Type": "application/json"}),
    "403": Answer(403, b'{"detail": "forbidden"}', {"Content-Type": "application/json"}),
    "404": Answer(404),
    "413": unavailable(413),
    "429": unavailable(429, "1"),
    "500": unavailable(500),
    "502": unavailable(502),
    "503": unavailable(503),
    "503-retry-after": unavailable(503, "1"),
    "504": unavailable(504),
    "disk-full-500": disk_full(500),
    "disk-full-507": disk_full(507),
    "redirect": redirect(),
    "login-page": login_page(),
    "empty-200": Answer(200),
    "close-before-reading": CloseBeforeReading(),
    "cut-request": CutRequest(),
    "cut-answer": CutAnswer(),
    "slow": Slow(0.2),
    "damage": Damage(),
    "expired-token": ExpiredToken(),
}


def matrix(server: type[Server]) -> Iterator[tuple[Step, str, Fault]]:
    """Yield every step of a protocol with every fault that can happen there."""
    for step in server.STEPS:
        for name, fault in FAULTS.items():
            if isinstance(fault, Damage) and not step.stores:
                continue
            if isinstance(fault, ExpiredToken) and not server.CHECKS_TOKENS:
                continue
            yield step, name, fault
