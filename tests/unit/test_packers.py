# SPDX-License-Identifier: MIT
"""Packed executables are told from all others, and have one finding."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from builders import elf, upx
from crashsym.elf import ElfFile
from crashsym.packers import packer_of
from support import crashsym, require_tool

PACKED = upx.pack(elf.module())


def found(tmp_path: Path, data: bytes) -> str | None:
    (tmp_path / "file").write_bytes(data)
    with ElfFile(tmp_path / "file") as file:
        return packer_of(file)


@pytest.mark.parametrize(
    "data",
    [
        PACKED,
        PACKED + b"a signature, or what an installer brings along",
        elf.module() + upx.trailer(5000, 3000),  # as of a library
    ],
)
def test_packed_files_are_known(tmp_path: Path, data: bytes) -> None:
    assert found(tmp_path, data) == "UPX"


@pytest.mark.parametrize(
    "data",
    [
        elf.module(),
        elf.module() + b"UPX!",
        elf.module() + b"UPX!" + bytes(range(32)),
        elf.module() + upx.trailer(5000, 3000) + b"\0",
        elf.module(elf.Section(".rodata", b"UPX!" + bytes(40))),
        elf.Elf((), (elf.Segment(),), header={"e_shoff": 0, "e_shnum": 0, "e_shstrndx": 0}).build(),
        PACKED[: len(PACKED) - 40].replace(b"UPX!", b"UPX?"),
    ],
)
def test_others_are_not(tmp_path: Path, data: bytes) -> None:
    assert found(tmp_path, data) is None


def test_the_packer_itself_is_not_packed(tmp_path: Path) -> None:
    """A program that has the magic in it, as UPX has."""
    source = 'const char magic[] = "UPX!UPX!"; int main(void) { return magic[0]; }'
    (tmp_path / "a.c").write_text(source)
    subprocess.run([require_tool("gcc"), "-s", "a.c", "-o", "a"], check=True, cwd=tmp_path)
    assert found(tmp_path, (tmp_path / "a").read_bytes()) is None


def test_a_packed_file_has_this_one_finding(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/app").write_bytes(PACKED)
    places = ("--store", tmp_path / "store", "--manifest", tmp_path / "m.json")
    done = crashsym("image", tmp_path / "root", *places, "--json")
    assert done.returncode == 3
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["code"], finding["level"]) == ("packed", "warning")
    assert "UPX has packed it" in finding["message"]
    (entry,) = json.loads((tmp_path / "m.json").read_bytes())["modules"]
    assert (entry["status"], entry["symbols"]) == ("packed", None)


def test_dump_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "app").write_bytes(PACKED)
    done = crashsym("dump", tmp_path / "app")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"UPX has packed it: the code that runs is not in the file" in done.stderr
