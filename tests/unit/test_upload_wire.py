# SPDX-License-Identifier: MIT
"""The requests of each protocol as the clients speak it whose servers there are."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.uploading import Bench, kept, shown, states
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplat, BugSplatServer
from servers.faults import CutAnswer, Order
from servers.messages import Request, Response
from servers.put import PutServer
from servers.s3 import S3, S3Server
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer


def watched(server: Server, seen: list[Request]) -> Server:
    """Let a server note the requests that come."""
    real: Callable[..., Response] = server.respond

    def respond(found: Any, request: Request, fault: Any) -> Response:
        seen.append(request)
        return real(found, request, fault)

    server.respond = respond  # type: ignore[method-assign]
    return server


SERVERS: dict[str, tuple[Callable[[], Server], str]] = {
    "tecken": (TeckenServer, Tecken().token),
    "symupload-v1": (SymUploadV1Server, "any"),
    "symupload-v2": (SymUploadV2Server, SymUploadV2().key),
    "bugsplat": (BugSplatServer, BugSplat().client_secret),
    "bugsnag": (BugsnagServer, "0123456789abcdef0123456789abcdef"),
    "backtrace": (BacktraceServer, Backtrace().token),
    "http": (PutServer, "any"),
    "s3": (S3Server, S3().secret_key),
}
MORE: dict[str, tuple[str, ...]] = {
    "bugsplat": (
        *('database = "acme"', 'application = "app"', 'version = "1"', 'client = "client"'),
    ),
    "s3": (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"'),
    "backtrace": ('subdomain = "acme"',),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_every_body_has_its_length(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path, 2)
    made, token = SERVERS[kind]
    seen: list[Request] = []
    with watched(made(), seen) as server:
        bench.target(kind, server.url, *MORE.get(kind, ()), bench.token(token))
        assert bench.run() == 0
        assert kept(server) == bench.wanted
    assert seen
    for request in seen:
        assert "Transfer-Encoding" not in request.headers
        assert request.header("User-Agent").startswith("crashsym/")
        if request.method in ("POST", "PUT"):
            assert request.header("Content-Length").isdecimal()
            assert request.body.received == request.body.length


def test_version_2_in_the_order_and_words_of_breakpads_client(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    module = bench.manifest.modules[0]
    key = SymUploadV2().key
    seen: list[Request] = []
    with watched(SymUploadV2Server(), seen) as server:
        bench.target("symupload-v2", server.url, bench.token(key), 'product = "gateway"')
        assert bench.run() == 0
        assert list(server.kept) == [f"lib0.so/{module.debug_id}"]
    paths = [f"{request.method} {request.target}" for request in seen]
    place = paths[2].split("/signed/")[1]
    assert paths == [
        f"GET /v1/symbols/lib0.so/{module.debug_id}:checkStatus?key={key}",
        f"POST /v1/uploads:create?key={key}",
        f"PUT /signed/{place}",
        f"POST /v1/uploads/{place}:complete?key={key}",
    ]
    assert seen[1].header("Content-Length") == "0"
    assert not any(request.header("Authorization") for request in seen)


def test_an_answer_that_was_lost_is_no_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    with SymUploadV2Server(None, [Order("complete", CutAnswer())]) as server:
        bench.target("symupload-v2", server.url, bench.token(SymUploadV2().key))
        assert bench.run("upload", "--json") == 0
        assert states(shown(capsys.readouterr().out)) == ["sent"]
        assert kept(server) == bench.wanted
        assert not server.account.duplicates


def test_a_put_whose_answer_was_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 1)
    with PutServer(None, [Order("put", CutAnswer())]) as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--json") == 0
        assert states(shown(capsys.readouterr().out)) == ["present"]
        assert kept(server) == bench.wanted


def test_a_put_of_which_a_part_was_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 1)
    module = bench.manifest.modules[0]
    with PutServer() as server:
        half = bench.symbol_file().read_bytes()[:100]
        place = f"/lib0.so/{module.debug_id}/lib0.so.sym"
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("PUT", place, half)
        connection.getresponse().read()
        connection.close()
        bench.target("http", server.url)
        assert bench.run("upload", "--json") == 3
    found = shown(capsys.readouterr().out)
    assert states(found) == ["refused"]
    assert "there is another file of 100 bytes" in json.dumps(found)


@pytest.mark.parametrize("kind", ["symupload-v2", "bugsplat", "bugsnag", "backtrace"])
def test_the_key_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    bench = Bench(tmp_path, 1)
    bench.target(kind, "https://s.example", *MORE.get(kind, ()))
    assert bench.run() == 2
    said = capsys.readouterr().err
    assert "no token: 'server' (https://s.example): this protocol needs an API key" in said
