# SPDX-License-Identifier: MIT
"""Tecken, Mozilla's symbol server: upload of a zip, and download.

Source: mozilla-services/tecken, docs/upload.rst, tecken/upload/views.py and utils.py,
tecken/base/utils.py, tecken/download/views.py, tecken/tokens/middleware.py.
"""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.forms import Form
from servers.messages import Request, Response, json_response
from servers.wire import BadRequestError, Blob, file_blocks, write_blob

_NAME = r"[^\x00-\x1f\x80-\xff\\^`><{}\[\]#%\"'|/]+"
_KEY = re.compile(f"{_NAME}/[0-9A-Fa-f]+/{_NAME}")
_BOGUS_ID = "0" * 33
_IGNORED = (".DS_Store",)


@dataclass(frozen=True)
class Tecken:
    """How the server is set up; with ``may_upload`` false the token lacks the permission."""

    token: str = "0123456789abcdef0123456789abcdef"  # noqa: S105 - there is no secret here
    may_upload: bool = True
    request_size: int = 2 << 30


class TeckenServer(Server):
    """Kept are the files of the archives, by their name in them."""

    def __init__(
        self,
        tecken: Tecken | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.tecken = tecken or Tecken()
        self.uploads = 0

    def refuse(self, request: Request) -> Response | None:
        key = request.header("Auth-Token")
        if not key:
            return _error(403, "This requires an Auth-Token to authenticate the request")
        # What follows a hyphen is a label.
        if key.partition("-")[0] != self.tecken.token:
            return _error(403, "API Token not matched")
        return None if self.tecken.may_upload else _error(403, "Forbidden")

    def expired(self) -> Response:
        return _error(403, "API Token found but expired")

    def bad_request(self, why: str) -> Response:
        return _error(400, why)

    @step("upload", "POST", "/upload/", stores=True)
    def upload(self, request: Request) -> Response:
        limit = self.tecken.request_size
        if request.body.length > limit:
            return self.too_large("")
        form = request.form()
        if request.body.received > limit:
            return self.too_large("")
        name, members = self._members(form)
        _check(members)
        skipped = []
        for key, blob in members:
            if _is_ignored(key):
                continue
            request.deliver(key, blob)
            if not self._take(request, key, blob):
                skipped.append(key)
        with self.lock:
            self.uploads += 1
            number = self.uploads
        upload = {"id": number, "size": request.body.received, "filename": name}
        more = {"bucket": "symbols", "download_url": None, "try_symbols": "try" in form.fields}
        return json_response(201, {"upload": {**upload, **more, "skipped_keys": skipped}})

    def _members(self, form: Form) -> tuple[str, list[tuple[str, Blob]]]:
        """Return the name of the form's first file, and what is in it."""
        if not form.files:
            raise BadRequestError("Must be multipart form data with at least one file")
        part = form.files[0]
        if not part.name.lower().endswith(".zip"):
            suffix = PurePosixPath(part.name).suffix
            raise BadRequestError(f'Unrecognized archive file extension "{suffix}"')
        members: dict[str, Blob] = {}
        try:
            with zipfile.ZipFile(part.blob.path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        self._add(members, archive, info)
        except zipfile.BadZipFile as error:
            raise BadRequestError(str(error)) from error
        return part.name, list(members.items())

    def _add(
        self, members: dict[str, Blob], archive: zipfile.ZipFile, info: zipfile.ZipInfo
    ) -> None:
        with archive.open(info) as file:
            blob = write_blob(self.folder, file_blocks(file))
        old = members.get(info.filename)
        if old is not None and old.size != blob.size:
            raise BadRequestError(
                f"The zipfile buffer contains two files both called {info.filename} and they have"
                f" difference sizes ({blob.size} != {old.size})"
            )
        members[info.filename] = blob

    def _take(self, request: Request, key: str, blob: Blob) -> bool:
        """Keep a file, unless it is there: content is compared of .sym files, else the size."""
        with self.lock:
            old = self.kept.get(key)
            if old is not None and _is_same(key, old, blob):
                return False
            self.keep(request, key, blob)
        return True

    @step(
        "download",
        "GET HEAD",
        f"/(?P<name>{_NAME})/(?P<id>[0-9A-Fa-f]+)/(?P<file>{_NAME})",
        checks_token=False,
    )
    def download(self, request: Request) -> Response:
        words = request.words
        # Only in upper case: what was uploaded with a lower-case id is never found.
        key = f"{words['name']}/{words['id'].upper()}/{words['file']}"
        if words["id"] == _BOGUS_ID or key not in self.kept:
            return Response(404, b"Symbol Not Found")
        if request.method == "HEAD":
            return Response(200)
        return Response(302, b"", {"Location": f"{self.origin(request)}/storage/v1/{key}"})

    @step("storage", "GET HEAD", r"/storage/v1/(?P<key>.+)", checks_token=False)
    def storage(self, request: Request) -> Response:
        """What a download leads to: the bucket, where .sym files lie compressed."""
        blob = self.kept.get(request.words["key"])
        if blob is None:
            return Response(404)
        if not request.words["key"].lower().endswith(".sym"):
            return Response(200, blob)
        return Response(200, gzip.compress(blob.read(), mtime=0), {"Content-Encoding": "gzip"})


def _error(status: int, text: str) -> Response:
    return json_response(status, {"error": text})


def _check(members: Sequence[tuple[str, Blob]]) -> None:
    for key, _ in members:
        if not _is_ignored(key) and not _KEY.fullmatch(key):
            raise BadRequestError(
                "Unrecognized file pattern. Should only be <module>/<hex>/<file> or"
                " <name>-symbols.txt and nothing else."
                f" (First unrecognized pattern was {key!r})"
            )


def _is_same(key: str, old: Blob, new: Blob) -> bool:
    if not key.lower().endswith(".sym"):
        return old.size == new.size
    return (old.size, old.sha256) == (new.size, new.sha256)


def _is_ignored(key: str) -> bool:
    is_listing = "/" not in key and key.lower().endswith("-symbols.txt")
    return is_listing or key.rpartition("/")[2] in _IGNORED
