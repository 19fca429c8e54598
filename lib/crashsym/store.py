# SPDX-License-Identifier: MIT
"""The symbol store: ``<debug_file>/<debug_id>/<debug_file>.sym``."""

from __future__ import annotations

import errno
from pathlib import Path, PurePosixPath

from crashsym.errors import ConflictError, StoreError
from crashsym.files import move_into_place
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from crashsym.breakpad.module import ModuleRecord


# What says that there can be no such file; its name may be any word of a log.
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class StoreEntry(Value):
    """One symbol file in a store; ``path`` is relative to it, ``new`` false if it was there."""

    path: PurePosixPath
    new: bool


def symbol_path(debug_file: str, debug_id: str) -> PurePosixPath:
    """Return where a store keeps the symbols of a module.

    Source: Breakpad src/processor/simple_symbol_supplier.cc.
    """
    return PurePosixPath(debug_file, debug_id, f"{debug_file}.sym")


class Store:
    """A folder of symbol files that Breakpad's and Mozilla's stack walkers read as it is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, module: ModuleRecord, file: str | os.PathLike[str]) -> StoreEntry:
        """Put a finished symbol file in, whole or not at all; ``file`` may be gone afterwards.

        Raises:
            ConflictError: the store has other bytes for this id; they stay.
            StoreError: the file cannot be written.
        """
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

    def read(self, path: PurePosixPath) -> bytes:
        """Return the bytes of a symbol file.

        Raises:
            StoreError: there is none, or it cannot be read.
        """
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise _unreadable(self.root / path, error) from error

    def debug_ids(self, debug_file: str) -> list[str]:
        """Return the debug ids under which the store has symbols of a module, sorted.

        Raises:
            StoreError: there is a folder, but it cannot be read.
        """
        folder = self.root / debug_file
        if debug_file in ("", ".", ".."):
            return []
        try:
            found = [entry.name for entry in folder.iterdir()]
        except ValueError:  # a name that no file can have
            return []
        except OSError as error:
            if error.errno in _ABSENT:
                return []
            raise _unreadable(folder, error) from error
        return sorted(name for name in found if self.has(symbol_path(debug_file, name)))

    def has(self, path: PurePosixPath) -> bool:
        """Whether the store has a symbol file."""
        try:
            return (self.root / path).is_file()
        except OSError:  # a name that no file can have, or a folder that may not be read
            return False


def _same(one: str | os.PathLike[str], other: Path) -> bool:
    import filecmp  # few files are there already

    try:
        return Path(one).samefile(other) or filecmp.cmp(one, other, shallow=False)
    except OSError as error:
        raise _unreadable(other, error) from error


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError("cannot read", where=f"'{path}'", why=error.strerror or str(error))
