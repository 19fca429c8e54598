# SPDX-License-Identifier: MIT
"""Many files to one server, some at once; what cannot be sent costs no other file anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from crashsym.errors import AuthenticationError, RejectedError, UnavailableError, UploadError
from crashsym.upload.items import Item
from crashsym.upload.outcome import FAILED, REFUSED, Outcome

Parcel = TypeVar("Parcel")

_ENOUGH = 3  # files one after the other for which a server was not to be had


class Hope:
    """Whether it makes sense to ask a server once more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self.gone = ""  # why not

    def note(self, error: UploadError | None) -> None:
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

    def ended(self, item: Item, error: UploadError) -> Outcome:
        """Return how a file ends for which a request has failed."""
        self.note(error)
        state = REFUSED if isinstance(error, RejectedError) else FAILED
        return Outcome(item, state, f"{error.what}: {error.why}")

    def skipped(self, item: Item) -> Outcome:
        """Return how a file ends that is not tried any more."""
        return Outcome(item, FAILED, f"not tried: {self.gone}")


def each(
    items: Sequence[Item], send: Callable[[Item], Outcome], jobs: int, hope: Hope
) -> Iterator[Outcome]:
    """Yield how each file ends, as they do; ``send`` may raise `UploadError`."""

    def one(item: Item) -> Outcome:
        if hope.gone:
            return hope.skipped(item)
        try:
            outcome = send(item)
        except UploadError as error:
            return hope.ended(item, error)
        except OSError as error:
            return Outcome(item, FAILED, f"'{item.file}': {error.strerror or error}")
        hope.note(None)
        return outcome

    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        for future in as_completed([pool.submit(one, item) for item in items]):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def spread(parcels: Sequence[Parcel], send: Callable[[Parcel], None], jobs: int) -> None:
    """Send all parcels, some at once; the first that fails ends it.

    Raises:
        UploadError: one has failed; no other has been begun since.
    """
    pool = ThreadPoolExecutor(max_workers=max(jobs, 1))
    try:
        for future in as_completed([pool.submit(send, parcel) for parcel in parcels]):
            future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
