# SPDX-License-Identifier: MIT
"""Mozilla's symbol server Tecken: zip files of symbols, split below the size that it takes.

Source: mozilla-services/tecken docs/upload.rst, tecken/upload/views.py.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urljoin

from crashsym.errors import UploadError
from crashsym.upload.bodies import Part, form, form_type, new_boundary
from crashsym.upload.items import SYMBOLS, Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport, check_no_page
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
        self._hope = Hope()

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what is not there."""
        wanted = []
        for outcome in each(items, self._ask, self._jobs, self._hope):
            if outcome.state == FAILED and outcome.why == _ABSENT:
                wanted.append(outcome.item)
            else:
                yield outcome
        for batch in self._batches(wanted):
            yield from self._send(batch)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file whether it is there."""
        return each(items, self._ask, self._jobs, Hope())

    def _ask(self, item: Item) -> Outcome:
        if item.kind != SYMBOLS:
            return Outcome(item, REFUSED, "this server takes symbol files alone")
        place = LAYOUTS["breakpad"](item) or ""
        url = f"{self._target.url}/{quote(place, safe='/')}"
        answer = self._transport.send(Request("HEAD", "HEAD", url, accept=_THERE | {404}))
        if answer.status == 404:
            return Outcome(item, FAILED, _ABSENT)
        if answer.status != 200:  # the file lies elsewhere, often compressed
            there = urljoin(url, answer.headers.get("Location", ""))
            answer = self._transport.send(Request("HEAD", "HEAD", there))
        check_no_page(self._transport, "HEAD", answer)  # of a file Tecken tells no size
        return Outcome(item, PRESENT, id=place)

    def _batches(self, items: list[Item]) -> Iterator[list[Item]]:
        batch: list[Item] = []
        size = 0
        for item in sorted(items, key=lambda item: (item.debug_file, item.debug_id)):
            if batch and size + item.size > self._limit:
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += item.size
        if batch:
            yield batch

    def _send(self, batch: list[Item]) -> Iterator[Outcome]:
        if self._hope.gone:
            yield from map(self._hope.skipped, batch)
            return
        try:
            with tempfile.TemporaryDirectory(prefix="crashsym-") as folder:
                archive = Path(folder, "symbols.zip")
                write_zip(archive, batch)
                self._post(archive)
        except UploadError as error:
            yield from (self._hope.ended(item, error) for item in batch)
        except OSError as error:
            yield from (Outcome(item, FAILED, error.strerror or str(error)) for item in batch)
        else:
            yield from (Outcome(item, SENT, id=LAYOUTS["breakpad"](item) or "") for item in batch)

    def _post(self, archive: Path) -> None:
        boundary = new_boundary()
        headers = {"Content-Type": form_type(boundary)}
        if self._transport.secret is not None:
            headers["Auth-Token"] = self._transport.secret.reveal()
        parts = [Part(archive.name, archive, archive.name)]
        url = f"{self._target.url}/upload/"
        request = Request(
            "upload", "POST", url, headers, lambda: form(parts, boundary), frozenset({201})
        )
        self._transport.send(request)


_ABSENT = "HEAD: HTTP 404"


def write_zip(archive: Path, items: Sequence[Item]) -> None:
    """Write symbol files in Breakpad's layout; equal files give an equal archive.

    Raises:
        OSError: a file cannot be read, or the archive not be written.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as target:
        for item in items:
            entry = zipfile.ZipInfo(LAYOUTS["breakpad"](item) or item.name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.file_size = item.size
            with item.file.open("rb") as source, target.open(entry, "w") as stream:
                while data := source.read(1 << 16):
                    stream.write(data)
