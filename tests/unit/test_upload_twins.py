# SPDX-License-Identifier: MIT
"""One build id under several names, in layouts with and without a place for each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from builders.symbolstore import add, symbol_file
from builders.uploading import Bench, shown, states
from crashsym.manifest import Manifest, Module, read
from servers.base import Server
from servers.put import PutServer
from servers.s3 import S3, S3Server

Printed = pytest.CaptureFixture[str]
S3_MORE = (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"')
SERVERS: dict[str, tuple[Callable[[], Server], tuple[str, ...], str]] = {
    "http": (PutServer, (), "any"),
    "s3": (S3Server, S3_MORE, S3().secret_key),
}


def twin(bench: Bench, module: Module, name: str, *, records: bytes = b"") -> Module:
    """Put the symbols of a module into the store under another name."""
    _, _, data = symbol_file(0)
    data = data.replace(b" lib0.so\n", f" {name}\n".encode(), 1) + records
    other = add(bench.store, 0)
    place = f"{name}/{module.debug_id}/{name}.sym"
    file = bench.store / place
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    assert other.symbols is not None
    symbols = replace(other.symbols, path=place, sha256=digest(data))
    return replace(other, path=f"/usr/lib/{name}", debug_file=name, symbols=symbols)


def digest(data: bytes) -> str:

    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A store of three files, of which two are one program under two names."""
    bench = Bench(tmp_path, 2)
    modules = read(tmp_path / "manifest.json").modules
    other = twin(bench, modules[0], "zzz.so")
    Manifest.of([*modules, other]).write(tmp_path / "manifest.json")
    return bench


def why(document: object, name: str) -> str:
    assert isinstance(document, dict)
    (file,) = (one for one in document["targets"][0]["files"] if one["name"] == name)
    return str(file["why"])


@pytest.mark.parametrize("kind", SERVERS)
def test_one_place_for_all_names(bench: Bench, capsys: Printed, kind: str) -> None:
    cls, more, token = SERVERS[kind]
    with cls() as server:
        bench.target(kind, server.url, 'layout = "unified"', *more, bench.token(token))
        assert bench.run("upload", "--json") == 0
        found = shown(capsys.readouterr().out)
        assert sorted(states(found)) == ["present", "sent", "sent"]
        said = "as 'lib0.so.sym', which has the same build id and symbols"
        assert why(found, "zzz.so.sym") == said
        assert len(server.kept) == 2
        assert bench.run("verify", "--json") == 0
        requests = len(server.account.requests)
        assert bench.run() == 0
        assert len(server.account.requests) == requests
    receipts = {m.path: len(m.receipts) for m in read(bench.folder / "manifest.json").modules}
    assert receipts == {"/usr/lib/lib0.so": 1, "/usr/lib/lib1.so": 1, "/usr/lib/zzz.so": 0}


def test_a_place_for_each_name(bench: Bench) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify") == 0
        assert len(server.kept) == 3


def test_a_folder_has_them_once(bench: Bench, tmp_path: Path) -> None:
    config = '[target.server]\nkind = "store"\npath = "{}"\nlayout = "unified"\ncompress = "gzip"\n'
    (tmp_path / "crashsym.toml").write_text(config.format(tmp_path / "out"))
    assert bench.run("upload", "--verify") == 0
    assert len([file for file in (tmp_path / "out").rglob("*") if file.is_file()]) == 2


def test_other_symbols_of_the_same_id_are_refused(tmp_path: Path, capsys: Printed) -> None:
    bench = Bench(tmp_path, 2)
    modules = read(tmp_path / "manifest.json").modules
    other = twin(bench, modules[0], "zzz.so", records=b"PUBLIC fff 0 more\n")
    Manifest.of([*modules, other]).write(tmp_path / "manifest.json")
    with PutServer() as server:
        bench.target("http", server.url, 'layout = "unified"', "jobs = 1")
        assert bench.run() == 3
        assert len(server.kept) == 2
    assert "refused: 'zzz.so.sym' (/usr/lib/zzz.so)" in capsys.readouterr().err


def test_a_twin_ends_as_the_other_does(bench: Bench, capsys: Printed) -> None:
    bench.target("http", "http://127.0.0.1:1", 'layout = "unified"', "patience = 0.1", "jobs = 1")
    assert bench.run("upload", "--json") == 3
    found = shown(capsys.readouterr().out)
    assert states(found) == ["failed"] * 3
    assert "Connection refused" in why(found, "zzz.so.sym")
