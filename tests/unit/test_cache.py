# SPDX-License-Identifier: MIT
"""The cache: the same bytes are read once, and nothing else is taken for them."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import Mock

import pytest
from builders import elf
from builders.elf import Elf, Section
from builders.encode import Format
from crashsym import parallel
from crashsym.breakpad.module import ModuleRecord
from crashsym.cache import Cache, Known, file_digest
from crashsym.dump import DumpOptions
from crashsym.errors import StoreError
from crashsym.extract import Extraction, extract
from crashsym.files import StagedFolder
from crashsym.manifest import module_document
from crashsym.onefile import Recipe
from crashsym.sourcelinks import LinkedFolder, SourceLinks
from crashsym.store import Store
from crashsym.tree import HalfIndex, scan
from support import crashsym

OPTIONS = DumpOptions()
NAMES = ("a", "b", "c")


def module(number: int, *more: Section) -> bytes:
    """An ELF file with a build id of its own."""
    parts = (elf.code(), elf.build_id(Format(), bytes([number + 1] * 20)), *more)
    return Elf(parts, machine=elf.X86_64, format=Format()).build()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "root" / name).write_bytes(module(number))
    return tmp_path


def run(folder: Path, options: DumpOptions = OPTIONS, store: str = "store") -> Extraction:
    tree = scan(folder / "root", [], packages=False, exclude=())
    cache = Cache(folder / "cache")
    halves = HalfIndex(tree.halves)
    target = Store(folder / store)
    return extract(tree, halves, target, Recipe("r", "1"), options, jobs=1, cache=cache)


def outcome(result: Extraction) -> tuple[bytes, list[Any]]:
    return result.manifest.to_bytes(), result.findings


def test_what_was_read_once_is_known(folder: Path) -> None:
    first, second = run(folder), run(folder)
    assert (first.known, second.known) == (0, 3)
    assert outcome(first) == outcome(second)
    assert (first.new, second.new) == (3, 0)


def test_a_store_is_filled_from_the_cache(folder: Path) -> None:
    first, second = run(folder), run(folder, store="other")
    assert (second.known, second.new) == (3, 3)
    for entry in first.manifest.modules:
        assert entry.symbols is not None
        path = entry.symbols.path
        assert (folder / "store" / path).read_bytes() == (folder / "other" / path).read_bytes()


def test_a_symbol_file_takes_its_space_once(folder: Path) -> None:
    entry = run(folder).manifest.modules[0]
    assert entry.symbols is not None
    assert (folder / "store" / entry.symbols.path).stat().st_nlink == 2


def test_whose_a_file_is_may_change(folder: Path) -> None:
    run(folder)
    tree = scan(folder / "root", [], packages=False, exclude=())
    cache, store = Cache(folder / "cache"), Store(folder / "store")
    result = extract(tree, HalfIndex([]), store, Recipe("x", "2"), OPTIONS, jobs=1, cache=cache)
    assert result.known == 3
    assert {(entry.recipe, entry.version) for entry in result.manifest.modules} == {("x", "2")}


@pytest.mark.parametrize(
    "options",
    [
        DumpOptions(inlines=False),
        DumpOptions(cfi=False),
        DumpOptions(keep_suffixes=True),
        DumpOptions(strict=True),
        DumpOptions(links=SourceLinks.of([])),
    ],
)
def test_other_options_are_another_question(folder: Path, options: DumpOptions) -> None:
    run(folder)
    assert run(folder, options, "other").known == 0


def test_links_to_another_revision_are_another_question(folder: Path) -> None:
    links = [
        DumpOptions(links=SourceLinks.of([LinkedFolder("/src", "example.com/app", "", revision)]))
        for revision in ("12ab", "34cd")
    ]
    run(folder, links[0])
    assert run(folder, links[0], "other").known == 3
    assert run(folder, links[1], "other").known == 0


def test_another_file_and_another_name_are_other_questions(folder: Path) -> None:
    run(folder)
    (folder / "root" / "a").write_bytes(module(7))
    (folder / "root" / "b").rename(folder / "root" / "other")
    result = run(folder, store="other")
    assert result.known == 1
    assert [entry.debug_file for entry in result.manifest.modules] == ["a", "c", "other"]


def test_a_copy_elsewhere_is_known(folder: Path) -> None:
    run(folder)
    (folder / "root" / "copy").mkdir()
    (folder / "root" / "a").rename(folder / "root" / "copy" / "a")
    result = run(folder)
    assert result.known == 3
    assert [entry.path for entry in result.manifest.modules] == ["/b", "/c", "/copy/a"]
    assert {finding.path for finding in result.findings} == {"/b", "/c", "/copy/a"}


def _entries(folder: Path, kind: str) -> list[Path]:
    found = sorted((folder / "cache").rglob(f"*.{kind}"))
    assert len(found) == 3
    return found


@pytest.mark.parametrize("kind", ["sym", "json"])
@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff", None])
def test_a_damaged_entry_counts_as_not_there(folder: Path, kind: str, damage: bytes | None) -> None:
    first = run(folder)
    for entry in _entries(folder, kind):
        entry.unlink()
        if damage is not None:
            entry.write_bytes(damage)
    again = run(folder, store="other")
    assert again.known == 0
    assert outcome(again) == outcome(first)
    assert run(folder, store="third").known == 3


def test_a_file_with_a_debug_half_of_another_build_is_read_again(folder: Path) -> None:
    (folder / "root" / ".debug").mkdir()
    (folder / "root" / ".debug" / "a").write_bytes(module(9))
    first = run(folder)
    assert "mismatch" in {finding.code for finding in first.findings if finding.path == "/a"}
    assert run(folder).known == 2


def test_a_debug_half_that_appears_is_taken(folder: Path) -> None:
    run(folder)
    (folder / "root" / ".debug").mkdir()
    half = module(0, Section(".debug_info", b"\0" * 40))
    (folder / "root" / ".debug" / "a").write_bytes(half)
    result = run(folder, store="other")
    assert result.known == 2


def test_what_was_done_before_an_interruption_is_not_done_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = parallel.run

    def interrupted(*arguments: Any) -> Iterator[Any]:
        results = every(*arguments)
        if arguments[0].__name__ == "look_up":
            yield from results
        else:
            yield next(results)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("crashsym.extract.run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(folder)
    assert not list((folder / "store").rglob("*.sym"))
    assert run(folder).known == 1


def _change(folder: Path, **changes: Any) -> None:
    """Change what the entry of /a says."""
    for entry in _entries(folder, "json"):
        document = json.loads(entry.read_bytes())
        if document["module"]["debug_file"] == "a":
            entry.write_text(json.dumps({**document, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"record": ["Linux", "x86_64", "0" * 33, "a", ""]},
        {"record": ["Linux", "x86_64", "0" * 33, "../../out", ""]},
        {"record": ["Linux"]},
        {"findings": [["no-debug-info", 1, 2, 3]]},
        {"findings": [["crashed", "a", "b", "c"]]},
        {"findings": 5},
        {"others": [["/bin/true", "0"]]},
        {"others": [["/nothing/there", "0"]]},
        {"key": "ab"},
    ],
)
def test_an_entry_that_contradicts_itself_counts_as_not_there(
    folder: Path, changes: dict[str, Any]
) -> None:
    first = run(folder)
    _change(folder, **changes)
    again = run(folder, store="other")
    assert again.known == 2
    assert outcome(again) == outcome(first)


def test_an_entry_whose_names_lead_out_of_the_store_is_not_used(folder: Path) -> None:
    first = run(folder)
    entry = first.manifest.modules[0]
    wrong = replace(entry, debug_file="../../out")
    record = ["Linux", entry.arch, entry.debug_id, "../../out", ""]
    _change(folder, module=module_document(wrong), record=record)
    assert outcome(run(folder, store="other")) == outcome(first)
    assert not list(folder.rglob("out.sym"))


def test_swapped_entries_are_not_believed(folder: Path) -> None:
    first = run(folder)
    for kind in ("sym", "json"):
        one, other, _ = _entries(folder, kind)
        content = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.unlink()
        other.write_bytes(content)
    again = run(folder, store="other")
    assert again.known == 1
    assert outcome(again) == outcome(first)


def _as_fifo(entry: Path) -> None:
    os.mkfifo(entry)


def _as_link(entry: Path) -> None:
    entry.symlink_to(entry.with_suffix(".moved"))


def _as_nest(entry: Path) -> None:
    entry.write_bytes(b"[" * 200_000)


@pytest.mark.parametrize("kind", ["sym", "json"])
@pytest.mark.parametrize("make", [_as_fifo, _as_link, _as_nest])
def test_what_is_no_usual_file_counts_as_not_there(
    folder: Path, kind: str, make: Callable[[Path], None]
) -> None:
    first = run(folder)
    for entry in _entries(folder, kind):
        entry.rename(entry.with_suffix(".moved"))
        make(entry)
    again = run(folder, store="other")
    assert again.known == 0
    assert outcome(again) == outcome(first)
    assert not [path for path in (folder / "other").rglob("*") if path.is_symlink()]


def test_a_debug_half_of_the_same_build_id_and_size_is_read_again(folder: Path) -> None:
    half = folder / "root" / ".debug" / "a"
    half.parent.mkdir()
    half.write_bytes(module(0, Section(".comment", b"one")))
    run(folder)
    assert run(folder).known == 3
    half.write_bytes(module(0, Section(".comment", b"two")))
    assert run(folder, store="other").known == 2


def test_known_files_share_a_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder)
    started = Mock(side_effect=parallel._start)
    monkeypatch.setattr("crashsym.parallel._start", started)
    assert run(folder).known == 3
    assert started.call_count == 1


def test_files_on_which_looking_them_up_dies_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(folder)
    monkeypatch.setattr(Cache, "take", lambda *_: os._exit(9))
    second = run(folder)
    assert second.known == 0
    assert outcome(second) == outcome(first)


def test_a_cache_that_cannot_be_written_is_an_error(folder: Path) -> None:
    (folder / "cache").write_bytes(b"a file")
    with pytest.raises(StoreError, match="cannot write"):
        run(folder)


def test_the_command_says_how_much_was_known(folder: Path) -> None:
    places = ("--store", folder / "s", "--manifest", folder / "m", "--cache", folder / "cache")
    first = crashsym("extract", folder / "root", *places)
    assert b"known from the cache" not in first.stderr
    again = crashsym("extract", folder / "root", *places)
    assert b"; 3 of 3 files known from the cache" in again.stderr
    assert again.returncode == first.returncode


def test_an_entry_depends_on_the_other_files_that_were_read(folder: Path) -> None:
    cache = Cache(folder / "cache")
    symbols, other = folder / "x.sym", folder / "common.dwz"
    symbols.write_bytes(b"MODULE\n")
    other.write_bytes(b"1")
    entry = run(folder).manifest.modules[0]
    assert entry.symbols is not None
    entry = replace(entry, symbols=replace(entry.symbols, sha256=file_digest(symbols)))
    known = Known(entry, ModuleRecord("Linux", entry.arch or "", entry.debug_id or "", "a", ""), ())
    cache.keep("ab" * 32, known, [other], symbols)
    assert cache.take("ab" * 32, "/a", folder / "out") is not None
    assert cache.take("ab" * 32, "/a", folder / "out") is not None
    times = other.stat()
    other.write_bytes(b"2")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert cache.take("ab" * 32, "/a", folder / "out") is None
    other.unlink()
    assert cache.take("ab" * 32, "/a", folder / "out") is None


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "another file system"])
def test_a_process_that_is_killed_leaves_nothing_in_the_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    def die(self: Path, target: Path) -> Path:
        assert (self.is_relative_to(folder / "cache"), target.suffix) == (False, ".sym")
        os._exit(9)

    # each Linux has a file system of its own at /dev/shm; the folder's name is made up anew
    with TemporaryDirectory(dir="/dev/shm" if elsewhere else folder) as other:  # noqa: S108
        (folder / "cache").symlink_to(other)
        monkeypatch.setattr(Path, "replace", die)
        result = run(folder)
        assert [finding.code for finding in result.findings] == ["crashed"] * 3
        assert [file for file in Path(other).rglob("*") if file.is_file()] == []
        monkeypatch.undo()
        assert (run(folder).known, run(folder).known) == (0, 3)
        found = [file.name for file in Path(other).rglob("*") if file.is_file()]
        assert len(found) == 6
        assert not [name for name in found if name.endswith(".tmp")]


def _apart(source: Path, target: Path) -> Path:
    """Do what `Path.replace` does where the cache is on a file system of its own."""
    cache = next(folder for folder in target.parents if folder.name == "cache")
    if not source.is_relative_to(cache):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    os.replace(source, target)  # noqa: PTH105 - it stands in for Path.replace, so it cannot call that
    return target


def test_a_copy_that_a_killed_process_has_left_is_removed_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:10])
        os._exit(9)

    monkeypatch.setattr(Path, "replace", _apart)
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "copyfile", die)
        result = run(folder)
        assert [finding.code for finding in result.findings] == ["crashed"] * 3
        left = [file for file in (folder / "cache").rglob("*") if file.is_file()]
        assert [file.read_bytes() for file in left] == [b"MODULE Lin"]  # others are tidied away
        assert left[0].parent.name.startswith(".crashsym-")
    assert (run(folder).known, run(folder).known) == (0, 3)
    found = [file for file in (folder / "cache").rglob("*") if file.is_file()]
    assert sorted(file.suffix for file in found) == [".json"] * 3 + [".sym"] * 3
    assert not list((folder / "cache").glob(".*"))


def test_a_copy_that_another_process_makes_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", _apart)
    (folder / "cache").mkdir()
    with StagedFolder(folder / "cache") as other:
        run(folder)
        assert [file.name for file in (folder / "cache").glob(".*")] == [Path(other).name]
    assert run(folder).known == 3
