# SPDX-License-Identifier: MIT
"""The symbol store."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

import pytest
from crashsym.breakpad.records import ModuleRecord
from crashsym.errors import ConflictError, StoreError
from crashsym.files import StagedFolder
from crashsym.store import Store, StoreEntry

DEBUG_ID = "0403020106050807090A0B0C0D0E0F100"
MODULE = ModuleRecord("Linux", "arm64", DEBUG_ID, "libfoo.so.1", "01")
PLACE = Path("libfoo.so.1", DEBUG_ID, "libfoo.so.1.sym")


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def add(root: Path, data: bytes) -> StoreEntry:
    with StagedFolder(root) as folder:
        file = Path(folder, "new")
        file.write_bytes(data)
        return Store(root).add(MODULE, file)


def test_symbol_file_lies_where_stack_walkers_look(tmp_path: Path) -> None:
    entry = add(tmp_path, b"symbols")
    assert entry.new
    assert contents(tmp_path) == {str(PLACE): b"symbols"}


def test_same_bytes_again_are_nothing_new(tmp_path: Path) -> None:
    add(tmp_path, b"symbols")
    before = (tmp_path / PLACE).stat()
    assert not add(tmp_path, b"symbols").new
    assert (tmp_path / PLACE).stat().st_mtime_ns == before.st_mtime_ns


def test_other_bytes_for_the_same_id_are_refused_and_the_first_stay(tmp_path: Path) -> None:
    add(tmp_path, b"symbols")
    with pytest.raises(ConflictError, match="other bytes for the same id"):
        add(tmp_path, b"others")
    assert contents(tmp_path) == {str(PLACE): b"symbols"}


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / MODULE.debug_file).write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreError, match="cannot write"):
        add(tmp_path, b"symbols")
    assert list(contents(tmp_path)) == [MODULE.debug_file]


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path: Path) -> None:
    data = [bytes([65 + number]) * 100_000 for number in range(6)]
    context = get_context("fork")
    writers = [context.Process(target=add, args=(tmp_path, block)) for block in data]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(writer.exitcode or 0 for writer in writers) == [0, 1, 1, 1, 1, 1]
    found = contents(tmp_path)
    assert list(found) == [str(PLACE)]
    assert found[str(PLACE)] in data


def test_debug_ids_lists_the_builds_of_a_module(tmp_path: Path) -> None:
    add(tmp_path, b"symbols")
    assert Store(tmp_path).debug_ids("libfoo.so.1") == [DEBUG_ID]
    assert Store(tmp_path).debug_ids("libbar.so.1") == []
    assert Store(tmp_path).debug_ids("..") == []
