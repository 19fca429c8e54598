# SPDX-License-Identifier: MIT
"""Where the files of a manifest are: in a store and trees of debug files, or nowhere any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os.path import isdir
from pathlib import Path
from typing import Protocol

from crashsym.errors import ConfigError
from crashsym.manifest import Manifest, read
from crashsym.tree import HalfIndex, scan
from crashsym.upload.extent import Extent
from crashsym.upload.items import (
    DEBUG,
    Item,
    Store,
    Unusable,
    debug_items,
    debug_place,
    is_sha256,
)


class Source(Store, Protocol):
    """A manifest and its files."""

    @property
    def manifest(self) -> Manifest:
        """What names them."""
        ...

    @property
    def ledger(self) -> Path | None:
        """The folder in which is noted what has arrived, if there is one."""
        ...

    def debug_items(self, symbols: Sequence[Item]) -> tuple[list[Item], list[Unusable]]:
        """Return the debug files that belong to symbol files.

        Raises:
            ConfigError: it is not said where they are, or there are none.
        """
        ...


class StoreFolder:
    """A symbol store, the manifest that names its files, and trees with their debug files."""

    def __init__(
        self, manifest: Path, root: Path, debug_roots: Sequence[Path], *, asks: bool = False
    ) -> None:
        """Read the manifest; what is asked for, and not sent, may be known by receipts alone.

        Raises:
            ConfigError: the store is none.
            ManifestError: the manifest is none.
        """
        self.manifest = read(manifest)
        self.ledger = root
        self._debug_roots = debug_roots
        self._asks = asks
        has_symbols = any(module.symbols for module in self.manifest.modules)
        if has_symbols and not isdir(root):  # noqa: PTH112 - pathlib raises where access is denied
            remedy = "Give the folder with the symbol files of the manifest."
            raise ConfigError("no store", where=f"'{root}'", why="it is no folder", remedy=remedy)

    def name(self, place: str) -> str:
        """Return the path of a file."""
        return str(self.ledger / place)

    def find(self, place: str) -> Extent:
        """Return the bytes of a file.

        Raises:
            OSError: it is not there.
        """
        return Extent.of(self.ledger / place)

    def debug_items(self, symbols: Sequence[Item]) -> tuple[list[Item], list[Unusable]]:
        """Return the debug files in the trees that belong to symbol files.

        Raises:
            ConfigError: there is no tree.
        """
        if self._asks:
            return _asked_for(symbols, self._debug_roots)
        return debug_items(symbols, _halves(self._debug_roots))


class ManifestAlone:
    """A manifest whose store is gone: its files can be asked for, but not sent."""

    ledger = None

    def __init__(self, manifest: Path, debug_roots: Sequence[Path]) -> None:
        """Read the manifest.

        Raises:
            ManifestError: it is none.
        """
        self.manifest = read(manifest)
        self._debug_roots = debug_roots

    def name(self, place: str) -> str:
        """Return where a store had a file."""
        return place

    def find(self, _: str) -> None:
        """Return that no bytes are at hand."""
        return

    def debug_items(self, symbols: Sequence[Item]) -> tuple[list[Item], list[Unusable]]:
        """Return the debug files in the trees, or else those of which there are receipts.

        Raises:
            ConfigError: there are none.
        """
        return _asked_for(symbols, self._debug_roots)


def _asked_for(symbols: Sequence[Item], roots: Sequence[Path]) -> tuple[list[Item], list[Unusable]]:
    """Return the debug files in some trees, or else those of which there are receipts."""
    if roots:
        return debug_items(symbols, _halves(roots))
    found = [
        replace(item, kind=DEBUG, content=None, place=debug_place(item.build_id), sha256=sha256)
        for item in symbols
        for sha256 in sorted({receipt.sha256 for receipt in item.receipts} - {item.sha256})
        if item.build_id is not None and is_sha256(sha256)
    ]
    if not found:
        why = "a target wants them, and the manifest has no receipts for them"
        remedy = "Name their tree with --debug-root, or take 'debug-files' out of 'send'."
        raise ConfigError("no debug files to verify", why=why, remedy=remedy)
    return found, []


def _halves(roots: Sequence[Path]) -> dict[str, Extent]:
    """Return the debug files below some folders by their build ids."""
    if not roots:
        remedy = "Name the tree with --debug-root, or take 'debug-files' out of 'send'."
        raise ConfigError("no debug files to upload", why="a target wants them", remedy=remedy)
    trees = [scan(root, [], packages=False, exclude=()) for root in roots]
    files = [file for tree in trees for file in (*tree.halves, *tree.subjects)]
    sizes = {file.file: file.size for file in files}
    found = HalfIndex(files).by_build_id
    return {build_id: Extent(file, 0, sizes[file]) for build_id, file in found.items()}
