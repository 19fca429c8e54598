# SPDX-License-Identifier: MIT
"""Where the files of a manifest are: in a store and in trees of debug files, or in a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from crashsym.errors import ConfigError
from crashsym.manifest import Manifest, read
from crashsym.tree import HalfIndex, scan
from crashsym.upload.extent import Extent
from crashsym.upload.items import Item, Store, Unusable, debug_items


class Source(Store, Protocol):
    """A manifest and its files."""

    @property
    def manifest(self) -> Manifest:
        """What names them."""
        ...

    @property
    def ledger(self) -> Path:
        """The folder in which is noted what has arrived."""
        ...

    def debug_items(self, symbols: Sequence[Item]) -> tuple[list[Item], list[Unusable]]:
        """Return the debug files that belong to symbol files.

        Raises:
            ConfigError: it is not said where they are, or there are none.
        """
        ...


class StoreFolder:
    """A symbol store, the manifest that names its files, and trees with their debug files."""

    def __init__(self, manifest: Path, root: Path, debug_roots: Sequence[Path]) -> None:
        """Read the manifest.

        Raises:
            ManifestError: it is none.
        """
        self.manifest = read(manifest)
        self.ledger = root
        self._debug_roots = debug_roots

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
        return debug_items(symbols, _halves(self._debug_roots))


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
