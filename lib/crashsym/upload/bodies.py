# SPDX-License-Identifier: MIT
"""What requests carry, read from disk piece by piece: files, parts of files, and forms."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from crashsym.errors import UnreadableError
from crashsym.files import open_regular
from crashsym.upload.extent import Extent
from crashsym.upload.items import Item

PIECE = 1 << 16


class FileBody:
    """The bytes of a file, or ``size`` of them from ``start`` on."""

    def __init__(self, file: Path, start: int = 0, size: int | None = None) -> None:
        """Open the file.

        Raises:
            UnreadableError: it cannot be opened, or is no regular file.
        """
        self._file = file
        try:
            self._stream: BinaryIO = open_regular(file, follow=True)
        except OSError as error:
            raise _unreadable(file, error.strerror or str(error)) from error
        whole = os.fstat(self._stream.fileno()).st_size
        self._size = self._left = whole - start if size is None else size
        self._stream.seek(start)

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; a file that has become shorter is an error.

        Raises:
            UnreadableError: it cannot be read, which is no trouble of the network.
        """
        wanted = self._left if size < 0 else min(size, self._left)
        try:
            data = self._stream.read(wanted)
        except OSError as error:
            raise _unreadable(self._file, error.strerror or str(error)) from error
        if len(data) < wanted:
            raise _unreadable(self._file, "it became shorter while it was read")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class ItemBody(FileBody):
    """A file that has to have the bytes that the manifest says, up to the last one that is sent."""

    def __init__(self, item: Item) -> None:
        """Open the file.

        Raises:
            UnreadableError: it cannot be opened, or has another size.
        """
        content = item.at_hand
        super().__init__(content.file, content.start, content.size if content.member else None)
        self._item = item
        self._digest = hashlib.sha256()
        if len(self) != content.size:
            self.close()
            raise changed(item)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            UnreadableError: it cannot be read, or has changed; the last bytes are then not given.
        """
        data = super().read(size)
        self._digest.update(data)
        if not self._left and self._digest.hexdigest() != self._item.sha256:
            raise changed(self._item)
        return data


def pieces(item: Item) -> Iterator[bytes]:
    """Yield the bytes of a file, piece by piece.

    Raises:
        UnreadableError: it cannot be read, or has other bytes than the manifest says.
    """
    with closing(ItemBody(item)) as body:
        while data := body.read(PIECE):
            yield data


def changed(item: Item) -> UnreadableError:
    """Return the error for a file that is no more what it was."""
    return _unreadable(item.at_hand, "it has changed since the command began")


def _unreadable(file: Path | Extent, why: str) -> UnreadableError:
    return UnreadableError("cannot send a file", where=f"'{file}'", why=why)


class BytesBody:
    """Bytes that are there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __len__(self) -> int:
        return len(self._data)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        end = len(self._data) if size < 0 else self._at + size
        data = self._data[self._at : end]
        self._at += len(data)
        return data

    def close(self) -> None:
        """Do nothing."""


class JoinedBody:
    """Bodies one behind the other."""

    def __init__(self, parts: Sequence[FileBody | BytesBody]) -> None:
        self._parts = parts
        self._pieces = self._read_all()
        self._rest = b""

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def _read_all(self) -> Iterator[bytes]:
        for part in self._parts:
            while data := part.read(PIECE):
                yield data

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at times fewer than are asked for."""
        data = self._rest or next(self._pieces, b"")
        if size < 0:
            return data + b"".join(self._pieces)
        self._rest = data[size:]
        return data[:size]

    def close(self) -> None:
        """Close all of them."""
        for part in self._parts:
            part.close()


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form: a text, or a file; ``filename`` is what that is called."""

    name: str
    content: str | FileBody
    filename: str = ""


def form(parts: Sequence[Part], boundary: str) -> JoinedBody:
    """Return ``multipart/form-data`` (RFC 7578) with that boundary."""
    bodies: list[FileBody | BytesBody] = []
    for part in parts:
        bodies.append(BytesBody(form_head(part.name, part.filename, boundary)))
        content = part.content
        bodies.append(BytesBody(content.encode()) if isinstance(content, str) else content)
        bodies.append(BytesBody(b"\r\n"))
    bodies.append(BytesBody(form_tail(boundary)))
    return JoinedBody(bodies)


def form_head(name: str, filename: str, boundary: str) -> bytes:
    """Return what stands before the content of a field; a file has a name of its own."""
    lines = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    if filename:
        lines += f'; filename="{_quoted(filename)}"'
        lines += "\r\nContent-Type: application/octet-stream"
    return f"{lines}\r\n\r\n".encode()


def form_tail(boundary: str) -> bytes:
    """Return what stands behind the last field."""
    return f"--{boundary}--\r\n".encode()


def form_type(boundary: str) -> str:
    """Return the content type of a form."""
    return f"multipart/form-data; boundary={boundary}"


def new_boundary() -> str:
    """Return a boundary that no file has in it by chance."""
    return f"crashsym-{os.urandom(16).hex()}"


def _quoted(text: str) -> str:
    """Return a name in which nothing ends it (HTML, "multipart/form-data encoding algorithm")."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
