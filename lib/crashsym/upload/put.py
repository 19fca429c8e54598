# SPDX-License-Identifier: MIT
"""Plain HTTP: HEAD whether a file is there, PUT it if not (RFC 9110), into any layout."""

from __future__ import annotations

import gzip
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from crashsym.upload.bodies import FileBody, ItemBody, pieces
from crashsym.upload.items import Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.secret import Secret
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
        self._headers = _authorization(target, transport)

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what is not there."""
        return each(items, self._send, self._jobs, Hope(self._transport))

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file whether it is there."""
        return each(items, self._ask, self._jobs, Hope(self._transport))

    def _send(self, item: Item) -> Outcome:
        place = self._place(item)
        if place is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        there = self._asked(item, place)
        if there is not None:
            return there
        with _body(item, compress=self._compress) as body:
            headers = {**self._headers, "If-None-Match": "*"}
            request = Request(
                "PUT",
                "PUT",
                self._url(place),
                {**headers, "Content-Type": "application/octet-stream"},
                body,
                _STORED | {_THERE},
            )
            answer = self._transport.send(request)
        if answer.status == _THERE:  # by an attempt before, whose answer was lost, or by others
            return self._asked(item, place) or Outcome(item, FAILED, "PUT: HTTP 412, HEAD: none")
        if answer.status == 200:  # Apache's 201 is a page that says so
            check_no_page(self._transport, "PUT", answer)
        return Outcome(item, SENT, id=place)

    def _ask(self, item: Item) -> Outcome:
        place = self._place(item)
        if place is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        absent = Outcome(item, FAILED, "HEAD: HTTP 404", is_absent=True)
        return self._asked(item, place) or absent

    def _asked(self, item: Item, place: str) -> Outcome | None:
        """Return how a file ends that is there, or in whose place another is; None: there is none.

        Raises:
            UploadError: the server does not say it.
        """
        accept = frozenset({200, 404, 410})
        request = Request("HEAD", "HEAD", self._url(place), self._headers, accept=accept)
        answer = self._transport.send(request)
        if answer.status != 200:
            return None
        check_no_page(self._transport, "HEAD", answer)
        size = None if self._compress or item.content is None else item.size
        why = _why_another(answer, size)
        if why:
            return Outcome(item, REFUSED, f"HEAD: {why}", is_absent=True)
        unknown = "HEAD: only its name was compared" if item.content is None else ""
        return Outcome(item, PRESENT, unknown, id=place)

    def _url(self, place: str) -> str:
        return f"{self._target.url}/{quote(place, safe='/')}"


def _authorization(target: Target, transport: Transport) -> dict[str, str]:
    secret = transport.secret
    if secret is None:
        return {}
    user = target.options.get("user")
    if user is None:
        return {"Authorization": f"Bearer {secret.reveal()}"}
    pair = b64encode(f"{user}:{secret.reveal()}".encode()).decode()
    transport.hide(Secret(pair))
    return {"Authorization": f"Basic {pair}"}


def _why_another(answer: Answer, size: int | None) -> str:
    """Return why what is there is not the file, as far as a HEAD can tell."""
    length = answer.headers.get("Content-Length", "")
    if length == "0":
        return "the file there is empty"
    if size is None or not length.isdecimal() or "Content-Encoding" in answer.headers:
        return ""
    return f"there is another file of {length} bytes" if int(length) != size else ""


@contextmanager
def _body(item: Item, *, compress: bool) -> Iterator[Callable[[], FileBody]]:
    """Yield what opens the file, or a compressed copy; equal bytes give an equal copy."""
    if not compress:
        yield lambda: ItemBody(item)
        return
    with tempfile.TemporaryDirectory(prefix="crashsym-") as folder:
        packed = Path(folder, "data")
        with packed.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as target:
            for piece in pieces(item):
                target.write(piece)
        yield lambda: FileBody(packed)
