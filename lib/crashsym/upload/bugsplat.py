# SPDX-License-Identifier: MIT
"""BugSplat: log in, ask for an address, PUT the compressed file there, say that it is complete.

Source: BugSplat-Git/bugsplat-js-api-client src/symbols/ and src/common/client/;
BugSplat-Git/symbol-upload src/sym.ts (names).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial

from crashsym.errors import AuthenticationError, RejectedError, UploadError
from crashsym.upload.bodies import FileBody, Part, form, form_type, new_boundary
from crashsym.upload.compression import compression, packed_copy
from crashsym.upload.items import Item
from crashsym.upload.jsonbody import document_of, not_of_this_protocol, parsed
from crashsym.upload.outcome import SENT, Outcome, unanswered
from crashsym.upload.secret import Secret
from crashsym.upload.signed import put_signed
from crashsym.upload.targets import Target
from crashsym.upload.transport import Answer, Request, Transport
from crashsym.upload.work import Hope, each

_PDBS_VERSION = "spdbsv2"  # of the client's protocol: with compressed files
_LATEST = 253402300799  # seconds: the last that a date can have


class BugSplatUploader:
    """Uploads to one version of an application in a database; the server does not say what it has.

    The token of the target is the secret of an OAuth2 client.
    """

    def __init__(self, target: Target, transport: Transport) -> None:
        """Take the target.

        Raises:
            ConfigError: there is no secret.
        """
        self._target = target
        self._transport = transport
        self._login = _Login(target, transport)
        self._jobs = int(target.options.get("jobs", 4))
        self._hope = Hope(transport)

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Send all."""
        try:
            self._login.renewed("")
        except UploadError as error:
            yield from (self._hope.ended(item, error) for item in items)
            return
        yield from each(items, self._send, self._jobs, self._hope)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Say that the protocol cannot tell."""
        return unanswered(items)

    def _send(self, item: Item) -> Outcome:
        fields = self._fields(item)
        url = self._call("uploadUrl", fields, "url")
        with packed_copy(item, compression("gzip")) as packed:
            headers = {"Content-Encoding": "gzip"}
            put_signed(self._transport, url, partial(FileBody, packed), headers, item.size)
        self._call("uploadComplete", fields, "Status")
        return Outcome(item, SENT, id=item.debug_id)

    def _fields(self, item: Item) -> dict[str, str]:
        options, module = self._target.options, module_name(item.debug_file)
        return {
            "database": options["database"],
            "appName": options["application"],
            "appVersion": options["version"],
            "size": str(item.size),
            "symFileName": f"{module}.sym",
            "moduleName": module,
            "dbgId": item.debug_id,
            "lastModified": _date(item.at_hand.file.stat().st_mtime_ns),
            "SendPdbsVersion": _PDBS_VERSION,
        }

    def _call(self, step: str, fields: Mapping[str, str], wanted: str) -> str:
        """Return a text of the answer, if it is no refusal; a token that has expired is renewed.

        Raises:
            UploadError: it is one, or no answer of this protocol.
        """
        token = self._login.renewed("")
        answer = self._asked(step, fields, token, frozenset({200, 401}))
        if answer.status == 401:
            token = self._login.renewed(token)
            answer = self._asked(step, fields, token, frozenset({200}))
        document = document_of(self._transport, step, answer)
        if document.get("Status") == "Failed":
            why = str(document.get("Error") or "the server does not say why")
            raise RejectedError(step, where=self._transport.where, why=self._transport.hidden(why))
        found = document.get(wanted)
        if not isinstance(found, str) or not found or not found.isascii():
            raise not_of_this_protocol(self._transport, step, answer)
        return found

    def _asked(
        self, step: str, fields: Mapping[str, str], token: str, accept: frozenset[int]
    ) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self._target.url}/symsrv/{step}"
        return self._transport.send(_form_request(step, url, fields, headers, accept))


class _Login:
    """The access token that an OAuth2 client gets for its secret (RFC 6749 section 4.4)."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._secret = transport.needed_secret()
        self._token = ""
        self._lock = threading.Lock()

    def renewed(self, old: str) -> str:
        """Return a token that is not ``old``; several threads with an old one log in once.

        Raises:
            UploadError: there is none.
        """
        with self._lock:
            if self._token == old:
                self._token = self._asked()
            return self._token

    def _asked(self) -> str:
        fields = {
            "grant_type": "client_credentials",
            "client_id": self._target.options["client"],
            "client_secret": self._secret.reveal(),
        }
        url, accept = f"{self._target.url}/oauth2/authorize", frozenset({200, 400})
        answer = self._transport.send(_form_request("login", url, fields, {}, accept))
        where = self._transport.where
        if answer.status == 400:  # to a client or a secret that it does not know
            why = f"HTTP 400: {self._transport.words(answer)}"
            remedy = "Check 'client', and the token, which has to be the secret of that client."
            raise AuthenticationError("login", where=where, why=why, remedy=remedy)
        found = parsed(answer)
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not re.fullmatch("[!-~]+", token):
            # The words of the answer are not shown: a token may be among them.
            remedy = "Check the URL of the target: a proxy or a login page may have answered."
            raise RejectedError("login", where=where, why="the answer has no token", remedy=remedy)
        self._transport.hide(Secret(token))
        return token


def module_name(name: str) -> str:
    """Return what BugSplat's stack walker calls a module: without endings, but with ``.so.1``.

    Source: BugSplat-Git/symbol-upload src/sym.ts, for what is no PDB file.
    """
    for ending in (".dsym", ".debug"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name if ".so" in name or name.endswith(".dylib") else name.partition(".")[0]


def _date(nanoseconds: int) -> str:
    seconds, thousandths = divmod((nanoseconds + 500_000) // 1_000_000, 1000)
    moment = datetime.fromtimestamp(min(max(seconds, 0), _LATEST), timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{thousandths:03}Z"


def _form_request(
    step: str,
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
    accept: frozenset[int],
) -> Request:
    boundary = new_boundary()
    parts = [Part(name, value) for name, value in fields.items()]
    headers = {**headers, "Content-Type": form_type(boundary)}
    return Request(step, "POST", url, headers, lambda: form(parts, boundary), accept)
