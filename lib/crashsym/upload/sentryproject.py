# SPDX-License-Identifier: MIT
"""A project of a Sentry server: its addresses, its token, and what it has.

Source: getsentry/sentry src/sentry/api/endpoints/debug_files.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, urlencode

from crashsym.errors import InputError, counted
from crashsym.manifest import Receipt
from crashsym.upload.chunks import Chunked, chunked
from crashsym.upload.items import DEBUG, SYMBOLS, Item
from crashsym.upload.jsonbody import list_of
from crashsym.upload.outcome import FAILED, PRESENT, Outcome
from crashsym.upload.targets import Target
from crashsym.upload.transport import Request, Transport
from crashsym.upload.work import Hope, each

ANY_SIZE = 1 << 23  # of parts, where only the whole counts
_TYPES = {SYMBOLS: "breakpad", DEBUG: "elf"}  # src/sentry/models/debugfile.py, file_format


class SentryProject:
    """One project of one organization."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self.transport = transport
        self._name = target.name
        self.hope = Hope(transport)
        self.api = f"{target.url}/api/0"
        organization = quote(target.options["organization"], safe="")
        project = quote(target.options["project"], safe="")
        self.organization = f"{self.api}/organizations/{organization}"
        self.files = f"{self.api}/projects/{organization}/{project}/files"
        secret = transport.secret
        self.headers: dict[str, str] = {}
        if secret is not None:
            self.headers["Authorization"] = f"Bearer {secret.reveal()}"
        self._jobs = int(target.options.get("jobs", 4))

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Ask for each file by its debug id; that also tells the server that it is in use."""
        return each(items, self._ask, self._jobs, Hope(self.transport))

    def read(self, items: Iterable[Item], size: int) -> tuple[list[Chunked], list[Outcome]]:
        """Return files cut into pieces of ``size`` bytes, and how those end that cannot be read."""
        found = [self._read(item, size) for item in items]
        files = [one for one in found if isinstance(one, Chunked)]
        return files, [one for one in found if isinstance(one, Outcome)]

    def _read(self, item: Item, size: int) -> Chunked | Outcome:
        try:
            return chunked(item, size)
        except InputError as error:
            return self.hope.ended(item, error)

    def _is_of(self, receipt: Receipt, item: Item) -> bool:
        """Whether a receipt is one of this server for this file."""
        is_same = (receipt.server, receipt.sha256) == (self._name, item.sha256)
        return is_same and receipt.id != ""

    def _ask(self, item: Item) -> Outcome:
        query = urlencode({"debug_id": hyphenated(item.debug_id)})
        request = Request("dsyms", "GET", f"{self.files}/dsyms/?{query}", self.headers)
        found = list_of(self.transport, "dsyms", self.transport.send(request))
        difs = [dif for dif in found if isinstance(dif, dict)]
        known = {receipt.id for receipt in item.receipts if self._is_of(receipt, item)}
        if item.content is not None:
            sha1 = chunked(item, ANY_SIZE).sha1
            there, unknown = [dif for dif in difs if dif.get("sha1") == sha1], ""
        elif known:
            there, unknown = [dif for dif in difs if name_of(dif) in known], ""
        else:
            kind = _TYPES[item.kind]
            there = [dif for dif in difs if dif.get("symbolType", kind) == kind]
            unknown = "dsyms: only its debug id and its kind were compared"
        if there:
            return Outcome(item, PRESENT, unknown, id=name_of(there[0]))
        why = "dsyms: the server has not this file"
        if found:
            why += f", but {counted(len(found), 'other')} of this id, which may have replaced it"
        return Outcome(item, FAILED, why, is_absent=True)


def name_of(dif: object) -> str:
    """Return what the server calls a file; "" if it does not say."""
    return str(dif.get("id", "")) if isinstance(dif, dict) else ""


def hyphenated(debug_id: str) -> str:
    """Return a debug id as Sentry writes it: lower case, hyphens, and no age of 0."""
    digits, age = debug_id[:32].lower(), debug_id[32:].lower()
    groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    text = "-".join(groups)
    return text if age in ("", "0") else f"{text}-{age}"
