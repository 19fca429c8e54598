# SPDX-License-Identifier: MIT
"""A bucket of an S3 server, by path: objects, multipart uploads, conditions, checksums, signatures.

Source: the API reference of Amazon S3. ``test_s3.py`` compares it with moto.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from servers.base import Server, Step, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.messages import Request, Response
from servers.sigv4 import Signed, signature, unsigned
from servers.wire import BadRequestError, Blob, damaged, write_blob

_ANY = "/(?P<bucket>[^/]*)/(?P<key>.*)"
# What the query of a request of each step has; the first that fits counts.
_QUERY = {
    "create": {"uploads"},
    "part": {"partNumber", "uploadId"},
    "complete": {"uploadId"},
    "abort": {"uploadId"},
}
_MOST_XML = 1 << 22
_UNSIGNED = "UNSIGNED-PAYLOAD"
OBEYED, IGNORED, REFUSED = "obeyed", "ignored", "refused"


@dataclass(frozen=True)
class S3:
    """How the server is set up.

    ``conditions`` and ``checksums``: what becomes of If-None-Match and of x-amz-checksum-sha256,
    which not every server knows; `REFUSED` is a 501.
    """

    bucket: str = "symbols"
    access_key: str = "AKIACRASHSYM"
    secret_key: str = "a+secret/of=the+bucket"  # noqa: S105 - a word for tests
    region: str = "us-east-1"
    smallest_part: int = 5 << 20
    object_size: int = 5 << 30
    conditions: str = OBEYED
    checksums: str = OBEYED

    @property
    def account(self) -> tuple[str, str, str]:
        return self.access_key, self.secret_key, self.region


@dataclass
class Upload:
    """A multipart upload that is not complete."""

    key: str
    metadata: Mapping[str, str]
    parts: dict[int, Blob] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """What an object says besides its content."""

    etag: str
    metadata: Mapping[str, str]
    has_checksum: bool = False


class S3Server(Server):
    """Kept by key, without the bucket; parts in ``uploads``, by the account as upload/number."""

    def __init__(
        self,
        s3: S3 | None = None,
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.s3 = s3 or S3()
        self.uploads: dict[str, Upload] = {}
        self.about: dict[str, About] = {}

    def find_step(self, request: Request) -> Step | None:
        for candidate in self.STEPS:
            if request.method not in candidate.methods or not request.matches(candidate.pattern):
                continue
            if _QUERY.get(candidate.name, set()) <= set(request.query):
                return candidate
        return None

    def refuse(self, request: Request) -> Response | None:
        signed = Signed.of(request.header("Authorization"))
        if signed is None:
            return error(403, "AccessDenied", "Access Denied.")
        if signed.key != self.s3.access_key:
            return error(403, "InvalidAccessKeyId", f"There is no access key {signed.key}.")
        scope = f"{request.header('x-amz-date')[:8]}/{self.s3.region}/s3/aws4_request"
        if signed.scope != scope:
            return error(400, "AuthorizationHeaderMalformed", f"The scope is not {scope}.")
        names = [name.lower() for name in request.headers]
        headers = {name: request.header(name) for name in signed.names}
        found = signature(request.method, request.target, headers, scope, self.s3.secret_key)
        if unsigned(names, signed.names) or found != signed.signature:
            why = "The request signature we calculated does not match the one you provided."
            return error(403, "SignatureDoesNotMatch", why)
        if request.words["bucket"] != self.s3.bucket:
            return error(404, "NoSuchBucket", "The specified bucket does not exist")
        return self._unknown_to_it(request)

    def _unknown_to_it(self, request: Request) -> Response | None:
        names = {name.lower() for name in request.headers}
        condition = "if-none-match" in names and self.s3.conditions == REFUSED
        checksum = "x-amz-checksum-sha256" in names and self.s3.checksums == REFUSED
        if condition or checksum:
            return error(501, "NotImplemented", "A header implies what is not implemented.")
        return None

    def expired(self) -> Response:
        return error(400, "ExpiredToken", "The provided token has expired.")

    def bad_request(self, why: str) -> Response:
        code, _, message = why.partition(": ")
        return error(400, code, message) if message else error(400, "InvalidRequest", why)

    def too_large(self, why: str) -> Response:
        return error(400, "EntityTooLarge", why)

    @step("head", "HEAD", _ANY)
    def head(self, request: Request) -> Response:
        return self._found(request)

    @step("get", "GET", _ANY)
    def get(self, request: Request) -> Response:
        return self._found(request)

    def _found(self, request: Request) -> Response:
        key = request.words["key"]
        with self.lock:
            blob, about = self.kept.get(key), self.about.get(key)
        if blob is None or about is None:
            return error(404, "NoSuchKey", "The specified key does not exist.")
        headers = {"ETag": about.etag, "Content-Type": "application/octet-stream"}
        headers |= {f"x-amz-meta-{name}": value for name, value in about.metadata.items()}
        if about.has_checksum and request.header("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-sha256"] = _sha256(blob)
            headers["x-amz-checksum-type"] = "FULL_OBJECT"
        return Response(200, blob, headers)

    @step("part", "PUT", _ANY, stores=True)
    def part(self, request: Request) -> Response:
        name, number = request.query["uploadId"][-1], request.query["partNumber"][-1]
        if not number.isdecimal() or not 1 <= int(number) <= 10_000:
            raise BadRequestError("InvalidArgument: Part number is not from 1 to 10000")
        upload = self._upload(request)
        if upload is None:
            return _no_upload()
        blob = self._content(request, f"{name}/{number}")
        kept = damaged(self.folder, blob) if request.damaged else blob
        with self.lock:
            upload.parts[int(number)] = kept
            self.account.stored(f"{name}/{number}", kept.sha256, kept.size)
        return Response(200, b"", {"ETag": f'"{kept.digest("md5")}"'})

    @step("put", "PUT", _ANY, stores=True)
    def put(self, request: Request) -> Response:
        key = request.words["key"]
        if not 0 < len(key.encode("utf-8", "surrogateescape")) <= 1024:
            raise BadRequestError("KeyTooLongError: Your key is too long")
        blob = self._content(request, key)
        knows = self.s3.checksums == OBEYED
        checksum = request.header("x-amz-checksum-sha256") if knows else ""
        with self.lock:
            if self._is_forbidden(request, key):
                return _there_already()
            kept = self.keep(request, key, blob)
            about = About(f'"{kept.digest("md5")}"', _metadata(request), bool(checksum))
            self.about[key] = about
        return Response(200, b"", {"ETag": about.etag})

    def _content(self, request: Request, key: str) -> Blob:
        """Return what came, which has to be what is signed."""
        blob = request.spool(self.s3.object_size)
        request.deliver(key, blob)
        if request.header("x-amz-content-sha256") not in (_UNSIGNED, blob.sha256):
            why = "The provided x-amz-content-sha256 does not match what was computed."
            raise BadRequestError(f"XAmzContentSHA256Mismatch: {why}")
        checksum = request.header("x-amz-checksum-sha256")
        if self.s3.checksums == OBEYED and checksum not in ("", _sha256(blob)):
            raise BadRequestError("BadDigest: The SHA256 you specified did not match.")
        return blob

    def _is_forbidden(self, request: Request, key: str) -> bool:
        guarded = request.header("If-None-Match") == "*" and self.s3.conditions == OBEYED
        return guarded and key in self.kept

    @step("create", "POST", _ANY)
    def create(self, request: Request) -> Response:
        name = secrets.token_hex(16)
        key = request.words["key"]
        with self.lock:
            self.uploads[name] = Upload(key, _metadata(request))
        return self._document("InitiateMultipartUploadResult", key, UploadId=name)

    @step("complete", "POST", _ANY)
    def complete(self, request: Request) -> Response:
        wanted = list(_wanted(request.body.read(_MOST_XML)))
        name, key = request.query["uploadId"][-1], request.words["key"]
        with self.lock:
            upload = self._upload(request)
            if upload is None:
                return _no_upload()
            parts = self._parts(upload, wanted)
            if self._is_forbidden(request, key):
                return _there_already()
            blob = write_blob(self.folder, (block for part in parts for block in part.blocks()))
            self.kept[key] = blob
            self.account.stored(key, blob.sha256, blob.size)
            for number, part in zip(wanted, parts, strict=True):
                self.account.settled(f"{name}/{number[0]}", key, part.sha256)
            request.content.append((key, blob.sha256))
            about = self.about[key] = About(_etag_of(parts), upload.metadata)
            del self.uploads[name]
        return self._document("CompleteMultipartUploadResult", key, ETag=about.etag)

    def _parts(self, upload: Upload, wanted: Sequence[tuple[int, str]]) -> list[Blob]:
        numbers = [number for number, _ in wanted]
        if not wanted:
            raise BadRequestError("MalformedXML: The XML you provided was not well-formed")
        if numbers != sorted(set(numbers)):
            raise BadRequestError("InvalidPartOrder: The list of parts was not in ascending order.")
        for number, etag in wanted:
            part = upload.parts.get(number)
            if part is None or part.digest("md5") != etag.strip('"'):
                raise BadRequestError("InvalidPart: One or more parts could not be found.")
        parts = [upload.parts[number] for number in numbers]
        if any(part.size < self.s3.smallest_part for part in parts[:-1]):
            raise BadRequestError("EntityTooSmall: Your upload is smaller than the minimum.")
        return parts

    @step("abort", "DELETE", _ANY)
    def abort(self, request: Request) -> Response:
        with self.lock:
            if self._upload(request) is None:
                return _no_upload()
            del self.uploads[request.query["uploadId"][-1]]
        return Response(204)

    def _upload(self, request: Request) -> Upload | None:
        upload = self.uploads.get(request.query["uploadId"][-1])
        return upload if upload is not None and upload.key == request.words["key"] else None

    def _document(self, name: str, key: str, **more: str) -> Response:
        values = {"Bucket": self.s3.bucket, "Key": key, **more}
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in values.items())
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        return _xml(200, f'<{name} xmlns="{space}">{inner}</{name}>')


def error(status: int, code: str, message: str) -> Response:
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    return _xml(status, f"<Error>{inner}<RequestId>4442587FB7D0A2F9</RequestId></Error>")


def _no_upload() -> Response:
    return error(404, "NoSuchUpload", "The specified upload does not exist.")


def _there_already() -> Response:
    return error(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")


def _xml(status: int, text: str) -> Response:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(status, f"{head}{text}".encode(), {"Content-Type": "application/xml"})


def _metadata(request: Request) -> dict[str, str]:
    found = {
        name.lower().removeprefix("x-amz-meta-"): value
        for name, value in request.headers.items()
        if name.lower().startswith("x-amz-meta-")
    }
    if sum(len(name) + len(value) for name, value in found.items()) > 2048:
        raise BadRequestError("MetadataTooLarge: Your metadata headers exceed the maximum.")
    return found


def _wanted(document: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and ETag of the parts of which an object is to be made."""
    try:
        root = ElementTree.fromstring(re.sub(rb' xmlns="[^"]*"', b"", document))  # noqa: S314 - our own client's
        for part in root.iter("Part"):
            yield int(part.findtext("PartNumber", "")), part.findtext("ETag", "")
    except (ElementTree.ParseError, ValueError) as wrong:
        raise BadRequestError(f"MalformedXML: {wrong}") from wrong


def _sha256(blob: Blob) -> str:
    return base64.b64encode(bytes.fromhex(blob.sha256)).decode()


def _etag_of(parts: Sequence[Blob]) -> str:
    digests = b"".join(bytes.fromhex(part.digest("md5")) for part in parts)
    whole = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    return f'"{whole}-{len(parts)}"'
