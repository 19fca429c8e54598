# SPDX-License-Identifier: MIT
"""A plain HTTP client for the tests of the servers themselves."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from servers.base import Server

BOUNDARY = "crashsym-boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
# A symbol file that all servers take.
DEBUG_ID = "20AD60B0B4C68177552708AA192E77390"
CODE_ID = "B060AD20C6B47781552708AA192E7739FAC7C84A"
SYMBOLS = (
    f"MODULE Linux x86_64 {DEBUG_ID} app\nINFO CODE_ID {CODE_ID}\nFILE 0 main.c\n"
    "FUNC 1000 10 0 main\n1000 10 1 0\nPUBLIC 2000 0 start\nSTACK CFI INIT 1000 10 .cfa: $rsp 8 +"
    " .ra: .cfa -8 + ^\n"
).encode()


@dataclass(frozen=True)
class Sent:
    """A request to be sent."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Got:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)


def send(server: Server, request: Sent) -> Got:
    """Send one request over a connection of its own."""
    connection = connect(server)
    try:
        return exchange(connection, request)
    finally:
        connection.close()


def exchange(connection: http.client.HTTPConnection, request: Sent) -> Got:
    connection.request(request.method, request.path, request.body, dict(request.headers))
    answer = connection.getresponse()
    return Got(answer.status, answer.headers, answer.read())


def form(
    fields: Mapping[str, str] | None = None, files: Iterable[tuple[str, str, bytes]] = ()
) -> bytes:
    """Return a form with fields, and files as (field, name, content)."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in (fields or {}).items()
    ]
    for name, filename, content in files:
        disposition = f'form-data; name="{name}"; filename="{filename}"'
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
        parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode())
        parts.append(content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def zipped(files: Sequence[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return target.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
