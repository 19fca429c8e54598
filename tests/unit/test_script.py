# SPDX-License-Identifier: MIT
"""The command's own script, which ends without taking the interpreter apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from builders import elf
from support import REPOSITORY

SCRIPT = REPOSITORY / "bin" / "crashsym"
GOOD = b"MODULE Linux x86_64 000000000000000000000000000000000 a\nPUBLIC 10 0 f\n"


def run(
    start: list[str], folder: Path, words: str, stdout: int | IO[bytes] = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "lib")}
    return subprocess.run(
        [sys.executable, *start, *words.split()],
        cwd=folder,
        env=environment,
        check=False,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.so").write_bytes(elf.module())
    (tmp_path / "a.sym").write_bytes(GOOD)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--version",
        "--help",
        "dump root/a.so",
        "dump root/a.so -o out.sym",
        "dump gone",
        "dump a.sym",
        "lint a.sym",
        "lint a.sym gone",
        "extract root --store store --manifest m.json --json -j 1",
        "symbolicate --store store gone",
    ],
)
def test_it_does_what_the_module_does(folder: Path, words: str) -> None:
    found: list[object] = []
    for start in ([str(SCRIPT)], ["-m", "crashsym"]):
        place = shutil.copytree(folder, folder / str(len(found)), ignore=lambda *_: set("01"))
        done = run(start, place, words)
        files = {file.name: file.read_bytes() for file in place.rglob("*") if file.is_file()}
        found.append((done.returncode, done.stdout, done.stderr, files))
    assert found[0] == found[1]


def test_what_was_said_before_an_error_is_not_lost(folder: Path) -> None:
    done = run([str(SCRIPT)], folder, "lint a.sym gone")
    assert done.returncode == 2
    assert b"a.sym" in done.stdout


@pytest.mark.parametrize("words", ["--help", "lint a.sym", "lint a.sym gone", "dump root/a.so"])
def test_nobody_who_reads_is_no_bug(folder: Path, words: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = run([str(SCRIPT)], folder, words, stdout=write)
    finally:
        os.close(write)
    assert b"Traceback" not in done.stderr


def test_a_full_disk_is_said(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run([str(SCRIPT)], folder, "dump root/a.so", stdout=full)
    assert done.returncode == 2
    assert b"cannot write: 'standard output': No space left on device. Make room" in done.stderr
