# SPDX-License-Identifier: MIT
"""Manifests that contradict themselves: nobody is told that symbols arrived that did not."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders.symbolstore import add_debug_file, symbol_file
from builders.uploading import Bench, shown, states
from crashsym.cli.main import main
from crashsym.manifest import Manifest, Module, read
from servers.base import Server
from servers.put import PutServer
from servers.tecken import Tecken, TeckenServer

Printed = pytest.CaptureFixture[str]
SERVERS: dict[str, tuple[Callable[[], Server], str]] = {
    "http": (PutServer, "any"),
    "tecken": (TeckenServer, Tecken().token),
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 2)


def also(bench: Bench, *modules: Module) -> None:
    """Add modules to the manifest."""
    Manifest.of([*bench.manifest.modules, *modules]).write(bench.folder / "manifest.json")


def rival(bench: Bench, data: bytes) -> Module:
    """Return a module with the name and the id of the first one, and a symbol file of its own."""
    first = bench.manifest.modules[0]
    file = bench.store / "rival" / "x.sym"
    file.parent.mkdir()
    file.write_bytes(data)
    assert first.symbols is not None
    digest = hashlib.sha256(data).hexdigest()
    symbols = replace(first.symbols, path="rival/x.sym", sha256=digest)
    return replace(first, path="/opt/rival.so", symbols=symbols)


def unusable(capsys: Printed) -> dict[str, str]:
    found = shown(capsys.readouterr().out)["unusable"]
    return {path: one["why"] for one in found for path in one["paths"]}


@pytest.mark.parametrize("kind", SERVERS)
def test_two_symbol_files_of_one_id(bench: Bench, capsys: Printed, kind: str) -> None:
    data = symbol_file(0)[2].replace(b"function_0_0", b"FUNCTION_0_0")
    assert len(data) == len(symbol_file(0)[2])
    also(bench, rival(bench, data))
    cls, token = SERVERS[kind]
    with cls() as server:
        bench.target(kind, server.url, bench.token(token))
        assert bench.run("upload", "--verify", "--json") == 3
        assert len(server.kept) == 1
    why = "the manifest has other symbols with the same name and id, those of '{}'"
    assert unusable(capsys) == {
        "/usr/lib/lib0.so": why.format("/opt/rival.so"),
        "/opt/rival.so": why.format("/usr/lib/lib0.so"),
    }
    receipts = {m.path: len(m.receipts) for m in read(bench.folder / "manifest.json").modules}
    assert receipts == {"/usr/lib/lib0.so": 0, "/usr/lib/lib1.so": 1, "/opt/rival.so": 0}


def test_one_id_in_two_spellings(bench: Bench, capsys: Printed) -> None:
    other = rival(bench, b"other")
    assert other.debug_id is not None
    also(bench, replace(other, debug_id=other.debug_id.lower()))
    assert bench.run("upload", "--json", to=f"store:{bench.folder}/out") == 3
    assert set(unusable(capsys)) == {"/usr/lib/lib0.so", "/opt/rival.so"}


def test_a_bundle_has_neither(bench: Bench, capsys: Printed) -> None:
    also(bench, rival(bench, b"other"))
    assert main(bench.bundle_line("--json")) == 3
    assert set(unusable(capsys)) == {"/usr/lib/lib0.so", "/opt/rival.so"}
    shutil.rmtree(bench.store)
    send = ["upload", "--bundle", str(bench.bundle), "--to", f"store:{bench.folder}/out"]
    assert main([*send, "--json"]) == 3
    assert states(shown(capsys.readouterr().out)) == ["sent"]


def test_equal_symbols_at_two_places_are_no_contradiction(bench: Bench, capsys: Printed) -> None:
    also(bench, rival(bench, symbol_file(0)[2]))
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify") == 0
        assert len(server.kept) == 2
    assert all(len(one.receipts) == 1 for one in read(bench.folder / "manifest.json").modules)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64},
        {"debug_file": "other.so"},
        {"debug_id": "A" * 33},
        {"build_id": "ab" * 20},
        {"build_id": None},
        {"arch": "arm"},
    ],
    ids=str,
)
@pytest.mark.parametrize("alone", [False, True])
def test_two_modules_of_one_file_that_are_not_the_same(
    bench: Bench, capsys: Printed, change: dict[str, Any], alone: bool
) -> None:
    module = bench.manifest.modules[0]
    assert module.symbols is not None
    other = replace(module, path="/opt/other.so")
    if "sha256" in change:
        other = replace(other, symbols=replace(module.symbols, **change))
    else:
        other = replace(other, **change)
    also(bench, other)
    to = f"store:{bench.folder}/out"
    if alone:
        line = ["verify", "--manifest", f"{bench.folder}/manifest.json", "--to", to, "--json"]
        assert main(line) == 3
    else:
        assert bench.run("upload", "--verify", "--json", to=to) == 3
        assert len(list((bench.folder / "out").rglob("*.sym"))) == 1
    why = "in the manifest its modules have different names, ids or SHA-256s of their symbols"
    assert unusable(capsys) == {"/usr/lib/lib0.so": why, "/opt/other.so": why}
    receipts = {m.path: len(m.receipts) for m in read(bench.folder / "manifest.json").modules}
    assert receipts == {"/usr/lib/lib0.so": 0, "/usr/lib/lib1.so": not alone, "/opt/other.so": 0}


def test_a_receipt_of_a_debug_file_is_none_of_the_symbols(bench: Bench) -> None:
    digests = {add_debug_file(bench.folder / "root", one) for one in bench.manifest.modules}
    also(bench)
    out = bench.folder / "out"
    (bench.folder / "crashsym.toml").write_text(
        f'[target.server]\nkind = "store"\npath = "{out}"\nlayout = "unified"\n'
        'send = ["symbols", "debug-files"]\n'
    )
    assert bench.run("upload", "--verify", "--debug-root", f"{bench.folder}/root") == 0
    modules = read(bench.folder / "manifest.json").modules
    found = {one.sha256 for module in modules for one in module.receipts}
    assert found == bench.wanted | digests
    assert [len(one.receipts) for one in modules] == [2, 2]


@pytest.mark.parametrize(
    ("name", "size"), [("x" * 256, 256), ("x" * 70_000, 70_000), ("é" * 128, 256)]
)
@pytest.mark.parametrize("kind", SERVERS)
def test_a_name_that_no_file_can_have(
    bench: Bench, capsys: Printed, kind: str, name: str, size: int
) -> None:
    also(bench)
    file = bench.folder / "manifest.json"
    first, second = read(file).modules
    Manifest.of([replace(first, debug_file=name), second]).write(file)
    cls, token = SERVERS[kind]
    with cls() as server:
        bench.target(kind, server.url, bench.token(token))
        assert bench.run("upload", "--json") == 3
        assert len(server.kept) == 1
    why = f"in the manifest its name has {size} bytes, file names have 255 at most"
    assert unusable(capsys) == {"/usr/lib/lib0.so": why}
