# SPDX-License-Identifier: MIT
"""Root file systems with many ELF files, made of a few: copies with build ids of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from elftools.elf.elffile import ELFFile

_NOTE_HEADER = 16  # bytes, with the name "GNU"


def copied(sources: Iterable[tuple[Path, int]], root: Path) -> int:
    """Copy each source so many times below ``root``; return the bytes of all."""
    folder = root / "usr/lib"
    folder.mkdir(parents=True)
    number = size = 0
    for source, times in sources:
        data = bytearray(source.read_bytes())
        place, length = _build_id(source)
        for _ in range(times):
            number += 1
            data[place : place + length] = number.to_bytes(length, "little")
            (folder / f"lib{number:04}.so").write_bytes(data)
        size += len(data) * times
    return size


def _build_id(file: Path) -> tuple[int, int]:
    """Return where in a file its build id is, and how long."""
    with file.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".note.gnu.build-id")
        assert section is not None
        return section["sh_offset"] + _NOTE_HEADER, section["sh_size"] - _NOTE_HEADER
