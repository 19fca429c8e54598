# SPDX-License-Identifier: MIT
"""Many files to one server, some at once; what cannot be sent costs no other file anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
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
_GRACE = 1.0  # seconds for answers that are on their way when it is interrupted


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

    def cut(self) -> None:
        """Break off those that are on their way."""
        self._transport.cut()

    @property
    def is_abandoned(self) -> bool:
        """Whether it was interrupted."""
        return self._transport.is_stopped

    def tell(self, outcome: Outcome) -> None:
        """Let be noted how a file has ended, also where nobody takes results any more."""
        self._transport.ended(outcome)

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
        hope.tell(outcome)
        hope.note(None)
        return outcome

    yield from at_once(items, one, jobs, hope)


def at_once(
    parcels: Sequence[Parcel], work: Callable[[Parcel], Result], jobs: int, hope: Hope
) -> Generator[Result, None, None]:
    """Yield what becomes of each parcel, as it does; some are on their way at once.

    Whoever takes no more results lets what has not been begun be, and waits two seconds for the
    rest: what an executor has begun it waits for, however long that takes.
    """
    todo, done = SimpleQueue[Parcel](), SimpleQueue["Future[Result]"]()
    for parcel in parcels:
        todo.put(parcel)

    def go_on() -> None:
        while not hope.is_abandoned:
            try:
                parcel = todo.get_nowait()
            except Empty:
                return
            done.put(_result(work, parcel))

    threads: list[threading.Thread] = []
    try:
        _start(go_on, min(max(jobs, 1), len(parcels)), threads)
        if not threads:
            go_on()
        for _ in parcels:
            yield done.get().result()
    except BaseException:
        hope.abandon()
        _wait(threads, _GRACE)
        hope.cut()
        raise
    finally:
        _wait(threads, _GRACE)


def _result(work: Callable[[Parcel], Result], parcel: Parcel) -> Future[Result]:
    """Return what becomes of a parcel; an error is raised where that is asked for."""
    future = Future[Result]()
    try:
        future.set_result(work(parcel))
    except Exception as error:  # noqa: BLE001 - it is not hidden, see above
        future.set_exception(error)
    return future


def _start(run: Callable[[], None], number: int, threads: list[threading.Thread]) -> None:
    """Start as many threads as the machine has room for, up to a number."""
    for _ in range(number):
        thread = threading.Thread(target=run, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # no memory for its stack, or a limit of the user
            return
        threads.append(thread)


def _wait(threads: Sequence[threading.Thread], seconds: float) -> None:
    """Wait until threads end, so long all together."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
