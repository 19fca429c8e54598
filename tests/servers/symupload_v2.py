# SPDX-License-Identifier: MIT
"""Google's sym-upload-v2: ask, get an address, PUT the file there, complete.

Source: google/breakpad, src/common/linux/symbol_collector_client.cc, whose wire form differs from
docs/sym_upload_v2_protocol.md: the client reads the answers with regular expressions, camelCase
and one blank after each colon, and its last body has keys without quotes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.messages import Request, Response, json_response
from servers.wire import BadRequestError, Blob

TYPES = ("BREAKPAD", "ELF", "PE", "MACHO", "DEBUG_ONLY", "DWP", "DSYM", "PDB")
_MOST_BODY = 1 << 16


@dataclass(frozen=True)
class SymUploadV2:
    """How the server is set up: with an empty ``key`` it asks for none."""

    key: str = "test-api-key"
    file_size: int = 4 << 30


class SymUploadV2Server(Server):
    """Kept by ``debug_file/debug_id``; content is counted under the same key when complete."""

    def __init__(
        self,
        settings: SymUploadV2 | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.settings = settings or SymUploadV2()
        # What was put, by the upload key; None: nothing yet.
        self.pending: dict[str, Blob | None] = {}
        self.types: dict[str, str] = {}

    def refuse(self, request: Request) -> Response | None:
        key = request.argument("key")
        if not self.settings.key or key == self.settings.key:
            return None
        if not key:
            return _error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
        return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")

    def expired(self) -> Response:
        return _error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.")

    def unknown(self, request: Request) -> Response:
        return _error(404, "NOT_FOUND", "Requested entity was not found.")

    def bad_request(self, why: str) -> Response:
        return _error(400, "INVALID_ARGUMENT", why)

    @step("status", "GET", "/v1/symbols/(?P<file>[^/]+)/(?P<id>[^/:]+):checkStatus")
    def status(self, request: Request) -> Response:
        there = f"{request.words['file']}/{request.words['id']}" in self.kept
        return json_response(200, {"status": "FOUND" if there else "MISSING"})

    @step("create", "POST", "/v1/uploads:create")
    def create(self, request: Request) -> Response:
        key = secrets.token_hex(16)
        with self.lock:
            self.pending[key] = None
        url = f"{self.origin(request)}/signed/{key}"
        return json_response(200, {"uploadUrl": url, "uploadKey": key})

    @step("put", "PUT", "/signed/(?P<upload>[0-9a-f]+)", stores=True, checks_token=False)
    def put(self, request: Request) -> Response:
        key = request.words["upload"]
        if key not in self.pending:
            return Response(403, b"<Error><Code>AccessDenied</Code></Error>")
        blob = request.spool(self.settings.file_size)
        with self.lock:
            # Where it will lie is known when it is complete; until then its upload is its name.
            request.deliver(key, blob)
            self.pending[key] = self.keep(request, key, blob)
        return Response(200)

    @step("complete", "POST", "/v1/uploads/(?P<upload>[^/:]+):complete")
    def complete(self, request: Request) -> Response:
        upload = request.words["upload"]
        words = _words(request.body.read(_MOST_BODY).decode("utf-8", "replace"))
        if upload not in self.pending:
            return self.unknown(request)
        if words["symbol_upload_type"] not in TYPES:
            raise BadRequestError(
                f"no such type: {words['symbol_upload_type']!r}; there are {TYPES}"
            )
        blob = self.pending[upload]
        if blob is None:
            return _error(400, "FAILED_PRECONDITION", "Nothing was uploaded.")
        return json_response(200, {"result": self._take(request, words, blob)})

    def _take(self, request: Request, words: dict[str, str], blob: Blob) -> str:
        upload = request.words["upload"]
        key = f"{words['debug_file']}/{words['debug_id']}"
        with self.lock:
            old = self.kept.get(key)
            self.pending.pop(upload)
            self.kept.pop(upload, None)
            self.account.settled(upload, key, blob.sha256)
            request.content.append((key, blob.sha256))
            if old is not None and old.sha256 == blob.sha256:
                return "DUPLICATE_DATA"
            self.kept[key] = blob
            self.types[key] = words["symbol_upload_type"]
            self.account.stored(key, blob.sha256, blob.size)
        return "OK"


def _words(body: str) -> dict[str, str]:
    """Return the values of the last body, whose keys may lack their quotes."""
    found = {}
    for name in ("debug_file", "debug_id", "symbol_upload_type"):
        match = re.search(rf'"?\b{name}\b"?\s*:\s*"([^"]+)"', body)
        if match is None:
            raise BadRequestError(f"no {name} in {body!r}")
        found[name] = match[1]
    return found


def _error(status: int, word: str, message: str) -> Response:
    return json_response(status, {"error": {"code": status, "message": message, "status": word}})
