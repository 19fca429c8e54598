# SPDX-License-Identifier: MIT
"""Plain HTTP: HEAD whether a file is there, PUT it if not (RFC 9110), into any layout.

A WebDAV server wants folders to be made before (MKCOL, RFC 4918 section 9.3): it answers 409.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote

from crashsym.errors import ConfigError, shortened
from crashsym.upload.bodies import FileBody, ItemBody
from crashsym.upload.compression import Compression, Plain, compression, packed_copy
from crashsym.upload.items import Item
from crashsym.upload.layouts import DEFAULT_LAYOUT, LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.pages import check_no_page
from crashsym.upload.secret import Secret, from_command
from crashsym.upload.signed import check_not_denied
from crashsym.upload.targets import Target
from crashsym.upload.transport import DENIED, Answer, Request, Transport
from crashsym.upload.work import Hope, each

_STORED = frozenset({200, 201, 204})
_NO_FOLDER = 409  # RFC 4918 section 9.7.1
_MADE = frozenset({201, 405, 501})  # 405: it is there; 501: this is no WebDAV
_THERE = 412  # the answer to If-None-Match: * where there is something


class PutUploader:
    """Puts files below a URL."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._place = LAYOUTS[target.options.get("layout", DEFAULT_LAYOUT)]
        self._compression = compression(target.options.get("compress", "none"))
        self._jobs = int(target.options.get("jobs", 4))
        self._headers = _authorization(target, transport)
        self._denials = DENIED if "presign" in target.options else frozenset[int]()
        self._wants_folders = False
        self._folders: set[str] = set()

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
        there = self._judged(item, place, self._head(place))
        if there is not None:
            return there
        answer = self._put(item, place)
        if answer.status == _THERE:  # by an attempt before, whose answer was lost, or by others
            there = self._judged(item, place, self._head(place))
            return there or Outcome(item, FAILED, "PUT: HTTP 412, HEAD: none")
        if answer.status == 200:  # Apache's 201 is a page that says so
            check_no_page(self._transport, "PUT", answer)
        return Outcome(item, SENT, id=place)

    def _put(self, item: Item, place: str) -> Answer:
        accept = _STORED | {_THERE}
        with _body(item, self._compression) as body:
            if not self._wants_folders:
                answer = self._sent(item, place, body, accept | {_NO_FOLDER})
                if answer.status != _NO_FOLDER:
                    return answer
            self._make_folders(place)
            answer = self._sent(item, place, body, accept)
        self._wants_folders = True
        return answer

    def _sent(
        self, item: Item, place: str, body: Callable[[], FileBody], accept: frozenset[int]
    ) -> Answer:
        more = {"If-None-Match": "*", "Content-Type": "application/octet-stream"}
        headers = {**self._headers, **more}
        with self._address("PUT", place) as url:
            request = Request("PUT", "PUT", url, headers, body, accept | self._denials, item.size)
            answer = self._transport.send(request)
            check_not_denied(self._transport, "PUT", answer)
        return answer

    def _make_folders(self, place: str) -> None:
        """Make all folders of a place; that others make them at the same time does no harm."""
        parts = place.split("/")[:-1]
        for number in range(len(parts)):
            folder = "/".join(parts[: number + 1])
            if folder not in self._folders:
                with self._address("MKCOL", f"{folder}/") as url:
                    request = Request("MKCOL", "MKCOL", url, self._headers, accept=_MADE)
                    self._transport.send(request)
                self._folders.add(folder)

    def _ask(self, item: Item) -> Outcome:
        place = self._place(item)
        if place is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        answer = self._head(place)
        if answer.status in DENIED:
            return Outcome(item, FAILED, f"HEAD: HTTP {answer.status}")
        absent = Outcome(item, FAILED, f"HEAD: HTTP {answer.status}", is_absent=True)
        return self._judged(item, place, answer) or absent

    def _head(self, place: str) -> Answer:
        """Ask what is there; of a signed address a refusal says nothing of others."""
        accept = frozenset({200, 404, 410, *self._denials})
        with self._address("HEAD", place) as url:
            return self._transport.send(Request("HEAD", "HEAD", url, self._headers, accept=accept))

    def _judged(self, item: Item, place: str, answer: Answer) -> Outcome | None:
        """Return how a file ends that is there, or in whose place another is; None: there is none.

        Raises:
            RejectedError: a page for people has answered.
        """
        if answer.status != 200:
            return None
        check_no_page(self._transport, "HEAD", answer)
        is_known = isinstance(self._compression, Plain) and item.content is not None
        why = _why_another(answer, item.size if is_known else None)
        if why:
            return Outcome(item, REFUSED, f"HEAD: {why}", is_absent=True)
        unknown = "HEAD: only its name was compared" if item.content is None else ""
        return Outcome(item, PRESENT, unknown, id=place)

    @contextmanager
    def _address(self, method: str, place: str) -> Iterator[str]:
        """Yield the URL of a place; one that was signed is not seen in messages.

        Raises:
            ConfigError: the command that signs it does not.
        """
        command = self._target.options.get("presign")
        if command is None:
            yield f"{self._target.url}/{quote(place, safe='/')}"
            return
        url = from_command([*command, method, place], "presigned URL").reveal()
        if not url.startswith(("https://", "http://")):
            raise ConfigError("no presigned URL", where=command[0], why="it prints something else")
        with self._transport.hiding(url):
            yield url


def _authorization(target: Target, transport: Transport) -> dict[str, str]:
    secret = transport.secret
    if secret is None or "presign" in target.options:
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
    if length and not re.fullmatch("[0-9]{1,18}", length):
        return f"its Content-Length is '{shortened(length, 40)}'"
    if size is None or not length or "Content-Encoding" in answer.headers:
        return ""
    return f"there is another file of {length} bytes" if int(length) != size else ""


@contextmanager
def _body(item: Item, compression: Compression) -> Iterator[Callable[[], FileBody]]:
    """Yield what opens the file, or a compressed copy."""
    if isinstance(compression, Plain):
        yield lambda: ItemBody(item)
        return
    with packed_copy(item, compression) as packed:
        yield lambda: FileBody(packed)
