# SPDX-License-Identifier: MIT
"""Bugsnag: a form for each symbol file, as Breakpad's client sends it, and for each ELF file.

Source: bugsnag/bugsnag-cli pkg/upload/breakpad.go, pkg/upload/linux.go, pkg/server/request.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from crashsym.upload.bodies import ItemBody, JoinedBody, Part, form, form_type, new_boundary
from crashsym.upload.items import SYMBOLS, Item
from crashsym.upload.jsonbody import not_of_this_protocol
from crashsym.upload.outcome import PRESENT, SENT, Outcome, unanswered
from crashsym.upload.pages import check_no_page
from crashsym.upload.symupload import module_fields
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport
from crashsym.upload.work import Hope, each

_THERE = 409  # the answer where there is a file of the same id, and it is not to be replaced
_ACCEPT = frozenset({200, 202, _THERE})


class BugsnagUploader:
    """Uploads to one project, which its API key names; the server does not say what it has."""

    def __init__(self, target: Target, transport: Transport) -> None:
        """Take the target.

        Raises:
            ConfigError: there is no API key.
        """
        self._options = target.options
        self._url = target.url
        self._transport = transport
        self._key = transport.needed_secret().reveal()
        self._overwrite = "true" if target.options.get("overwrite", False) else "false"
        self._jobs = int(target.options.get("jobs", 4))

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send all; the server says of which it has one of the same id."""
        return each(items, self._send, self._jobs, Hope(self._transport))

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Say that the protocol cannot tell."""
        return unanswered(items)

    def _send(self, item: Item) -> Outcome:
        is_symbols = item.kind == SYMBOLS
        step = "breakpad-symbol" if is_symbols else "linux"
        fields = list(self._symbol_fields(item) if is_symbols else self._elf_fields(item))
        boundary = new_boundary()

        def body() -> JoinedBody:
            name = "symbol_file" if is_symbols else "soFile"
            return form([*fields, Part(name, ItemBody(item), item.name)], boundary)

        url = f"{self._url}/{step}"
        if is_symbols:
            url += f"?{urlencode({'api_key': self._key, 'overwrite': self._overwrite})}"
        headers = {"Content-Type": form_type(boundary)}
        request = Request(step, "POST", url, headers, body, _ACCEPT, item.size)
        answer = self._transport.send(request)
        if answer.status == _THERE:
            return Outcome(item, PRESENT, id=item.debug_id)
        check_no_page(self._transport, step, answer)
        if not answer.data.strip():  # it says "OK", "Accepted", or has warnings
            raise not_of_this_protocol(self._transport, step, answer)
        return Outcome(item, SENT, id=item.debug_id)

    def _symbol_fields(self, item: Item) -> Iterator[Part]:
        yield from module_fields(item, self._options.get("version"))
        if product := self._options.get("product"):
            yield Part("product", product)

    def _elf_fields(self, item: Item) -> Iterator[Part]:
        yield Part("apiKey", self._key)
        yield Part("sharedObjectName", item.debug_file)
        yield Part("overwrite", self._overwrite)
        if version := self._options.get("version"):
            yield Part("versionName", version)
