# SPDX-License-Identifier: MIT
"""The ELF header and the tables of sections and segments: both classes, both byte orders.

Every table is checked to lie in the file before it is read, and the names of sections are paid for
by a budget, since thousands can share one that is half a megabyte long. No limit but the size of
the file is set on the number of sections (SHN_XINDEX) and on offsets.

Source: gABI "ELF Header", "Section Header", "Program Header".
"""

from __future__ import annotations

import struct

from crashsym.bytesource import GIVE_ELF
from crashsym.elfnames import SECTION_TYPES
from crashsym.errors import MalformedError, NotElfError
from crashsym.reader import string_at
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.budget import Budget
    from crashsym.bytesource import ByteSource

_PN_XNUM = 0xFFFF
_SHN_XINDEX = 0xFFFF
_SHF_ALLOC, _SHF_EXECINSTR, _SHF_COMPRESSED = 0x2, 0x4, 0x800
# by class: the ELF header behind its identification, a section header, a program header
_HEADER = {1: "HHIIIIIHHHHHH", 2: "HHIQQQIHHHHHH"}
_SECTION = {1: "IIIIIIIIII", 2: "IIQQQQIIQQ"}
_SEGMENT = {1: "IIIIIIII", 2: "IIQQQQQQ"}
_TRUNCATED = "The file is truncated or damaged; make it anew."


class Header(Value):
    """The ELF header; ``bits`` is 32 or 64, ``order`` the byte order as in `struct`."""

    bits: int
    order: str
    type: int
    machine: int
    version: int
    entry: int
    program_offset: int
    section_offset: int
    flags: int
    size: int
    program_entry: int
    program_count: int
    section_entry: int
    section_count: int
    names_index: int


class Section(Value):
    """One section header; ``type`` is the name of it (``SHT_PROGBITS``), else the number in hex."""

    name: str
    type: str
    flags: int
    address: int
    file_offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int

    @property
    def has_bytes(self) -> bool:
        """Whether it occupies space in this file: SHT_NOBITS does not (the other half has it)."""
        return self.type != "SHT_NOBITS" and self.size > 0

    @property
    def allocated(self) -> bool:
        """Whether it occupies memory when the program runs."""
        return bool(self.flags & _SHF_ALLOC)

    @property
    def executable(self) -> bool:
        """Whether it is code in memory."""
        return self.flags & (_SHF_ALLOC | _SHF_EXECINSTR) == _SHF_ALLOC | _SHF_EXECINSTR

    @property
    def compressed(self) -> bool:
        """Whether its contents begin with a compression header."""
        return bool(self.flags & _SHF_COMPRESSED)


class Segment(Value):
    """One program header."""

    type: int
    flags: int
    file_offset: int
    address: int
    file_size: int
    memory_size: int


def read_tables(
    source: ByteSource, budget: Budget
) -> tuple[Header, tuple[Section, ...], tuple[Segment, ...]]:
    """Read all headers of an ELF file; ``budget`` pays for the names of the sections.

    Raises:
        NotElfError: it is something else.
        MalformedError: a table runs past the end of the file, or has entries of a wrong size.
    """
    header = _header(source)
    raw_sections = _raw_sections(source, header)
    segments = _segments(source, header, raw_sections)
    return header, _named(source, header, raw_sections, budget), segments


def _header(source: ByteSource) -> Header:
    ident = source.read(0, min(source.size, 16), "ELF header")
    if ident[:4] != b"\x7fELF":
        raise NotElfError(
            "cannot read",
            where=source.where,
            why="it does not begin with the ELF magic",
            remedy=GIVE_ELF,
        )
    layout = _HEADER.get(ident[4]) if len(ident) == 16 else None
    if len(ident) < 16:
        raise _damage(source, f"it has {source.size} bytes, less than an ELF header")
    if layout is None or ident[5] not in (1, 2):
        raise _damage(source, f"class {ident[4:5].hex()}, byte order {ident[5:6].hex()}")
    order = "<" if ident[5] == 1 else ">"
    packed = struct.Struct(order + layout)
    data = source.read(16, packed.size, "ELF header")
    return Header(32 * ident[4], order, *packed.unpack(data))


def _raw_sections(source: ByteSource, header: Header) -> list[tuple[int, ...]]:
    """Read the section headers; from 65 280 on their number is in the size of the first."""
    packed = struct.Struct(header.order + _SECTION[header.bits // 32])
    count = header.section_count
    if header.section_offset and not count:
        first = _table(source, "section", packed, (header.section_offset, 1, packed.size))
        count = first[0][5]
    if not header.section_offset:
        count = 0
    place = (header.section_offset, count, header.section_entry)
    return _table(source, "section", packed, place)


def _segments(
    source: ByteSource, header: Header, sections: list[tuple[int, ...]]
) -> tuple[Segment, ...]:
    """Read the program headers; from 65 535 on their number is in the first section's info."""
    packed = struct.Struct(header.order + _SEGMENT[header.bits // 32])
    count = header.program_count
    if count == _PN_XNUM:
        count = sections[0][7] if sections else 0
    place = (header.program_offset, count, header.program_entry)
    rows = _table(source, "program", packed, place)
    if header.bits == 64:
        return tuple(
            Segment(kind, flags, offset, address, file_size, memory_size)
            for kind, flags, offset, address, _, file_size, memory_size, _ in rows
        )
    return tuple(
        Segment(kind, flags, offset, address, file_size, memory_size)
        for kind, offset, address, _, file_size, memory_size, flags, _ in rows
    )


def _table(
    source: ByteSource, what: str, packed: struct.Struct, place: tuple[int, int, int]
) -> list[tuple[int, ...]]:
    """Unpack a header table; ``place`` is its offset, the number and the size of its entries."""
    offset, count, entry = place
    if not count:
        return []
    if entry != packed.size:
        raise _damage(source, f"{what} headers of {entry} bytes, wanted {packed.size}")
    return list(packed.iter_unpack(source.read(offset, count * entry, f"{what} headers")))


def _named(
    source: ByteSource, header: Header, rows: list[tuple[int, ...]], budget: Budget
) -> tuple[Section, ...]:
    if not rows:
        return ()
    index = rows[0][6] if header.names_index == _SHN_XINDEX else header.names_index
    if index >= len(rows):
        raise _damage(source, f"section names in section {index} of {len(rows)}")
    names = source.read(rows[index][4], rows[index][5], "section names") if index else b""
    found = []
    for row in rows:
        name = string_at(names, row[0])
        budget.spend(len(name) + 1, f"{source.where} section names")
        kind = SECTION_TYPES.get(row[1])
        if kind is None:
            kind = SECTION_TYPES.get((header.machine, row[1]), f"0x{row[1]:x}")
        text = name.decode("utf-8", "replace")
        found.append(Section(text, kind, *row[2:]))
    return tuple(found)


def _damage(source: ByteSource, why: str) -> MalformedError:
    return MalformedError("cannot read ELF", where=source.where, why=why, remedy=_TRUNCATED)
