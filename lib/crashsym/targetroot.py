# SPDX-License-Identifier: MIT
"""The root file system of a target: where a path leads in it, never outside of it."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from pathlib import Path
from typing import BinaryIO

from crashsym.errors import UnreadableError

_MAX_LINKS = 40  # as many as Linux follows: path_resolution(7)
_MAX_PATH = 4096  # PATH_MAX, with the byte that ends it
_MAX_SIZE = 1 << 26
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class TargetRoot:
    """Paths and small files of a folder that is, or will be, the root of a target.

    Symbolic links are followed as the target would: absolute ones begin at the root, and ``..``
    does not leave it. Without a folder nothing is a link. Paths are text with `surrogateescape`.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else str(folder)
        self._folders: dict[str, str] = {}  # without links; "" where there are too many
        self._links: dict[str, str | None] = {}

    def __str__(self) -> str:
        """Return the folder for messages."""
        return self._folder or "no folder"

    def place(self, path: str) -> str:
        """Return a path without links in the folders above it; what it names may be a link.

        A path that leads through more links than Linux follows, or that is too long for it,
        stays as it is, but for ``.`` and ``..``.
        """
        folder, _, name = path.rpartition("/")
        if name in ("", ".", ".."):
            folder, name = path, ""
        found = self._folders.get(folder)
        if found is None:
            found = self._folders[folder] = self._below(folder)
        if not found or not name:
            return found or _lexical(path)
        return f"{found}/{name}" if found != "/" else f"/{name}"

    def _below(self, folder: str) -> str:
        """Return what `_walk` does, or "", with what is known of the folder above."""
        above, _, name = folder.rpartition("/")
        known = self._folders.get(above)
        if known and known != "/" and name not in ("", ".", ".."):
            found = f"{known}/{name}"
            if len(folder) < _MAX_PATH and not self._link(found[1:]):
                return found
        return self._walk(folder) or ""

    def follow(self, path: str) -> str | None:
        """Return a path without any link; None if it leads through too many."""
        return self._walk(path)

    def names(self, path: str) -> frozenset[str]:
        """Return what is in a folder; nothing if there is none.

        Raises:
            UnreadableError: the operating system refuses.
        """
        try:
            return frozenset(file.name for file in Path(self._host(path)).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file; None if there is none.

        Raises:
            UnreadableError: it is no regular file, larger than 64 MiB or a link that leads to
                nothing in the root, or the operating system refuses.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._host(path), flags)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _ABSENT:
                if self._is_link(path):
                    why = "it is a link to what is not in this root"
                    raise _unusable(path, why) from error
                return None
            raise _unreadable(path, error) from error
        try:
            with os.fdopen(descriptor, "rb") as stream:
                return _read(path, stream)
        except OSError as error:
            raise _unreadable(path, error) from error

    def _is_link(self, path: str) -> bool:
        place = self.place(path)
        return bool(self._link(place[1:]))

    def _host(self, path: str) -> str:
        """Return where a path is on this machine; there is no link left in it."""
        found = self._walk(path)
        if found is None:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return f"{self._folder or os.devnull}{found}"

    def _walk(self, path: str) -> str | None:
        if len(path) >= _MAX_PATH:
            return None
        done: list[str] = []
        todo = path.split("/")[::-1]
        links, absent = 0, _MAX_PATH  # nothing is that deep
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                del done[-1:]
                absent = absent if len(done) >= absent else _MAX_PATH
                continue
            done.append(name)
            target = self._link("/".join(done)) if len(done) <= absent else ""
            if target is None:
                absent = min(absent, len(done))
            elif target:
                links += 1
                if links > _MAX_LINKS:
                    return None
                done = [] if target.startswith("/") else done[:-1]
                todo += target.split("/")[::-1]
        return "/" + "/".join(done)

    def _link(self, path: str) -> str | None:
        """Return where a link leads, "" for what is no link, None for what is not there."""
        if path in self._links:
            return self._links[path]
        found: str | None = None
        if self._folder is not None:
            try:
                # For each folder: pathlib takes as long as the system.
                found = os.readlink(f"{self._folder}/{path}")  # noqa: PTH115
            except OSError as error:
                found = "" if error.errno == errno.EINVAL else None
            except ValueError:  # a byte 0, or what no file name has
                found = None
        self._links[path] = found
        return found


def _lexical(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _read(path: str, stream: BinaryIO) -> bytes:
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "it is no regular file")
    if status.st_size > _MAX_SIZE:
        raise _unusable(path, f"it has {status.st_size} bytes, more than {_MAX_SIZE}")
    return stream.read(_MAX_SIZE)


def _unreadable(path: str, error: OSError | ValueError) -> UnreadableError:
    return _unusable(path, getattr(error, "strerror", None) or str(error))


def _unusable(path: str, why: str) -> UnreadableError:
    remedy = "Give the folder as it was made, and the right to read it."
    return UnreadableError("cannot read", where=f"'{path}'", why=why, remedy=remedy)
