# SPDX-License-Identifier: MIT
"""multipart/form-data, read as it comes in: each part goes to a file (RFC 7578, RFC 2046 5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from servers.wire import BadRequestError, Blob, write_blob

_MOST_HEADERS = 1 << 16


@dataclass(frozen=True)
class Part:
    """A field, or with a ``filename`` a file."""

    name: str
    filename: str | None
    blob: Blob

    @property
    def text(self) -> str:
        return self.blob.read().decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Form:
    """The parts in the order in which they came."""

    parts: tuple[Part, ...]

    @property
    def files(self) -> list[Part]:
        return [part for part in self.parts if part.filename is not None]

    @property
    def fields(self) -> dict[str, str]:
        return {part.name: part.text for part in self.parts if part.filename is None}

    def file(self, name: str) -> Part | None:
        return next((part for part in self.files if part.name == name), None)


def read_form(blocks: Iterable[bytes], headers: Message, folder: Path) -> Form:
    """Return the form in a body.

    Raises:
        BadRequestError: the body is not a complete one.
    """
    if headers.get_content_type() != "multipart/form-data":
        raise BadRequestError(f"not a form: {headers.get('Content-Type')!r}")
    boundary = headers.get_boundary()
    if not boundary:
        raise BadRequestError("the form has no boundary")
    source = _Source(blocks)
    mark = b"\r\n--" + boundary.encode("latin-1")
    for _ in source.until(mark):
        pass  # what stands before the first part has no meaning
    parts = []
    while source.take(2) == b"\r\n":
        parts.append(_read_part(source, mark, folder))
    return Form(tuple(parts))


def _read_part(source: _Source, mark: bytes, folder: Path) -> Part:
    head = b"".join(source.until(b"\r\n\r\n", _MOST_HEADERS)) + b"\r\n\r\n"
    headers = BytesHeaderParser().parsebytes(head)
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise BadRequestError("a part has no name")
    return Part(name, headers.get_filename(), write_blob(folder, source.until(mark)))


class _Source:
    """Blocks, to be cut at marks. The first mark may stand at the very beginning."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._held = b"\r\n"

    def until(self, mark: bytes, most: int | None = None) -> Iterator[bytes]:
        """Yield what stands before ``mark``, and step over that."""
        seen, keep = 0, len(mark) - 1
        while (at := self._held.find(mark)) < 0:
            if most is not None and seen > most:
                raise BadRequestError("the headers of a part do not end")
            if len(self._held) > keep:
                seen += len(self._held) - keep
                yield self._held[:-keep]
                self._held = self._held[-keep:]
            self._more()
        yield self._held[:at]
        self._held = self._held[at + len(mark) :]

    def take(self, count: int) -> bytes:
        while len(self._held) < count:
            self._more()
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _more(self) -> None:
        block = next(self._blocks, None)
        if block is None:
            raise BadRequestError("the form ends within a part")
        self._held += block
