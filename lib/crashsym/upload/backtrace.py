# SPDX-License-Identifier: MIT
"""Backtrace, which is Sauce Labs' Error Reporting: archives of symbol files and ELF files.

Source: Sauce Labs' documentation, "Error Reporting API Endpoints" ("Submit Symbol"),
"Upload Symbols to Your Project" and "Symbolication": ELF files are taken in archives alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from crashsym.upload.archive import batches, send_zip
from crashsym.upload.bodies import FileBody
from crashsym.upload.items import Item
from crashsym.upload.jsonbody import document_of, not_of_this_protocol
from crashsym.upload.outcome import SENT, Outcome, unanswered
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport
from crashsym.upload.work import Hope

_LIMIT = 400.0  # MB of files in one archive; the server takes 10 GB


class BacktraceUploader:
    """Uploads to one project, which its token names; the server does not say what it has."""

    def __init__(self, target: Target, transport: Transport) -> None:
        """Take the target.

        Raises:
            ConfigError: there is no token.
        """
        self._transport = transport
        self._url = _address(target, transport.needed_secret().reveal())
        self._limit = int(target.options.get("limit", _LIMIT) * 1_000_000)
        self._hope = Hope(transport)

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send all."""
        for batch in batches(items, self._limit, len(items)):
            yield from send_zip(batch, self._hope, self._post)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Say that the protocol cannot tell."""
        return unanswered(items)

    def _post(self, archive: Path, packed: Sequence[Item]) -> Iterator[Outcome]:
        size = sum(item.size for item in packed)
        request = Request(
            "symbols", "POST", self._url, body=lambda: FileBody(archive), content=size
        )
        answer = self._transport.send(request)
        document = document_of(self._transport, "symbols", answer)
        if document.get("response") != "ok":
            raise not_of_this_protocol(self._transport, "symbols", answer)
        name = document.get("_rxid")  # of the archive
        for item in packed:
            yield Outcome(item, SENT, id=name if isinstance(name, str) else "")


def _address(target: Target, token: str) -> str:
    """Return where to POST: hosted, with a subdomain, or to a server of one's own."""
    subdomain, tag = target.options.get("subdomain"), target.options.get("tag")
    query = {"tag": tag} if tag else {}
    if subdomain is None:
        return f"{target.url}?{urlencode({'format': 'symbols', 'token': token, **query})}"
    place = f"{target.url}/{quote(subdomain, safe='')}/{quote(token, safe='')}/symbols"
    return f"{place}?{urlencode(query)}" if query else place
