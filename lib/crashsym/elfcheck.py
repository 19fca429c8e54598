# SPDX-License-Identifier: MIT
"""What pyelftools takes on trust: that an ELF file's tables fit into the file.

It reads as many program headers as are claimed, even 2^32 of them out of 600 bytes, and builds the
name of every section, even if thousands share one that is half a megabyte long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crashsym.budget import Budget
from crashsym.errors import MalformedError
from crashsym.reader import Reader

_PN_XNUM = 0xFFFF
_SHN_XINDEX = 0xFFFF
# size of an entry: (section header, program header), by class
_ENTRY_SIZES = {1: (40, 32), 2: (64, 56)}
_TRUNCATED = "The file is truncated or damaged; make it anew."

ReadPiece = Callable[[int, int, str], bytes]


@dataclass(frozen=True, slots=True)
class _Header:
    """The fields of the ELF header that say where its tables are."""

    program_offset: int
    section_offset: int
    program_entry: int
    program_count: int
    section_entry: int
    section_count: int
    names_index: int


@dataclass(frozen=True, slots=True)
class _SectionHeader:
    name: int
    offset: int
    size: int
    link: int
    info: int


def check_tables(read_piece: ReadPiece, size: int, where: str, budget: Budget) -> None:
    """Refuse an ELF file whose header tables do not fit into its ``size`` bytes.

    ``read_piece`` returns bytes of the file by offset, size and what they are for; ``budget``
    pays for the names of the sections.

    Raises:
        MalformedError: a table runs past the end of the file, or has entries of a wrong size.

    Source: gABI "ELF Header", "Section Header", "Program Header".
    """
    ident = read_piece(0, min(size, 16), "ELF header")
    word = {b"\x01": 4, b"\x02": 8}.get(ident[4:5])
    if word is None or ident[5:6] not in (b"\x01", b"\x02"):
        raise _damage(where, f"class {ident[4:5].hex()}, byte order {ident[5:6].hex()}")
    reading = _Reading(read_piece, word, little_endian=ident[5] == 1)
    header = reading.header()
    section_size, program_size = _ENTRY_SIZES[ident[4]]
    first = None
    if header.section_offset:
        _fits("section headers", where, size, (header.section_offset, 1, section_size))
        first = reading.section(header.section_offset)
    section_count = header.section_count or (first.size if first else 0)
    program_count = header.program_count
    if program_count == _PN_XNUM:
        program_count = first.info if first else 0
    _entry_size("section", where, section_count, (header.section_entry, section_size))
    _entry_size("program", where, program_count, (header.program_entry, program_size))
    _fits("section headers", where, size, (header.section_offset, section_count, section_size))
    _fits("program headers", where, size, (header.program_offset, program_count, program_size))
    names = first.link if first and header.names_index == _SHN_XINDEX else header.names_index
    if 0 < names < section_count:
        places = [header.section_offset + n * section_size for n in range(section_count)]
        _check_names(reading, places, names, budget)


def _check_names(reading: _Reading, places: list[int], index: int, budget: Budget) -> None:
    table = reading.section(places[index])
    names = reading.read_piece(table.offset, table.size, "section names")
    for place in places:
        start = reading.section(place).name
        stop = names.find(b"\0", start)
        budget.spend(max((len(names) if stop < 0 else stop) - start, 1), "section names")


def _fits(what: str, where: str, size: int, table: tuple[int, int, int]) -> None:
    offset, count, entry = table
    if count and offset + count * entry > size:
        raise _damage(where, f"{what} end at 0x{offset + count * entry:x}, the file at 0x{size:x}")


def _entry_size(what: str, where: str, count: int, sizes: tuple[int, int]) -> None:
    found, wanted = sizes
    if count and found != wanted:
        raise _damage(where, f"{what} headers of {found} bytes, wanted {wanted}")


def _damage(where: str, why: str) -> MalformedError:
    return MalformedError("cannot read ELF", where=where, why=why, remedy=_TRUNCATED)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads headers of one class and byte order; ``word`` is 4 or 8."""

    read_piece: ReadPiece
    word: int
    little_endian: bool

    def _reader(self, offset: int, size: int, what: str) -> Reader:
        data = self.read_piece(offset, size, what)
        return Reader(data, little_endian=self.little_endian, where=what)

    def header(self) -> _Header:
        reader = self._reader(0, 40 + 3 * self.word, "ELF header")
        reader.take(24 + self.word)  # identification, type, machine, version, entry point
        program_offset, section_offset = reader.unsigned(self.word), reader.unsigned(self.word)
        reader.take(6)  # flags, size of this header
        return _Header(program_offset, section_offset, *(reader.unsigned(2) for _ in range(5)))

    def section(self, offset: int) -> _SectionHeader:
        reader = self._reader(offset, 24 + 4 * self.word, "section header")
        name = reader.unsigned(4)
        reader.take(4 + 2 * self.word)  # type, flags, address
        return _SectionHeader(
            name,
            reader.unsigned(self.word),
            reader.unsigned(self.word),
            reader.unsigned(4),
            reader.unsigned(4),
        )
