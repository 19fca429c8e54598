"""The rules of a server that takes files by PUT."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from servers.client import SYMBOLS, Got, Sent, send
from servers.put import Put, PutServer

SHA256 = base64.b64encode(hashlib.sha256(SYMBOLS).digest()).decode()
MD5 = base64.b64encode(hashlib.md5(SYMBOLS, usedforsecurity=False).digest()).decode()
BASIC = "Basic " + base64.b64encode(b"user:secret").decode()


def put(server: PutServer, path: str, headers: Mapping[str, str] | None = None) -> Got:
    return send(server, Sent("PUT", path, SYMBOLS, headers or {}))


def test_what_was_put_can_be_got() -> None:
    with PutServer() as server:
        assert send(server, Sent("HEAD", "/a/b.sym")).status == 404
        assert put(server, "/a/b.sym").status == 201
        assert put(server, "/a/b.sym").status == 204
        head, got = (send(server, Sent(method, "/a/b.sym")) for method in ("HEAD", "GET"))
        assert (head.status, head.body, got.body) == (200, b"", SYMBOLS)
        assert head.headers["Content-Length"] == str(len(SYMBOLS))
        assert head.headers["ETag"] == got.headers["ETag"]
        assert server.account.files["a/b.sym"].times == 2


def test_names_are_decoded_once() -> None:
    with PutServer() as server:
        put(server, "/lib%2B%20%C3%A9/a%2520b")
        assert list(server.kept) == ["lib+ é/a%20b"]


@pytest.mark.parametrize("path", ["/", "/folder/", "/a/../b", "/%2E%2E/b"])
def test_a_path_that_is_no_file_is_refused(path: str) -> None:
    with PutServer() as server:
        assert put(server, path).status == 400


def test_if_none_match_guards_what_is_there() -> None:
    with PutServer() as server:
        guard = {"If-None-Match": "*"}
        assert [put(server, "/a", guard).status for _ in range(2)] == [201, 412]
        assert server.account.files["a"].times == 1
        # It came all the same.
        assert server.account.duplicates == {"a": 1}
    with PutServer(Put(knows_if_none_match=False)) as server:
        assert [put(server, "/a", guard).status for _ in range(2)] == [201, 204]


def test_the_encoding_is_served_with_the_file() -> None:
    with PutServer() as server:
        put(server, "/a", {"Content-Encoding": "gzip"})
        assert send(server, Sent("GET", "/a")).headers["Content-Encoding"] == "gzip"
        put(server, "/a")
        assert "Content-Encoding" not in send(server, Sent("GET", "/a")).headers


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("Content-MD5", MD5),
        ("x-amz-checksum-sha256", SHA256),
        ("Content-Digest", f"sha-256=:{SHA256}:"),
    ],
)
def test_a_checksum_is_compared(name: str, digest: str) -> None:
    with PutServer() as server:
        assert put(server, "/a", {name: digest}).status == 201
        assert put(server, "/b", {name: digest[:-8] + "AAAAAAA="}).status == 400
        assert list(server.kept) == ["a"]
        # What was refused has to come again.
        assert put(server, "/b", {name: digest}).status == 201
        assert server.account.duplicates == {}


@pytest.mark.parametrize(
    ("settings", "word"),
    [(Put(bearer="secret"), "Bearer secret"), (Put(basic="user:secret"), BASIC)],
)
def test_a_token_is_wanted_for_everything_or_for_writing(settings: Put, word: str) -> None:
    with PutServer(settings) as server:
        for headers in ({}, {"Authorization": word + "x"}, {"Authorization": "Other " + word}):
            answer = put(server, "/a", headers)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith(word.split()[0])
        assert put(server, "/a", {"Authorization": word}).status == 201
        assert send(server, Sent("GET", "/a")).status == 401
    with PutServer(Put(settings.bearer, settings.basic, public=True)) as server:
        assert put(server, "/a").status == 401
        assert send(server, Sent("GET", "/a")).status == 404


def test_webdav_wants_the_folder_first() -> None:
    with PutServer(Put(collections=True)) as server:
        assert put(server, "/a/b/c").status == 409
        assert send(server, Sent("MKCOL", "/a/b/")).status == 409
        for path in ("/a/", "/a/b"):
            assert [send(server, Sent("MKCOL", path)).status for _ in range(2)] == [201, 405]
        assert put(server, "/a/b/c").status == 201
        assert put(server, "/top").status == 201
        assert send(server, Sent("MKCOL", "/top")).status == 405


def test_a_file_can_be_too_large() -> None:
    with PutServer(Put(file_size=len(SYMBOLS) - 1)) as server:
        assert put(server, "/a").status == 413
        assert server.kept == {}


def test_a_connection_ends_when_a_body_is_not_as_it_should_be() -> None:
    with PutServer() as server:
        headers = {"Transfer-Encoding": "chunked"}
        broken = send(server, Sent("PUT", "/a", b"5\r\nhello!!!\r\n", headers))
        assert (broken.status, broken.headers["Connection"]) == (400, "close")
        assert server.kept == {}


def test_an_unknown_method_is_not_there() -> None:
    with PutServer() as server:
        assert send(server, Sent("BREW", "/a")).status == 404
        assert server.account.requests[-1].step == "unknown"
