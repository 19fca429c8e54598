# SPDX-License-Identifier: MIT
"""What an upload or a verification is about: read and checked before anything is sent."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crashsym.errors import ConfigError
from crashsym.manifest import LEFT_OUT, Module
from crashsym.upload import run as uploads
from crashsym.upload import targets
from crashsym.upload.bundle import Bundle
from crashsym.upload.items import DEBUG, Item, Unusable, symbol_items
from crashsym.upload.ledger import check_folder
from crashsym.upload.run import Door
from crashsym.upload.sources import ManifestAlone, Source, StoreFolder
from crashsym.upload.targets import Target

_NEEDLESS = (LEFT_OUT, "excused")
_CONFIG = Path("crashsym.toml")


@dataclass
class Plan:
    """What is to be where: the files, those that cannot be sent, and the targets."""

    source: Source
    doors: list[Door]
    symbols: list[Item]
    debug: list[Item]
    unusable: list[Unusable]

    @property
    def ledger(self) -> Path:
        """The folder in which is noted what has arrived.

        Raises:
            LookupError: there is none, and nothing to send.
        """
        if self.source.ledger is None:
            raise LookupError("there is only a manifest")
        return self.source.ledger

    @classmethod
    def of(cls, args: argparse.Namespace, *, sends: bool = True, asks: bool = False) -> Plan:
        """Read what the arguments name; no token is read where nothing is sent.

        Raises:
            CrashsymError: one of them is of no use, or there is nothing to send.
        """
        source = _source(args, asks=asks)
        there = os.path.exists(_CONFIG)  # noqa: PTH110 - pathlib raises in some current folders
        config = args.config or (_CONFIG if there else None)
        found = targets.find(args.to, config, args.token_file) if args.to else []
        symbols, unusable = symbol_items(source.manifest.modules, source)
        unusable += _without(source.manifest.modules)
        debug: list[Item] = []
        if any(DEBUG in target.send for target in found) if found else args.debug_root:
            debug, unreadable = source.debug_items(symbols)
            unusable += unreadable
        if not unusable and not args.allow_empty:
            _check_not_empty(f"'{args.manifest or args.bundle}'", found, symbols, debug)
        # All of them before the first file is sent: a token that is not there is known at once.
        doors = [uploads.door(target) for target in found] if sends else []
        return cls(source, doors, symbols, debug, unusable)


def _check_not_empty(
    where: str, found: Sequence[Target], symbols: Sequence[Item], debug: Sequence[Item]
) -> None:
    """Refuse a manifest of which there is nothing to send, be it to one of the targets.

    Raises:
        ConfigError: there is not.
    """
    if not symbols:
        why, remedy = "not one of its modules has symbols", "Give the manifest of the store."
        raise ConfigError("nothing to upload", where=where, why=why, remedy=remedy)
    for target in found:
        if not uploads.wanted(target, symbols, debug):
            why = "not one of its modules has a debug file, and this target is sent these alone"
            remedy = "Send it symbols, too, or accept that with --allow-empty."
            what = f"nothing to upload to '{target.name}'"
            raise ConfigError(what, where=where, why=why, remedy=remedy)


def _source(args: argparse.Namespace, *, asks: bool) -> Source:
    if args.store is not None:
        return StoreFolder(args.manifest, args.store, args.debug_root, asks=asks)
    if args.bundle is None:
        return ManifestAlone(args.manifest, args.debug_root)
    bundle = Bundle.open(args.bundle)
    check_folder(bundle.ledger, "Copy the bundle to a folder in which you can write.")
    return bundle


def _without(modules: Sequence[Module]) -> list[Unusable]:
    """Return the modules that should have symbols and have none."""
    return [
        Unusable(module.path, (module.path,), f"it has no symbols: {module.status}")
        for module in modules
        if module.symbols is None and module.status not in _NEEDLESS
    ]
