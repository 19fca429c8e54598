# SPDX-License-Identifier: MIT
"""Files cut into pieces of one size, and pieces joined into requests that a server takes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from crashsym.errors import CrashsymError, InputError, RejectedError
from crashsym.files import StagedFolder, not_written
from crashsym.upload.bodies import (
    PIECE,
    FileBody,
    changed,
    form_head,
    form_tail,
    form_type,
    new_boundary,
    pieces,
)
from crashsym.upload.items import Item

_LEVEL = 1  # of gzip: a server near by is waited for less, and a far one gets 7 % more than with 3
_DEFAULT_FILE = 2 << 30  # bytes: what sentry-cli takes where the server does not say


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes; sizes in bytes, counted before compression.

    ``wait`` is how many seconds it is to be asked for the outcome; 0: it does not say.
    """

    url: str
    chunk: int
    request: int
    parts: int
    file: int
    concurrency: int
    compress: bool
    wait: int

    @classmethod
    def of(cls, document: dict[str, object], api: str) -> Limits:
        """Read the answer of the server whose API has that address.

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
            raise _unusable(api, "the answer is not one of this protocol")
        if algorithm != "sha1":
            raise _unusable(api, f"it wants the checksum {algorithm!r}")
        if "debug_files" not in accept:
            raise _unusable(api, "it takes no debug files")
        return cls(
            url=_checked(_absolute(url, api), api),
            chunk=int(str(chunk)),
            request=int(str(request)),
            parts=int(str(parts)),
            file=_number(document.get("maxFileSize")) or _DEFAULT_FILE,
            concurrency=min(_number(document.get("concurrency")) or 1, 8),
            compress="gzip" in compression,
            wait=_number(document.get("maxWait")),
        )


def _absolute(url: str, api: str) -> str:
    """Return an address as sentry-cli takes it: what has no host is below the API."""
    if url.startswith(("http://", "https://")):
        return url
    return f"{api}/{url.lstrip('/').removeprefix('api/0/')}"


def _checked(url: str, api: str) -> str:
    """Return an address that may get the token.

    Raises:
        RejectedError: it is not as safe as the API, or belongs to others.
    """
    try:
        parts, own = urlsplit(url), urlsplit(api)
        host, home = parts.hostname or "", own.hostname or ""
    except ValueError:
        raise _unusable(api, "the address for parts is none") from None
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if own.scheme == "https" and parts.scheme != "https":
        why = f"it wants parts at '{place}', which is not encrypted: the token is not sent there"
    elif not _is_of_one_domain(host, home):
        why = f"it wants parts at '{place}', another host: the token is not sent there"
    else:
        return url
    remedy = f"If that is right, give '{place}' as the URL of the target."
    raise RejectedError("chunk-upload", where=api, why=why, remedy=remedy)


def _is_of_one_domain(host: str, home: str) -> bool:
    """Whether one is the other, or both are below one domain: us.sentry.io and acme.sentry.io."""
    parent = home.partition(".")[2]
    domain = f".{parent}" if "." in parent and not home.replace(".", "").isdigit() else f".{home}"
    return host == home or f".{host}".endswith((f".{home}", domain))


def _number(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _unusable(api: str, why: str) -> RejectedError:
    remedy = 'If it is an old Sentry or works like one, set protocol = "zip" for the target.'
    return RejectedError("chunk-upload", where=api, why=why, remedy=remedy)


@dataclass(slots=True)
class Chunked:
    """A file with the SHA-1 of all of it and of each piece.

    ``missing`` are those that the server lacks, ``sent`` whether it lacked any; ``ended`` once it
    is known how.
    """

    item: Item
    sha1: str
    chunks: tuple[str, ...]
    size: int
    missing: tuple[str, ...] = ()
    sent: bool = False
    ended: bool = False

    def piece(self, number: int) -> Piece:
        """Return the piece of that number."""
        start = number * self.size
        size = min(self.size, self.item.size - start)
        return Piece(self.chunks[number], self.item, start, size)


def chunked(item: Item, size: int) -> Chunked:
    """Return the digests of a file that is cut into pieces of ``size`` bytes.

    Raises:
        UnreadableError: it cannot be read, or has other bytes than the manifest says.
    """
    whole, part = _sha1(), _sha1()
    chunks = []
    left = size
    for piece in pieces(item):
        whole.update(piece)
        rest = memoryview(piece)
        while rest:
            part.update(rest[:left])
            used = min(left, len(rest))
            rest, left = rest[used:], left - used
            if not left:
                chunks.append(part.hexdigest())
                part, left = _sha1(), size
    if left < size:
        chunks.append(part.hexdigest())
    return Chunked(item, whole.hexdigest(), tuple(chunks), size)


def _sha1() -> hashlib._Hash:
    return hashlib.sha1(usedforsecurity=False)


class Piece(NamedTuple):
    """A part of a file, with its digest."""

    sha1: str
    item: Item
    start: int
    size: int


Group = list[Piece]


def groups(files: Sequence[Chunked], limits: Limits) -> list[Group]:
    """Return the pieces that are missing, each once, so many together as one request may have."""
    places: dict[str, Piece] = {}
    for file in files:
        lacking = set(file.missing)
        for number, sha1 in enumerate(file.chunks):
            if sha1 in lacking:
                places.setdefault(sha1, file.piece(number))
    found: list[Group] = []
    room = 0
    for piece in places.values():
        if not found or piece.size > room or len(found[-1]) >= limits.parts:
            found.append([])
            room = limits.request
        found[-1].append(piece)
        room -= piece.size
    return found


@dataclass(frozen=True)
class GroupBody:
    """A request with pieces, in a file; ``unreadable`` are those that are not in it, and why."""

    place: Path
    boundary: str
    unreadable: dict[str, CrashsymError] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Its content type."""
        return form_type(self.boundary)

    def open(self) -> FileBody:
        """Return what is sent."""
        return FileBody(self.place)


@contextmanager
def group_body(group: Group, *, compress: bool) -> Iterator[GroupBody]:
    """Yield the body of a request with these pieces.

    It is a file on disk: many requests at once take no memory to speak of.

    Raises:
        StoreError: temporary files cannot be written.
    """
    with StagedFolder(None) as folder:
        made = GroupBody(Path(folder, "body"), new_boundary())
        try:
            with made.place.open("w+b") as body:
                for piece in group:
                    _add(piece, body, made, compress=compress)
                body.write(form_tail(made.boundary))
        except OSError as error:
            raise not_written(Path(folder).parent, error) from error
        yield made


def _add(piece: Piece, body: IO[bytes], made: GroupBody, *, compress: bool) -> None:
    """Add a piece, or note why it cannot be added: that costs no other file anything."""
    before = body.tell()
    try:
        content = piece.item.at_hand
        with closing(FileBody(content.file, content.start + piece.start, piece.size)) as source:
            name = "file_gzip" if compress else "file"
            body.write(form_head(name, piece.sha1, made.boundary))
            _pour(source, piece, body, compress=compress)
            body.write(b"\r\n")
    except InputError as error:
        body.seek(before)
        body.truncate()
        made.unreadable[piece.sha1] = error


def _pour(source: FileBody, piece: Piece, body: IO[bytes], *, compress: bool) -> None:
    gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    digest = _sha1()
    while data := source.read(PIECE):
        digest.update(data)
        body.write(gzip.compress(data) if compress else data)
    if digest.hexdigest() != piece.sha1:
        raise changed(piece.item)
    if compress:
        body.write(gzip.flush())
