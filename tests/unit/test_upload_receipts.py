# SPDX-License-Identifier: MIT
"""Receipts are not lost: by an outage, by others who write the manifest, by another folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from builders.manifests import bare
from builders.symbolstore import add_debug_file
from builders.uploading import Bench
from crashsym.files import HeldFolder
from crashsym.manifest import Manifest, read
from servers.base import Step
from servers.faults import Answer, Fault, Order, Plan
from servers.messages import Request, Response
from servers.put import PutServer
from servers.symupload_v1 import SymUploadV1Server

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 2)


def servers(bench: Bench) -> list[list[str]]:
    """Return the names of the receipts of each module."""
    modules = read(bench.folder / "manifest.json").modules
    return [[receipt.server for receipt in module.receipts] for module in modules]


# -- what a server does not say


@pytest.mark.parametrize("status", [503, 401, 400])
def test_a_server_that_does_not_say_takes_no_receipt_away(bench: Bench, status: int) -> None:
    with PutServer() as server:
        bench.target("http", server.url, "patience = 0.2")
        assert bench.run("upload", "--verify") == 0
        before = (bench.folder / "manifest.json").read_bytes()
        server.plan = Plan([Order("head", Answer(status), onwards=True)])
        assert bench.run("verify") == 3
        assert (bench.folder / "manifest.json").read_bytes() == before
        assert servers(bench) == [["server"]] * 2
        server.plan = Plan([])
        server.kept.clear()
        assert bench.run("verify") == 3
        assert servers(bench) == [[], []]


def test_a_file_that_cannot_be_asked_for_keeps_its_receipt(bench: Bench) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify") == 0
        bench.symbol_file(0).unlink()
        assert bench.run("verify") == 3
    assert servers(bench) == [["server"]] * 2


def test_a_protocol_without_the_question_takes_none_away(bench: Bench) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify") == 0
    (bench.folder / "crashsym.toml").unlink()
    with SymUploadV1Server() as silent:
        bench.target("symupload-v1", silent.url)
        assert bench.run("verify") == 3
    assert servers(bench) == [["server"]] * 2


def test_what_is_not_asked_for_keeps_its_receipt(bench: Bench) -> None:
    for module in bench.manifest.modules:
        add_debug_file(bench.folder / "root", module)
    config = f'[target.server]\nkind = "store"\npath = "{bench.folder}/out"\nlayout = "unified"\n'
    both = 'send = ["symbols", "debug-files"]\n'
    (bench.folder / "crashsym.toml").write_text(config + both)
    assert bench.run("upload", "--verify", "--debug-root", f"{bench.folder}/root") == 0
    (bench.folder / "crashsym.toml").write_text(config)
    shutil.rmtree(bench.folder / "out")
    assert bench.run("verify") == 3
    modules = read(bench.folder / "manifest.json").modules
    left = {receipt.sha256 for module in modules for receipt in module.receipts}
    assert len(left) == 2
    assert not left & bench.wanted


# -- others who write the manifest


def meanwhile(server: PutServer, act: Callable[[], None]) -> None:
    """Let something happen once the server is first asked."""
    real, acts = server.respond, [act]

    def respond(found: Step | None, request: Request, fault: Fault | None) -> Response:
        if acts:
            acts.pop()()
        return real(found, request, fault)

    server.respond = respond  # type: ignore[method-assign]


@pytest.mark.parametrize("output", [False, True])
def test_a_manifest_that_is_written_anew_meanwhile(bench: Bench, output: bool) -> None:
    file = bench.folder / "manifest.json"
    first, second = bench.manifest.modules
    assert second.symbols is not None
    changed = replace(second, symbols=replace(second.symbols, sha256="0" * 64))
    new = bare("/usr/bin/new", "no-debug-info")
    with PutServer() as server:
        bench.target("http", server.url)
        meanwhile(server, lambda: Manifest.of([first, changed, new], {"image": "x"}).write(file))
        assert bench.run("upload", "--verify", *(["-o", str(file)] if output else [])) == 0
    found = read(file)
    assert found.build == {"image": "x"}
    assert [(module.path, len(module.receipts)) for module in found.modules] == [
        ("/usr/bin/new", 0),
        ("/usr/lib/lib0.so", 1),
        ("/usr/lib/lib1.so", 0),  # other symbols are not those that were asked for
    ]


def test_another_place_for_them_leaves_the_manifest_alone(bench: Bench) -> None:
    before = (bench.folder / "manifest.json").read_bytes()
    other = bench.folder / "other.json"
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify", "-o", str(other)) == 0
    assert (bench.folder / "manifest.json").read_bytes() == before
    assert [len(module.receipts) for module in read(other).modules] == [1, 1]


@pytest.mark.parametrize("text", ["nonsense", None])
def test_a_manifest_that_is_none_any_more(bench: Bench, capsys: Printed, text: str | None) -> None:
    file = bench.folder / "manifest.json"

    def spoil() -> None:
        file.unlink()
        if text is not None:
            file.write_text(text)

    with PutServer() as server:
        bench.target("http", server.url)
        meanwhile(server, spoil)
        assert bench.run("upload", "--verify") == 2
    said = capsys.readouterr().err
    assert "server: verified: 2 of 2 files are there" in said
    assert f"cannot read the manifest: '{file}'" in said
    assert (file.read_text() if file.exists() else None) == text


def test_two_verifications_of_one_manifest_at_once(bench: Bench) -> None:
    with PutServer() as one, PutServer() as two:
        bench.target("http", one.url, name="one")
        bench.target("http", two.url, name="two")
        assert bench.run("upload", to="one") == 0
        assert bench.run("upload", to="two") == 0
        started = []
        with HeldFolder(bench.folder, alone=True):
            for name in ("one", "two"):
                line = [sys.executable, "-m", "crashsym", *bench.line("verify", to=name)]
                process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
                started.append(process)
                assert process.stderr is not None
                said = process.stderr.readline()  # it has read the manifest, and asked the server
                assert "another command is at work in the folder of" in said
        for process in started:
            assert process.wait(60) == 0
            assert process.communicate()[1].count("\n") == 1
    assert servers(bench) == [["one", "two"]] * 2


# -- which folder


def test_two_folders_do_not_share_receipts(bench: Bench, capsys: Printed) -> None:
    places = [f"store:{bench.folder}/one", f"store:{bench.folder}/two"]
    for place in places:
        assert bench.run("upload", "--verify", to=place) == 0
    before = servers(bench)
    assert [len(names) for names in before] == [2, 2]
    assert str(bench.folder) not in (bench.folder / "manifest.json").read_text()
    shutil.rmtree(bench.folder / "two")
    assert bench.run("verify", to=places[1]) == 3
    assert [len(names) for names in servers(bench)] == [1, 1]
    assert bench.run("verify", to=places[0]) == 0
    assert [len(names) for names in servers(bench)] == [1, 1]
