# SPDX-License-Identifier: MIT
"""Files cut into pieces of one size, and pieces joined into requests that a server takes."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urljoin

from crashsym.errors import RejectedError
from crashsym.upload.bodies import FileBody, form_head, form_tail, form_type, new_boundary
from crashsym.upload.items import Item
from crashsym.upload.transport import Body

_PIECE = 1 << 16
_LEVEL = 3  # of gzip: symbol files are text, of which little is left at once
_DEFAULT_FILE = 2 << 30  # bytes: what sentry-cli takes where the server does not say


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes; sizes in bytes, counted before compression."""

    url: str
    chunk: int
    request: int
    parts: int
    file: int
    concurrency: int
    compress: bool

    @classmethod
    def of(cls, document: dict[str, object], base: str) -> Limits:
        """Read the answer of the server.

        Raises:
            RejectedError: it lacks what is needed, or wants what is not known.
        """
        url, algorithm = document.get("url"), document.get("hashAlgorithm", "sha1")
        chunk, request = document.get("chunkSize"), document.get("maxRequestSize")
        parts, accept = document.get("chunksPerRequest"), document.get("accept", ["debug_files"])
        compression = document.get("compression", [])
        if (
            not isinstance(url, str)
            or not all(type(n) is int and n > 0 for n in (chunk, request, parts))
            or not isinstance(accept, list)
            or not isinstance(compression, list)
        ):
            raise _unusable(base, "the answer is not one of this protocol")
        if algorithm != "sha1":
            raise _unusable(base, f"it wants the checksum {algorithm!r}")
        if "debug_files" not in accept:
            raise _unusable(base, "it takes no debug files")
        return cls(
            url=urljoin(f"{base}/", url),
            chunk=int(str(chunk)),
            request=int(str(request)),
            parts=int(str(parts)),
            file=_number(document.get("maxFileSize")) or _DEFAULT_FILE,
            concurrency=min(_number(document.get("concurrency")) or 1, 8),
            compress="gzip" in compression,
        )


def _number(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _unusable(base: str, why: str) -> RejectedError:
    remedy = 'If it is an old Sentry or works like one, set protocol = "zip" for the target.'
    return RejectedError("chunk-upload", where=base, why=why, remedy=remedy)


@dataclass(slots=True)
class Chunked:
    """A file with the SHA-1 of all of it and of each piece; ``ended`` once it is known how."""

    item: Item
    sha1: str
    chunks: tuple[str, ...]
    size: int
    ended: bool = False


def chunked(item: Item, size: int) -> Chunked:
    """Return the digests of a file that is cut into pieces of ``size`` bytes.

    Raises:
        OSError: it cannot be read.
    """
    whole = hashlib.sha1(usedforsecurity=False)
    chunks = []
    with item.file.open("rb") as stream:
        while piece := _digest(stream, size, whole.update):
            chunks.append(piece)
    return Chunked(item, whole.hexdigest(), tuple(chunks), size)


def _digest(stream: IO[bytes], size: int, also: Callable[[bytes], None]) -> str:
    """Return the digest of the next ``size`` bytes; "" at the end."""
    digest = hashlib.sha1(usedforsecurity=False)
    left = size
    while left and (data := stream.read(min(left, _PIECE))):
        digest.update(data)
        also(data)
        left -= len(data)
    return digest.hexdigest() if left < size else ""


class Piece(NamedTuple):
    """A part of a file, with its digest."""

    sha1: str
    file: Path
    start: int
    size: int


Group = list[Piece]


def groups(missing: Iterable[str], files: Sequence[Chunked], limits: Limits) -> list[Group]:
    """Return the pieces that are missing, so many together as one request may have."""
    places: dict[str, Piece] = {}
    for file in files:
        for number, sha1 in enumerate(file.chunks):
            start = number * file.size
            size = min(file.size, file.item.size - start)
            places.setdefault(sha1, Piece(sha1, file.item.file, start, size))
    found: list[Group] = []
    room = 0
    for sha1 in missing:
        piece = places[sha1]
        if not found or piece.size > room or len(found[-1]) >= limits.parts:
            found.append([])
            room = limits.request
        found[-1].append(piece)
        room -= piece.size
    return found


@contextmanager
def group_body(group: Group, *, compress: bool) -> Iterator[tuple[Callable[[], Body], str]]:
    """Yield what makes the body of a request with these pieces, and its content type.

    It is a file on disk: many requests at once take no memory to speak of.
    """
    boundary = new_boundary()
    with tempfile.TemporaryDirectory(prefix="crashsym-") as folder:
        place = Path(folder, "body")
        with place.open("wb") as body:
            for piece in group:
                name = "file_gzip" if compress else "file"
                body.write(form_head(name, piece.sha1, boundary))
                _pour(piece, body, compress=compress)
                body.write(b"\r\n")
            body.write(form_tail(boundary))
        yield lambda: FileBody(place), form_type(boundary)


def _pour(piece: Piece, body: IO[bytes], *, compress: bool) -> None:
    source = FileBody(piece.file, piece.start, piece.size)
    gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    try:
        while data := source.read(_PIECE):
            body.write(gzip.compress(data) if compress else data)
        if compress:
            body.write(gzip.flush())
    finally:
        source.close()
