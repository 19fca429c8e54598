# SPDX-License-Identifier: MIT
"""What has reached a target, noted in the store, so that it is not sent again.

``<store>/.crashsym-uploads/<target>.jsonl`` has a line of JSON for each file that the server has
acknowledged. A line is appended at once; half a line, after a process was killed, counts as none.
While one process uploads from a store to a target, another one waits.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from crashsym.errors import StoreError
from crashsym.files import check_writable, not_written, write_atomically
from crashsym.upload.items import Item

FOLDER = ".crashsym-uploads"
_LARGEST = 256 << 20  # bytes: a million files
_LONGEST = 1 << 16  # bytes of a line


def check_folder(folder: Path, remedy: str) -> None:
    """Refuse a folder in which nothing can be noted.

    Raises:
        StoreError: the operating system would refuse; it says what to do.
    """
    try:
        check_writable(folder / FOLDER / "ledger")
    except StoreError as error:
        raise StoreError(error.what, where=f"'{folder}'", why=error.why, remedy=remedy) from error


class Ledger:
    """A context manager around an upload; ``waiting`` is called where another one is at work."""

    def __init__(
        self, store: Path, target: str, waiting: Callable[[], None] = lambda: None
    ) -> None:
        """Take the store and what tells the target from all others, which is no secret."""
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        self._place = store / FOLDER / f"{name}.jsonl"
        self._waiting = waiting
        self._known: dict[str, str] = {}
        self._file = self._lock = -1
        self._writing = threading.Lock()

    def __enter__(self) -> Ledger:
        """Read what is known.

        Raises:
            StoreError: it cannot be read or written.
        """
        with ExitStack() as opened:
            opened.callback(self._close)
            try:
                self._place.parent.mkdir(exist_ok=True)
                self._lock = _held(self._place.with_suffix(".lock"), self._waiting)
                self._open()
            except OSError as error:
                raise not_written(self._place, error) from error
            opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self._place, flags, 0o644)
        status = os.fstat(self._file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if status.st_size > _LARGEST:
            raise StoreError(
                "cannot read what has been uploaded",
                where=f"'{self._place}'",
                why=f"it has {status.st_size} bytes, {_LARGEST} at most make sense",
                remedy="Remove it: servers are then asked for all files, or get them once more.",
            )
        with os.fdopen(os.dup(self._file), "rb") as stream:
            self._known = dict(_entries(stream))
        if status.st_size and os.pread(self._file, 1, status.st_size - 1) != b"\n":
            self._append(b"\n")  # what follows is a line of its own

    def known(self, item: Item) -> str | None:
        """Return what the server called a file when it acknowledged it, None if it has not."""
        return self._known.get(_key(item))

    def note(self, item: Item, name: str) -> None:
        """Remember that the server has a file.

        Raises:
            StoreError: that cannot be written.
        """
        line = json.dumps({"file": _key(item), "id": name})
        with self._writing:
            try:
                self._append(f"{line}\n".encode())
            except OSError as error:
                raise not_written(self._place, error) from error
            self._known[_key(item)] = name

    def _append(self, data: bytes) -> None:
        """Write all of it or, where that is refused, nothing.

        Raises:
            OSError: it is refused.
        """
        size = os.fstat(self._file).st_size
        try:
            while data:  # what has no room is not always refused at once
                data = data[os.write(self._file, data) :]
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def forget(self, items: Iterable[Item]) -> None:
        """Forget files that the server has no more.

        Raises:
            StoreError: that cannot be written.
        """
        for item in items:
            self._known.pop(_key(item), None)
        lines = (json.dumps({"file": key, "id": name}) for key, name in self._known.items())
        write_atomically(self._place, "".join(f"{line}\n" for line in lines).encode())
        replaced = self._file
        try:
            self._open()
        except OSError as error:
            raise not_written(self._place, error) from error
        os.close(replaced)


def _key(item: Item) -> str:
    return f"{item.kind}/{item.debug_file}/{item.debug_id}/{item.sha256}"


def _entries(stream: BinaryIO) -> Iterable[tuple[str, str]]:
    while line := stream.readline(_LONGEST):
        try:
            entry: Any = json.loads(line)
            key, name = entry["file"], entry["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # half a line
        if isinstance(key, str) and isinstance(name, str):
            yield key, name


def _held(place: Path, waiting: Callable[[], None]) -> int:
    """Return a descriptor that locks a file for this process."""
    lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
