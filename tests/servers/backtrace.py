# SPDX-License-Identifier: MIT
"""Backtrace: one POST for a symbol file, an ELF file or an archive of them.

Source: "Error Reporting API Endpoints" and "Symbolication" of Sauce Labs' documentation, "Product
Symbolification" of Backtrace's, and scripts of projects that upload with curl. The texts of the
answers, and what is said of a file of an unknown kind, are our assumption.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.messages import Request, Response, json_response
from servers.wire import BadRequestError, Blob, file_blocks, gunzipped, write_blob

_MODULE_WORDS = 5


@dataclass(frozen=True)
class Backtrace:
    """How the server is set up: hosted and on-premise addresses are both served."""

    subdomain: str = "acme"
    token: str = "0123456789abcdef"  # noqa: S105 - there is no secret here
    size: int = 10 << 30


class BacktraceServer(Server):
    """Kept by the name within the archive, or else by ``upload_file``, or the MODULE line's."""

    def __init__(
        self,
        settings: Backtrace | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.settings = settings or Backtrace()
        # The tags by which symbols are grouped, and what is in each.
        self.tags: dict[str, set[str]] = {}
        self.uploads = 0

    def refuse(self, request: Request) -> Response | None:
        words, settings = request.words, self.settings
        token = words["token"] if "token" in words else request.argument("token")
        subdomain = words.get("subdomain", settings.subdomain)
        if token != settings.token or subdomain != settings.subdomain:
            return self.expired()
        return None

    def expired(self) -> Response:
        return _error(403, "invalid token")

    def bad_request(self, why: str) -> Response:
        return _error(400, why)

    @step("upload", "POST", "/(?P<subdomain>[^/]+)/(?P<token>.+)/symbols", stores=True)
    def upload(self, request: Request) -> Response:
        return self._take(request)

    @step("post", "POST", "(/api)?/post", stores=True)
    def post(self, request: Request) -> Response:
        if request.argument("format") != "symbols":
            raise BadRequestError("the format is not 'symbols'")
        return self._take(request)

    def _take(self, request: Request) -> Response:
        blob = request.spool(self.settings.size)
        if request.header("Content-Encoding") == "gzip":
            blob = write_blob(self.folder, gunzipped(blob.blocks()))
        for name, member in self._members(request, blob):
            request.deliver(name, member)
            self.keep(request, name, member)
            with self.lock:
                self.tags.setdefault(request.argument("tag") or "", set()).add(name)
        with self.lock:
            number = self.uploads = self.uploads + 1
        return json_response(200, {"response": "ok", "_rxid": f"01000000-7e23-{number:04x}"})

    def _members(self, request: Request, blob: Blob) -> Iterator[tuple[str, Blob]]:
        with blob.path.open("rb") as file:
            start = file.read(4096)
        if zipfile.is_zipfile(blob.path):
            yield from self._zipped(blob)
        elif start.startswith(b"MODULE "):
            words = start.split(b"\n")[0].decode("utf-8", "replace").split(" ")
            if len(words) < _MODULE_WORDS:
                raise BadRequestError("not a MODULE line")
            yield "/".join(words[:2:-1]), blob
        elif start.startswith(b"\x7fELF") or request.argument("upload_file"):
            yield request.argument("upload_file") or "unnamed", blob
        elif tarfile.is_tarfile(blob.path):
            yield from self._untarred(blob)
        else:
            raise BadRequestError("unknown kind of symbol file")

    def _zipped(self, blob: Blob) -> Iterator[tuple[str, Blob]]:
        with zipfile.ZipFile(blob.path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as file:
                        yield info.filename, write_blob(self.folder, file_blocks(file))

    def _untarred(self, blob: Blob) -> Iterator[tuple[str, Blob]]:
        with tarfile.open(blob.path) as archive:
            for info in archive:
                file = archive.extractfile(info) if info.isfile() else None
                if file is not None:
                    yield info.name, write_blob(self.folder, file_blocks(file))


def _error(status: int, message: str) -> Response:
    return json_response(status, {"error": {"code": status, "message": message}})
