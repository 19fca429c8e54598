# SPDX-License-Identifier: MIT
"""Upload to a target, verify what is there, and what the manifest says of that."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from crashsym.errors import ConfigError, shortened
from crashsym.manifest import Manifest, Module, Receipt
from crashsym.upload.backtrace import BacktraceUploader
from crashsym.upload.bugsnag import BugsnagUploader
from crashsym.upload.bugsplat import BugSplatUploader
from crashsym.upload.directory import DirectoryUploader
from crashsym.upload.items import SYMBOLS, Item
from crashsym.upload.ledger import Ledger
from crashsym.upload.meter import Meter
from crashsym.upload.outcome import PRESENT, Outcome
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
            remedy="Install boto3: pip install 'crashsym[s3]'.",
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
        """Bytes of all bodies of requests."""
        return self.transport.sent_bytes if self.transport is not None else 0

    def watch(self, meter: Meter) -> None:
        """Let a meter count what is sent."""
        if self.transport is not None:
            self.transport.moved = meter.moved

    @contextmanager
    def noting(self, ledger: Ledger) -> Iterator[None]:
        """Let the threads that send note what is acknowledged, also in an interruption."""
        if self.transport is None:
            yield
            return
        before = self.transport.ended
        self.transport.ended = lambda outcome: _note(ledger, *self.clean([outcome]))
        try:
            yield
        finally:
            self.transport.ended = before

    def clean(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Take the token, which a server may repeat, and all length out of what a server says."""
        hidden = self.transport.hidden if self.transport is not None else _plain
        for one in outcomes:
            why, name = shortened(hidden(one.why), 800), shortened(hidden(one.id), 800)
            yield replace(one, why=why, id=name)


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
    with door.noting(ledger):
        for outcome in door.clean(door.uploader.upload(unknown)) if unknown else ():
            _note(ledger, outcome)
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
        if outcome.is_absent:
            lost.append(outcome.item)
        yield outcome
    known = [item for item in lost if ledger is not None and ledger.known(item) is not None]
    if ledger is not None and known:
        ledger.forget(known)


def with_receipts(manifest: Manifest, server: str, outcomes: Iterable[Outcome]) -> Manifest:
    """Return a manifest that says what a server was asked for and has.

    What it said of that server before does not count any more; but where not all could be compared,
    an older receipt for the same bytes does, and there is no new one.
    """
    proven: dict[str, list[Receipt]] = {}
    for outcome in outcomes:
        if outcome.state == PRESENT:
            place = f"{outcome.item.debug_file}/{outcome.item.debug_id}"
            proven.setdefault(place, []).extend(_receipts(outcome, server))
    modules = [_proven(module, server, proven) for module in manifest.modules]
    return Manifest.of(modules, manifest.build)


def _receipts(outcome: Outcome, server: str) -> list[Receipt]:
    item = outcome.item
    if not outcome.why:
        return [Receipt(server, outcome.id, item.sha256)]
    return [one for one in item.receipts if (one.server, one.sha256) == (server, item.sha256)]


def _proven(module: Module, server: str, proven: dict[str, list[Receipt]]) -> Module:
    if module.symbols is None:
        return module
    others = [receipt for receipt in module.receipts if receipt.server != server]
    found = proven.get(f"{module.debug_file}/{module.debug_id}", [])
    receipts = sorted({*others, *found}, key=lambda one: (one.server, one.sha256, one.id))
    return replace(module, receipts=tuple(receipts))


def wanted(target: Target, symbols: Sequence[Item], debug: Sequence[Item]) -> list[Item]:
    """Return the files that a target is to have."""
    found = list(symbols) if SYMBOLS in target.send else []
    return found + (list(debug) if "debug-files" in target.send else [])
