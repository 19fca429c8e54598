# SPDX-License-Identifier: MIT
"""Objects of a bucket: what is there is never overwritten, and says by itself which file it is.

Each object has the SHA-256 of the file as metadata, which all servers keep. One that came in one
piece also has it as its checksum, which the server has compared and tells itself; of parts there
would be only a checksum of checksums, and R2 takes none. In parts the signature has the digest of
each, and the file is compared as it is sent.
"""

from __future__ import annotations

import hashlib
import io
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crashsym.errors import CrashsymError, UnavailableError, UploadError
from crashsym.upload.bodies import PIECE, FileBody, changed, pieces
from crashsym.upload.bucket import Bucket, Reply
from crashsym.upload.compression import Compression, Plain, compression, packed_copy
from crashsym.upload.extent import Extent
from crashsym.upload.items import Item
from crashsym.upload.layouts import DEFAULT_LAYOUT, LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.targets import Target
from crashsym.upload.transport import Transport
from crashsym.upload.work import Hope, each

PART = 32 << 20  # bytes; all of a smaller file goes at once
_MOST_PARTS = 10_000
_THERE = 412  # the answer to If-None-Match: * where there is something
_UNKNOWN = 501  # the answer of some servers to what they do not know
# What not every server knows: StorageGRID may refuse the first, older B2 the second.
_CHECKSUM = ("ChecksumAlgorithm", "ChecksumSHA256")
_EXTRAS = (("IfNoneMatch", *_CHECKSUM), ("IfNoneMatch",), ())


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file, and their SHA-256."""

    start: int
    size: int
    sha256: bytes


class PartBody(FileBody):
    """A part of a file that has to have a digest, up to the last byte; it can be read again."""

    def __init__(self, item: Item, file: Path, part: Part) -> None:
        """Open the file; ``file`` is that of the item, or a compressed copy.

        Raises:
            UnreadableError: it cannot be opened.
        """
        super().__init__(file, part.start, part.size)
        self._item, self._part = item, part
        self._digest = hashlib.sha256()

    def tell(self) -> int:
        """Return how many bytes have been read."""
        return self._size - self._left

    def seek(self, position: int) -> None:
        """Begin again.

        Raises:
            UnsupportedOperation: it is to begin elsewhere.
        """
        if position:
            raise io.UnsupportedOperation(f"seek({position})")
        self._stream.seek(self._part.start)
        self._left = self._size
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            UnreadableError: it cannot be read, or has changed; the last bytes are then not given.
        """
        data = super().read(size)
        self._digest.update(data)
        if data and not self._left and self._digest.digest() != self._part.sha256:
            raise changed(self._item)
        return data


@dataclass(frozen=True, slots=True)
class Content:
    """What becomes an object: the file of an item, or a compressed copy, and its parts."""

    item: Item
    file: Path
    parts: Sequence[Part]

    def body(self, part: Part) -> PartBody:
        """Open a part."""
        return PartBody(self.item, self.file, part)


class S3Uploader:
    """Puts objects into a bucket."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._transport = transport
        self._bucket = Bucket(target, transport)
        self._place = LAYOUTS[target.options.get("layout", DEFAULT_LAYOUT)]
        self._prefix = target.prefix
        self._compression = compression(target.options.get("compress", "none"))
        self._jobs = int(target.options.get("jobs", 4))
        self._extras: tuple[tuple[str, ...], ...] = _EXTRAS

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what is not there."""
        return each(items, self._send, self._jobs, Hope(self._transport))

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file whether it is there."""
        return each(items, self._ask, self._jobs, Hope(self._transport))

    def _key(self, item: Item) -> str | None:
        place = self._place(item)
        return None if place is None else f"{self._prefix}{place}"

    def _send(self, item: Item) -> Outcome:
        key = self._key(item)
        if key is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        there = self._asked(item, key)
        if there is not None:
            return there
        with _content(item, self._compression) as content:
            put = self._put if len(content.parts) == 1 else self._put_parts
            status = put(content, key)
        if status == 200:
            return Outcome(item, SENT, id=key)
        # By an attempt before, whose answer was lost, or by others.
        why = f"PutObject: HTTP {status}, HeadObject: HTTP 404"
        return self._asked(item, key) or Outcome(item, FAILED, why)

    def _ask(self, item: Item) -> Outcome:
        key = self._key(item)
        if key is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        absent = Outcome(item, FAILED, "HeadObject: HTTP 404", is_absent=True)
        return self._asked(item, key) or absent

    def _asked(self, item: Item, key: str) -> Outcome | None:
        """Return how a file ends that is there, or in whose place another is; None: there is none.

        Raises:
            UploadError: the server does not say it.
        """
        accept = frozenset({404})
        reply = self._bucket.ask("HeadObject", accept, Key=key, ChecksumMode="ENABLED")
        if reply.status == 404:
            return None
        self._bucket.wanted("HeadObject", reply, "ETag")
        if item.content is None and not _says_what_it_is(reply.fields):
            return Outcome(item, PRESENT, "HeadObject: only its name was compared", id=key)
        why = _why_another(item, reply.fields, self._compression)
        if why:
            return Outcome(item, REFUSED, f"HeadObject: {why}; it is kept", is_absent=True)
        return Outcome(item, PRESENT, id=key)

    def _put(self, content: Content, key: str) -> int:
        """Send a file at once, unless there is one; return the status."""
        (part,) = content.parts
        reply = self._guarded(
            "PutObject",
            dict(zip(_CHECKSUM, ("SHA256", b64encode(part.sha256).decode()), strict=True)),
            body=lambda: content.body(part),
            Key=key,
            **_about(content.item),
        )
        if reply.status != _THERE:
            self._bucket.wanted("PutObject", reply, "ETag")
        return reply.status

    def _put_parts(self, content: Content, key: str) -> int:
        """Send a file in parts, of which none remain if it fails; return the status."""
        operation = "CreateMultipartUpload"
        reply = self._bucket.ask(operation, Key=key, **_about(content.item))
        upload = self._bucket.wanted(operation, reply, "UploadId")
        try:
            tags = [
                {"PartNumber": number, "ETag": self._put_part(content, part, number, key, upload)}
                for number, part in enumerate(content.parts, 1)
            ]
            status = self._complete(key, upload, tags)
        except CrashsymError as error:
            left = self._abort(key, upload)
            if left:
                error.why += f"; the parts that were sent are left there: {left}"
            raise
        if status != 200 and (left := self._abort(key, upload)):
            why = f"HTTP {status}; the parts that were sent are left there: {left}"
            raise self._transport.error(UnavailableError, "CompleteMultipartUpload", why)
        return status

    def _put_part(self, content: Content, part: Part, number: int, key: str, upload: str) -> str:
        operation = "UploadPart"
        if self._transport.is_stopped:
            raise self._transport.error(UnavailableError, operation, "interrupted")
        reply = self._bucket.ask(
            operation,
            body=lambda: content.body(part),
            Key=key,
            UploadId=upload,
            PartNumber=number,
        )
        return self._bucket.wanted(operation, reply, "ETag")

    def _complete(self, key: str, upload: str, tags: Sequence[Mapping[str, Any]]) -> int:
        """Make an object of the parts, unless there is one; return the status.

        404: an attempt before has done it, and its answer was lost.
        """
        operation = "CompleteMultipartUpload"
        parts = {"Parts": tags}
        reply = self._guarded(operation, {}, 404, Key=key, UploadId=upload, MultipartUpload=parts)
        if reply.status not in (404, _THERE):
            self._bucket.wanted(operation, reply, "ETag")
        return reply.status

    def _guarded(
        self, operation: str, values: Mapping[str, str], *accept: int, **parameters: Any
    ) -> Reply:
        """Ask for what must not overwrite, with all of `_EXTRAS` that the server knows."""
        extra = self._extras[0]
        given = {"IfNoneMatch": "*", **values}
        more: dict[str, Any] = {name: given[name] for name in extra if name in given}
        known = frozenset({_THERE, *accept, *([_UNKNOWN] if extra else ())})
        reply = self._bucket.ask(operation, known, **more, **parameters)
        if reply.status != _UNKNOWN:
            return reply
        self._extras = tuple(one for one in self._extras if one != extra)
        return self._guarded(operation, values, *accept, **parameters)

    def _abort(self, key: str, upload: str) -> str:
        """Remove the parts; return why they are still there, if so."""
        accept = frozenset({404})
        try:
            self._bucket.ask("AbortMultipartUpload", accept, Key=key, UploadId=upload)
        except UploadError as error:
            return error.why
        return ""


def _about(item: Item) -> dict[str, Any]:
    """Return what an object says of itself."""
    return {"ContentType": "application/octet-stream", "Metadata": {"sha256": item.sha256}}


def _says_what_it_is(fields: Mapping[str, Any]) -> bool:
    metadata = {name.lower() for name in fields.get("Metadata", {})}
    return "sha256" in metadata or "-" not in fields.get("ChecksumSHA256", "-")


def _why_another(item: Item, fields: Mapping[str, Any], compression: Compression) -> str:
    """Return why what is there is not the file, or cannot be told to be."""
    metadata = {name.lower(): value for name, value in fields.get("Metadata", {}).items()}
    said = metadata.get("sha256")
    is_plain = isinstance(compression, Plain)
    if is_plain:
        length = fields.get("ContentLength")
        if item.content is not None and length != item.size:
            return f"there is another object, of {length} bytes"
        checksum = fields.get("ChecksumSHA256", "-")
        if "-" not in checksum:  # else it is one of checksums of parts
            said = _in_hex(checksum)
    if said is not None:
        return "" if said == item.sha256 else f"there is another object, its SHA-256 is {said}"
    if is_plain and fields["ETag"].strip('"') == _md5(item):
        return ""
    return "the object there does not say its SHA-256, and may be another"


def _in_hex(checksum: str) -> str:
    try:
        return b64decode(checksum, validate=True).hex()
    except ValueError:
        return repr(checksum)


def _md5(item: Item) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces(item):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _content(item: Item, compression: Compression) -> Iterator[Content]:
    """Yield what is sent.

    Raises:
        OSError: a compressed copy cannot be written.
        UnreadableError: the file cannot be read, or has changed.
    """
    if not isinstance(compression, Plain):
        with packed_copy(item, compression) as packed:
            yield Content(item, packed, _parts(Extent.of(packed))[0])
    elif item.size <= PART:
        extent = item.at_hand
        yield Content(
            item, extent.file, [Part(extent.start, item.size, bytes.fromhex(item.sha256))]
        )
    else:
        parts, digest = _parts(item.at_hand)
        if digest != item.sha256:
            raise changed(item)
        yield Content(item, item.at_hand.file, parts)


def _parts(extent: Extent) -> tuple[list[Part], str]:
    """Return the parts of a file, and its SHA-256."""
    most = max(PART, -(-extent.size // _MOST_PARTS))
    whole = hashlib.sha256()
    parts = []
    end = extent.start + extent.size
    for start in range(extent.start, end, most):
        digest = hashlib.sha256()
        with closing(FileBody(extent.file, start, min(most, end - start))) as body:
            while data := body.read(PIECE):
                whole.update(data)
                digest.update(data)
            parts.append(Part(start, len(body), digest.digest()))
    return parts, whole.hexdigest()
