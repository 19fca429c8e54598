# SPDX-License-Identifier: MIT
"""What requests carry, read from disk piece by piece: files, parts of files, and forms."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


class FileBody:
    """The bytes of a file, or ``size`` of them from ``start`` on."""

    def __init__(self, file: Path, start: int = 0, size: int | None = None) -> None:
        """Open the file.

        Raises:
            OSError: it cannot be opened.
        """
        self._stream: BinaryIO = file.open("rb")
        whole = os.fstat(self._stream.fileno()).st_size
        self._size = self._left = whole - start if size is None else size
        self._stream.seek(start)

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; a file that has become shorter is an error.

        Raises:
            OSError: it cannot be read.
        """
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted)
        if len(data) < wanted:
            raise OSError("it became shorter while it was read")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


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
            while data := part.read(1 << 16):
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
    """A field of a form: a text, bytes as a file, or a file; ``filename`` is what it is called."""

    name: str
    content: str | bytes | Path
    filename: str = ""


def form(parts: Sequence[Part], boundary: str) -> JoinedBody:
    """Return ``multipart/form-data`` (RFC 7578) with that boundary.

    Raises:
        OSError: a file cannot be opened.
    """
    bodies: list[FileBody | BytesBody] = []
    for part in parts:
        bodies.append(BytesBody(form_head(part.name, part.filename, boundary)))
        if isinstance(part.content, Path):
            bodies.append(FileBody(part.content))
        else:
            content = part.content
            bodies.append(BytesBody(content.encode() if isinstance(content, str) else content))
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
