# SPDX-License-Identifier: MIT
"""Google's two protocols, as Breakpad's clients speak them.

Sources: google/breakpad src/common/linux/symbol_upload.cc (version 1) and
src/common/linux/symbol_collector_client.cc (version 2; docs/sym_upload_v2_protocol.md differs).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from crashsym.errors import RejectedError
from crashsym.upload.bodies import ItemBody, JoinedBody, Part, form, form_type, new_boundary
from crashsym.upload.items import SYMBOLS, Item
from crashsym.upload.jsonbody import document_of, not_of_this_protocol
from crashsym.upload.outcome import FAILED, PRESENT, SENT, Outcome, unanswered
from crashsym.upload.pages import check_no_page
from crashsym.upload.signed import put_signed
from crashsym.upload.targets import Target
from crashsym.upload.transport import Answer, Request, Transport
from crashsym.upload.work import Hope, each

_OS = "Linux"
_TYPES = {SYMBOLS: "BREAKPAD", "debug-files": "ELF"}


class V1Uploader:
    """One form for each file; the server does not say what it has."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._jobs = int(target.options.get("jobs", 4))

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send all."""
        return each(items, self._send, self._jobs, Hope(self._transport))

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Say that the protocol cannot tell."""
        return unanswered(items)

    def _send(self, item: Item) -> Outcome:
        boundary = new_boundary()
        fields = list(module_fields(item, self._target.options.get("version")))
        headers = {"Content-Type": form_type(boundary)}
        if self._transport.secret is not None:
            headers["Authorization"] = f"Bearer {self._transport.secret.reveal()}"

        def body() -> JoinedBody:
            file = Part("symbol_file", ItemBody(item), item.name)
            return form([*fields, file], boundary)

        url = self._target.url
        request = Request("upload", "POST", url, headers, body, content=item.size)
        answer = self._transport.send(request)
        check_no_page(self._transport, "upload", answer)
        return Outcome(item, SENT, id=item.debug_id)


def module_fields(item: Item, version: str | None) -> Iterator[Part]:
    """Yield what Breakpad's client says of a symbol file beside it; the version is a product's."""
    if version:
        yield Part("version", version)
    yield Part("os", _OS)
    yield Part("cpu", item.arch)
    yield Part("debug_file", item.debug_file)
    yield Part("code_file", item.debug_file)
    yield Part("debug_identifier", item.debug_id)


class V2Uploader:
    """Four steps: ask, make a place, put, complete."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._key = transport.needed_secret().reveal()
        self._jobs = int(target.options.get("jobs", 4))

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send what is not there."""
        return each(items, self._send, self._jobs, Hope(self._transport))

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file whether it is there."""
        return each(items, self._ask, self._jobs, Hope(self._transport))

    def _ask(self, item: Item) -> Outcome:
        if self._is_there(item):
            return Outcome(item, PRESENT, id=item.debug_id)
        return Outcome(item, FAILED, "checkStatus: MISSING", is_absent=True)

    def _send(self, item: Item) -> Outcome:
        if self._is_there(item):
            return Outcome(item, PRESENT, id=item.debug_id)
        url, key = self._create()
        put_signed(self._transport, url, lambda: ItemBody(item), {}, item.size)
        try:
            result = self._complete(item, key)
        except RejectedError:  # also where an answer was lost: the place is then gone
            if not self._is_there(item):
                raise
            result = "OK"
        return Outcome(item, SENT if result == "OK" else PRESENT, id=item.debug_id)

    def _is_there(self, item: Item) -> bool:
        name = f"{quote(item.debug_file, safe='')}/{item.debug_id}"
        answer = self._call("checkStatus", "GET", f"v1/symbols/{name}:checkStatus")
        status = _field(self._transport, "checkStatus", answer, "status")
        if status not in ("FOUND", "MISSING"):
            raise not_of_this_protocol(self._transport, "checkStatus", answer)
        return status == "FOUND"

    def _create(self) -> tuple[str, str]:
        answer = self._call("create", "POST", "v1/uploads:create")
        url, key = (
            _field(self._transport, "create", answer, name) for name in ("uploadUrl", "uploadKey")
        )
        return url, key

    def _complete(self, item: Item, key: str) -> str:
        document: dict[str, Any] = {
            "symbol_id": {"debug_file": item.debug_file, "debug_id": item.debug_id},
            "symbol_upload_type": _TYPES[item.kind],
            "use_async_processing": False,
        }
        if product := self._target.options.get("product"):
            document["metadata"] = {"product_name": product}
        place = f"v1/uploads/{quote(key, safe='')}:complete"
        answer = self._call("complete", "POST", place, json.dumps(document).encode())
        result = _field(self._transport, "complete", answer, "result")
        if result not in ("OK", "DUPLICATE_DATA"):
            raise not_of_this_protocol(self._transport, "complete", answer)
        return result

    def _call(self, step: str, method: str, place: str, data: bytes = b"") -> Answer:
        url = f"{self._target.url}/{place}?{urlencode({'key': self._key})}"
        headers = {"Content-Type": "application/json"} if data else {}
        return self._transport.send(Request(step, method, url, headers, data))


def _field(transport: Transport, step: str, answer: Answer, name: str) -> str:
    """Return a text of an answer; a 200 that says something else is no success."""
    found = document_of(transport, step, answer).get(name)
    if not isinstance(found, str) or not found.isascii() or not found.isprintable() or not found:
        raise not_of_this_protocol(transport, step, answer)
    return found
