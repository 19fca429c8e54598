# SPDX-License-Identifier: MIT
"""Many files to one server, some at once; what cannot be sent costs no other file anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from crashsym.errors import (
    AuthenticationError,
    CrashsymError,
    InputError,
    RejectedError,
    StoreError,
    UnavailableError,
)
from crashsym.upload.items import Item
from crashsym.upload.outcome import FAILED, REFUSED, Outcome
from crashsym.upload.transport import Transport

Parcel = TypeVar("Parcel")
Result = TypeVar("Result")

_ENOUGH = 3  # files one after the other for which a server was not to be had


class Hope:
    """Whether it makes sense to ask a server once more."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._failures = 0
        self.gone = ""  # why not

    def note(self, error: CrashsymError | None) -> None:
        """Take how a request has ended."""
        with self._lock:
            if error is None or isinstance(error, RejectedError):
                self._failures = 0
            elif isinstance(error, AuthenticationError):
                self.gone = error.why
            elif isinstance(error, UnavailableError):
                self._failures += 1
                if self._failures >= _ENOUGH:
                    self.gone = error.why

    def abandon(self) -> None:
        """Let no request follow those that are on their way, nor be repeated."""
        self.gone = self.gone or "interrupted"
        self._transport.stop()

    def ended(self, item: Item, error: CrashsymError) -> Outcome:
        """Return how a file ends that has come to grief."""
        self.note(error)
        state = REFUSED if isinstance(error, RejectedError) else FAILED
        what = error.where if isinstance(error, InputError | StoreError) else error.what
        remedy = f". {error.remedy}" if error.remedy else ""
        return Outcome(item, state, f"{what}: {error.why}{remedy}")

    def skipped(self, item: Item) -> Outcome:
        """Return how a file ends that is not tried any more."""
        return Outcome(item, FAILED, f"not tried: {self.gone}")


def each(
    items: Sequence[Item], send: Callable[[Item], Outcome], jobs: int, hope: Hope
) -> Iterator[Outcome]:
    """Yield how each file ends, as they do; ``send`` may raise `CrashsymError` and `OSError`."""

    def one(item: Item) -> Outcome:
        if hope.gone:
            return hope.skipped(item)
        try:
            outcome = send(item)
        except CrashsymError as error:
            return hope.ended(item, error)
        except OSError as error:
            return Outcome(
                item, FAILED, f"'{item.content or item.name}': {error.strerror or error}"
            )
        hope.note(None)
        return outcome

    yield from at_once(items, one, jobs, hope)


def at_once(
    parcels: Sequence[Parcel], work: Callable[[Parcel], Result], jobs: int, hope: Hope
) -> Iterator[Result]:
    """Yield what becomes of each parcel, as it does; some are on their way at once.

    Whoever takes no more results lets what has not been begun be.
    """
    pool = ThreadPoolExecutor(max_workers=max(jobs, 1))
    try:
        for future in as_completed([pool.submit(work, parcel) for parcel in parcels]):
            yield future.result()
    except BaseException:
        hope.abandon()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
