# SPDX-License-Identifier: MIT
"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crashsym.errors import StoreError


def write_atomically(path: Path, data: bytes, *, replace: bool = True) -> bool:
    """Write ``path`` whole or not at all; make the folders above it.

    With ``replace`` false a file that is there already is left alone, and False is returned, also
    when another process makes it at the same moment.

    Raises:
        StoreError: the operating system refuses; nothing is left behind.
    """
    temporary = path.with_name(f".{os.urandom(16).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            return _put(temporary, path, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            "cannot write", where=f"'{path}'", why=error.strerror or str(error)
        ) from error


@contextmanager
def staged_folder(near: Path) -> Iterator[Path]:
    """Give a folder for files that are to go to ``near`` when they are finished.

    It is on the same file system, and is removed at the end with all that is still in it.

    Raises:
        StoreError: no folder can be made there.
    """
    above = near.absolute()
    while not above.is_dir():
        above = above.parent
    try:
        folder = tempfile.TemporaryDirectory(prefix=".crashsym-", dir=above)
    except OSError as error:
        raise StoreError(
            "cannot write", where=f"'{near}'", why=error.strerror or str(error)
        ) from error
    with folder as name:
        yield Path(name)


def move_into_place(source: Path, path: Path, *, replace: bool = True) -> bool:
    """Make a finished file appear at ``path`` at once; make the folders above it.

    What is there already and no regular file, like a terminal or a pipe, is written to. With
    ``replace`` false a file that is there is left alone, and False is returned.

    Raises:
        StoreError: the operating system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with source.open("rb") as data, path.open("wb") as target:
                shutil.copyfileobj(data, target)
            return True
        return _put(source, path, replace=replace)
    except OSError as error:
        raise StoreError(
            "cannot write", where=f"'{path}'", why=error.strerror or str(error)
        ) from error


def _put(temporary: Path, path: Path, *, replace: bool) -> bool:
    if replace:
        temporary.replace(path)
        return True
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True
