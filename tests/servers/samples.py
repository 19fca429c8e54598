# SPDX-License-Identifier: MIT
"""A good request for each step of each server, and what must come before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from servers.backtrace import BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplatServer
from servers.client import DEBUG_ID, FORM, SYMBOLS, Sent, form, gzipped, send, sha1, zipped
from servers.put import PutServer
from servers.s3 import S3Server
from servers.sentry import SentryServer
from servers.sigv4 import sign
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2Server
from servers.tecken import TeckenServer

Make = Callable[[Any], Sent]
KEY = f"app/{DEBUG_ID}/app.sym"
ORGANISATION = "/api/0/organizations/acme/"
PROJECT = "/api/0/projects/acme/firmware/files/"
V1_FIELDS = {
    "os": "Linux",
    "cpu": "x86_64",
    "debug_file": "app",
    "code_file": "app",
    "debug_identifier": DEBUG_ID,
}


def sentry(method: str, path: str, body: bytes | None = None, **headers: str) -> Make:
    def made(server: SentryServer) -> Sent:
        token = {"Authorization": f"Bearer {server.sentry.token}"}
        return Sent(method, path, body, {**token, **headers})

    return made


def chunk_form(*contents: bytes) -> bytes:
    return form(files=[("file_gzip", sha1(content), gzipped(content)) for content in contents])


def assemble_body(content: bytes, *chunks: bytes, name: str = "app.sym") -> bytes:
    names = [sha1(chunk) for chunk in chunks or (content,)]
    return json.dumps({sha1(content): {"name": name, "chunks": names}}).encode()


SENTRY: Mapping[str, Make] = {
    "options": sentry("GET", f"{ORGANISATION}chunk-upload/"),
    "chunks": sentry("POST", f"{ORGANISATION}chunk-upload/", chunk_form(SYMBOLS), **FORM),
    "assemble": sentry("POST", f"{PROJECT}difs/assemble/", assemble_body(SYMBOLS)),
    "files": sentry("GET", f"{PROJECT}dsyms/"),
    "delete": sentry("DELETE", f"{PROJECT}dsyms/?id=1"),
    "unknown-checksums": sentry("GET", f"{PROJECT}dsyms/unknown/?checksums={sha1(SYMBOLS)}"),
    "zip": sentry(
        "POST",
        f"{PROJECT}dsyms/",
        form(files=[("file", "x.zip", zipped([("app.sym", SYMBOLS)]))]),
        **FORM,
    ),
}


def tecken_upload(server: TeckenServer) -> Sent:
    body = form(files=[("symbols.zip", "symbols.zip", zipped([(KEY, SYMBOLS)]))])
    return Sent("POST", "/upload/", body, {**FORM, "Auth-Token": server.tecken.token})


TECKEN: Mapping[str, Make] = {
    "upload": tecken_upload,
    "download": lambda _: Sent("GET", f"/{KEY}"),
    "storage": lambda _: Sent("GET", f"/storage/v1/{KEY}"),
}


def v1_upload(_: Server) -> Sent:
    return Sent("POST", "/", form(V1_FIELDS, [("symbol_file", "app.sym", SYMBOLS)]), FORM)


def v2(method: str, path: str, body: bytes | None = None) -> Make:
    def made(server: SymUploadV2Server) -> Sent:
        return Sent(method, f"{path}?key={server.settings.key}", body)

    return made


def v2_create(server: SymUploadV2Server) -> str:
    """Get an address to upload to, and return its key."""
    answer = send(server, v2("POST", "/v1/uploads:create", b"")(server))
    assert answer.status == 200
    return str(answer.json["uploadKey"])


def v2_put(server: SymUploadV2Server) -> Sent:
    return Sent("PUT", f"/signed/{v2_create(server)}", SYMBOLS)


def v2_complete(server: SymUploadV2Server) -> Sent:
    put = v2_put(server)
    assert send(server, put).status == 200
    body = f'{{ symbol_id: {{debug_file: "app", debug_id: "{DEBUG_ID}" }}, '
    body += 'symbol_upload_type: "BREAKPAD" }'
    return v2("POST", f"/v1/uploads/{put.path[-32:]}:complete", body.encode())(server)


V2: Mapping[str, Make] = {
    "status": v2("GET", f"/v1/symbols/app/{DEBUG_ID}:checkStatus"),
    "create": v2("POST", "/v1/uploads:create", b""),
    "put": v2_put,
    "complete": v2_complete,
}

PUT: Mapping[str, Make] = {
    "head": lambda _: Sent("HEAD", f"/{KEY}"),
    "get": lambda _: Sent("GET", f"/{KEY}"),
    "put": lambda _: Sent("PUT", f"/{KEY}", SYMBOLS),
    "mkcol": lambda _: Sent("MKCOL", "/folder/"),
}


def s3(method: str, query: str = "", body: bytes = b"") -> Make:
    def made(server: S3Server) -> Sent:
        target = f"/{server.s3.bucket}/{KEY}{query}"
        host = f"127.0.0.1:{server.port}"
        return Sent(method, target, body, sign(method, target, body, host, server.s3.account))

    return made


def s3_upload(server: S3Server) -> str:
    """Begin a multipart upload and return its id."""
    answer = send(server, s3("POST", "?uploads")(server))
    assert answer.status == 200
    return answer.body.decode().split("<UploadId>")[1].split("<")[0]


def s3_part(server: S3Server) -> Sent:
    return s3("PUT", f"?partNumber=1&uploadId={s3_upload(server)}", SYMBOLS)(server)


def s3_complete(server: S3Server) -> Sent:
    part = s3_part(server)
    etag = send(server, part).headers["ETag"]
    body = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode()
    return s3("POST", f"?{part.path.partition('&')[2]}", document)(server)


def s3_abort(server: S3Server) -> Sent:
    return s3("DELETE", f"?uploadId={s3_upload(server)}")(server)


BUCKET: Mapping[str, Make] = {
    "head": s3("HEAD"),
    "get": s3("GET"),
    "part": s3_part,
    "put": s3("PUT", "", SYMBOLS),
    "create": s3("POST", "?uploads"),
    "complete": s3_complete,
    "abort": s3_abort,
}


def bugsplat_login(server: BugSplatServer) -> Sent:
    settings = server.settings
    fields = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    return Sent(
        "POST", "/oauth2/authorize", form({"grant_type": "client_credentials", **fields}), FORM
    )


def bugsplat_fields(server: BugSplatServer) -> dict[str, str]:
    return {
        "database": server.settings.database,
        "appName": "app",
        "appVersion": "1.0",
        "size": str(len(SYMBOLS)),
        "symFileName": "app.sym",
        "moduleName": "app",
        "dbgId": DEBUG_ID,
        "SendPdbsVersion": "spdbsv2",
    }


def bugsplat(path: str) -> Make:
    def made(server: BugSplatServer) -> Sent:
        token = send(server, bugsplat_login(server)).json["access_token"]
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(bugsplat_fields(server)).encode()
        return Sent("POST", path, body, {**kind, "Authorization": f"Bearer {token}"})

    return made


def bugsplat_put(server: BugSplatServer) -> Sent:
    url = urlsplit(send(server, bugsplat("/symsrv/uploadUrl")(server)).json["url"])
    path = f"{url.path}?{url.query}"
    return Sent("PUT", path, gzipped(SYMBOLS), {"Content-Encoding": "gzip"})


def bugsplat_complete(server: BugSplatServer) -> Sent:
    assert send(server, bugsplat_put(server)).status == 200
    return bugsplat("/symsrv/uploadComplete")(server)


BUGSPLAT: Mapping[str, Make] = {
    "login": bugsplat_login,
    "upload-url": bugsplat("/symsrv/uploadUrl"),
    "put": bugsplat_put,
    "complete": bugsplat_complete,
}


def backtrace(path: str) -> Make:
    def made(server: BacktraceServer) -> Sent:
        return Sent("POST", path.replace("TOKEN", server.settings.token), SYMBOLS)

    return made


BACKTRACE: Mapping[str, Make] = {
    "upload": backtrace("/acme/TOKEN/symbols"),
    "post": backtrace("/api/post?format=symbols&token=TOKEN"),
}


def bugsnag_breakpad(server: BugsnagServer) -> Sent:
    path = f"/breakpad-symbol?api_key={server.api_key}&overwrite=false&project_root="
    return Sent("POST", path, form({}, [("symbol_file", "app.sym", SYMBOLS)]), FORM)


def bugsnag_linux(server: BugsnagServer) -> Sent:
    fields = {"apiKey": server.api_key, "sharedObjectName": "app.so"}
    return Sent("POST", "/linux", form(fields, [("soFile", "app.so", b"\x7fELF")]), FORM)


BUGSNAG: Mapping[str, Make] = {"breakpad-symbol": bugsnag_breakpad, "linux": bugsnag_linux}

SAMPLES: Mapping[type[Server], Mapping[str, Make]] = {
    SentryServer: SENTRY,
    TeckenServer: TECKEN,
    SymUploadV1Server: {"upload": v1_upload},
    SymUploadV2Server: V2,
    PutServer: PUT,
    S3Server: BUCKET,
    BugSplatServer: BUGSPLAT,
    BacktraceServer: BACKTRACE,
    BugsnagServer: BUGSNAG,
}


def without_token(request: Sent) -> Sent:
    """The same request by somebody with neither a token nor a key."""
    secret = ("authorization", "auth-token")
    headers = {key: value for key, value in request.headers.items() if key.lower() not in secret}
    return replace(request, path=request.path.split("?key=")[0], headers=headers)
