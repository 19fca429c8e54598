# SPDX-License-Identifier: MIT
"""Receipts: what servers were found to have, written into a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from crashsym.files import HeldFolder
from crashsym.manifest import Manifest, Module, Receipt, read
from crashsym.upload.items import SYMBOLS, Item
from crashsym.upload.outcome import PRESENT, Outcome

Verified = Sequence[tuple[str, Sequence[Outcome]]]  # the name of each server, and what it answered


def update(place: Path, known: Manifest, verified: Verified, waiting: Callable[[], None]) -> None:
    """Write receipts into the manifest at a place, as others have left it meanwhile.

    ``known`` stands for what cannot be read twice, like a pipe. While another process does the same
    in this folder it is waited for; before that ``waiting`` is called.

    Raises:
        ManifestError: it is gone, or no manifest any more.
        StoreError: it cannot be written.
    """
    file = place.resolve()
    with HeldFolder(file.parent, alone=True, waiting=waiting):
        found = known if file.exists() and not file.is_file() else read(file, regular=True)
        with_all(found, verified).write(place)


def with_all(manifest: Manifest, verified: Verified) -> Manifest:
    """Return a manifest with the receipts of several servers."""
    for server, outcomes in verified:
        manifest = with_receipts(manifest, server, outcomes)
    return manifest


def with_receipts(manifest: Manifest, server: str, outcomes: Iterable[Outcome]) -> Manifest:
    """Return a manifest that says what a server was asked for and has.

    An older receipt of that server for the same bytes goes where it has answered that it has them
    no more, or other ones. It stays where the server could not be asked, or not all was compared;
    then there is no new one.
    """
    by_id: dict[tuple[str | None, str | None], list[Outcome]] = {}
    for outcome in outcomes:
        item = outcome.item
        by_id.setdefault((item.debug_file, item.debug_id), []).append(outcome)
    modules = [
        _receipted(module, server, by_id.get((module.debug_file, module.debug_id), []))
        for module in manifest.modules
    ]
    return Manifest.of(modules, manifest.build)


def _receipted(module: Module, server: str, outcomes: list[Outcome]) -> Module:
    receipts = set(module.receipts)
    for outcome in outcomes:
        item = outcome.item
        is_proven = outcome.state == PRESENT and not outcome.why
        if not _is_of(item, module) or not (is_proven or outcome.is_absent):
            continue
        of_these = (server, item.sha256)
        receipts = {one for one in receipts if (one.server, one.sha256) != of_these}
        if is_proven:
            receipts.add(Receipt(server, outcome.id, item.sha256))
    ordered = sorted(receipts, key=lambda one: (one.server, one.sha256, one.id))
    return replace(module, receipts=tuple(ordered))


def _is_of(item: Item, module: Module) -> bool:
    """Whether a file with the name and the id of a module is one of it."""
    if module.symbols is None:
        return False
    if item.kind == SYMBOLS:
        return item.sha256 == module.symbols.sha256
    return item.build_id == module.build_id
