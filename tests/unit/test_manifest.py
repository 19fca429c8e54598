# SPDX-License-Identifier: MIT
"""Manifests: schema, reading, merging, finding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from builders import elf
from builders.encode import Format
from builders.manifests import SOURCE
from crashsym.coverage import Coverage
from crashsym.errors import ManifestError
from crashsym.manifest import (
    Counts,
    Manifest,
    Module,
    Receipt,
    Symbols,
    merge,
    module_document,
    read,
)
from crashsym.manifestfind import find
from support import REPOSITORY, crashsym

SCHEMA = json.loads((REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json").read_text())
APP = Module(
    path="/usr/bin/app",
    build_id="b060ad20c6b47781552708aa192e7739fac7c84a",
    debug_id="20AD60B0B4C68177552708AA192E77390",
    debug_file="app",
    arch="arm64",
    size=14480,
    sha256="1" * 64,
    recipe="app",
    version="1.0",
    package="app",
    source=SOURCE,
    symbols=Symbols(
        "app/20AD60B0B4C68177552708AA192E77390/app.sym",
        "0" * 64,
        Counts(1, 2, 3, 4, 5),
        Coverage(9, 1, 8, 7, 9),
    ),
    status="ok",
    reason=None,
    receipts=(Receipt("sentry", "17", "0" * 64),),
)
BLOB = Module(
    path="/opt/blob",
    build_id=None,
    debug_id="030201000504070608090A0B0C0D0E0F0",
    debug_file="blob",
    arch="arm",
    size=1,
    sha256=None,
    recipe=None,
    version=None,
    package=None,
    source=None,
    symbols=None,
    status="excused",
    reason="delivered without symbols",
)


def written(path: Path, *modules: Module) -> Path:
    Manifest.of(modules).write(path)
    return path


def test_manifest_follows_its_schema() -> None:
    document = json.loads(Manifest.of([APP, BLOB], {"image": "core-image"}).to_bytes())
    jsonschema.validate(document, SCHEMA)
    assert [module["path"] for module in document["modules"]] == ["/opt/blob", "/usr/bin/app"]


def test_only_a_big_endian_module_has_an_alternate_debug_id(tmp_path: Path) -> None:
    other = "000102030405060708090A0B0C0D0E0F0"
    file = written(tmp_path / "m.json", APP, replace(BLOB, alternate_debug_id=other))
    document = json.loads(file.read_bytes())
    jsonschema.validate(document, SCHEMA)
    assert [m.get("alternate_debug_id", "absent") for m in document["modules"]] == [other, "absent"]
    for wanted in (other, other[:32], other.lower()):
        assert [m.path for m in find(read(file).modules, wanted)] == [BLOB.path]
    document["modules"][0]["alternate_debug_id"] = None
    file.write_text(json.dumps(document))
    with pytest.raises(ManifestError, match="alternate_debug_id"):
        read(file)


def test_the_manifest_of_a_tree_has_both_ids_of_big_endian_modules(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for name, little in (("big.so", False), ("little.so", True)):
        fmt = Format(64, little)
        data = elf.module(*elf.symbol_table(fmt, [b"f"]), machine=21, fmt=fmt)  # PPC64
        (tmp_path / "root" / name).write_bytes(data)
    options = ("--store", tmp_path / "store", "--manifest", tmp_path / "m.json")
    crashsym("extract", tmp_path / "root", *options)
    modules = read(tmp_path / "m.json").modules
    ids = {m.debug_file: (m.debug_id, m.alternate_debug_id) for m in modules}
    swapped = "0403020106050807090A0B0C0D0E0F100"
    other = "0102030405060708090A0B0C0D0E0F100"
    assert ids == {"big.so": (swapped, other), "little.so": (swapped, None)}


def test_schema_refuses_what_it_does_not_know() -> None:
    document = json.loads(Manifest.of([APP]).to_bytes())
    document["modules"][0]["time"] = "now"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert read(written(tmp_path / "m.json", APP, BLOB)) == Manifest((BLOB, APP))


def test_merge_keeps_one_of_equal_modules() -> None:
    other = replace(APP, path="/usr/bin/other")
    merged = merge([Manifest((APP, other)), Manifest((BLOB,)), Manifest((APP,))])
    assert merged.modules == (BLOB, APP, other)


def test_merge_does_not_depend_on_the_order() -> None:
    parts = [Manifest((APP,)), Manifest((BLOB,)), Manifest((replace(APP, package="app-b"),))]
    assert merge(parts).to_bytes() == merge(reversed(parts)).to_bytes()


def test_merge_refuses_two_different_symbol_files_of_one_name() -> None:
    assert APP.symbols is not None
    other = replace(APP, recipe="app2", symbols=replace(APP.symbols, sha256="1" * 64))
    with pytest.raises(ManifestError, match="'/usr/bin/app' of app2: two different symbol files"):
        merge([Manifest((APP,)), Manifest((other,))])


def test_a_module_alone_is_as_the_schema_has_it() -> None:
    assert APP.alternate_debug_id is None
    assert "alternate_debug_id" not in module_document(APP)
    alone = json.loads(json.dumps(module_document(APP)))
    assert alone in json.loads(Manifest((APP, BLOB)).to_bytes())["modules"]


@pytest.mark.parametrize(
    "identifier",
    [
        "b060ad20c6b47781552708aa192e7739fac7c84a",
        "B060AD20C6B47781",
        "20AD60B0B4C68177552708AA192E77390",
        "20ad60b0-b4c6-8177-5527-08aa192e7739",
    ],
)
def test_find_takes_build_id_and_debug_id_in_all_their_spellings(identifier: str) -> None:
    assert find((APP, BLOB), identifier) == [APP]


@pytest.mark.parametrize("identifier", ["", "b060ad2", "060ad20c6b4", "ap", "usr/bin/app"])
def test_find_does_not_guess(identifier: str) -> None:
    assert find((APP, BLOB), identifier) == []


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "schema is None"),
        ('{"schema": "crashsym-manifest/2", "modules": []}', "'crashsym-manifest/2'"),
        ('{"schema": "crashsym-manifest/1"}', "'modules'"),
        ('{"schema": "crashsym-manifest/1", "modules": [{}]}', "other keys"),
        ('{"schema": "crashsym-manifest/1", "modules": 1}', "not follow its schema"),
        ('{"schema": "crashsym-manifest/1", "modules": [], "build": 1}', "build is 1"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, fact: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ManifestError, match=fact):
        read(tmp_path / "m.json")


def test_module_with_a_value_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    text = Manifest.of([APP]).to_bytes().replace(b'"size": 14480', b'"size": "large"')
    (tmp_path / "m.json").write_bytes(text)
    with pytest.raises(ManifestError, match="size of a module is 'large'"):
        read(tmp_path / "m.json")


def test_a_file_without_end_is_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "m.json", APP)
    monkeypatch.setattr("crashsym.manifest._LARGEST", file.stat().st_size)
    assert read(file).modules == (APP,)
    monkeypatch.setattr("crashsym.manifest._LARGEST", 1000)
    for endless in (file, Path("/dev/zero")):
        with pytest.raises(ManifestError, match="it has more than 1000 bytes"):
            read(endless)


@pytest.mark.parametrize("identifier", ["b060ad20", "B060AD20C6B47781552708AA192E7739FAC7C84A"])
def test_a_build_id_in_upper_case_is_found(identifier: str) -> None:
    upper = replace(APP, build_id="B060AD20C6B47781552708AA192E7739FAC7C84A")
    assert find([upper], identifier) == [upper]


@pytest.mark.parametrize("half", ['"\\ud800"', '"\\uD800"', '"\xed\xa0\x80"'])
def test_half_a_character_is_written_out(tmp_path: Path, half: str) -> None:
    text = Manifest.of([APP]).to_bytes().decode().replace('"/usr/bin/app"', half)
    (tmp_path / "m.json").write_bytes(text.encode("latin-1"))
    manifest = read(tmp_path / "m.json")
    assert manifest.modules[0].path == "\\ud800"
    assert Manifest.of(manifest.modules).to_bytes()


def test_a_line_of_find_is_one_line(tmp_path: Path) -> None:
    odd = replace(APP, path="/a\x1b[31m\nFAKE", recipe="caf\xe9\udce4", source=None)
    Manifest.of([odd]).write(tmp_path / "m.json")
    done = crashsym("manifest", "find", "b060ad20", tmp_path / "m.json")
    assert done.stdout.count(b"\n") == 1
    assert rb"/a\x1b[31m\nFAKE  caf" in done.stdout
    assert done.stdout.isascii() or "caf\xe9\\xe4" in done.stdout.decode()


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('"build": {"a": NaN}, "modules": []', "it is no JSON (NaN is no number)"),
        ('"build": {"a": -Infinity}, "modules": []', "it is no JSON (-Infinity is no number)"),
        ('"build": {"a": 1e999}, "modules": []', "it is no JSON (1e999 is no number)"),
        ('"modules": ""', "it does not follow its schema (modules is '')"),
        ('"modules": {}', "it does not follow its schema (modules is a dict)"),
    ],
)
def test_what_json_or_the_schema_lack_is_refused(tmp_path: Path, text: str, fact: str) -> None:
    (tmp_path / "m.json").write_text(f'{{"schema": "crashsym-manifest/1", {text}}}')
    with pytest.raises(ManifestError) as caught:
        read(tmp_path / "m.json")
    assert fact in str(caught.value)


def test_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file"):
        read(tmp_path / "none.json")
