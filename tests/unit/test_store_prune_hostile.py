# SPDX-License-Identifier: MIT
"""What is no file of a store though it lies there, what cannot be removed, and interruptions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders.releases import Releases, contents, time_passes, write
from crashsym.files import StagedFolder
from crashsym.upload.layouts import LAYOUTS

DEBUG_ID = "20AD60B0B4C68177552708AA192E77390"


@pytest.fixture
def some(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_links_and_what_is_no_file_stay(tmp_path: Path, layout: str) -> None:
    releases = Releases(tmp_path, layout)
    releases.fill(1)
    outside = tmp_path / "outside"
    for number, place in enumerate(sorted(releases.places(2, 3, 4))):
        file = releases.store / place
        file.parent.mkdir(parents=True, exist_ok=True)
        write(outside, {place: b"precious"})
        if number % 3 == 0:
            file.symlink_to(outside / place)
        elif number % 3 == 1:
            os.mkfifo(file)
        else:
            file.mkdir()
    for place in releases.places(5):
        write(outside, {place: b"precious"})
        first, second, _ = place.split("/")
        (releases.store / first).mkdir(exist_ok=True)
        if not (releases.store / first / second).is_symlink():
            (releases.store / first / second).symlink_to(outside / first / second)
    time_passes(releases.store)
    before, safe = sorted(releases.store.rglob("*")), contents(outside)
    done = releases.prune(releases.release("1", 1))
    assert (done.removed, done.newer, done.failed) == ([], 0, [])
    assert sorted(releases.store.rglob("*")) == before
    assert contents(outside) == safe


def test_a_folder_that_is_a_link_is_not_entered(some: Releases) -> None:
    some.fill(1)
    (place,) = some.places(2)
    outside = some.folder / "outside"
    write(outside, {place: b"precious"})
    first = place.split("/")[0]
    (some.store / first).symlink_to(outside / first)
    time_passes(some.store)
    done = some.prune(some.release("1", 1))
    assert (done.removed, done.newer, done.failed) == ([], 0, [])
    assert set(contents(outside)) == {place}


@pytest.mark.parametrize("name", [".crashsym-1", "lost+found"])
def test_folders_that_are_never_of_a_module_are_not_entered(some: Releases, name: str) -> None:
    some.fill(1)
    place = f"{name}/{DEBUG_ID}/{name}.sym"
    write(some.store, {place: b"x"})
    time_passes(some.store)
    assert not some.prune(some.release("1", 1)).removed
    assert (some.store / place).exists()


def test_the_store_itself_may_be_behind_a_link(some: Releases) -> None:
    some.fill(1, 2)
    link = some.folder / "link"
    link.symlink_to(some.store)
    some.store = link
    assert {file.place for file in some.prune(some.release("1", 1)).removed} == some.places(2)


# -- what cannot be done


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Do something without the rights of root; a folder becomes nobody's own."""
    if os.geteuid() != 0:
        yield
        return
    for file in (folder, *folder.rglob("*")):
        os.chown(file, 65534, 65534)
    time_passes(folder)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that anyone may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_what_cannot_be_removed_is_named_and_the_others_go(
    open_to_all: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    releases = Releases(open_to_all)
    releases.fill(1, 2, 3)
    kept = releases.release("kept", 1)
    stuck = releases.store / "lib2.so" / releases.modules(2)[0].debug_id  # type: ignore[operator]
    assert releases.run("--keep", kept, "--dry-run") == 0
    with as_nobody(open_to_all):
        stuck.chmod(mode)
        try:
            assert releases.run("--keep", kept) == 3
        finally:
            stuck.chmod(0o755)
    (place,) = releases.places(2)
    what = place if mode else place.rpartition("/")[0]
    assert f"failed: '{what}': Permission denied" in capsys.readouterr().err
    assert set(contents(releases.store)) == releases.places(1, 2)
    assert releases.run("--keep", kept) == 0
    assert set(contents(releases.store)) == releases.places(1)


@pytest.mark.parametrize(("mode", "says"), [(0o555, "cannot write"), (0o000, "cannot read")])
def test_a_store_without_rights(
    open_to_all: Path, capsys: pytest.CaptureFixture[str], mode: int, says: str
) -> None:
    releases = Releases(open_to_all)
    files = releases.fill(1, 2)
    kept = releases.release("kept", 1)
    assert releases.run("--keep", kept, "--dry-run") == 0
    with as_nobody(open_to_all):
        releases.store.chmod(mode)
        try:
            assert releases.run("--keep", kept) == 2
            assert releases.run("--keep", kept, "--dry-run") == (0 if mode else 2)
        finally:
            releases.store.chmod(0o755)
    assert f"{says}: '{releases.store}': Permission denied" in capsys.readouterr().err
    assert contents(releases.store) == files


@pytest.mark.parametrize("number", range(8))
def test_interrupted_anywhere_the_next_run_goes_on(
    some: Releases, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    some.fill(1, 2, 3, 4, 5)
    kept = some.release("kept", 1)
    calls = iter(range(1000))

    def breaking(call: Callable[..., None]) -> Callable[..., None]:
        def called(*args: object, **options: object) -> None:
            if next(calls) == number and options.get("dir_fd") is not None:
                raise KeyboardInterrupt
            call(*args, **options)

        return called

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", breaking(os.unlink))
        patch.setattr(os, "rmdir", breaking(os.rmdir))
        assert some.run("--keep", kept) in (130, 0)
    left = set(contents(some.store))
    assert some.places(1) <= left
    assert not list(some.store.glob(".crashsym-*"))
    assert some.run("--keep", kept) == 0
    assert set(contents(some.store)) == some.places(1)


def test_folders_of_uploads_that_were_killed_go_and_ledgers_stay(some: Releases) -> None:
    some.fill(1)
    ledger = some.store / ".crashsym-uploads/ledger.jsonl"
    write(some.store, {".crashsym-0123456789abcdef/data": b"half", str(ledger): b"{}"})
    with StagedFolder(some.store) as used:
        assert some.run("--keep", some.release("kept", 1)) == 0
        assert sorted(some.store.glob(".crashsym-*")) == sorted([ledger.parent, Path(used)])
    assert ledger.read_bytes() == b"{}"
