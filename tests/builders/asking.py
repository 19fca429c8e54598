# SPDX-License-Identifier: MIT
"""Requests of a transport, without what the environment says of proxies and authorities."""

from __future__ import annotations

import pytest
from crashsym.upload import transport
from crashsym.upload.bodies import BytesBody
from crashsym.upload.secret import Secret
from crashsym.upload.transport import Answer, Patience, Request, Transport

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY")


def forget_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the user's network away, and pause for a moment only between attempts."""
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def put(url: str) -> Request:
    return Request("PUT", "PUT", f"{url}/file", {}, lambda: BytesBody(b"content"), frozenset({201}))


def get(url: str) -> Request:
    return Request("ask", "GET", f"{url}/file")


def ask(request: Request, patience: float = 5.0, secret: str | None = None) -> Answer:
    held = Secret(secret) if secret is not None else None
    return Transport("'server'", held, Patience(whole=patience)).send(request)
