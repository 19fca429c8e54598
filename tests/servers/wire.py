# SPDX-License-Identifier: MIT
"""Bytes from the connection to the disk: the body of a request, block by block."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from io import BufferedIOBase
from pathlib import Path
from typing import IO

BLOCK = 1 << 18
_LONGEST_LINE = 1 << 16


class BadRequestError(ValueError):
    """What the client sent breaks HTTP, its own headers or a rule of the protocol."""


class TooLargeError(ValueError):
    """There are more bytes than the limit of the protocol."""


class CutError(Exception):
    """A fault was ordered: the connection is to be closed now, without an answer."""


@dataclass(frozen=True)
class Blob:
    """A file on the server's disk; ``sha256`` is that of its bytes."""

    path: Path
    size: int
    sha256: str

    def read(self) -> bytes:
        return self.path.read_bytes()

    def blocks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file_blocks(file)

    def digest(self, algorithm: str) -> str:
        digest = hashlib.new(algorithm)
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()


def file_blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left in an open file."""
    while block := file.read(BLOCK):
        yield block


def write_blob(folder: Path, blocks: Iterable[bytes], limit: int | None = None) -> Blob:
    """Write ``blocks`` into a new file in ``folder``.

    Raises:
        TooLargeError: there are more than ``limit`` bytes; the rest is not read.
    """
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix="blob-", delete=False) as file:
        for block in blocks:
            size += len(block)
            if limit is not None and size > limit:
                raise TooLargeError(f"more than {limit} bytes")
            digest.update(block)
            file.write(block)
    return Blob(Path(file.name), size, digest.hexdigest())


def damaged(folder: Path, blob: Blob) -> Blob:
    """Return a copy of ``blob`` with one bit of its last byte turned over."""
    content = bytearray(blob.read() or b"\0")
    content[-1] ^= 1
    return write_blob(folder, [bytes(content)])


def gunzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what is in a gzip stream.

    Raises:
        BadRequestError: it is not one, or it ends too early.
    """
    inflate = zlib.decompressobj(wbits=31)
    try:
        for block in blocks:
            rest = block
            while rest and not inflate.eof:
                yield inflate.decompress(rest, BLOCK)
                rest = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise BadRequestError(f"not a gzip stream: {error}") from error
    if not inflate.eof:
        raise BadRequestError("the gzip stream ends too early")


def is_gzip(blob: Blob) -> bool:
    with blob.path.open("rb") as file:
        return file.read(2) == gzip.compress(b"")[:2]


class Body:
    """The body of one request, which can be read once. ``received`` counts its bytes so far."""

    def __init__(self, stream: BufferedIOBase, headers: Message, cut: bool = False) -> None:
        self._stream = stream
        self.received = 0
        # Whether it cannot be known where the next request begins.
        self.broken = False
        self._chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.length = 0 if self._chunked else _length(headers)
        self._cut_at = self.length // 2 if cut else None
        self._blocks = self._read_chunked() if self._chunked else self._read_counted()

    def blocks(self) -> Iterator[bytes]:
        """Yield what has not been read yet."""
        try:
            for block in self._blocks:
                self.received += len(block)
                yield block
        except BadRequestError:
            self.broken = True
            raise

    def read(self, limit: int) -> bytes:
        """Return the rest of the body.

        Raises:
            TooLargeError: that is more than ``limit`` bytes.
        """
        content = b""
        for block in self.blocks():
            content += block
            if len(content) > limit:
                raise TooLargeError(f"more than {limit} bytes")
        return content

    def drain(self) -> None:
        """Read the rest and forget it, so that the client gets to see the answer."""
        for _ in self.blocks():
            pass

    def _read_counted(self) -> Iterator[bytes]:
        end = self.length if self._cut_at is None else self._cut_at
        while self.received < end:
            yield self._some(min(BLOCK, end - self.received))
        if self._cut_at is not None:
            raise CutError

    def _read_chunked(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            left = size
            while left:
                block = self._some(min(BLOCK, left))
                left -= len(block)
                yield block
                if self._cut_at is not None:
                    raise CutError
            if self._stream.readline(_LONGEST_LINE) != b"\r\n":
                raise BadRequestError("a chunk does not end with CRLF")
        while self._stream.readline(_LONGEST_LINE) not in (b"\r\n", b""):
            pass
        if self._cut_at is not None:
            raise CutError

    def _chunk_size(self) -> int:
        line = self._stream.readline(_LONGEST_LINE)
        if not line:
            raise ConnectionError("the client ended the connection within the body")
        try:
            return int(line.split(b";")[0], 16)
        except ValueError:
            raise BadRequestError(f"not the size of a chunk: {line!r}") from None

    def _some(self, most: int) -> bytes:
        block = self._stream.read(most)
        if not block:
            raise ConnectionError("the client ended the connection within the body")
        return block


def _length(headers: Message) -> int:
    text = headers.get("Content-Length", "0")
    if not text.isdecimal():
        raise BadRequestError(f"not a length: {text!r}")
    return int(text)
