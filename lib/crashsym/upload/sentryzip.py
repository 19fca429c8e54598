# SPDX-License-Identifier: MIT
"""Sentry's older upload: archives of files, for servers that know no chunks.

Source: getsentry/sentry-cli 2.58, src/utils/dif_upload/mod.rs (upload_difs_batched);
getsentry/sentry src/sentry/api/endpoints/debug_files.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from crashsym.errors import CrashsymError
from crashsym.upload.archive import batches, send_zip
from crashsym.upload.bodies import FileBody, JoinedBody, Part, form, form_type, new_boundary
from crashsym.upload.items import Item
from crashsym.upload.jsonbody import document_of, list_of, not_of_this_protocol
from crashsym.upload.outcome import PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.sentryproject import ANY_SIZE, SentryProject, name_of
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport

_QUESTION = 100  # checksums in one address, which servers take up to 8 KB of
_BYTES, _FILES = 35 << 20, 64  # of one archive, before compression, as sentry-cli has it


class SentryZipUploader:
    """Uploads to one project of a server that takes archives."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._server = SentryProject(target, transport)
        self._transport = transport
        self._hope = self._server.hope

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what the project has not."""
        files, failed = self._server.read(items, ANY_SIZE)
        yield from failed
        for start in range(0, len(files), _QUESTION):
            asked = files[start : start + _QUESTION]
            yield from self._complete({file.item: file.sha1 for file in asked})

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file by its debug id."""
        return self._server.verify(items)

    def _complete(self, sums: dict[Item, str]) -> Iterator[Outcome]:
        """Send those files that the server has not."""
        if self._hope.gone:
            yield from map(self._hope.skipped, sums)
            return
        try:
            missing = self._missing(sums.values())
        except CrashsymError as error:
            yield from (self._hope.ended(item, error) for item in sums)
            return
        yield from (Outcome(item, PRESENT) for item in sums if sums[item] not in missing)
        lacking = [item for item in sums if sums[item] in missing]
        for batch in batches(lacking, _BYTES, _FILES):
            yield from send_zip(
                batch, self._hope, lambda archive, packed: self._sent(archive, packed, sums)
            )

    def _missing(self, sums: Iterable[str]) -> set[str]:
        """Ask which of these files the server has not.

        Raises:
            UploadError: it does not say so.
        """
        query = urlencode([("checksums", sha1) for sha1 in sums])
        url = f"{self._server.files}/dsyms/unknown/?{query}"
        answer = self._transport.send(Request("unknown", "GET", url, self._server.headers))
        missing = document_of(self._transport, "unknown", answer).get("missing")
        if not isinstance(missing, list):
            raise not_of_this_protocol(self._transport, "unknown", answer)
        self._hope.note(None)
        return {sha1 for sha1 in missing if isinstance(sha1, str)}

    def _sent(
        self, archive: Path, packed: Sequence[Item], sums: Mapping[Item, str]
    ) -> list[Outcome]:
        """Send an archive, and ask what the server has taken of it."""
        names = self._post(archive, packed)
        missing = self._missing(sums[item] for item in packed)
        return [_taken(item, sums[item], names, missing) for item in packed]

    def _post(self, archive: Path, packed: Sequence[Item]) -> dict[str, str]:
        """Send an archive of files; return what the server calls those that it has taken."""
        boundary = new_boundary()
        headers = {**self._server.headers, "Content-Type": form_type(boundary)}

        def body() -> JoinedBody:
            return form([Part("file", FileBody(archive), archive.name)], boundary)

        url = f"{self._server.files}/dsyms/"
        size = sum(item.size for item in packed)
        request = Request("dsyms", "POST", url, headers, body, frozenset({200, 201}), size)
        made = list_of(self._transport, "dsyms", self._transport.send(request))
        return {str(dif.get("sha1")): name_of(dif) for dif in made if isinstance(dif, dict)}


def _taken(item: Item, sha1: str, names: dict[str, str], missing: set[str]) -> Outcome:
    if sha1 in missing:
        return Outcome(item, REFUSED, "dsyms: the server has not taken it out of the archive")
    return Outcome(item, SENT, id=names.get(sha1, ""))
