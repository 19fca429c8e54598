# SPDX-License-Identifier: MIT
"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os

from crashsym.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    AnyPath = str | os.PathLike[str]


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
        raise not_written(path, error) from error


class StagedFolder:
    """A context manager: a folder for files that are to go to ``near`` when they are finished.

    It is on the same file system, and is removed at the end with the files that are still in it.
    """

    def __init__(self, near: AnyPath) -> None:
        self._near = near

    def __enter__(self) -> str:
        """Make the folder and return its path.

        Raises:
            StoreError: no folder can be made there.
        """
        above = os.path.join(os.getcwd(), self._near)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        self._folder = os.path.join(above, f".crashsym-{os.urandom(8).hex()}")
        try:
            os.mkdir(self._folder, 0o700)
        except OSError as error:
            raise not_written(self._near, error) from error
        return self._folder

    def __exit__(self, *_: object) -> None:
        for name in os.listdir(self._folder):
            os.unlink(os.path.join(self._folder, name))
        os.rmdir(self._folder)


def move_into_place(source: AnyPath, path: AnyPath, *, replace: bool = True) -> bool:
    """Make a finished file appear at ``path`` at once; make the folders above it.

    What is there already and no regular file, like a terminal or a pipe, is written to. With
    ``replace`` false a file that is there is left alone, and False is returned.

    Raises:
        StoreError: the operating system refuses.
    """
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if os.path.exists(path) and not os.path.isfile(path):
            import shutil  # for few outputs

            with open(source, "rb") as data, open(path, "wb") as target:
                shutil.copyfileobj(data, target)
            return True
        return _put(source, path, replace=replace)
    except OSError as error:
        raise not_written(path, error) from error


def _put(temporary: AnyPath, path: AnyPath, *, replace: bool) -> bool:
    if replace:
        os.replace(temporary, path)
        return True
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True


def not_written(path: AnyPath, error: OSError) -> StoreError:
    """Return the error for a file or folder that the operating system refuses to write."""
    return StoreError("cannot write", where=f"'{path}'", why=error.strerror or str(error))
