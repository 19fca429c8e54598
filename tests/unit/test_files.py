# SPDX-License-Identifier: MIT
"""Where a finished file goes: into the place of another, or through what is there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from crashsym.errors import StoreError
from crashsym.files import StagedFolder, move_into_place, write_atomically
from support import missing

DATA = b"new bytes"


def moved(path: Path, data: bytes) -> None:
    with StagedFolder(path) as folder:
        file = Path(folder, "file")
        file.write_bytes(data)
        move_into_place(file, path)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


ways = pytest.mark.parametrize("way", [write_atomically, moved])
Way = Callable[[Path, bytes], None]


def device(path: Path, major: int, minor: int) -> Path:
    """Make a device like one of those in /dev."""
    try:
        os.mknod(path, 0o20666, os.makedev(major, minor))
        path.write_bytes(b"")
    except PermissionError:
        missing("The right to make device nodes", "Run the tests as root.")
    return path


@ways
def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path, way: Way) -> None:
    (tmp_path / "a").write_bytes(b"old")
    way(tmp_path / "a", DATA)
    way(tmp_path / "deep" / "b", DATA)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "deep" / "b").read_bytes() == DATA
    assert names(tmp_path) == ["a", "deep"]


@ways
def test_a_device_stays_a_device(tmp_path: Path, way: Way) -> None:
    null = device(tmp_path / "null", 1, 3)
    way(null, DATA)
    assert null.is_char_device()
    assert names(tmp_path) == ["null"]


@ways
def test_a_full_device_is_an_error_that_names_it(tmp_path: Path, way: Way) -> None:
    full = device(tmp_path / "full", 1, 7)
    with pytest.raises(StoreError, match=rf"'{full}': No space left on device\. Make room there"):
        way(full, DATA)
    assert full.is_char_device()
    assert names(tmp_path) == ["full"]


@ways
def test_a_pipe_is_written_to(tmp_path: Path, way: Way) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    way(pipe, DATA)
    reader.join(60)
    assert found == [DATA]
    assert pipe.is_fifo()


@ways
@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_leads_to_the_new_file(
    tmp_path: Path, way: Way, *, there: bool
) -> None:
    (tmp_path / "folder").mkdir()
    if there:
        (tmp_path / "folder" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("folder/file")
    way(tmp_path / "link", DATA)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == DATA
    assert names(tmp_path / "folder") == ["file"]


@ways
def test_a_link_to_a_device_is_written_through(tmp_path: Path, way: Way) -> None:
    null = device(tmp_path / "null", 1, 3)
    (tmp_path / "link").symlink_to("null")
    way(tmp_path / "link", DATA)
    assert null.is_char_device()
    assert (tmp_path / "link").is_symlink()


@ways
def test_links_in_a_circle_stay(tmp_path: Path, way: Way) -> None:
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(StoreError, match="Too many levels of symbolic links"):
        way(tmp_path / "link", DATA)
    assert (tmp_path / "link").is_symlink()


@ways
def test_a_folder_is_no_place_for_a_file(tmp_path: Path, way: Way) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        way(tmp_path / "folder", DATA)
    assert names(tmp_path / "folder") == []


@pytest.mark.parametrize("path", ["/dev/stdout", "/proc/self/fd/1"])
@pytest.mark.parametrize("output", ["pipe", "a file that has no name any more"])
def test_standard_output_has_a_path(tmp_path: Path, path: str, output: str) -> None:
    code = f"from crashsym.files import write_atomically; write_atomically('{path}', {DATA!r})"
    if output == "pipe":
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
        assert done.stdout == DATA
        return
    with (tmp_path / "out").open("w+b") as stream:
        (tmp_path / "out").unlink()
        subprocess.run([sys.executable, "-c", code], stdout=stream, check=True)
        assert stream.read() == DATA
    assert names(tmp_path) == []


def test_what_may_not_be_replaced_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(DATA)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("pipe", "link"):
        assert not move_into_place(tmp_path / "new", tmp_path / name, replace=False)
    assert move_into_place(tmp_path / "new", tmp_path / "file", replace=False)
    assert names(tmp_path) == ["file", "link", "new", "pipe"]
