# SPDX-License-Identifier: MIT
"""BugSplat, Bugsnag and Backtrace: what is asked of them, and what becomes of their answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from builders.symbolstore import add_debug_file
from builders.uploading import Bench, kept, noted_forms, states, upload
from crashsym.upload import transport
from crashsym.upload.bugsplat import module_name
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplat, BugSplatServer
from servers.faults import Answer, CutAnswer, ExpiredToken, Order
from servers.messages import Request

BUGSPLAT = ('database = "acme"', 'application = "app"', 'version = "1.2"', 'client = "client"')


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST", 0.01)


def aim(bench: Bench, server: Server, *more: str, path: str = "") -> None:
    """Make a server the target of a bench."""
    if isinstance(server, BugSplatServer):
        bench.target("bugsplat", server.url, *BUGSPLAT, bench.token("test-secret"), *more)
    elif isinstance(server, BugsnagServer):
        bench.target("bugsnag", server.url, bench.token(server.api_key), *more)
    else:
        bench.target("backtrace", server.url + path, bench.token(Backtrace().token), *more)


def with_debug_files(bench: Bench) -> list[str]:
    """Give the bench debug files instead of symbols; return the option that names their tree."""
    root = bench.folder / "root"
    bench.wanted = {add_debug_file(root, module) for module in bench.manifest.modules}
    return ["--debug-root", str(root)]


def told(document: object) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


# -- BugSplat


def test_bugsplat_logs_in_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 5)
    with BugSplatServer() as server:
        aim(bench, server)
        code, document, _ = upload(bench, capsys)
        assert (code, states(document)) == (0, ["sent"] * 5)
        assert server.account.statuses("login") == [200]
        assert kept(server) == bench.wanted
        ids = {module.debug_id for module in bench.manifest.modules}
        assert {key.split("/")[1] for key in server.kept} == ids
        assert upload(bench, capsys)[:2][0] == 0
        assert len(server.account.requests) == 16


@pytest.mark.parametrize("step", ["upload-url", "complete"])
def test_bugsplat_logs_in_again_when_a_token_has_expired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    bench = Bench(tmp_path, 5)
    with BugSplatServer(None, [Order(step, ExpiredToken(), nth=3)]) as server:
        aim(bench, server)
        code, document, _ = upload(bench, capsys)
        assert (code, states(document)) == (0, ["sent"] * 5)
        assert server.account.statuses("login") == [200, 200]
        assert len(server.account.statuses("put")) == 5


def test_bugsplat_logs_in_again_but_once_in_vain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    orders = [Order("upload-url", ExpiredToken(), onwards=True)]
    with BugSplatServer(None, orders) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert (code, states(document)) == (3, ["failed"])
        assert server.account.statuses("login") == [200, 200]
    assert "uploadUrl: HTTP 401. Check the token" in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [(BugSplat(client_id="other"), "Unknown clientId"), (BugSplat(client_secret="x"), "invalid")],  # noqa: S106
)
def test_bugsplat_does_not_know_the_client(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: BugSplat, says: str
) -> None:
    bench = Bench(tmp_path, 3)
    with BugSplatServer(settings) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert (code, states(document)) == (3, ["failed"] * 3)
        assert [request.step for request in server.account.requests] == ["login"]
    assert "login: HTTP 400: {" in said
    assert says in said
    assert "Check 'client', and the token" in said


@pytest.mark.parametrize(
    "token", [None, "", 1, "a b", "a\nb", "\u20ac", ["a"]], ids=lambda value: repr(value)
)
def test_bugsplat_gives_a_token_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], token: object
) -> None:
    bench = Bench(tmp_path, 1)
    order = Order("login", told({"access_token": token, "hint": "hunter2"}))
    with BugSplatServer(None, [order]) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
    assert (code, states(document)) == (3, ["refused"])
    assert "login: the answer has no token" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("step", ["upload-url", "complete"])
def test_bugsplat_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str) -> None:
    bench = Bench(tmp_path, 1)
    answer = told({"Status": "Failed", "Error": "Symbol file max size is 1 MB"})
    with BugSplatServer(None, [Order(step, answer)]) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert (code, states(document)) == (3, ["refused"])
        assert "Symbol file max size is 1 MB" in said
        assert upload(bench, capsys)[0] == 0
        assert kept(server) == bench.wanted


def test_a_bucket_that_refuses_one_file_is_asked_for_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 4)
    expired = Answer(403, b"<Error><Code>AccessDenied</Code>Request has expired</Error>")
    with BugSplatServer(None, [Order("put", expired)]) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert code == 3
        assert sorted(states(document)) == ["refused", "sent", "sent", "sent"]
    assert "PUT: HTTP 403: <Error><Code>AccessDenied" in said


def test_a_bucket_gets_no_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 1)
    seen: list[Request] = []
    with BugSplatServer() as server:
        real = server.respond

        def respond(found: Any, request: Request, fault: Any) -> Any:
            seen.append(request)
            return real(found, request, fault)

        server.respond = respond  # type: ignore[method-assign]
        aim(bench, server)
        assert upload(bench, capsys)[0] == 0
    assert [request.path.split("/")[1] for request in seen] == [
        "oauth2",
        "symsrv",
        "bucket",
        "symsrv",
    ]
    assert [bool(request.header("Authorization")) for request in seen] == [False, True, False, True]
    put = seen[2]
    assert put.header("Content-Encoding") == "gzip"
    assert put.header("Content-Length").isdecimal()


@pytest.mark.parametrize("seconds", [0, -1, 1 << 31, 1 << 40])
def test_a_file_of_any_age(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seconds: int
) -> None:
    bench = Bench(tmp_path, 1)
    os.utime(bench.symbol_file(), (seconds, seconds))
    with BugSplatServer() as server:
        aim(bench, server)
        assert upload(bench, capsys)[0] == 0


def test_bugsplat_takes_symbols_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 2)
    tree = with_debug_files(bench)
    with BugSplatServer() as server:
        aim(bench, server, 'send = ["debug-files"]')
        assert bench.run("upload", *tree) == 2
        assert not server.account.requests
    said = capsys.readouterr().err
    assert "'bugsplat' has no place for debug-files. Give send = [\"symbols\"]." in said


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("app", "app"),
        ("libc.so", "libc.so"),
        ("libc.so.6", "libc.so.6"),
        ("libstdc++.so.6.0.30", "libstdc++.so.6.0.30"),
        ("ld-linux-x86-64.so.2", "ld-linux-x86-64.so.2"),
        ("python3.11", "python3"),
        ("imx.ko", "imx"),
        ("foo.DEBUG", "foo"),
        ("foo.so.1.debug", "foo.so.1"),
    ],
)
def test_bugsplats_names(name: str, module: str) -> None:
    """Compared with those of its client in tests/oracles/test_upload_state.py."""
    assert module_name(name) == module


# -- Bugsnag


def test_bugsnag_has_a_file_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = Bench(tmp_path / "1", 2), Bench(tmp_path / "2", 3)
    with BugsnagServer() as server:
        for bench, how in ((first, ["sent"] * 2), (second, ["present", "present", "sent"])):
            aim(bench, server)
            code, document, _ = upload(bench, capsys)
            assert (code, sorted(states(document))) == (0, how)
        assert kept(server) == second.wanted
        assert {stored.times for stored in server.account.files.values()} == {1}


def test_bugsnag_replaces_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = Bench(tmp_path / "1", 2), Bench(tmp_path / "2", 2, size=5000)
    with BugsnagServer() as server:
        aim(first, server)
        upload(first, capsys)
        aim(second, server, "overwrite = true")
        code, document, _ = upload(second, capsys)
        assert (code, states(document)) == (0, ["sent"] * 2)
        assert kept(server) == second.wanted


@pytest.mark.parametrize("overwrite", [False, True])
def test_bugsnag_takes_debug_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], overwrite: bool
) -> None:
    bench = Bench(tmp_path, 2)
    tree = with_debug_files(bench)
    more = ['send = ["debug-files"]', 'version = "1.2"']
    with BugsnagServer() as server:
        forms = noted_forms(server)
        aim(bench, server, *more, *(["overwrite = true"] if overwrite else []))
        code, document, _ = upload(bench, capsys, *tree)
        assert (code, states(document)) == (0, ["sent"] * 2)
        assert kept(server) == bench.wanted
        assert set(server.kept) == {"lib0.so", "lib1.so"}
        assert {form.target for form in forms} == {"/linux"}
        fields = sorted((form.fields for form in forms), key=lambda one: one["sharedObjectName"])
        assert fields[0] == {
            "apiKey": server.api_key,
            "sharedObjectName": "lib0.so",
            "overwrite": str(overwrite).lower(),
            "versionName": "1.2",
        }


def test_bugsnag_has_what_was_sent_before_its_answer_was_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    with BugsnagServer(faults=[Order("breakpad-symbol", CutAnswer())]) as server:
        aim(bench, server)
        code, document, _ = upload(bench, capsys)
        assert (code, states(document)) == (0, ["present"])
        assert kept(server) == bench.wanted


# -- Backtrace


@pytest.mark.parametrize(
    ("limit", "archives"), [("", 1), ("limit = 0.009", 2), ("limit = 1e-6", 4)]
)
def test_backtrace_gets_archives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: str, archives: int
) -> None:
    bench = Bench(tmp_path, 4)
    with BacktraceServer() as server:
        aim(bench, server, 'subdomain = "acme"', 'tag = "a&b 1"', limit)
        code, document, _ = upload(bench, capsys)
        assert (code, states(document)) == (0, ["sent"] * 4)
        assert server.account.statuses("upload") == [200] * archives
        assert kept(server) == bench.wanted
        assert server.tags == {"a&b 1": set(server.kept)}
        assert set(server.kept) == {
            f"{module.debug_file}/{module.debug_id}/{module.debug_file}.sym"
            for module in bench.manifest.modules
        }
        ids = {file["id"] for file in document["targets"][0]["files"]}
        assert ids == {f"01000000-7e23-{number:04x}" for number in range(1, archives + 1)}


def test_backtrace_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 2)
    with BacktraceServer() as server:
        aim(bench, server, 'tag = "a&b 1"', path="/api/post")
        assert upload(bench, capsys)[0] == 0
        assert server.account.statuses("post") == [200]
        assert server.tags == {"a&b 1": set(server.kept)}


def test_backtrace_takes_debug_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 2)
    wanted = set(bench.wanted)
    tree = with_debug_files(bench)
    with BacktraceServer() as server:
        aim(bench, server, 'subdomain = "acme"', 'send = ["symbols", "debug-files"]')
        code, document, _ = upload(bench, capsys, *tree)
        assert (code, states(document)) == (0, ["sent"] * 4)
        assert kept(server) == bench.wanted | wanted


@pytest.mark.parametrize(
    "document", [{"response": "error"}, {"error": {"code": 1}}, [], "ok", {"response": ["ok"]}]
)
def test_backtrace_says_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: object
) -> None:
    bench = Bench(tmp_path, 1)
    with BacktraceServer(None, [Order("upload", told(document))]) as server:
        aim(bench, server, 'subdomain = "acme"')
        code, shown_document, said = upload(bench, capsys)
    assert (code, states(shown_document)) == (3, ["refused"])
    assert "symbols: the answer is not one of this protocol" in said


def test_what_a_target_cannot_say_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    with BugsnagServer() as server:
        aim(bench, server)
        assert upload(bench, capsys)[0] == 0
        code, document, said = upload(bench, capsys, "--verify")
    assert code == 3
    assert states(document, 1) == ["failed"]
    assert "this protocol has no question for that" in said
