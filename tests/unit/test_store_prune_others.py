# SPDX-License-Identifier: MIT
"""Others who are at work in a store while it is pruned: uploads, and who knows what."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from builders.releases import Releases, contents, time_passes, write
from builders.uploading import LIB, Bench
from crashsym.errors import StoreError
from crashsym.files import HeldFolder, move_into_place
from crashsym.manifest import Manifest
from crashsym.upload.items import symbol_items
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.prune import prune


@pytest.fixture
def some(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


class Meanwhile(Mapping[Path, Manifest]):
    """A manifest; when it is looked at for the second time, something happens in the store.

    That is after its files were listed.
    """

    def __init__(self, manifest: Manifest, event: Callable[[], None]) -> None:
        self._manifest = manifest
        self._events = iter([lambda: None, event])

    def __iter__(self) -> Iterator[Path]:
        next(self._events, lambda: None)()
        return iter([Path("manifest.json")])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, file: Path) -> Manifest:
        return self._manifest


def test_a_file_that_comes_meanwhile_stays(some: Releases) -> None:
    some.fill(1, 2, 3)
    (place,) = some.places(2)

    def replaced() -> None:
        new = some.folder / "new"
        new.write_bytes(b"new")
        os.utime(new, (0, 0))  # as those that preserve times do it
        new.rename(some.store / place)

    kept = Meanwhile(Manifest.of(some.modules(1)), replaced)
    done = prune(some.store, "breakpad", kept)
    assert done.newer == 1
    assert {file.place for file in done.removed} == some.places(3)
    assert (some.store / place).read_bytes() == b"new"


def test_a_file_that_goes_meanwhile_is_nobody_s_failure(some: Releases) -> None:
    some.fill(1, 2, 3, 4)

    def removed() -> None:
        for number, place in enumerate(sorted(some.places(2, 3))):
            file = some.store / place
            file.unlink()
            if number:
                file.parent.rmdir()
                file.parent.parent.rmdir()

    kept = Meanwhile(Manifest.of(some.modules(1)), removed)
    done = prune(some.store, "breakpad", kept)
    assert (done.failed, done.newer) == ([], 0)
    assert {file.place for file in done.removed} == some.places(4)


def test_a_folder_that_becomes_a_link_meanwhile_is_not_entered(some: Releases) -> None:
    some.fill(1, 2)
    (place,) = some.places(2)
    outside = some.folder / "outside"
    write(outside, {place: b"precious"})
    time_passes(some.store)

    def linked() -> None:
        (some.store / "lib2.so").rename(some.folder / "away")
        (some.store / "lib2.so").symlink_to(outside / "lib2.so")

    kept = Meanwhile(Manifest.of(some.modules(1)), linked)
    done = prune(some.store, "breakpad", kept)
    assert [place for place, _ in done.failed] == [place.rpartition("/")[0]]
    assert contents(outside) == {place: b"precious"}


def start(line: Sequence[str]) -> subprocess.Popen[str]:
    """Begin a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "crashsym", *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": LIB},
    )


def waiting_for_a_lock(process: int) -> bool:
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {process} " in line for line in lines)


def test_an_upload_is_waited_for(some: Releases) -> None:
    files = some.fill(1, 2)
    line = ["store", "prune", "--store", str(some.store), "--keep", str(some.release("kept", 1))]
    with HeldFolder(some.store):
        child = start(line)
        assert child.stderr is not None
        said = child.stderr.readline()
        assert f"an upload into '{some.store}' is at work; waiting for it" in said
        assert contents(some.store) == files
    assert "1 file kept, 1 removed" in child.communicate(timeout=60)[1]
    assert child.returncode == 0


def test_an_upload_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    folder = tmp_path / "out"
    folder.mkdir()
    with HeldFolder(folder, alone=True):
        child = bench.start(to=f"store:{folder}")
        while not waiting_for_a_lock(child.pid) and child.poll() is None:
            pass
        assert child.poll() is None
        assert not list(folder.iterdir())
    assert "2 sent" in child.communicate(timeout=60)[1]


def test_two_uploads_do_not_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    (tmp_path / "out").mkdir()
    with HeldFolder(tmp_path / "out"):
        assert bench.run(to=f"store:{tmp_path}/out") == 0


def test_folders_that_are_removed_while_a_file_is_put_there(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    ended = threading.Event()
    left = 0  # how many folders may still be removed while one file is put there

    def remove() -> None:
        nonlocal left
        while not ended.is_set():
            for place in ("a/b", "a"):
                with suppress(OSError):
                    if left > 0:
                        (store / place).rmdir()
                        left -= 1

    thread = threading.Thread(target=remove)
    thread.start()
    try:
        for number in range(1500):
            source = tmp_path / f"source{number}"
            source.write_bytes(b"x")
            left = 5
            assert move_into_place(source, store / "a/b/file", replace=number % 2 == 0)
            (store / "a/b/file").unlink()
    finally:
        ended.set()
        thread.join()


def test_a_source_that_is_not_there_is_an_error_at_last(tmp_path: Path) -> None:
    for replacing in (True, False):
        with pytest.raises(StoreError, match="No such file"):
            move_into_place(tmp_path / "none", tmp_path / "a/b", replace=replacing)


def test_uploads_and_prunings_at_once(tmp_path: Path) -> None:
    """Uploads of a release that is kept, and prunings, again and again: all are told the truth."""
    bench = Bench(tmp_path, 30, 100)
    out = tmp_path / "out"
    assert bench.run(to=f"store:{out}") == 0
    old = Bench(tmp_path / "old", 60, 100)
    line = ["store", "prune", "--store", str(out), "--keep", str(tmp_path / "manifest.json")]
    for _ in range(3):
        assert old.run(to=f"store:{out}") == 0
        time_passes(out)
        for ledger in (tmp_path / "old/store/.crashsym-uploads").glob("*.jsonl"):
            ledger.unlink()
        children = [old.start(to=f"store:{out}"), bench.start("--verify", to=f"store:{out}")]
        children.append(start(line))
        said = [child.communicate(timeout=60)[1] for child in children]
        assert [child.returncode for child in children] == [0, 0, 0], said
        items, _ = symbol_items(bench.manifest.modules, bench.source)
        assert {str(LAYOUTS["breakpad"](item)) for item in items} <= set(contents(out))
