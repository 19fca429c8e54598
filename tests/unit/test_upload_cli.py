# SPDX-License-Identifier: MIT
"""What a user sees of an upload and of a verification: exit codes, messages, JSON, receipts."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders.manifests import bare
from builders.symbolstore import symbol_file
from builders.uploading import Bench, kept, shown, states
from crashsym.manifest import Manifest, read
from jsonschema import Draft202012Validator
from servers.base import Server
from servers.faults import Answer, Order
from servers.put import PutServer
from servers.sentry import Sentry, SentryServer
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer
from support import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "docs/reference/crashsym-upload-1.schema.json").read_bytes())
PLACE = ('organization = "acme"', 'project = "firmware"')

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 3)


def document(capsys: Printed) -> tuple[dict[str, Any], str]:
    """Return the document on stdout, which follows its schema, and what was said."""
    printed = capsys.readouterr()
    found = shown(printed.out)
    Draft202012Validator(SCHEMA).validate(found)
    return found, printed.err


def change(bench: Bench, number: int, **changes: Any) -> None:
    """Change a module of the manifest."""
    file = bench.folder / "manifest.json"
    modules = list(read(file).modules)
    modules[number] = replace(modules[number], **changes)
    Manifest.of(modules).write(file)


def test_all_is_well(bench: Bench, capsys: Printed) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--json") == 0
        found, said = document(capsys)
        assert kept(server) == bench.wanted
    sizes = [len(symbol_file(number)[2]) for number in range(3)]
    assert found["complete"]
    assert not found["unusable"]
    (target,) = found["targets"]
    assert (target["name"], target["kind"], target["verified"]) == ("server", "http", False)
    assert target["bytes"] == sum(sizes)
    assert [file["state"] for file in target["files"]] == ["sent"] * 3
    assert {file["name"] for file in target["files"]} == {f"lib{n}.so.sym" for n in range(3)}
    assert {file["sha256"] for file in target["files"]} == bench.wanted
    assert said == (
        "crashsym: server: 3 files: 3 sent, 0 already there, 0 refused, 0 failed;"
        f" {sum(sizes)} bytes sent\n"
    )


def test_without_json_nothing_is_on_stdout(bench: Bench, capsys: Printed) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run() == 0
    assert capsys.readouterr().out == ""


def test_each_file_that_fails_is_named_with_its_status(bench: Bench, capsys: Printed) -> None:
    with PutServer(None, [Order("put", Answer(422, b"I do not like it"), 2)]) as server:
        bench.target("http", server.url, "jobs = 1")
        assert bench.run("upload", "--json") == 3
        assert len(server.kept) == 2
    found, said = document(capsys)
    assert not found["complete"]
    assert states(found) == ["sent", "refused", "sent"]
    assert found["targets"][0]["files"][1]["why"] == "PUT: HTTP 422: I do not like it"
    assert (
        "crashsym: refused: 'lib1.so.sym' (/usr/lib/lib1.so): server: PUT: HTTP 422: I do not"
        in said
    )
    assert "3 files: 2 sent, 0 already there, 1 refused, 0 failed" in said


def test_a_wrong_token_ends_it_soon(tmp_path: Path, capsys: Printed) -> None:
    bench = Bench(tmp_path, 30)
    with SentryServer() as server:
        bench.target("sentry", server.url, *PLACE, bench.token("wrong"))
        assert bench.run("upload", "--json") == 3
        assert len(server.account.requests) == 1
    found, said = document(capsys)
    assert states(found) == ["failed"] * 30
    assert "HTTP 401" in said
    assert "Check the token" in said


def test_a_server_that_is_gone_is_not_asked_for_each_file(tmp_path: Path, capsys: Printed) -> None:
    bench = Bench(tmp_path, 30)
    with PutServer(None, [Order("head", Answer(503), onwards=True)]) as server:
        bench.target("http", server.url, "jobs = 1", "patience = 0.2")
        assert bench.run("upload", "--json") == 3
        asked = {one.path for one in server.account.requests}
    assert len(asked) == 3
    found, said = document(capsys)
    assert states(found) == ["failed"] * 30
    assert said.count("not tried: HTTP 503") == 27


def test_nothing_to_send_is_an_error_unless_it_is_allowed(tmp_path: Path, capsys: Printed) -> None:
    bench = Bench(tmp_path, 0)
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run() == 2
        assert "nothing to upload: " in capsys.readouterr().err
        assert bench.run("upload", "--allow-empty", "--json") == 0
        assert not server.account.requests
    found, said = document(capsys)
    assert found["complete"]
    assert found["targets"][0]["files"] == []
    assert said.startswith("crashsym: server: 0 files: 0 sent")
    assert not bench.store.exists()


def test_a_target_of_debug_files_alone_of_which_there_are_none(
    bench: Bench, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "root").mkdir()
    tree = ("--debug-root", str(tmp_path / "root"))
    with PutServer() as server:
        bench.target("http", server.url)
        more = ('layout = "build-id"', 'send = ["debug-files"]')
        bench.target("http", server.url, *more, name="debug")
        for command in ("upload", "verify"):
            assert bench.run(command, *tree, "--to", "debug") == 2
            said = capsys.readouterr().err
            assert said.startswith("crashsym: nothing to upload to 'debug': ")
            assert "manifest.json': not one of its modules has a debug file" in said
        assert not server.account.requests
        assert bench.run("upload", *tree, "--allow-empty", to="debug") == 0
        assert not server.account.requests
    assert "debug: 0 files: 0 sent" in capsys.readouterr().err


def test_what_should_have_symbols_is_missed_also_where_nothing_is_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 0)
    Manifest.of([bare("/usr/bin/app", "no-debug-info")]).write(tmp_path / "manifest.json")
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--allow-empty") == 3


def test_what_could_not_be_asked_for_is_not_said_to_be_lost(bench: Bench, capsys: Printed) -> None:
    bench.target("http", "http://127.0.0.1:1", "patience = 0.1")
    assert bench.run("verify") == 3
    said = capsys.readouterr().err
    assert said.endswith("verified: 0 of 3 files are there, 3 could not be asked for\n")


def test_the_bytes_that_a_folder_got(bench: Bench, capsys: Printed, tmp_path: Path) -> None:
    size = sum(bench.symbol_file(number).stat().st_size for number in range(3))
    assert bench.run(to=f"store:{tmp_path}/out") == 0
    assert (
        f"3 sent, 0 already there, 0 refused, 0 failed; {size} bytes sent"
        in capsys.readouterr().err
    )
    (tmp_path / "store/.crashsym-uploads").rename(tmp_path / "old")
    assert bench.run(to=f"store:{tmp_path}/out") == 0
    assert "3 already there, 0 refused, 0 failed; 0 bytes sent" in capsys.readouterr().err


def test_a_store_that_is_none(bench: Bench, capsys: Printed) -> None:
    shutil.rmtree(bench.store)
    bench.target("http", "http://127.0.0.1:1")
    for command in ("upload", "verify"):
        assert bench.run(command) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"crashsym: no store: '{bench.store}': it is no folder. Give ")


def test_a_password_that_netrc_has_not(
    bench: Bench, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", f"{bench.folder}/netrc")
    bench.target("http", "http://127.0.0.1:1", "token = { netrc = true }")
    for text in (None, "machine other.example login a password b\n"):
        if text is not None:
            (bench.folder / "netrc").write_text(text)
        assert bench.run() == 2
        said = capsys.readouterr().err
        assert said.startswith(f"crashsym: no token: '{bench.folder}/netrc': the target wants ")


# -- what cannot be sent


def unlink(file: Path) -> None:
    file.unlink()


def scribble(file: Path) -> None:
    file.write_text("other")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("harm", "why"),
    [(unlink, "No such file"), (scribble, "its SHA-256 is"), (folder, "Is a directory")],
)
def test_a_file_of_the_store_that_is_no_good(
    bench: Bench, capsys: Printed, harm: Callable[[Path], None], why: str
) -> None:
    harm(bench.symbol_file(1))
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--json") == 3
        assert len(server.kept) == 2
    found, said = document(capsys)
    (unusable,) = found["unusable"]
    assert unusable["paths"] == ["/usr/lib/lib1.so"]
    assert why in unusable["why"]
    assert f"crashsym: failed: '{bench.symbol_file(1)}' (/usr/lib/lib1.so): {why}" in said


@pytest.mark.parametrize("place", ["../store/x.sym", "a/../../x.sym", "/etc/passwd", "a\0b"])
def test_a_place_outside_of_the_store(bench: Bench, capsys: Printed, place: str) -> None:
    symbols = read(bench.folder / "manifest.json").modules[0].symbols
    assert symbols is not None
    change(bench, 0, symbols=replace(symbols, path=place))
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--json") == 3
    found, _ = document(capsys)
    assert [one["why"] for one in found["unusable"]] == ["its place is outside of the store"]


@pytest.mark.parametrize(
    ("status", "code"),
    [("no-debug-info", 3), ("conflict", 3), ("malformed", 3), ("excused", 0), ("left-out", 0)],
)
def test_a_module_without_symbols(bench: Bench, capsys: Printed, status: str, code: int) -> None:
    change(bench, 1, symbols=None, status=status, reason="a reason")
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--json") == code
        assert len(server.kept) == 2
    found, said = document(capsys)
    assert found["complete"] == (code == 0)
    assert (f"(/usr/lib/lib1.so): it has no symbols: {status}" in said) == (code == 3)


def test_modules_that_share_a_file(bench: Bench, capsys: Printed) -> None:
    file = bench.folder / "manifest.json"
    modules = read(file).modules
    Manifest.of([*modules, replace(modules[0], path="/usr/lib/copy.so")]).write(file)
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify", "--json") == 0
        assert server.account.statuses("put") == [201] * 3
    assert all(len(module.receipts) == 1 for module in read(file).modules)


# -- exit code 2


def refused(bench: Bench, capsys: Printed, *more: str, to: str = "server") -> str:
    assert bench.run("upload", *more, to=to) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_an_empty_manifest(bench: Bench, capsys: Printed) -> None:
    Manifest.of([]).write(bench.folder / "manifest.json")
    assert "nothing to upload" in refused(bench, capsys, to="store:/none")


def test_an_unknown_target(bench: Bench, capsys: Printed) -> None:
    assert "unknown target 'server'" in refused(bench, capsys)


def test_a_manifest_that_is_none(bench: Bench, capsys: Printed) -> None:
    (bench.folder / "manifest.json").write_text("{}")
    assert "cannot read the manifest" in refused(bench, capsys, to="store:/none")


def test_debug_files_without_a_tree(bench: Bench, capsys: Printed) -> None:
    more = ('layout = "unified"', 'send = ["debug-files"]')
    bench.target("http", "http://127.0.0.1:1", *more)
    assert "Name the tree with --debug-root" in refused(bench, capsys)


def test_a_token_that_is_not_there_is_known_before_anything_is_sent(
    bench: Bench, capsys: Printed
) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        bench.target("http", server.url, 'token = { file = "/none" }', name="other")
        assert "no token: '/none'" in refused(bench, capsys, "--to", "other")
        assert not server.account.requests


@pytest.mark.parametrize("command", ["upload", "verify"])
def test_a_manifest_that_cannot_be_written_is_known_before_anything_is_sent(
    bench: Bench, capsys: Printed, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    real = os.mkdir

    def refuse(path: str, *more: Any, **others: Any) -> None:
        if Path(path).parent == bench.folder:
            raise PermissionError(13, "Permission denied")
        real(path, *more, **others)

    with PutServer() as server:
        bench.target("http", server.url)
        monkeypatch.setattr(os, "mkdir", refuse)
        verify = ["--verify"] if command == "upload" else []
        assert bench.run(command, *verify) == 2
        assert not server.account.requests
    assert "manifest.json': Permission denied" in capsys.readouterr().err


# -- several targets


def test_several_targets(bench: Bench, capsys: Printed) -> None:
    with PutServer(None, [Order("put", Answer(400), 1)]) as one, PutServer() as two:
        bench.target("http", one.url, name="one")
        bench.target("http", two.url, name="two")
        assert bench.run("upload", "--json", "--to", "two", to="one") == 3
        found, said = document(capsys)
        assert [target["name"] for target in found["targets"]] == ["one", "two"]
        assert kept(two) == bench.wanted
        assert sorted(states(found)) == ["refused", "sent", "sent"]
        assert states(found, 1) == ["sent"] * 3
        assert "one: 3 files: 2 sent" in said
        assert "two: 3 files: 3 sent" in said
        assert bench.run("upload", "--json", "--to", "two", to="one") == 0
        found, _ = document(capsys)
        assert sorted(states(found)) == ["present", "present", "sent"]
        assert two.account.statuses("put") == [201] * 3


def test_a_url_as_a_target(bench: Bench, capsys: Printed) -> None:
    with SentryServer() as server:
        url = f"sentry+{server.url}/acme/firmware"
        bench.token(Sentry().token)
        token = str(bench.folder / "token")
        assert bench.run("upload", "--token-file", token, "--verify", to=url) == 0
    receipts = [one for m in read(bench.folder / "manifest.json").modules for one in m.receipts]
    assert {receipt.server for receipt in receipts} == {url}


# -- verification


def lose(server: Server, number: int) -> None:
    """Let a server lose a file."""
    if isinstance(server, SentryServer):
        server.project().difs.pop(number)
        server.forget_states()
        server.organisation.chunks.clear()
        return
    del server.kept[sorted(server.kept)[number]]


def servers() -> dict[str, tuple[Server, tuple[str, ...], str]]:
    return {
        "sentry": (SentryServer(), PLACE, Sentry().token),
        "sentry-zip": (
            SentryServer(Sentry(chunk_upload=False)),
            (*PLACE, 'protocol = "zip"'),
            Sentry().token,
        ),
        "tecken": (TeckenServer(), (), Tecken().token),
        "symupload-v2": (SymUploadV2Server(), (), SymUploadV2().key),
        "http": (PutServer(), (), "any"),
    }


@pytest.mark.parametrize("kind", servers())
def test_a_server_that_loses_a_file(bench: Bench, capsys: Printed, kind: str) -> None:
    server, more, token = servers()[kind]
    file = bench.folder / "manifest.json"
    with server:
        bench.target(kind.removesuffix("-zip"), server.url, *more, bench.token(token))
        assert bench.run("upload", "--verify", "--json") == 0
        found, said = document(capsys)
        assert "server: verified: 3 of 3 files are there" in said
        assert [target["verified"] for target in found["targets"]] == [False, True]
        for module in read(file).modules:
            (receipt,) = module.receipts
            assert module.symbols is not None
            assert (receipt.server, receipt.sha256) == ("server", module.symbols.sha256)
            assert receipt.id
        before = file.read_bytes()
        assert bench.run("verify") == 0
        assert file.read_bytes() == before
        lose(server, 1)
        capsys.readouterr()
        assert bench.run("verify", "--json") == 3
        found, said = document(capsys)
        assert sorted(states(found)) == ["failed", "present", "present"]
        assert "2 of 3 files are there" in said
        assert sum(len(module.receipts) for module in read(file).modules) == 2
        assert bench.run("upload", "--json", "--verify") == 0
        found, _ = document(capsys)
        assert sorted(states(found)) == ["present", "present", "sent"]
        assert file.read_bytes().count(b'"receipts": [\n') == before.count(b'"receipts": [\n')


def test_receipts_of_other_servers_stay(bench: Bench) -> None:
    file = bench.folder / "manifest.json"
    with PutServer() as one, PutServer() as two:
        bench.target("http", one.url, name="one")
        bench.target("http", two.url, name="two")
        assert bench.run("upload", "--verify", to="one") == 0
        assert bench.run("upload", "--verify", to="two") == 0
        one.kept.clear()
        assert bench.run("verify", to="one") == 3
    for module in read(file).modules:
        assert [receipt.server for receipt in module.receipts] == ["two"]
