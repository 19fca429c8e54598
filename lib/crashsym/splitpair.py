# SPDX-License-Identifier: MIT
"""A stripped file and its split debug file, as one."""

from __future__ import annotations

import zlib
from typing import Literal

from crashsym.elf import ElfFile, Symbol
from crashsym.errors import MismatchError

_CHUNK = 1 << 20


class SplitPair:
    """An ELF file and, where there is one, the split debug file that belongs to it.

    Each question goes to the half that can answer it: ``.eh_frame``, the SONAME and ``.text`` are
    empty in a debug half, ``.debug_*`` and ``.symtab`` are not in a stripped file.
    """

    def __init__(self, elf_file: ElfFile, split_debug: ElfFile | None = None) -> None:
        if split_debug is not None:
            check_halves(elf_file, split_debug)
        self.elf_file = elf_file
        self.split_debug = split_debug

    @property
    def halves(self) -> tuple[ElfFile, ...]:
        """Both files, the debug half first."""
        return (
            (self.split_debug, self.elf_file) if self.split_debug is not None else (self.elf_file,)
        )

    def holder(self, name: str) -> ElfFile | None:
        """Return the half that has the bytes of a section, or None."""
        return next((half for half in self.halves if half.has_bytes(name)), None)

    def function_symbols(self) -> list[Symbol]:
        """Return the function symbols of the fullest table that either half has."""
        for name in (".symtab", ".dynsym"):
            holder = self.holder(name)
            if holder is not None:
                return holder.function_symbols(name)
        return []


def check_halves(elf_file: ElfFile, split_debug: ElfFile) -> None:
    """Refuse a debug half that belongs to another build.

    Without build ids the two belong together if the checksum in ``.gnu_debuglink`` is that of the
    debug file, or if both have the same ``.text``.

    Raises:
        MismatchError: they do not belong together.
    """
    ours, theirs = elf_file.build_id, split_debug.build_id
    if elf_file.machine != split_debug.machine:
        why = f"made for {split_debug.machine}, wanted {elf_file.machine}"
    elif ours != theirs:
        why = f"build id {theirs or 'none'}, wanted {ours or 'none'}"
    elif ours is None and not (_linked(elf_file, split_debug) or _same(elf_file, split_debug)):
        why = "neither has a build id, and .gnu_debuglink does not vouch for it"
    else:
        return
    raise MismatchError(
        "cannot use the debug file",
        where=f"'{split_debug.path}' for '{elf_file.path}'",
        why=why,
        remedy="Use the debug file of the same build.",
    )


def _linked(elf_file: ElfFile, split_debug: ElfFile) -> bool:
    """Whether ``.gnu_debuglink`` has the checksum of the debug file.

    Source: GDB manual, "Debugging Information in Separate Files": name, padding, CRC-32.
    """
    link = elf_file.section_bytes(".gnu_debuglink")
    if len(link) < 4:
        return False
    order: Literal["little", "big"] = "little" if elf_file.little_endian else "big"
    checksum = 0
    for offset in range(0, split_debug.size, _CHUNK):
        size = min(_CHUNK, split_debug.size - offset)
        checksum = zlib.crc32(split_debug.file_bytes(offset, size, "contents"), checksum)
    return checksum == int.from_bytes(link[-4:], order)


def _same(elf_file: ElfFile, split_debug: ElfFile) -> bool:
    text = elf_file.section_bytes(".text")
    return bool(text) and text == split_debug.section_bytes(".text")
