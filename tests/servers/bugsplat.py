# SPDX-License-Identifier: MIT
"""BugSplat: log in, get an address, PUT the compressed file there, say that it is complete.

Source: BugSplat-Git/bugsplat-js-api-client, src/symbols/, src/common/client/. What the server says
of a file that is no gzip stream, or not of the size that was said, is our assumption.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.messages import Request, Response, json_response
from servers.wire import BadRequestError, Blob, gunzipped, is_gzip, write_blob

FIELDS = ("database", "appName", "appVersion", "size", "symFileName", "moduleName", "dbgId")
PDBS_VERSION = "spdbsv2"
_MOST_FORM = 1 << 16


@dataclass(frozen=True)
class BugSplat:
    """How the server is set up."""

    database: str = "acme"
    client_id: str = "client"
    client_secret: str = "test-secret"  # noqa: S105 - there is no secret here


class BugSplatServer(Server):
    """Kept uncompressed by ``moduleName/dbgId/symFileName``; content is counted compressed."""

    def __init__(
        self,
        settings: BugSplat | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.settings = settings or BugSplat()
        self.tokens: set[str] = set()
        # What was put, by the name in its address.
        self.pending: dict[str, Blob | None] = {}
        self._seed = secrets.token_bytes(16)

    def refuse(self, request: Request) -> Response | None:
        kind, _, token = request.header("Authorization").partition(" ")
        return None if kind.lower() == "bearer" and token in self.tokens else self.expired()

    @step("login", "POST", "/oauth2/authorize", checks_token=False)
    def login(self, request: Request) -> Response:
        fields = _fields(request)
        if fields.get("grant_type") != "client_credentials":
            return json_response(400, {"error": "unsupported_grant_type"})
        if fields.get("client_id") != self.settings.client_id:
            return json_response(400, {"message": "Unknown clientId"})
        if fields.get("client_secret") != self.settings.client_secret:
            return json_response(400, {"error": "invalid_client"})
        token = secrets.token_hex(16)
        self.tokens.add(token)
        return json_response(
            200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        )

    @step("upload-url", "POST", "/symsrv/uploadUrl")
    def upload_url(self, request: Request) -> Response:
        key = _key(fields := _fields(request))
        if fields["database"] != self.settings.database:
            return Response(403)
        with self.lock:
            self.pending[key] = None
        query = f"X-Amz-Expires=600&X-Amz-Signature={self._signature(key)}"
        url = f"{self.origin(request)}/bucket/{quote(key)}?{query}"
        return json_response(200, {"Status": "Success", "url": url})

    def _signature(self, key: str) -> str:
        return hmac.new(self._seed, key.encode(), "sha256").hexdigest()

    @step("put", "PUT", "/bucket/(?P<key>.+)", stores=True, checks_token=False)
    def put(self, request: Request) -> Response:
        key = request.words["key"]
        if key not in self.pending or request.argument("X-Amz-Signature") != self._signature(key):
            return Response(403)
        if request.header("Authorization"):
            # A bucket takes one way to prove who it is, and this token is none of its business.
            return Response(400, b"Only one auth mechanism allowed")
        if request.header("Transfer-Encoding"):
            # A bucket wants to know the length before.
            return Response(411)
        blob = request.spool()
        # It is acknowledged once it is complete.
        self.account.delivered(key, blob.sha256, blob.size)
        with self.lock:
            self.pending[key] = blob
            self.kept.pop(key, None)
            if not is_gzip(blob):
                return Response(200)
        plain = write_blob(self.folder, gunzipped(blob.blocks()))
        self.keep(request, key, plain)
        return Response(200)

    @step("complete", "POST", "/symsrv/uploadComplete")
    def complete(self, request: Request) -> Response:
        key = _key(fields := _fields(request))
        if fields["database"] != self.settings.database:
            return Response(403)
        with self.lock:
            put, plain = self.pending.get(key), self.kept.get(key)
        if put is None:
            return json_response(200, {"Status": "Failed", "Error": "No file was uploaded"})
        if plain is None:
            return json_response(200, {"Status": "Failed", "Error": "The file is not gzipped"})
        if str(plain.size) != fields["size"]:
            return json_response(200, {"Status": "Failed", "Error": "The size is another"})
        request.content.append((key, put.sha256))
        return json_response(200, {"Status": "Success"})


def _fields(request: Request) -> dict[str, str]:
    if request.headers.get_content_type() == "application/x-www-form-urlencoded":
        text = request.body.read(_MOST_FORM).decode()
        return {key: values[-1] for key, values in parse_qs(text).items()}
    return request.form().fields


def _key(fields: dict[str, str]) -> str:
    absent = [name for name in FIELDS if not fields.get(name)]
    if absent or fields.get("SendPdbsVersion") != PDBS_VERSION:
        raise BadRequestError(f"fields are missing: {absent or ['SendPdbsVersion']}")
    return f"{fields['moduleName']}/{fields['dbgId']}/{fields['symFileName']}"
