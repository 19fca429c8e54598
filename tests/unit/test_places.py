# SPDX-License-Identifier: MIT
"""Places that the operating system refuses to look at: arguments, and words of a log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import elf
from crashsym.files import why_no_folder
from crashsym.store import Store
from crashsym.symbolicate import Symbolicator
from support import require_tool

LONG = "a" * 300
TREE = "--store s --manifest m"
# root without the rights that let it pass by the modes of files
USER = ("--bounding-set", "-dac_override,-dac_read_search")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two in it that nobody may look into."""
    for name in ("root", "closed", "closed/in", "store", "store/app"):
        (tmp_path / name).mkdir()
    (tmp_path / "root" / "app").write_bytes(elf.module())
    (tmp_path / "log").write_bytes(b"#0 app+0x4\n")
    for name in ("closed", "store/app"):
        (tmp_path / name).chmod(0)
    return tmp_path


def run(folder: Path, line: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as somebody who may not read everything."""
    command = [sys.executable, "-m", "crashsym", *line.split()]
    if os.geteuid() == 0:
        command = [require_tool("setpriv", "util-linux"), *USER, *command]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "line",
    [
        "extract {} " + TREE,
        "image {} " + TREE,
        "image root --pkgdata {} " + TREE,
        "image root --pkgdata . --installed {} " + TREE,
        "extract root --debug-root {} " + TREE,
        "extract root --store s --manifest {}",
        "symbolicate log --store {}",
        "dump root/app --debug-dir {}",
    ],
)
@pytest.mark.parametrize(
    ("place", "reason"),
    [(LONG, b"File name too long"), ("closed/in", b"Permission denied")],
    ids=["long", "closed"],
)
def test_a_place_that_cannot_be_looked_at_is_an_error(
    folder: Path, line: str, place: str, reason: bytes
) -> None:
    done = run(folder, line.format(place))
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_store_that_may_not_be_read_is_an_error(folder: Path) -> None:
    done = run(folder, "symbolicate log --store store")
    assert done.returncode == 2
    assert b"cannot read: 'store/app': Permission denied" in done.stderr


@pytest.mark.parametrize("name", [LONG, "a\0b", "x\ud800", "file/x"])
def test_a_module_that_no_file_can_be_called_has_no_symbols(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_bytes(b"")
    symbolicator = Symbolicator([Store(tmp_path)])
    assert list(symbolicator.lines([f"#1 {name}+0x12"])) == [f"#1 {name}+0x12"]
    assert list(symbolicator.outcome.missing.values()) == ["no symbols"]


def test_why_a_place_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    assert why_no_folder(tmp_path) == ""
    assert why_no_folder(tmp_path / "gone") == "no such folder"
    assert why_no_folder(tmp_path / "file") == "it is no folder"
    assert why_no_folder(tmp_path / "file" / "in") == "no such folder"
    assert why_no_folder(tmp_path / "loop") == os.strerror(40)
