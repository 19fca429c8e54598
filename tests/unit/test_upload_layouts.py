# SPDX-License-Identifier: MIT
"""Where files lie, as those who read such stores have it, and what no name may do."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from builders.uploading import Bench, shown, states
from crashsym.upload.extent import Extent
from crashsym.upload.items import DEBUG, SYMBOLS, Item
from crashsym.upload.layouts import LAYOUTS
from servers.put import PutServer

BUILD_ID = "b060ad20c6b47781552708aa192e7739fac7c84a"
DEBUG_ID = "20AD60B0B4C68177552708AA192E77390"
SYM = Item(
    kind=SYMBOLS,
    content=Extent(Path("f"), 0, 1),
    place="f",
    sha256="0" * 64,
    debug_file="libFoo.so.1",
    debug_id=DEBUG_ID,
    build_id=BUILD_ID,
    arch="x86_64",
    paths=("/lib/a",),
)
ELF = replace(SYM, kind=DEBUG)
REST = BUILD_ID[2:]

# google/breakpad src/processor/simple_symbol_supplier.cc; getsentry/symbolicator
# crates/symbolicator-sources/src/paths.rs, docs/advanced/symbol-server-compatibility.md; elfutils
# doc/debuginfod.8; the GDB manual.
PLACES = {
    ("breakpad", SYMBOLS): f"libFoo.so.1/{DEBUG_ID}/libFoo.so.1.sym",
    ("unified", SYMBOLS): f"b0/{REST}/breakpad",
    ("unified", DEBUG): f"b0/{REST}/debuginfo",
    ("debuginfod", DEBUG): f"buildid/{BUILD_ID}/debuginfo",
    ("build-id", DEBUG): f".build-id/b0/{REST}.debug",
    ("symstore", DEBUG): f"_.debug/elf-buildid-sym-{BUILD_ID}/_.debug",
    ("ssqp", DEBUG): f"_.debug/elf-buildid-sym-{BUILD_ID}/_.debug",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("item", [SYM, ELF], ids=["symbols", "debug-files"])
def test_the_place_of_each_kind(layout: str, item: Item) -> None:
    assert LAYOUTS[layout](item) == PLACES.get((layout, item.kind))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("item", [SYM, ELF], ids=["symbols", "debug-files"])
def test_a_file_without_a_build_id(layout: str, item: Item) -> None:
    expected = PLACES.get((layout, item.kind)) if layout == "breakpad" else None
    assert LAYOUTS[layout](replace(item, build_id=None)) == expected


# -- names that lead elsewhere


def renamed(bench: Bench, **changes: Any) -> None:
    """Change what the manifest says of its first module."""
    file = bench.folder / "manifest.json"
    document = json.loads(file.read_text())
    symbols = changes.pop("symbols", {})
    document["modules"][0] |= changes
    document["modules"][0]["symbols"] |= symbols
    file.write_text(json.dumps(document))


EVIL: list[dict[str, Any]] = [
    {"debug_file": "../../evil"},
    {"debug_file": ".."},
    {"debug_file": "."},
    {"debug_file": ""},
    {"debug_file": "/etc/evil"},
    {"debug_file": "a/b"},
    {"debug_file": "a\0b"},
    {"debug_id": ".."},
    {"debug_id": "../../../evil"},
    {"debug_id": ""},
    {"debug_id": "xyz"},
    {"build_id": "../../evil"},
    {"build_id": "zz" * 20},
    {"build_id": ".."},
]


@pytest.mark.parametrize("layout", ["breakpad", "unified"])
@pytest.mark.parametrize("change", EVIL, ids=str)
def test_no_name_leads_out_of_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], layout: str
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    bench = Bench(inner, 2)
    renamed(bench, **change)
    before = {file for file in tmp_path.rglob("*") if ".crashsym" not in str(file)}
    target = inner / "a" / "b"
    (inner / "crashsym.toml").write_text(
        f'[target.server]\nkind = "store"\npath = "{target}"\nlayout = "{layout}"\n'
    )
    assert bench.run("upload", "--json") == 3
    document = shown(capsys.readouterr().out)
    assert states(document) == ["sent"]
    assert len(document["unusable"]) == 1
    after = {file for file in tmp_path.rglob("*") if ".crashsym" not in str(file)}
    assert all(
        str(file).startswith(str(inner / "a"))
        for file in after - before - {inner / "crashsym.toml"}
    )


@pytest.mark.parametrize("change", EVIL, ids=str)
def test_no_name_leads_elsewhere_on_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    bench = Bench(tmp_path, 2)
    renamed(bench, **change)
    with PutServer() as server:
        bench.target("http", f"{server.url}/base")
        assert bench.run() == 3
        assert all(one.path.startswith("/base/lib1.so/") for one in server.account.requests)


NAMES = ("lib stdc++.so", "größe.so", 'a"b', "a%2Fb", "a?b#c", "..a", "-a", "a;b&c=d")


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_arrive_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    bench = Bench(tmp_path, 1)
    renamed(bench, debug_file=name)
    module = bench.manifest.modules[0]
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify") == 0, capsys.readouterr().err
        assert set(server.kept) == {f"{name}/{module.debug_id}/{name}.sym"}


# -- folders

UNPACKED: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def store(bench: Bench, *more: str) -> Path:
    """Make the target a folder and return that."""
    folder = bench.folder / "out"
    lines = ["[target.server]", 'kind = "store"', f'path = "{folder}"', *more, ""]
    (bench.folder / "crashsym.toml").write_text("\n".join(lines))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


@pytest.mark.parametrize("compress", UNPACKED)
def test_a_folder_has_what_the_store_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], compress: str
) -> None:
    bench = Bench(tmp_path, 3)
    ours = files(bench.store)
    folder = store(bench, f'compress = "{compress}"')
    assert bench.run("upload", "--verify") == 0
    theirs = files(folder)
    assert {name: UNPACKED[compress](data) for name, data in theirs.items()} == ours
    assert bench.run() == 0
    assert "3 already there" in capsys.readouterr().err


@pytest.mark.parametrize("compress", UNPACKED)
@pytest.mark.parametrize("damage", [b"", b"other", None, "cut", "flip"])
def test_what_is_damaged_in_a_folder_is_said_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], compress: str, damage: bytes | str | None
) -> None:
    bench = Bench(tmp_path, 2)
    folder = store(bench, f'compress = "{compress}"')
    assert bench.run("upload", "--verify") == 0
    victim = folder / str(bench.symbol_file(0).relative_to(bench.store))
    whole = victim.read_bytes()
    if damage is None:
        victim.unlink()
    elif damage == "cut":
        victim.write_bytes(whole[:-9])
    elif damage == "flip":
        middle = len(whole) // 2
        victim.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    elif isinstance(damage, bytes):
        victim.write_bytes(damage)
    left = victim.read_bytes() if damage is not None else None
    assert bench.run("verify") == 3
    assert "1 of 2 files are there" in capsys.readouterr().err
    if damage is None:
        assert bench.run("upload", "--verify") == 0
        assert victim.read_bytes() == whole
    else:
        assert bench.run("upload") == 3
        assert "has other bytes; they are kept" in capsys.readouterr().err
        assert victim.read_bytes() == left
