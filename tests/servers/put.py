# SPDX-License-Identifier: MIT
"""A plain web server that takes files by PUT: WebDAV, a bucket, or a few lines of nginx.

Source: RFC 9110 sections 9.3.4, 13.1.2 and 15.5.13; RFC 4918 section 9.3 (MKCOL) and 9.7.1;
RFC 1864 (Content-MD5); RFC 9530 (Content-Digest); S3's x-amz-checksum-sha256.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import dirname

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.messages import Request, Response
from servers.wire import BadRequestError, Blob

_ANY = "/(?P<path>.*)"


@dataclass(frozen=True)
class Put:
    """How the server is set up.

    ``bearer`` or ``basic`` (user:password) are asked of every request, or of all but GET and HEAD
    with ``public``. With ``collections`` it is WebDAV: a folder must be made before a file is put
    into it. Without ``knows_if_none_match`` it overwrites, as many servers do.
    """

    bearer: str = ""
    basic: str = ""
    public: bool = False
    collections: bool = False
    knows_if_none_match: bool = True
    file_size: int = 5 << 30


class PutServer(Server):
    """Kept by the path, without its first slash."""

    def __init__(
        self,
        put: Put | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.settings = put or Put()
        self.folders = {""}
        # The Content-Encoding that a file came with, which it is served with.
        self.encodings: dict[str, str] = {}

    def refuse(self, request: Request) -> Response | None:
        settings = self.settings
        if settings.public and request.method in ("GET", "HEAD"):
            return None
        kind, _, word = request.header("Authorization").partition(" ")
        if settings.bearer and (kind.lower(), word) != ("bearer", settings.bearer):
            return self.expired()
        basic = base64.b64encode(settings.basic.encode()).decode()
        if settings.basic and (kind.lower(), word) != ("basic", basic):
            return self.expired()
        return None

    def expired(self) -> Response:
        kind = "Basic" if self.settings.basic else "Bearer"
        return Response(401, b"", {"WWW-Authenticate": f'{kind} realm="symbols"'})

    @step("head", "HEAD", _ANY)
    def head(self, request: Request) -> Response:
        return self._found(request)

    @step("get", "GET", _ANY)
    def get(self, request: Request) -> Response:
        return self._found(request)

    def _found(self, request: Request) -> Response:
        path = request.words["path"]
        blob = self.kept.get(path)
        if blob is None:
            return Response(404)
        headers = {"ETag": _etag(blob), "Content-Type": "application/octet-stream"}
        if path in self.encodings:
            headers["Content-Encoding"] = self.encodings[path]
        return Response(200, blob, headers)

    @step("put", "PUT", _ANY, stores=True)
    def put(self, request: Request) -> Response:
        path = request.words["path"]
        if not path or path.endswith("/") or ".." in path.split("/"):
            return Response(400, b"not the path of a file")
        if self.settings.collections and dirname(path) not in self.folders:
            return Response(409, b"the collection does not exist")
        guarded = request.header("If-None-Match") == "*" and self.settings.knows_if_none_match
        blob = request.spool(self.settings.file_size)
        request.deliver(path, blob)
        _check_digests(request, blob)
        return self._take(request, path, blob, guarded)

    def _take(self, request: Request, path: str, blob: Blob, guarded: bool) -> Response:
        with self.lock:
            known = path in self.kept
            if guarded and known:
                return Response(412)
            kept = self.keep(request, path, blob)
            self.encodings.pop(path, None)
            if request.header("Content-Encoding"):
                self.encodings[path] = request.header("Content-Encoding")
        return Response(204 if known else 201, b"", {"ETag": _etag(kept)})

    @step("mkcol", "MKCOL", _ANY)
    def mkcol(self, request: Request) -> Response:
        path = request.words["path"].rstrip("/")
        if not self.settings.collections:
            return Response(405)
        with self.lock:
            if path in self.folders or path in self.kept:
                return Response(405)
            if dirname(path) not in self.folders:
                return Response(409)
            self.folders.add(path)
        return Response(201)


def _etag(blob: Blob) -> str:
    return f'"{blob.digest("md5")}"'


def _check_digests(request: Request, blob: Blob) -> None:
    """Compare the content with each checksum that the client sent with it."""
    sha256 = base64.b64encode(bytes.fromhex(blob.sha256)).decode()
    said = {
        "x-amz-checksum-sha256": sha256,
        "Content-Digest": f"sha-256=:{sha256}:",
    }
    if request.header("Content-MD5"):
        md5 = bytes.fromhex(blob.digest("md5"))
        said["Content-MD5"] = base64.b64encode(md5).decode()
    for name, digest in said.items():
        if request.header(name) not in ("", digest):
            raise BadRequestError(f"BadDigest: {name} is {request.header(name)}, not {digest}")
