# SPDX-License-Identifier: MIT
"""Parts of an upload to Sentry, as the tests of that server make them."""

from __future__ import annotations

import json
from typing import Any

from servers.client import FORM, Got, send
from servers.samples import ORGANISATION, PROJECT, assemble_body, chunk_form, sentry
from servers.sentry import Sentry, SentryServer

SMALL = Sentry(chunk_size=64, request_size=160, chunks_per_request=3, file_size=4096)
DIF_ID = "20ad60b0-b4c6-8177-5527-08aa192e7739"


def post_chunks(server: SentryServer, body: bytes) -> Got:
    return send(server, sentry("POST", f"{ORGANISATION}chunk-upload/", body, **FORM)(server))


def assemble(server: SentryServer, body: object, project: str = "firmware") -> Got:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/api/0/projects/acme/{project}/files/difs/assemble/"
    return send(server, sentry("POST", path, content)(server))


def one(answer: Got) -> dict[str, Any]:
    """The answer for the only file of an assemble request."""
    assert answer.status == 200
    (entry,) = answer.json.values()
    return dict(entry)


def upload(server: SentryServer, content: bytes, name: str = "app.sym") -> dict[str, Any]:
    """Upload a file of one chunk and return its final state."""
    assert post_chunks(server, chunk_form(content)).status == 200
    body = assemble_body(content, name=name)
    states = [one(assemble(server, body)) for _ in range(2)]
    assert states[0]["state"] in ("created", states[1]["state"])
    return states[1]


def listed(server: SentryServer, query: str = "") -> Got:
    return send(server, sentry("GET", f"{PROJECT}dsyms/{query}")(server))


def symbols(number: int, extra: bytes = b"") -> bytes:
    """A symbol file with a debug id of its own."""
    identifier = f"{number:032X}0"
    return f"MODULE Linux x86_64 {identifier} lib{number}.so\n".encode() + extra
