# SPDX-License-Identifier: MIT
"""The symbol store: ``<debug_file>/<debug_id>/<debug_file>.sym``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from crashsym.errors import ConflictError, StoreError
from crashsym.files import move_into_place, not_read
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from crashsym.breakpad.module import ModuleRecord

_ABSENT = (FileNotFoundError, NotADirectoryError, ValueError)  # the last: no file has the name
_LONGEST_NAME = 250  # bytes, with ".sym" behind it


class StoreEntry(Value):
    """One symbol file in a store; ``path`` is relative to it, ``new`` false if it was there."""

    path: PurePosixPath
    new: bool


def symbol_path(debug_file: str, debug_id: str) -> PurePosixPath:
    """Return where a store keeps the symbols of a module.

    Source: Breakpad src/processor/simple_symbol_supplier.cc.
    """
    return PurePosixPath(debug_file, debug_id, f"{debug_file}.sym")


def can_store(module: ModuleRecord) -> bool:
    """Whether the symbols of a module have a place of their own below a store."""
    names = (module.debug_file, module.debug_id)
    return not any(name in ("", ".", "..") or set(name) & {"/", "\0"} for name in names)


class Store:
    """A folder of symbol files that Breakpad's and Mozilla's stack walkers read as it is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, module: ModuleRecord, file: str | os.PathLike[str]) -> StoreEntry:
        """Put a finished symbol file in, whole or not at all; ``file`` may be gone afterwards.

        Raises:
            ConflictError: the store has other bytes for this id; they stay.
            StoreError: the file cannot be written, or its place would not be in the store.
        """
        if not can_store(module):
            raise StoreError(
                "cannot store symbols",
                where=f"'{module.debug_file}'",
                why=f"it or its id, '{module.debug_id}', is no name of a folder",
                remedy="Report it as a bug of crashsym.",
            )
        path = symbol_path(module.debug_file, module.debug_id)
        target = self.root / path
        new = move_into_place(file, target, replace=False)
        if not new and not _same(file, target):
            raise ConflictError(
                "symbols not stored",
                where=f"'{target}'",
                why="the store has other bytes for the same id; they are kept",
                remedy="If the new symbols are right, remove that file and repeat the command, or"
                " use a new store.",
            )
        return StoreEntry(path, new)

    def read(self, path: PurePosixPath) -> bytes | None:
        """Return the bytes of a symbol file; None if there is none.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            return (self.root / path).read_bytes()
        except _ABSENT:
            return None
        except OSError as error:
            raise not_read(self.root / path, error) from error

    def debug_ids(self, debug_file: str) -> list[str]:
        """Return the debug ids under which the store has symbols of a module, sorted.

        Raises:
            StoreError: the folder cannot be read.
        """
        if debug_file in ("", ".", "..") or _size(debug_file) > _LONGEST_NAME:
            return []
        return [name for name in self._names(debug_file) if self._has(debug_file, name)]

    def files(self) -> Iterator[PurePosixPath]:
        """Yield the place of each symbol file, sorted.

        Raises:
            StoreError: a folder cannot be read.
        """
        for name in self._names(""):
            for debug_id in self.debug_ids(name):
                yield symbol_path(name, debug_id)

    def is_empty(self) -> bool:
        """Whether nothing in the folder has the shape of a store.

        Raises:
            StoreError: a folder cannot be read.
        """
        return next(self.files(), None) is None

    def _has(self, debug_file: str, debug_id: str) -> bool:
        file = self.root / symbol_path(debug_file, debug_id)
        try:
            return file.is_file()
        except OSError as error:
            raise not_read(file, error) from error

    def _names(self, folder: str) -> list[str]:
        """Return what is in a folder of the store, sorted; nothing if there is none."""
        try:
            return sorted(entry.name for entry in (self.root / folder).iterdir())
        except _ABSENT:
            return []
        except OSError as error:
            raise not_read(self.root / folder, error) from error


def _size(name: str) -> int:
    """Return the bytes of a file name, which may be text that no file name can have."""
    return len(name.encode("utf-8", "replace"))


def _same(one: str | os.PathLike[str], other: Path) -> bool:
    import filecmp  # few files are there already

    try:
        return Path(one).samefile(other) or filecmp.cmp(one, other, shallow=False)
    except OSError as error:
        raise not_read(other, error) from error
