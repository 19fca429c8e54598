# SPDX-License-Identifier: MIT
"""Sentry's chunk upload: ask what is missing, send that, and ask until it is assembled.

Source: getsentry/sentry-cli src/api/mod.rs and src/utils/chunks; getsentry/sentry
src/sentry/api/endpoints/chunk.py and debug_files.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, urlencode

from crashsym.errors import RejectedError, UploadError
from crashsym.upload.chunks import Chunked, Group, Limits, chunked, group_body, groups
from crashsym.upload.items import Item
from crashsym.upload.jsonbody import document_of, json_request, list_of
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport
from crashsym.upload.work import Hope, each, spread

_BATCH = 500  # files in one question
_ROUNDS = 3  # of sending what is still missing
_WAITING = ("created", "assembling")


class SentryUploader:
    """Uploads to one project of a Sentry server."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._organization = quote(target.options["organization"], safe="")
        self._project = quote(target.options["project"], safe="")
        self._wait = float(target.options.get("wait", 300))
        self._hope = Hope()

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what the project has not, and wait until it has it."""
        try:
            limits = self._limits()
        except UploadError as error:
            yield from (self._hope.ended(item, error) for item in items)
            return
        fitting = []
        for item in items:
            if item.size > limits.file:
                why = f"it has {item.size} bytes, the server takes {limits.file}"
                yield Outcome(item, REFUSED, why)
            else:
                fitting.append(item)
        for start in range(0, len(fitting), _BATCH):
            yield from self._upload(fitting[start : start + _BATCH], limits)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file by its debug id; that also tells the server that it is in use."""
        return each(items, self._ask, int(self._target.options.get("jobs", 4)), Hope())

    def _upload(self, items: list[Item], limits: Limits) -> Iterator[Outcome]:
        """Yield how each file ends."""
        read = [_read(item, limits.chunk) for item in items]
        yield from (one for one in read if isinstance(one, Outcome))
        files = [one for one in read if isinstance(one, Chunked)]
        try:
            yield from self._assemble_all(files, limits)
        except UploadError as error:
            yield from (self._hope.ended(file.item, error) for file in files if not file.ended)

    def _assemble_all(self, files: list[Chunked], limits: Limits) -> Iterator[Outcome]:
        missing = dict[str, None]()
        for file, answer in self._assemble(files, with_chunks=True):
            outcome, needed = self._judged(file, answer, PRESENT)
            missing |= dict.fromkeys(needed)
            if outcome is not None:
                yield outcome
        end = time.monotonic() + self._wait
        rounds = 0
        while left := [file for file in files if not file.ended]:
            if missing:
                rounds += 1
                self._send(missing, left, limits)
            missing = {}
            for file, answer in self._assemble(left, with_chunks=True):
                outcome, needed = self._judged(file, answer, SENT)
                missing |= dict.fromkeys(needed)
                if outcome is not None:
                    yield outcome
            yield from self._late(files, end, rounds, lacking=bool(missing))
            if not missing and any(not file.ended for file in files):
                time.sleep(min(1.0, self._wait))

    def _late(
        self, files: list[Chunked], end: float, rounds: int, *, lacking: bool
    ) -> Iterator[Outcome]:
        """Yield those that are waited for no longer."""
        why = ""
        if lacking and rounds >= _ROUNDS:
            why = "the server still lacks parts that it has acknowledged"
        elif not lacking and time.monotonic() >= end:
            why = f"the server has not assembled it in {self._wait:g} seconds"
        for file in files if why else ():
            if not file.ended:
                file.ended = True
                yield Outcome(file.item, FAILED, why)

    def _judged(
        self, file: Chunked, answer: dict[str, object], state: str
    ) -> tuple[Outcome | None, list[str]]:
        """Return how a file has ended, if it has, and which of its parts the server lacks."""
        said = answer.get("state")
        missing = answer.get("missingChunks")
        if said == "ok":
            file.ended = True
            dif = answer.get("dif")
            name = dif.get("id", "") if isinstance(dif, dict) else ""
            return Outcome(file.item, state, id=str(name)), []
        if said == "error":
            file.ended = True
            detail = answer.get("detail")
            return Outcome(file.item, REFUSED, str(detail or "the server does not say why")), []
        if said == "not_found" and isinstance(missing, list) and missing:
            own = set(file.chunks)
            return None, [sha1 for sha1 in missing if sha1 in own]
        if said in _WAITING:
            return None, []
        file.ended = True
        return Outcome(file.item, REFUSED, f"its state is {said!r}, and nothing is missing"), []

    def _limits(self) -> Limits:
        url = f"{self._target.url}/api/0/organizations/{self._organization}/chunk-upload/"
        answer = self._transport.send(Request("chunk-upload", "GET", url, self._headers()))
        return Limits.of(document_of(self._transport, "chunk-upload", answer), self._target.url)

    def _assemble(
        self, files: list[Chunked], *, with_chunks: bool
    ) -> Iterator[tuple[Chunked, dict[str, object]]]:
        """Yield each file with what the server says of it."""
        asked = {
            file.sha1: {
                "name": file.item.name,
                "debug_id": _hyphenated(file.item.debug_id),
                "chunks": list(file.chunks) if with_chunks else [],
            }
            for file in files
        }
        if not asked:
            return
        request = json_request("assemble", self._files("difs/assemble/"), asked, self._headers())
        found = document_of(self._transport, "assemble", self._transport.send(request))
        for file in files:
            answer = found.get(file.sha1)
            if not isinstance(answer, dict):
                why = f"the answer does not mention {file.sha1}"
                raise RejectedError("assemble", where=self._transport.where, why=why)
            yield file, answer

    def _send(self, missing: Iterable[str], files: list[Chunked], limits: Limits) -> None:
        """Send parts of files, some requests at once.

        Raises:
            UploadError: the server does not take one of them.
        """
        parcels = groups(missing, files, limits)
        spread(parcels, lambda parcel: self._post(parcel, limits), limits.concurrency)

    def _post(self, parcel: Group, limits: Limits) -> None:
        with group_body(parcel, compress=limits.compress) as (make, content_type):
            headers = {**self._headers(), "Content-Type": content_type}
            self._transport.send(Request("chunks", "POST", limits.url, headers, make))

    def _ask(self, item: Item) -> Outcome:
        query = urlencode({"debug_id": _hyphenated(item.debug_id)})
        request = Request("dsyms", "GET", f"{self._files('dsyms/')}?{query}", self._headers())
        found = list_of(self._transport, "dsyms", self._transport.send(request))
        wanted = chunked(item, 1 << 23).sha1
        for dif in found:
            if isinstance(dif, dict) and dif.get("sha1") == wanted:
                return Outcome(item, PRESENT, id=str(dif.get("id", "")))
        others = f", but {len(found)} others of this id" if found else ""
        return Outcome(item, FAILED, f"dsyms: the server has not this file{others}")

    def _files(self, rest: str) -> str:
        base = f"{self._target.url}/api/0/projects/{self._organization}/{self._project}"
        return f"{base}/files/{rest}"

    def _headers(self) -> dict[str, str]:
        secret = self._transport.secret
        return {} if secret is None else {"Authorization": f"Bearer {secret.reveal()}"}


def _read(item: Item, chunk: int) -> Chunked | Outcome:
    try:
        return chunked(item, chunk)
    except OSError as error:
        return Outcome(item, FAILED, error.strerror or str(error))


def _hyphenated(debug_id: str) -> str:
    """Return a debug id as Sentry writes it: lower case, hyphens, and no age of 0."""
    digits, age = debug_id[:32].lower(), debug_id[32:].lower()
    groups_of = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    text = "-".join(groups_of)
    return text if age in ("", "0") else f"{text}-{age}"
