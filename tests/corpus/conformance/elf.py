# SPDX-License-Identifier: MIT
"""What the generator of facts must know of an ELF file, as ``readelf`` prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from corpus.build import run

_SEGMENT = re.compile(r"  LOAD\s+0x[0-9a-f]+ 0x([0-9a-f]+) ")
_SECTION = re.compile(
    r"  \[ *\d+\] (\S+)\s+(\S+)\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+ +(\w*X\w*) "
)
_SYMBOL = re.compile(
    r" *\d+: ([0-9a-f]+) +(0x[0-9a-f]+|\d+) (?:FUNC|IFUNC|<OS specific>: 10) +\w+ +\w+ .*?(\d+) \S"
)
_ENTRY = re.compile(r"Entry point address: +0x([0-9a-f]+)")
_BUILD_ID = re.compile(r"Build ID: ([0-9a-f]+)")
_MACHINE = re.compile(r"Machine: +(\S.*)")


@dataclass(frozen=True)
class ElfFile:
    """The layout of ``path``; addresses as the file was linked.

    ``base`` is the address of the first loaded segment: symbol files and facts count from it.
    ``code`` are the sections with code and ``functions`` the function symbols with a size, both as
    half-open ranges; bit 0 of an ARM symbol, which says Thumb, is cleared.
    """

    path: Path
    machine: str
    build_id: str
    base: int
    entry: int
    code: tuple[tuple[int, int], ...]
    functions: tuple[tuple[int, int], ...]

    def code_addresses(self) -> list[int]:
        """Every address in a section with code, ascending."""
        return sorted({address for begin, end in self.code for address in range(begin, end)})


@lru_cache(maxsize=8)
def read_elf(path: Path) -> ElfFile:
    """Read the layout of ``path``.

    Raises:
        ValueError: it has no loaded segment, or no build id.
    """
    text = run(["readelf", "-W", "-h", "-l", "-S", "-n", "-s", str(path)])
    machine, build_id, entry = (p.search(text) for p in (_MACHINE, _BUILD_ID, _ENTRY))
    loads = _SEGMENT.findall(text)
    if not (machine and build_id and entry and loads):
        raise ValueError(f"{path}: no loaded segment or no build id. Link it with --build-id.")
    # Bit 0 of an ARM function symbol, or of the entry, is no part of the address.
    mask = ~1 if machine[1] == "ARM" else ~0
    return ElfFile(
        path,
        machine[1],
        build_id[1],
        int(loads[0], 16),
        int(entry[1], 16) & mask,
        tuple(_sections(text)),
        tuple(_functions(text, mask)),
    )


def _sections(text: str) -> list[tuple[int, int]]:
    found = []
    for match in filter(None, map(_SECTION.match, text.splitlines())):
        begin = int(match[3], 16)
        found.append((begin, begin + int(match[4], 16)))
    return found


def _functions(text: str, mask: int) -> list[tuple[int, int]]:
    found = set()
    for match in filter(None, map(_SYMBOL.match, text.splitlines())):
        begin, size = int(match[1], 16) & mask, int(match[2], 0)
        if size:
            found.add((begin, begin + size))
    return sorted(found)
