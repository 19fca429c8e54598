# SPDX-License-Identifier: MIT
"""Where the bytes of an ELF file come from: a file, or another ELF file that embeds it."""

from __future__ import annotations

import mmap
import os
import stat

from crashsym.errors import MalformedError, NotElfError, UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class ByteSource(Protocol):
        """Bounded random access to ``size`` bytes; ``where`` names them in messages."""

        size: int
        where: str

        def read(self, offset: int, size: int, what: str) -> bytes:
            """Return a piece as bytes.

            Raises:
                MalformedError: it runs past the end; ``what`` says what it would have been.
                UnreadableError: the operating system refuses.
            """
            ...

        def view(self, offset: int, size: int, what: str) -> memoryview:
            """Return a piece as a read-only view, which outlives `close`. Raises as `read` does."""
            ...

        def close(self) -> None:
            """Give back the file descriptor."""
            ...


GIVE_ELF = "Give an ELF file: a program, a shared object, a kernel module or a debug file."
_MAPPED_FROM = 1 << 16  # smaller pieces are read: a mapping costs more than it saves


class FileBytes:
    """A regular file. Large pieces are mapped, not read, and each mapping ends with its view."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.where = f"'{path}'"
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise NotElfError(
                    "cannot read",
                    where=self.where,
                    why="it is no regular file",
                    remedy=GIVE_ELF,
                )
            self._stream = open(path, "rb")  # noqa: SIM115 - `close` does it
        except OSError as error:
            raise _unreadable(self.where, error) from error
        self.size = status.st_size

    def close(self) -> None:
        """Give back the file descriptor; views stay valid."""
        self._stream.close()

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Return a piece of the file."""
        check_bounds(self, offset, size, what)
        try:
            self._stream.seek(offset)
            data = self._stream.read(size)
        except OSError as error:
            raise _unreadable(self.where, error) from error
        if len(data) != size:
            raise _shrunk(self.where, what)
        return data

    def view(self, offset: int, size: int, what: str) -> memoryview:
        """Return a piece of the file without copying it."""
        if size < _MAPPED_FROM:
            return memoryview(self.read(offset, size, what))
        check_bounds(self, offset, size, what)
        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        try:
            mapped = mmap.mmap(
                self._stream.fileno(), offset + size - start, access=mmap.ACCESS_READ, offset=start
            )
        except OSError as error:
            raise _unreadable(self.where, error) from error
        except ValueError as error:  # the file has become shorter
            raise _shrunk(self.where, what) from error
        return memoryview(mapped)[offset - start :]


class MemoryBytes:
    """Bytes in memory."""

    def __init__(self, data: bytes, where: str) -> None:
        self.where = where
        self.size = len(data)
        self._data = memoryview(data)

    def close(self) -> None:
        """Do nothing: the memory is given back with its last user."""

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Return a copy of a piece."""
        return bytes(self.view(offset, size, what))

    def view(self, offset: int, size: int, what: str) -> memoryview:
        """Return a piece without copying it."""
        check_bounds(self, offset, size, what)
        return self._data[offset : offset + size]


def check_bounds(source: ByteSource, offset: int, size: int, what: str) -> None:
    """Refuse a piece that runs past the end.

    Raises:
        MalformedError: it does.
    """
    if offset + size > source.size:
        raise MalformedError(
            "cannot read ELF",
            where=f"{source.where} {what}",
            why=f"it ends at 0x{offset + size:x}, the file at 0x{source.size:x}",
            remedy="The file is truncated or damaged; make it anew.",
        )


def _unreadable(where: str, error: OSError) -> UnreadableError:
    remedy = "Check its name, and your right to read it."
    return UnreadableError(
        "cannot read", where=where, why=error.strerror or str(error), remedy=remedy
    )


def _shrunk(where: str, what: str) -> MalformedError:
    return MalformedError(
        "cannot read ELF", where=f"{where} {what}", why="the file has become shorter meanwhile"
    )
