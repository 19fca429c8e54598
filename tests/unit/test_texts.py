# SPDX-License-Identifier: MIT
"""Names of files that are no UTF-8: each is one path, the same wherever it is named."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from builders import elf
from builders.encode import Format
from crashsym.errors import CrashsymError, visible
from crashsym.manifest import read
from crashsym.owners import Owners
from crashsym.texts import as_unicode, target_path
from hypothesis import given
from hypothesis import strategies as st
from support import crashsym

ODD = {b"x\xe4": r"/x\xe4", b"x\xf6": r"/x\xf6", rb"x\xe4": r"/x\x5cxe4", "ü\\y".encode(): "/ü\\y"}


def bytes_of(path: str) -> bytes:
    """Return the bytes of a path of a manifest, as the schema says."""
    return re.sub(
        rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), path.encode()
    )


@given(st.binary(max_size=9) | st.text("\\xe45cé").map(str.encode))
def test_a_path_on_the_target_can_be_taken_back(name: bytes) -> None:
    assert bytes_of(target_path(name.decode("utf-8", "surrogateescape"))) == name


@given(st.text())
def test_ordinary_paths_are_as_they_are(path: str) -> None:
    assert "\\x" in path or target_path(path) == path


def test_a_half_character_is_written_out() -> None:
    assert as_unicode("a\ud800\xe4\udce4") == "a\\ud800\xe4\\xe4"
    assert visible("a\n\x1b\udce4\xe4") == r"a\n\x1b\xe4" + "\xe4"
    assert str(CrashsymError("no", where="a\udce4")) == r"no: a\xe4"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    for number, name in enumerate(ODD):
        data = elf.module(elf.build_id(Format(), bytes([number] * 20)), elf.code())
        (tmp_path / "root" / os.fsdecode(name)).write_bytes(data)
    return tmp_path / "root"


def test_each_name_is_one_path_everywhere(root: Path) -> None:
    owned = root / "var/lib/dpkg/info"
    owned.mkdir(parents=True)
    (owned / "app.list").write_bytes(b"".join(b"/" + name + b"\n" for name in ODD))
    (owned.parent / "status").write_bytes(b"Package: app\nVersion: 1\n")
    places = ("--store", root.parent / "s", "--manifest", root.parent / "m")
    done = crashsym("image", root, *places, "--json")
    modules = read(root.parent / "m").modules
    assert {module.path for module in modules} == set(ODD.values())
    assert {module.package for module in modules} == {"app"}
    found = json.loads(done.stdout)["findings"]
    assert {one["path"] for one in found} == set(ODD.values())
    assert all(one["path"] in one["message"] for one in found)


def test_the_path_of_a_manifest_excludes_and_excuses(root: Path) -> None:
    places = ("--store", root.parent / "s", "--manifest", root.parent / "m")
    crashsym("extract", root, *places, "--exclude", os.fsdecode(b"/x\xe4"))
    paths = {module.path for module in read(root.parent / "m").modules}
    assert paths == {*ODD.values()} - {r"/x\xe4"}
    crashsym("extract", root, *places, "--exclude", r"/x\xf6")
    assert r"/x\xf6" not in {module.path for module in read(root.parent / "m").modules}


def test_package_data_names_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime/app.packaged").touch()
    # as OE writes it: JSON, then the codec unicode_escape
    text = json.dumps({"/x\udce4": 1}).encode("unicode_escape").decode()
    (tmp_path / "runtime/app").write_text(f"PN: a\nFILES_INFO:app: {text}\n")
    assert Owners.from_pkgdata(tmp_path).of(r"/x\xe4")


def test_a_log_names_the_file_that_the_manifest_has(tmp_path: Path) -> None:
    module: dict[str, object] = {"path": r"/x\xe4", "debug_id": "0" * 33, "debug_file": "x_"}
    rest = ("build_id", "arch", "sha256", "recipe", "version", "package", "source", "symbols")
    module |= dict.fromkeys((*rest, "reason")) | {"size": 1, "status": "ok", "receipts": []}
    document = {"schema": "crashsym-manifest/1", "modules": [module]}
    (tmp_path / "m").write_text(json.dumps(document))
    folder = tmp_path / "s" / "x_" / ("0" * 33)
    folder.mkdir(parents=True)
    symbols = f"MODULE Linux x86_64 {'0' * 33} x_\nFUNC 0 10 0 main\n"
    (folder / "x_.sym").write_text(symbols)
    places = ("--store", tmp_path / "s", "--manifest", tmp_path / "m")
    done = crashsym("symbolicate", *places, stdin=b"#0 /x\xe4+0x1\n")
    assert done.stdout == b"#0 /x\xe4+0x1 main\n"
