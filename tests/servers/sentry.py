# SPDX-License-Identifier: MIT
"""Sentry: chunk upload, assembling, the listing of debug files, and the older upload of a zip.

Source: getsentry/sentry, src/sentry/api/endpoints/chunk.py and debug_files.py,
src/sentry/models/files/abstractfileblob.py,
src/sentry/api/bases/project.py; getsentry/sentry-cli, src/utils/chunks/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.forms import Part
from servers.messages import Request, Response, json_response
from servers.sentry_assemble import Assembly, read_entries
from servers.sentry_files import delete, download, listing, unpack
from servers.sentry_state import Organisation, Project
from servers.wire import BadRequestError, Blob, damaged, gunzipped, write_blob

if TYPE_CHECKING:
    from typing_extensions import Self

_CHUNK_UPLOAD = r"/api/0/organizations/(?P<organisation>[^/]+)/chunk-upload/"
_FILES = r"/api/0/projects/(?P<organisation>[^/]+)/(?P<project>[^/]+)/files/"
_WRITE = frozenset({"project:releases", "project:write", "project:admin", "org:ci"})
_READ = _WRITE | {"project:read"}
# To delete a file the token needs two scopes, of which project:admin has both.
_DELETE = frozenset({"project:admin"})
_ACCEPTED = ["debug_files", "release_files", "pdbs", "sources", "bcsymbolmaps", "il2cpp"]
_CHUNK_FIELDS = ("file", "file_gzip")
_MIB = 1 << 20


@dataclass(frozen=True)
class Sentry:
    """How the server is set up.

    ``scopes`` are those of the token. An assembly is ready after ``polls`` answers that it goes
    on. With ``relative_url`` the options give the address for chunks relative to ``/api/0/``.
    """

    organisation: str = "acme"
    projects: tuple[str, ...] = ("firmware", "gateway")
    token: str = "sntryu_" + 16 * "0123"
    scopes: frozenset[str] = frozenset({"project:releases"})
    chunk_size: int = 8 * _MIB
    request_size: int = 32 * _MIB
    chunks_per_request: int = 64
    file_size: int = 2048 * _MIB
    concurrency: int = 8
    compression: tuple[str, ...] = ("gzip",)
    polls: int = 0
    relative_url: bool = False
    # Servers before 2017 and foreign ones have no upload by chunks, new clients no other.
    chunk_upload: bool = True
    # Newer servers name a missing chunk of several files of one request for the last of them only.
    in_batches: bool = True


class SentryServer(Server):
    """Content is counted by chunk: the key is its SHA-1; kept are files: project/checksum."""

    def __init__(
        self,
        sentry: Sentry | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.sentry = sentry or Sentry()

    def __enter__(self) -> Self:
        super().__enter__()
        self.organisation = Organisation(self.sentry.projects)
        return self

    def project(self, name: str = "firmware") -> Project:
        return self.organisation.projects[name]

    def forget_states(self) -> None:
        """Do what time does: after ten minutes the server knows no states of assemblies."""
        for project in self.organisation.projects.values():
            project.states.clear()

    def bytes_of(self, checksum: str, project: str = "firmware") -> int:
        """How many bytes of content came in for one file, by its SHA-1."""
        keys = {checksum, *self.project(project).asked.get(checksum, ())}
        return sum(self.account.content[key] for key in keys)

    # -- who may do what

    def refuse(self, request: Request) -> Response | None:
        kind, _, token = request.header("Authorization").partition(" ")
        if kind.lower() != "bearer":
            return _detail(401, "Authentication credentials were not provided.")
        if token.strip() != self.sentry.token:
            return _detail(401, "Invalid token")
        words = request.words
        known_project = words.get("project", self.sentry.projects[0]) in self.sentry.projects
        if words["organisation"] != self.sentry.organisation or not known_project:
            return self.unknown(request)
        needed = {"GET": _READ, "DELETE": _DELETE}.get(request.method, _WRITE)
        if not needed & self.sentry.scopes:
            return _detail(403, "You do not have permission to perform this action.")
        return None

    def expired(self) -> Response:
        return _detail(401, "Token expired")

    def unknown(self, request: Request) -> Response:
        return _detail(404, "The requested resource does not exist")

    def bad_request(self, why: str) -> Response:
        return json_response(400, {"error": why})

    # -- chunks

    @step("options", "GET", _CHUNK_UPLOAD)
    def options(self, request: Request) -> Response:
        sentry = self.sentry
        if not sentry.chunk_upload:
            return self.unknown(request)
        path = f"organizations/{sentry.organisation}/chunk-upload/"
        return json_response(
            200,
            {
                "url": path if sentry.relative_url else f"{self.origin(request)}/api/0/{path}",
                "chunkSize": sentry.chunk_size,
                "chunksPerRequest": sentry.chunks_per_request,
                "maxFileSize": sentry.file_size,
                "maxRequestSize": sentry.request_size,
                "concurrency": sentry.concurrency,
                "hashAlgorithm": "sha1",
                "compression": list(sentry.compression),
                "accept": _ACCEPTED,
            },
        )

    @step("chunks", "POST", _CHUNK_UPLOAD, stores=True)
    def chunks(self, request: Request) -> Response:
        if not self.sentry.chunk_upload:
            return self.unknown(request)
        if request.body.length == 0 and not request.header("Transfer-Encoding"):
            return Response(200)
        form = request.form()
        files = [part for part in form.files if part.name in _CHUNK_FIELDS]
        if len(files) > self.sentry.chunks_per_request:
            return self.bad_request("Too many chunks")
        chunks = [(part.filename or "", self._chunk(part)) for part in files]
        refused = self._refused_chunks(chunks)
        if refused is not None:
            return self.bad_request(refused)
        return self._take_chunks(request, chunks)

    def _chunk(self, part: Part) -> Blob:
        if part.name != "file_gzip":
            return part.blob
        return write_blob(self.folder, gunzipped(part.blob.blocks()))

    def _refused_chunks(self, chunks: Sequence[tuple[str, Blob]]) -> str | None:
        """Sizes count as they are after decompression."""
        sentry = self.sentry
        if any(blob.size > sentry.chunk_size for _, blob in chunks):
            return "Chunk size too large"
        if sum(blob.size for _, blob in chunks) > sentry.request_size:
            return "Request too large"
        return None

    def _take_chunks(self, request: Request, chunks: Sequence[tuple[str, Blob]]) -> Response:
        # Those before a wrong one are kept.
        for name, blob in chunks:
            if blob.digest("sha1") != name:
                return self.bad_request("Checksum mismatch")
            request.deliver(name, blob)
            kept = self.keep(request, name, blob)
            with self.lock:
                self.organisation.chunks[name] = kept
        return Response(200)

    # -- assembling

    @step("assemble", "POST", _FILES + "difs/assemble/")
    def assemble(self, request: Request) -> Response:
        try:
            body = request.json()
        except BadRequestError:
            return self.bad_request("Invalid json body")
        project = self.project(request.words["project"])
        assembly = Assembly(
            self.organisation.chunks, project, self.folder, self.sentry.file_size, self.sentry.polls
        )
        with self.lock:
            answers = assembly.answer(read_entries(body), self.sentry.in_batches)
            for checksum, blob in assembly.made:
                self._file_is_kept(project, checksum, blob)
        return json_response(200, answers)

    def _file_is_kept(self, project: Project, checksum: str, blob: Blob) -> None:
        name = next(key for key, value in self.organisation.projects.items() if value is project)
        key = f"{name}/{checksum}"
        self.kept[key] = blob
        self.account.stored(key, blob.sha256, blob.size)

    # -- files

    @step("files", "GET", _FILES + "dsyms/")
    def files(self, request: Request) -> Response:
        project = self.project(request.words["project"])
        with self.lock:
            wanted = request.argument("id")
            if wanted is not None:
                return download(project, wanted) or self.unknown(request)
            return listing(project, request, self.origin(request))

    @step("delete", "DELETE", _FILES + "dsyms/")
    def delete(self, request: Request) -> Response:
        with self.lock:
            project = self.project(request.words["project"])
            return delete(project, request.argument("id")) or self.unknown(request)

    @step("unknown-checksums", "GET", _FILES + "dsyms/unknown/")
    def unknown_checksums(self, request: Request) -> Response:
        project = self.project(request.words["project"])
        asked = {text.lower() for text in request.query.get("checksums", ())}
        missing = sorted(checksum for checksum in asked if project.find(checksum) is None)
        return json_response(200, {"missing": missing})

    @step("zip", "POST", _FILES + "dsyms/", stores=True)
    def zip(self, request: Request) -> Response:
        file = request.form().file("file")
        if file is None:
            return _detail(400, "Missing uploaded file")
        project = self.project(request.words["project"])
        made = []
        for name, blob in unpack(file.blob, self.folder):
            request.deliver(blob.digest("sha1"), blob)
            with self.lock:
                made += self._take_file(request, project, name, blob)
        return json_response(201, made)

    def _take_file(
        self, request: Request, project: Project, name: str, blob: Blob
    ) -> list[dict[str, object]]:
        """Take one file of a zip; those that Sentry cannot read are passed over."""
        if request.damaged:
            blob = damaged(self.folder, blob)
        try:
            dif, new = project.add(name, blob)
        except ValueError:
            return []
        if new:
            self._file_is_kept(project, dif.checksum, blob)
        return [dif.as_json()] if new else []


def _detail(status: int, text: str) -> Response:
    return json_response(status, {"detail": text})
