# SPDX-License-Identifier: MIT
"""URLs that a command signs, one for each request, and that are seen nowhere."""

from __future__ import annotations

import hashlib
import hmac
import sys
from pathlib import Path

import pytest
from builders.uploading import Bench, kept
from servers.faults import Answer, Order, Plan
from servers.messages import Request, Response
from servers.put import Put, PutServer

KEY = "the-key-of-the-signer"
SIGNER = """\
import hashlib, hmac, sys
base, key, method, path = sys.argv[1:]
digest = hmac.new(key.encode(), f"{method} /{path}".encode(), hashlib.sha256).hexdigest()
print(f"{base}/{path}?expires=1h&signature={digest}")
"""
FILES = 5


class SigningServer(PutServer):
    """Takes requests that are signed, each for its method and path; repeats what it was asked."""

    def refuse(self, request: Request) -> Response | None:
        if self.settings.public and request.method == "HEAD":
            return None
        wanted = hmac.new(KEY.encode(), f"{request.method} {request.path}".encode(), hashlib.sha256)
        if request.argument("signature") == wanted.hexdigest():
            return None if not request.header("Authorization") else Response(400)
        return Response(403, f"SignatureDoesNotMatch: {request.query}".encode())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "sign.py").write_text(SIGNER)
    return Bench(tmp_path, FILES)


def presign(bench: Bench, server: PutServer, key: str = KEY) -> str:
    words = [sys.executable, str(bench.folder / "sign.py"), server.url, key]
    return f"presign = {words}"


def test_each_request_has_a_url_of_its_own(bench: Bench) -> None:
    with SigningServer() as server:
        bench.target("http", server.url, presign(bench, server), bench.token("of-another-host"))
        assert bench.run("upload", "--verify") == 0
        assert kept(server) == bench.wanted
        assert server.account.statuses("put") == [201] * FILES


def test_a_signature_that_is_refused_is_not_shown(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    with SigningServer(Put(public=True)) as server:
        bench.target("http", server.url, presign(bench, server, "another"))
        assert bench.run("upload", "--json") == 3
        paths = {one.path for one in server.account.requests if one.method == "PUT"}
    printed = capsys.readouterr()
    said = printed.out + printed.err
    assert said.count("SignatureDoesNotMatch: {'expires': ['1h'], 'signature': ['[token]']}") > 1
    assert paths
    for path in paths:
        signature = path.rpartition("=")[2]
        assert len(signature) == 64
        assert signature not in said


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit(3)", "it ended with exit code 3"),
        ("print()", "it is empty, or not set"),
        ("print('ftp://example')", "it prints something else"),
        ("print('https://a b')", "it is more than one word"),
    ],
)
def test_a_command_that_does_not_sign(
    bench: Bench, capsys: pytest.CaptureFixture[str], code: str, why: str
) -> None:
    (bench.folder / "sign.py").write_text(code)
    with SigningServer() as server:
        bench.target("http", server.url, presign(bench, server))
        assert bench.run() == 3
        assert not server.account.requests
    said = capsys.readouterr().err
    assert said.count(f"no presigned URL: {why}") == FILES
    assert KEY not in said


@pytest.mark.parametrize("value", ['"sign-url"', "[]", "[1]", "true"])
def test_a_configuration_that_is_none(
    bench: Bench, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    bench.target("http", "https://s.example", f"presign = {value}")
    assert bench.run() == 2
    assert "Give a command: a list of words." in capsys.readouterr().err


def test_a_question_that_is_refused_says_nothing_of_others(bench: Bench) -> None:
    """S3 answers 403 to whoever may not list a bucket and asks for what is not there."""
    with SigningServer() as server:
        server.plan = Plan([Order("head", Answer(403), onwards=True)])
        bench.target("http", server.url, presign(bench, server))
        assert bench.run() == 0
        assert kept(server) == bench.wanted
        assert bench.run("verify") == 3
        assert bench.run() == 0
        assert server.account.statuses("put") == [201] * FILES
