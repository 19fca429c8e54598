# SPDX-License-Identifier: MIT
"""Mozilla's symbol server Tecken: zip files of symbols, split below the size that it takes.

Source: mozilla-services/tecken docs/upload.rst, tecken/upload/views.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urljoin

from crashsym.upload.archive import batches, send_zip
from crashsym.upload.bodies import FileBody, JoinedBody, Part, form, form_type, new_boundary
from crashsym.upload.items import Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, SENT, Outcome
from crashsym.upload.pages import check_no_page
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport
from crashsym.upload.work import Hope, each

_LIMIT = 400.0  # MB of symbols in one zip file; the server takes 2 GB of it, proxies less
_THERE = frozenset({200, 302, 307})


class TeckenUploader:
    """Uploads to one Tecken server."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._limit = int(target.options.get("limit", _LIMIT) * 1_000_000)
        self._jobs = int(target.options.get("jobs", 4))
        self._hope = Hope(self._transport)

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what is not there."""
        wanted = []
        for outcome in each(items, self._ask, self._jobs, self._hope):
            if outcome.is_absent:
                wanted.append(outcome.item)
            else:
                yield outcome
        for batch in batches(wanted, self._limit, len(wanted)):
            yield from send_zip(batch, self._hope, self._post)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file whether it is there."""
        return each(items, self._ask, self._jobs, Hope(self._transport))

    def _ask(self, item: Item) -> Outcome:
        place = _place(item)
        url = f"{self._target.url}/{quote(place, safe='/')}"
        answer = self._transport.send(Request("HEAD", "HEAD", url, accept=_THERE | {404}))
        if answer.status == 404:
            return Outcome(item, FAILED, "HEAD: HTTP 404", is_absent=True)
        if answer.status != 200:  # the file lies elsewhere, often compressed
            there = _joined(url, answer.headers.get("Location", ""))
            with self._transport.hiding(there):
                answer = self._transport.send(Request("HEAD", "HEAD", there))
        check_no_page(self._transport, "HEAD", answer)  # of a file Tecken tells no size
        return Outcome(item, PRESENT, id=place)

    def _post(self, archive: Path, packed: list[Item]) -> list[Outcome]:
        boundary = new_boundary()
        headers = {"Content-Type": form_type(boundary)}
        if self._transport.secret is not None:
            headers["Auth-Token"] = self._transport.secret.reveal()

        def body() -> JoinedBody:
            return form([Part(archive.name, FileBody(archive), archive.name)], boundary)

        url = f"{self._target.url}/upload/"
        size = sum(item.size for item in packed)
        self._transport.send(Request("upload", "POST", url, headers, body, frozenset({201}), size))
        return [Outcome(item, SENT, id=_place(item)) for item in packed]


def _joined(url: str, place: str) -> str:
    try:
        return urljoin(url, place)
    except ValueError:
        return place  # which is no address, as is found out when it is asked


def _place(item: Item) -> str:
    return LAYOUTS["breakpad"](item) or ""
