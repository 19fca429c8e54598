# SPDX-License-Identifier: MIT
"""Plain HTTP: HEAD whether a file is there, PUT it if not (RFC 9110), into any layout."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from crashsym.errors import RejectedError
from crashsym.upload.bodies import FileBody
from crashsym.upload.items import Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.targets import Target
from crashsym.upload.transport import Answer, Request, Transport, check_no_page
from crashsym.upload.work import Hope, each

_STORED = frozenset({200, 201, 204})
_THERE = 412  # the answer to If-None-Match: * where there is something


class PutUploader:
    """Puts files below a URL."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._place = LAYOUTS[target.options.get("layout", "breakpad")]
        self._compress = target.options.get("compress", "none") == "gzip"
        self._jobs = int(target.options.get("jobs", 4))

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what is not there."""
        return each(items, self._send, self._jobs, Hope())

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file whether it is there."""
        return each(items, self._ask, self._jobs, Hope())

    def _send(self, item: Item) -> Outcome:
        place = self._place(item)
        if place is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        if self._is_there(item, place):
            return Outcome(item, PRESENT, id=place)
        with _packed(item.file, compress=self._compress) as file:
            headers = {**self._headers(), "If-None-Match": "*"}
            request = Request(
                "PUT",
                "PUT",
                self._url(place),
                {**headers, "Content-Type": "application/octet-stream"},
                lambda: FileBody(file),
                _STORED | {_THERE},
            )
            answer = self._transport.send(request)
        return Outcome(item, PRESENT if answer.status == _THERE else SENT, id=place)

    def _ask(self, item: Item) -> Outcome:
        place = self._place(item)
        if place is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        if self._is_there(item, place):
            return Outcome(item, PRESENT, id=place)
        return Outcome(item, FAILED, "HEAD: HTTP 404")

    def _is_there(self, item: Item, place: str) -> bool:
        accept = frozenset({200, 404, 410})
        request = Request("HEAD", "HEAD", self._url(place), self._headers(), accept=accept)
        answer = self._transport.send(request)
        if answer.status == 200:
            _check_head(self._transport, answer, None if self._compress else item.size)
        return answer.status == 200

    def _url(self, place: str) -> str:
        return f"{self._target.url}/{quote(place, safe='/')}"

    def _headers(self) -> dict[str, str]:
        secret = self._transport.secret
        if secret is None:
            return {}
        user = self._target.options.get("user")
        if user is None:
            return {"Authorization": f"Bearer {secret.reveal()}"}
        pair = b64encode(f"{user}:{secret.reveal()}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


def _check_head(transport: Transport, answer: Answer, size: int | None) -> None:
    """Refuse a HEAD that is not about the file: a page, nothing, or, if known, another size.

    Raises:
        RejectedError: so it is.
    """
    check_no_page(transport, "HEAD", answer)
    length = answer.headers.get("Content-Length", "")
    why = ""
    if length == "0":
        why = "the file there is empty"
    elif size is not None and length.isdecimal() and "Content-Encoding" not in answer.headers:
        why = f"there is another file of {length} bytes" if int(length) != size else ""
    if why:
        raise RejectedError("HEAD", where=transport.where, why=why)


@contextmanager
def _packed(file: Path, *, compress: bool) -> Iterator[Path]:
    """Yield the file, or a compressed copy; equal bytes give an equal copy."""
    if not compress:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="crashsym-") as folder:
        packed = Path(folder, "data")
        with (
            file.open("rb") as source,
            packed.open("wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, mtime=0) as target,
        ):
            shutil.copyfileobj(source, target)
        yield packed
