# SPDX-License-Identifier: MIT
"""A store keeps what its releases need, and all that is none of its own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from builders.releases import Releases, contents, places, write
from builders.symbolstore import add
from builders.uploading import shown
from crashsym.errors import ConfigError, ManifestError
from crashsym.manifest import Manifest
from crashsym.upload.items import DEBUG, KINDS, SYMBOLS, Item
from crashsym.upload.layouts import DEPTH, LAYOUTS, SHAPES
from crashsym.upload.prune import prune
from hypothesis import given, settings
from hypothesis import strategies as st
from support import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "docs/reference/crashsym-prune-1.schema.json").read_bytes())
DEBUG_ID, BUILD_ID = "20AD60B0B4C68177552708AA192E77390", "b060ad20c6b47781552708aa192e7739fac7c84a"
FOREIGN = (
    "README",
    "index/README",
    ".crashsym-uploads/0123.jsonl",
    f".crashsym-1/{DEBUG_ID}/.crashsym-1.sym",
    f"lib.so/{DEBUG_ID}/other.so.sym",
    f"lib.so/{DEBUG_ID}/lib.so.sym.gz",
    f"lib.so/{DEBUG_ID.lower()}/lib.so.sym",
    f"lib.so/{DEBUG_ID[:32]}/lib.so.sym",
    f"lib.pdb/{DEBUG_ID}/lib.sym",
    f"deep/lib.so/{DEBUG_ID}/lib.so.sym",
    f"lib.so/{DEBUG_ID}/lib.so.sym/file",
    f"b0/{BUILD_ID[2:]}/executable",
    f"b0/{BUILD_ID[3:]}/breakpad",
    f"B0/{BUILD_ID[2:].upper()}/debuginfo",
    f"buildid/{BUILD_ID}/executable",
    f".build-id/b0/{BUILD_ID[2:]}",
    f"_.debug/elf-buildid-{BUILD_ID}/_.debug",
)


@pytest.fixture(params=LAYOUTS)
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Releases:
    return Releases(tmp_path, request.param)


@pytest.fixture
def some(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


numbers = st.sets(st.integers(0, 9), min_size=1)


@settings(max_examples=80, deadline=None)
@given(
    layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 2),
    kept=st.lists(numbers, min_size=1, max_size=3),
    stored=numbers,
    kinds=st.sampled_from([KINDS, (SYMBOLS,), (DEBUG,)]),
    foreign=st.sets(st.sampled_from(FOREIGN)),
)
def test_exactly_what_is_needed_and_what_is_foreign_stays(
    layouts: tuple[str, str],
    kept: list[set[int]],
    stored: set[int],
    kinds: Sequence[str],
    foreign: set[str],
) -> None:
    layout, other = layouts
    with tempfile.TemporaryDirectory() as name:
        releases = Releases(Path(name), layout)
        files = dict.fromkeys(foreign, b"foreign")
        for place in places(other, releases.modules(0, 1)):
            if not SHAPES[layout].fullmatch(place):
                files[place] = b"of another layout"
        write(releases.store, files)
        files |= releases.fill(*stored, kinds=kinds)
        manifests = [releases.release("-".join(map(str, sorted(one))), *one) for one in kept]
        needed = set().union(*(releases.places(*one) for one in kept))
        usable = all(releases.places(*one) & set(files) for one in kept)
        expected = {
            place: data
            for place, data in files.items()
            if not usable or place in needed | foreign or not SHAPES[layout].fullmatch(place)
        }
        if usable:
            done = releases.prune(*manifests)
            assert not done.failed
            assert {file.place for file in done.removed} == set(files) - set(expected)
            assert done.kept == len(needed & set(files))
        else:
            with pytest.raises(ConfigError, match="Nothing was removed"):
                releases.prune(*manifests)
        assert contents(releases.store) == expected


names = st.text(min_size=1).filter(
    lambda text: not set(text) & {"/", "\0"} and text not in (".", "..")
)


@given(
    name=names,
    debug_id=st.text("0123456789ABCDEF", min_size=33, max_size=40),
    build_id=st.binary(min_size=2, max_size=64),
    kind=st.sampled_from(KINDS),
)
def test_all_places_of_a_layout_have_its_shape(
    name: str, debug_id: str, build_id: bytes, kind: str
) -> None:
    item = Item(kind, None, "", "", name, debug_id, build_id.hex(), "", ())
    for layout, place_of in LAYOUTS.items():
        place = place_of(item)
        if place is not None:
            assert SHAPES[layout].fullmatch(place)
            assert place.count("/") + 1 == DEPTH


def test_every_layout_has_a_shape() -> None:
    assert set(SHAPES) == set(LAYOUTS)


# -- what it says


def test_it_prints_what_it_removes(each: Releases, capsys: pytest.CaptureFixture[str]) -> None:
    files = each.fill(1, 2, 3)
    kept = each.release("kept", 1)
    gone = set(files) - each.places(1)
    size = sum(len(files[place]) for place in gone)
    assert each.run("--keep", kept, "--dry-run") == 0
    shown_first = capsys.readouterr()
    assert contents(each.store) == files
    said = f"{len(files) - len(gone)} files kept".replace("1 files", "1 file")
    assert f"{said}, {len(gone)} to be removed ({size} bytes), 0 missing" in shown_first.err
    assert each.run("--keep", kept) == 0
    printed = capsys.readouterr()
    assert printed.out == shown_first.out
    assert set(printed.out.splitlines()) == gone
    assert f"{said}, {len(gone)} removed ({size} bytes), 0 missing" in printed.err
    assert set(contents(each.store)) == each.places(1)
    assert each.run("--keep", kept) == 0
    assert capsys.readouterr().out == ""


def test_the_document(some: Releases, capsys: pytest.CaptureFixture[str]) -> None:
    some.fill(1, 2)
    (missing,) = some.places(3)
    assert some.run("--keep", some.release("a", 1), some.release("b", 1, 3), "--json") == 3
    document = shown(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    (removed,) = some.places(2)
    assert document == {
        "schema": "crashsym-prune/1",
        "complete": False,
        "layout": "breakpad",
        "dry_run": False,
        "kept": 1,
        "newer": 0,
        "bytes": len(removed),
        "removed": [removed],
        "missing": [{"paths": ["/usr/lib/lib3.so"], "places": [missing]}],
        "failed": [],
    }


def test_no_empty_folder_is_left_of_what_was_removed(each: Releases) -> None:
    each.fill(1, 2)
    (each.store / "empty/folder").mkdir(parents=True)
    assert each.run("--keep", each.release("kept", 1)) == 0
    folders = {file.parent for file in each.store.rglob("*") if file.is_file()}
    folders |= {folder.parent for folder in folders} | {each.store / "empty/folder"}
    folders |= {each.store / "empty", each.store.parent}
    assert {file for file in each.store.rglob("*") if file.is_dir()} <= folders


def test_what_is_needed_and_not_there_is_said(
    some: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    some.fill(1, 2)
    assert some.run("--keep", some.release("kept", 1, 5, 6)) == 3
    said = capsys.readouterr().err
    for number in (5, 6):
        (place,) = some.places(number)
        assert f"missing: /usr/lib/lib{number}.so: the store has no '{place}'" in said
    assert "1 file kept, 1 removed" in said


@pytest.mark.parametrize("kind", KINDS)
def test_symbols_or_a_debug_file_are_enough(tmp_path: Path, kind: str) -> None:
    releases = Releases(tmp_path, "unified")
    releases.fill(1, 2, kinds=(kind,))
    assert not releases.prune(releases.release("1-2", 1, 2)).missing
    assert len(releases.prune(releases.release("1-2-3", 1, 2, 3)).missing) == 1


def test_a_module_without_lines_misses_no_debug_file(tmp_path: Path) -> None:
    releases = Releases(tmp_path, "debuginfod")
    releases.fill(1)
    plain = add(tmp_path / "made", 2)
    kept = {tmp_path / "kept": Manifest.of([*releases.modules(1), plain])}
    assert not prune(releases.store, "debuginfod", kept).missing


# -- what is none


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"schema": "other"}',
        '{"schema": "crashsym-manifest/1"}',
        '{"schema": "crashsym-manifest/1", "modules": [1]}',
        '{"schema": "crashsym-manifest/1", "modules": []}',
        None,
    ],
)
def test_nothing_is_removed_by_a_manifest_that_is_none(
    some: Releases, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    files = some.fill(1, 2)
    if text is not None:
        (some.folder / "bad.json").write_text(text)
    good = some.release("good", 1)
    assert some.run("--keep", good, "--keep", some.folder / "bad.json") == 2
    assert str(some.folder / "bad.json") in capsys.readouterr().err
    assert contents(some.store) == files


def test_a_manifest_without_symbols_keeps_nothing_and_is_an_error(some: Releases) -> None:
    files = some.fill(1, 2)
    bare = [replace(module, symbols=None) for module in some.modules(1)]
    with pytest.raises(ManifestError, match=r"not one of its modules has symbols\. Nothing was"):
        prune(some.store, "breakpad", {Path("m"): Manifest.of(bare)})
    assert contents(some.store) == files


def test_files_of_modules_without_symbols_are_kept(each: Releases) -> None:
    files = each.fill(1, 2)
    (bare,) = (replace(module, symbols=None, status="conflict") for module in each.modules(1))
    done = prune(each.store, each.layout, {Path("m"): Manifest.of([bare, *each.modules(2)])})
    assert not done.removed
    assert contents(each.store) == files


def test_the_store_of_another_release(each: Releases, capsys: pytest.CaptureFixture[str]) -> None:
    files = each.fill(1, 2)
    both = ("--keep", each.release("one", 1), each.release("other", 3))
    assert each.run(*both) == 2
    said = capsys.readouterr().err
    assert f"it has not one file that '{each.folder}/other.json' needs. Nothing was removed" in said
    assert contents(each.store) == files


def test_another_layout(some: Releases, capsys: pytest.CaptureFixture[str]) -> None:
    files = some.fill(1, 2)
    some.layout = "unified"
    assert some.run("--keep", some.release("kept", 1)) == 2
    assert "in the layout 'unified' it has not one file" in capsys.readouterr().err
    assert contents(some.store) == files


def test_no_store(some: Releases, capsys: pytest.CaptureFixture[str]) -> None:
    kept = some.release("kept", 1)
    some.store = some.folder / "none"
    assert some.run("--keep", kept) == 2
    assert f"cannot prune the store: '{some.store}': no such folder" in capsys.readouterr().err
    some.store = kept
    assert some.run("--keep", kept) == 2
    assert "it is no folder" in capsys.readouterr().err


EVIL = ("..", "../..", "/etc", ".", "", "a/b", "*", "../store/lib2.so", "\0", "\ud800")


@pytest.mark.parametrize("name", EVIL)
def test_names_of_a_hostile_manifest_do_nothing(some: Releases, name: str) -> None:
    files = some.fill(1, 2)
    (good,) = some.modules(1)
    assert good.symbols is not None
    evil = replace(
        good,
        debug_file=name,
        debug_id=name,
        build_id=name,
        symbols=replace(good.symbols, path=name),
    )
    done = prune(some.store, "breakpad", {Path("m"): Manifest.of([good, evil])})
    assert {file.place for file in done.removed} == some.places(2)
    assert set(contents(some.store)) == set(files) - some.places(2)


def test_a_name_that_is_no_text_is_kept(some: Releases) -> None:
    some.fill(1)
    name = os.fsdecode(b"lib\xff.so")
    place = f"{name}/{DEBUG_ID}/{name}.sym"
    write(some.store, {place: b"x"})
    module = replace(some.modules(1)[0], debug_file="lib\\xff.so", debug_id=DEBUG_ID)
    Manifest.of([module, *some.modules(1)]).write(some.folder / "kept.json")
    assert some.run("--keep", some.folder / "kept.json") == 0
    assert (some.store / place).exists()
