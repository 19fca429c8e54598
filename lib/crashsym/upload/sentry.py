# SPDX-License-Identifier: MIT
"""Sentry's chunk upload: ask what is missing, send that, and ask until it is assembled.

Source: getsentry/sentry-cli src/api/mod.rs and src/utils/chunks; getsentry/sentry
src/sentry/api/endpoints/chunk.py and debug_files.py.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence

from crashsym.errors import CrashsymError, RejectedError, UploadError
from crashsym.upload.chunks import Chunked, Group, Limits, group_body, groups
from crashsym.upload.items import Item
from crashsym.upload.jsonbody import document_of, json_request
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.sentryproject import SentryProject, hyphenated, name_of
from crashsym.upload.targets import Target
from crashsym.upload.transport import LARGE, Request, Transport
from crashsym.upload.work import at_once

_BATCH = 500  # files in one question
_MOST_CHUNKS = 1 << 16  # of one file, and of all in a question: 2.7 MB of it
_ROUNDS = 3  # of sending what is still missing
_PAUSE = 1.0  # seconds between two questions, as sentry-cli has it
_WAITING = ("created", "assembling")
_OLD = (
    "Check 'organization'. A Sentry from before 2018, and servers that only work like Sentry, need"
    ' protocol = "zip" in the target.'
)


class SentryUploader:
    """Uploads to one project of a Sentry server."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._server = SentryProject(target, transport)
        self._transport = transport
        self._hope = self._server.hope
        self._wait = float(target.options.get("wait", 300))

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
            elif item.size > limits.chunk * _MOST_CHUNKS:
                why = f"the server wants it in parts of {limits.chunk} bytes, which are too many"
                yield Outcome(item, REFUSED, why)
            else:
                fitting.append(item)
        for batch in _batches(fitting, limits.chunk):
            yield from self._upload(batch, limits)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file by its debug id."""
        return self._server.verify(items)

    def _limits(self) -> Limits:
        url = f"{self._server.organization}/chunk-upload/"
        accept = frozenset({200, 404})
        request = Request("chunk-upload", "GET", url, self._server.headers, accept=accept)
        answer = self._transport.send(request)
        if answer.status == 404:
            why = f"HTTP 404: {self._transport.words(answer)}"
            raise RejectedError("chunk-upload", where=self._transport.where, why=why, remedy=_OLD)
        document = document_of(self._transport, "chunk-upload", answer)
        return Limits.of(document, self._server.api)

    def _upload(self, items: list[Item], limits: Limits) -> Iterator[Outcome]:
        """Yield how each file ends."""
        if self._hope.gone:
            yield from map(self._hope.skipped, items)
            return
        files, failed = self._server.read(items, limits.chunk)
        yield from failed
        try:
            yield from self._deliver(files, limits)
        except UploadError as error:
            yield from (self._hope.ended(file.item, error) for file in files if not file.ended)

    def _deliver(self, files: list[Chunked], limits: Limits) -> Iterator[Outcome]:
        """Send what is missing, up to three times, and wait for what the server has still to do.

        Raises:
            UploadError: the server does not say what it has.
        """
        wait = min(self._wait, limits.wait or self._wait)
        end = time.monotonic() + wait
        rounds = 0
        while left := [file for file in files if not file.ended]:
            lacking = yield from self._asked(left)
            if lacking and rounds == _ROUNDS:
                why = "the server still lacks parts that it has acknowledged"
                yield from _failed(lacking, why)
            elif lacking:
                rounds += 1
                yield from self._send(lacking, limits)
                end = time.monotonic() + wait
                continue
            if time.monotonic() >= end:
                yield from _failed(left, f"the server has not assembled it in {wait:g} seconds")
            elif not all(file.ended for file in files):
                time.sleep(min(_PAUSE, wait))

    def _asked(self, files: list[Chunked]) -> Generator[Outcome, None, list[Chunked]]:
        """Yield how files end, as far as the server says so; return those of which it lacks parts.

        Raises:
            UploadError: it says something else.
        """
        asked = {
            file.sha1: {
                "name": file.item.name,
                "debug_id": hyphenated(file.item.debug_id),
                "chunks": list(file.chunks),
            }
            for file in files
        }
        url = f"{self._server.files}/difs/assemble/"
        request = json_request("assemble", url, asked, self._server.headers, LARGE)
        found = document_of(self._transport, "assemble", self._transport.send(request))
        for file in files:
            answer = found.get(file.sha1)
            if not isinstance(answer, dict):
                why = f"the answer does not mention {file.sha1}"
                raise RejectedError("assemble", where=self._transport.where, why=why)
            outcome = _judged(file, answer)
            if outcome is not None:
                yield outcome
        self._hope.note(None)
        return [file for file in files if file.missing and not file.ended]

    def _send(self, files: list[Chunked], limits: Limits) -> Iterator[Outcome]:
        """Send the parts that are missing; yield how files end of which one cannot be sent."""
        parcels = groups(files, limits)
        errors: dict[str, CrashsymError] = {}
        for failed in at_once(
            parcels, lambda parcel: self._post(parcel, limits), limits.concurrency, self._hope
        ):
            errors |= failed
        for file in files:
            error = next((errors[sha1] for sha1 in file.missing if sha1 in errors), None)
            if error is not None:
                file.ended = True
                yield self._hope.ended(file.item, error)

    def _post(self, parcel: Group, limits: Limits) -> dict[str, CrashsymError]:
        """Send some parts; return those that could not be, and why."""
        if self._hope.gone:
            error = UploadError("not tried", why=self._hope.gone)
            return {piece.sha1: error for piece in parcel}
        try:
            with group_body(parcel, compress=limits.compress) as body:
                if len(body.unreadable) < len(parcel):
                    headers = {**self._server.headers, "Content-Type": body.type}
                    size = sum(piece.size for piece in parcel)
                    request = Request(
                        "chunks", "POST", limits.url, headers, body.open, content=size
                    )
                    self._transport.send(request)
                return dict(body.unreadable)
        except CrashsymError as error:
            self._hope.note(error)
            return {piece.sha1: error for piece in parcel}


def _batches(items: Iterable[Item], chunk: int) -> Iterator[list[Item]]:
    """Yield files to ask for together: so many, and no more than so many chunks."""
    batch: list[Item] = []
    chunks = 0
    for item in items:
        more = item.size // chunk + 1
        if batch and (len(batch) == _BATCH or chunks + more > _MOST_CHUNKS):
            yield batch
            batch, chunks = [], 0
        batch.append(item)
        chunks += more
    if batch:
        yield batch


def _judged(file: Chunked, answer: dict[str, object]) -> Outcome | None:
    """Return how a file has ended, if it has, and note which of its parts the server lacks."""
    said, missing = answer.get("state"), answer.get("missingChunks")
    file.missing = ()
    if said == "not_found" and isinstance(missing, list):
        lacking = {sha1 for sha1 in missing if isinstance(sha1, str)}
        file.missing = tuple(sha1 for sha1 in dict.fromkeys(file.chunks) if sha1 in lacking)
    if file.missing:
        file.sent = True
        return None
    if said in _WAITING:
        return None
    file.ended = True
    if said == "ok" and not missing:
        return Outcome(file.item, SENT if file.sent else PRESENT, id=name_of(answer.get("dif")))
    if said == "error":
        detail = str(answer.get("detail") or "the server does not say why")
        return Outcome(file.item, REFUSED, f"assemble: {detail}")
    what = "parts are" if missing else "nothing is"
    return Outcome(file.item, REFUSED, f"assemble: its state is {said!r}, and {what} missing")


def _failed(files: Iterable[Chunked], why: str) -> Iterator[Outcome]:
    for file in files:
        if not file.ended:
            file.ended = True
            yield Outcome(file.item, FAILED, f"assemble: {why}")
