# SPDX-License-Identifier: MIT
"""Servers whose answers look like success and are none, or that want what nobody should give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders.rawserver import RawServer, answer
from builders.uploading import Bench, shown, states
from crashsym.errors import RejectedError
from crashsym.manifest import read
from crashsym.upload import sentry as sentry_module
from crashsym.upload import transport
from crashsym.upload.chunks import Limits, chunked
from crashsym.upload.items import symbol_items
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.faults import Answer, Order
from servers.put import PutServer
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer

PLACE = ('organization = "acme"', 'project = "firmware"')
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    monkeypatch.setattr(sentry_module, "_PAUSE", 0.01)
    return Bench(tmp_path, 2)


# -- pages for people, and errors, with a good status

PAGES = {
    "type-in-capitals": (b"Please sign in", "TEXT/HTML; charset=utf-8"),
    "no-type": (b"\n<!DOCTYPE html>\n<title>Sign in</title>", ""),
    "capitals": (b"<HTML><BODY>Sign in</BODY></HTML>", "text/plain"),
    "byte-order-mark": (b"\xef\xbb\xbf<html>Sign in</html>", "application/octet-stream"),
    "comment": (b"<!-- proxy -->\n<html>Sign in</html>", "text/plain"),
    "error": (b'{"error": "quota exceeded"}', "application/json"),
    "errors": (b' {"errors": [{"message": "no"}]}', "text/plain"),
}


def server_of(kind: str, orders: list[Order]) -> tuple[Server, str]:
    if kind == "http":
        return PutServer(None, orders), "any"
    if kind == "symupload-v1":
        return SymUploadV1Server(orders), "any"
    return BugsnagServer("0123456789abcdef", orders), "0123456789abcdef"


@pytest.mark.parametrize("kind", ["http", "symupload-v1", "bugsnag"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_no_success(bench: Bench, capsys: Printed, kind: str, page: str) -> None:
    body, content_type = PAGES[page]
    headers = {"Content-Type": content_type} if content_type else {}
    step = {"http": "put", "symupload-v1": "upload", "bugsnag": "breakpad-symbol"}[kind]
    server, token = server_of(kind, [Order(step, Answer(200, body, headers), onwards=True)])
    with server:
        bench.target(kind, server.url, bench.token(token), "patience = 1")
        assert bench.run("upload", "--json") == 3
        assert not server.kept
    assert states(shown(capsys.readouterr().out)) == ["refused"] * 2


def test_a_page_has_no_symbols(bench: Bench, capsys: Printed) -> None:
    page = Answer(200, b"", {"Content-Type": "Text/HTML"})
    with PutServer(None, [Order("head", page, onwards=True)]) as server:
        bench.target("http", server.url)
        assert bench.run() == 3
    assert "a page for people answers" in capsys.readouterr().err


@pytest.mark.parametrize("length", ["1, 1", "+5", "-1", "0x10", "9" * 5000, "five"])
def test_a_length_that_is_none(bench: Bench, capsys: Printed, length: str) -> None:
    reply = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
    with RawServer(lambda connection, _: connection.sendall(reply)) as server:
        bench.target("http", server.url, "patience = 0.5")
        assert bench.run("upload", "--json") == 3
    printed = capsys.readouterr()
    assert set(states(shown(printed.out))) <= {"refused", "failed"}
    assert "Traceback" not in printed.err


# -- Sentry


def told(document: object) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def options(**more: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "url": "/api/0/organizations/acme/chunk-upload/",
        "chunkSize": 1 << 20,
        "chunksPerRequest": 64,
        "maxRequestSize": 1 << 25,
        "hashAlgorithm": "sha1",
    }
    return {**usual, **more}


def test_what_is_there_lacks_nothing(bench: Bench, capsys: Printed) -> None:
    sums: dict[str, object] = {}
    items, _ = symbol_items(bench.manifest.modules, bench.source)
    for item in items:
        sha1 = chunked(item, 1 << 20).sha1
        sums[sha1] = {"state": "ok", "missingChunks": [sha1], "dif": {"id": "1"}}
    with SentryServer(None, [Order("assemble", told(sums), onwards=True)]) as server:
        bench.target("sentry", server.url, *PLACE, bench.token(Sentry().token), "patience = 1")
        assert bench.run() == 3
    assert "its state is 'ok', and parts are missing" in capsys.readouterr().err


def test_parts_of_a_byte_are_too_many(tmp_path: Path, capsys: Printed) -> None:
    bench = Bench(tmp_path, 1, 200_000)
    with SentryServer(None, [Order("options", told(options(chunkSize=1)))]) as server:
        bench.target("sentry", server.url, *PLACE, bench.token(Sentry().token))
        assert bench.run() == 3
        assert len(server.account.requests) == 1
    said = "the server wants it in parts of 1 bytes, which are too many"
    assert said in capsys.readouterr().err


API = "https://acme.sentry.example/api/0"
GOOD = ("", "https://acme.sentry.example/up", "https://us.sentry.example/up", "up/")
BAD = {
    "http://acme.sentry.example/up": "is not encrypted",
    "https://sentry.other/up": "another host",
    "https://evilsentry.example/up": "another host",
    "https://acme.sentry.example.evil.test/up": "another host",
    "https://acme.sentry.example@evil.test/up": "another host",
}


@pytest.mark.parametrize("url", GOOD)
def test_parts_go_to_the_same_server(url: str) -> None:
    limits = Limits.of(options(url=url), API)
    assert limits.url.startswith("https://")


@pytest.mark.parametrize("url", BAD)
def test_the_token_goes_nowhere_else(url: str) -> None:
    with pytest.raises(RejectedError, match=BAD[url]) as caught:
        Limits.of(options(url=url), API)
    assert "the token is not sent there" in str(caught.value)
    assert "as the URL of the target" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "api", "is_good"),
    [
        ("https://us.sentry.io/x", "https://sentry.io/api/0", True),
        ("https://sentry.io/x", "https://us.sentry.io/api/0", True),
        ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/api/0", True),
        ("http://10.0.0.2/x", "http://10.0.0.1/api/0", False),
        ("https://other.local/x", "https://sentry.local/api/0", False),
        ("https://x.com/x", "https://sentry.com/api/0", False),
        ("https://[::1/x", "https://sentry.com/api/0", False),
    ],
)
def test_what_is_one_domain(url: str, api: str, *, is_good: bool) -> None:
    if is_good:
        assert Limits.of(options(url=url), api).url == url
        return
    with pytest.raises(RejectedError):
        Limits.of(options(url=url), api)


# -- addresses and keys that are none


@pytest.mark.parametrize("field", ["uploadUrl", "uploadKey"])
@pytest.mark.parametrize("text", ["\ud800", "https://s.example/?sig=\ud800", "a\nb", "ü"])
def test_an_address_that_is_none(bench: Bench, capsys: Printed, field: str, text: str) -> None:
    good = {"uploadUrl": "https://s.example/", "uploadKey": "k"}
    order = Order("create", told({**good, field: text}), onwards=True)
    with SymUploadV2Server(SymUploadV2(), [order]) as server:
        bench.target("symupload-v2", server.url, bench.token(SymUploadV2().key), "patience = 1")
        assert bench.run() == 3
    assert "the answer is not one of this protocol" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["http://[x", "ftp://h/?X-Amz-Signature=0123456789abcdef", ""])
def test_tecken_leads_nowhere(bench: Bench, capsys: Printed, place: str) -> None:
    order = Order("download", Answer(302, b"", {"Location": place}), onwards=True)
    with TeckenServer(None, [order]) as server:
        bench.target("tecken", server.url, bench.token(Tecken().token), "patience = 0.5")
        assert bench.run() == 3
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "0123456789abcdef" not in said


# -- tokens that are short


def test_a_short_token_changes_no_id(bench: Bench) -> None:
    with PutServer() as server:
        bench.target("http", server.url, bench.token("b"))
        assert bench.run("upload", "--verify") == 0
    assert "[token]" not in bench.ledger()
    for module in read(bench.folder / "manifest.json").modules:
        (receipt,) = module.receipts
        assert receipt.id.endswith(".sym")


def test_an_answer_of_nothing_is_no_length(bench: Bench) -> None:
    with RawServer(answer(b"", "Content-Type: text/plain")) as server:
        bench.target("http", server.url, "patience = 0.5")
        assert bench.run() == 3
