# SPDX-License-Identifier: MIT
"""Upload to a target, and verify what is there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from crashsym.errors import ConfigError, StoreError, shortened
from crashsym.upload.backtrace import BacktraceUploader
from crashsym.upload.bugsnag import BugsnagUploader
from crashsym.upload.bugsplat import BugSplatUploader
from crashsym.upload.directory import DirectoryUploader
from crashsym.upload.items import DEBUG, SYMBOLS, Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.ledger import Ledger
from crashsym.upload.meter import Meter
from crashsym.upload.outcome import FAILED, PRESENT, Outcome
from crashsym.upload.put import PutUploader
from crashsym.upload.sentry import SentryUploader
from crashsym.upload.sentryzip import SentryZipUploader
from crashsym.upload.symupload import V1Uploader, V2Uploader
from crashsym.upload.targets import Target
from crashsym.upload.tecken import TeckenUploader
from crashsym.upload.transport import Patience, Transport
from crashsym.upload.twins import twins_of, with_twins


class Uploader(Protocol):
    """What each kind of server has; both yield one outcome for each item, in any order."""

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what the server has not."""
        ...

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask the server what it has: `PRESENT`, or why not."""
        ...


def _sentry(target: Target, transport: Transport) -> Uploader:
    old = target.options.get("protocol") == "zip"
    return SentryZipUploader(target, transport) if old else SentryUploader(target, transport)


def _s3(target: Target, transport: Transport) -> Uploader:
    try:
        from crashsym.upload.s3 import S3Uploader
    except ModuleNotFoundError as error:
        raise ConfigError(
            "cannot use a bucket",
            where=f"'{target.name}'",
            why=f"the Python module {error.name} is missing",
            remedy="Install boto3 beside crashsym: pip install boto3.",
        ) from error
    return S3Uploader(target, transport)


_OVER_HTTP: dict[str, Callable[[Target, Transport], Uploader]] = {
    "sentry": _sentry,
    "tecken": TeckenUploader,
    "symupload-v1": V1Uploader,
    "symupload-v2": V2Uploader,
    "bugsplat": BugSplatUploader,
    "bugsnag": BugsnagUploader,
    "backtrace": BacktraceUploader,
    "http": PutUploader,
    "s3": _s3,
}


def _plain(text: str) -> str:
    return text


@dataclass(frozen=True)
class Door:
    """What uploads to a target; ``transport`` counts the bytes on the wire, if there is one."""

    target: Target
    uploader: Uploader
    transport: Transport | None = None

    @property
    def sent_bytes(self) -> int:
        """Bytes of all bodies of requests, or that were written to a folder."""
        if isinstance(self.uploader, DirectoryUploader):
            return self.uploader.written
        return self.transport.sent_bytes if self.transport is not None else 0

    def watch(self, meter: Meter, say: Callable[[str], None]) -> None:
        """Let a meter count what is sent, and people know that a server is waited for."""
        if self.transport is not None:
            self.transport.moved = meter.moved
            self.transport.waits = say

    @contextmanager
    def noting(self, ledger: Ledger) -> Iterator[None]:
        """Let the threads that send note what is acknowledged, also in an interruption."""
        if self.transport is None:
            yield
            return
        before = self.transport.ended

        def note(outcome: Outcome) -> None:
            with suppress(StoreError):  # whoever takes the outcome tries again, and says so
                _note(ledger, *self.clean([outcome]))

        self.transport.ended = note
        try:
            yield
        finally:
            self.transport.ended = before

    def clean(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Take the token, which a server may repeat, and all length out of what a server says."""
        hidden = self.transport.hidden if self.transport is not None else _plain
        for one in outcomes:
            # A short token may occur in an id or a path of ours, which tells nothing of it.
            name = one.id if _is_own(one) else hidden(one.id)
            yield replace(one, why=shortened(hidden(one.why), 800), id=shortened(name, 800))


def _is_own(outcome: Outcome) -> bool:
    """Whether the id of a file follows from the file, and not from what a server says."""
    item = outcome.item
    places = {place(item) for place in LAYOUTS.values()}
    return any(outcome.id.endswith(one) for one in (item.debug_id, *places) if one)


def door(target: Target) -> Door:
    """Return what uploads to a target.

    Raises:
        ConfigError: its token cannot be had, or its folder is none.
    """
    if target.kind == "store":
        return Door(target, DirectoryUploader(target))
    patience = Patience(whole=float(target.options.get("patience", Patience().whole)))
    transport = Transport(f"'{target.name}' ({target.place})", target.secret(), patience)
    return Door(target, _OVER_HTTP[target.kind](target, transport), transport)


def upload(door: Door, items: Sequence[Item], ledger: Ledger) -> Generator[Outcome, None, None]:
    """Yield how each file ends; what the ledger knows is not sent.

    It is to be closed before the ledger: until then it may note something.
    """
    twins = twins_of(door.target, items)
    yield from with_twins(_uploaded(door, list(twins), ledger), twins)


def _uploaded(door: Door, items: Sequence[Item], ledger: Ledger) -> Iterator[Outcome]:
    unknown = []
    for item in items:
        known = ledger.known(item)
        if known is None:
            unknown.append(item)
        else:
            yield Outcome(item, PRESENT, id=known)
    left = dict.fromkeys(unknown)
    with door.noting(ledger):
        for outcome in door.clean(door.uploader.upload(unknown)) if unknown else ():
            left.pop(outcome.item, None)
            try:
                _note(ledger, outcome)
            except StoreError as error:  # what is sent now would be sent again
                why = f"it is there, but that cannot be noted: {error}"
                yield Outcome(outcome.item, FAILED, why)
                why = f"broken off: that another file is there cannot be noted: {error}"
                yield from (Outcome(item, FAILED, why) for item in left)
                return
            yield outcome


def _note(ledger: Ledger, outcome: Outcome) -> None:
    if outcome.is_there and ledger.known(outcome.item) is None:
        ledger.note(outcome.item, outcome.id)


def verify(door: Door, items: Sequence[Item], ledger: Ledger | None) -> Iterator[Outcome]:
    """Yield what the server has; what it has no more is forgotten, and so sent again.

    Without a store there is no ledger, and nothing to forget.
    """
    lost = []
    twins = twins_of(door.target, items)
    for outcome in with_twins(door.clean(door.uploader.verify(list(twins))), twins):
        if outcome.is_absent and ledger is not None and ledger.known(outcome.item) is not None:
            lost.append(outcome)
        else:
            yield outcome
    if ledger is not None and lost:
        yield from _forgotten(ledger, lost)


def _forgotten(ledger: Ledger, lost: list[Outcome]) -> Iterator[Outcome]:
    why = ""
    try:
        ledger.forget(one.item for one in lost)
    except StoreError as error:
        why = f"; it will not be sent again, as that cannot be noted: {error}"
    yield from (replace(one, why=one.why + why) for one in lost)


def wanted(target: Target, symbols: Sequence[Item], debug: Sequence[Item]) -> list[Item]:
    """Return the files that a target is to have."""
    found = list(symbols) if SYMBOLS in target.send else []
    return found + (list(debug) if DEBUG in target.send else [])
