# SPDX-License-Identifier: MIT
"""The exception index of Arm, ``.ARM.exidx`` with ``.ARM.extab``: which code unwinds how.

Source: "Exception Handling ABI for the Arm Architecture" (IHI 0038), "The index table" and "The
Arm-defined personality routines"; GCC's libgcc/unwind-arm-common.inc and config/arm/pr-support.c
for what personality routines of languages find behind their address.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from crashsym.budget import Budget
from crashsym.cfi.ehabi import Unwound, execute
from crashsym.cfi.model import CfiDamage, CfiEntry, CfiRow
from crashsym.codemap import CodeMap
from crashsym.errors import MalformedError
from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.elf import ElfFile, Section
    from crashsym.splitpair import SplitPair

_CANTUNWIND = 1
_HIGHEST_BIT = 1 << 31
_SPACE = 1 << 32
_SU16, _LU16, _LU32 = 0, 1, 2  # the personality routines 0, 1 and 2
_ENTRY_SIZE = 8


class _Item(NamedTuple):
    """One entry of the index: where its code begins, and its second word with its place."""

    address: int
    place: int
    word: int


def find_index(pair: SplitPair) -> ExceptionIndex | None:
    """Return the exception index of a module for Arm, or None; linkers make one section of it."""
    for half in pair.halves:
        for section in half.sections if half.machine == "EM_ARM" else ():
            if section.type == "SHT_ARM_EXIDX" and section.has_bytes:
                return ExceptionIndex(half, section)
    return None


class ExceptionIndex:
    """One entry with one row for each function that the index can unwind.

    An entry ends where the next one begins, at the latest with its executable section. Entries that
    are out of order are put in order; of two that begin together the later one counts. "Cannot
    unwind" gives no entry: linkers write it over all code without tables, hand-written memcpy for
    one, so it says that nothing is known and not that there is no caller. The rows hold at call
    sites, that is behind the prologue. Damage costs the entry it is in.
    """

    def __init__(self, elf_file: ElfFile, section: Section) -> None:
        self._elf_file = elf_file
        self._little_endian = elf_file.little_endian
        self._code = CodeMap(elf_file.executable_ranges)
        self._places = _places(elf_file)
        self._starts = [section.address for section in self._places]
        self._contents: dict[str, bytes] = {}
        self._known: dict[tuple[bool, int], Unwound | CfiDamage | None] = {}
        self._name = section.name
        self._budget = Budget(section.size)
        self.damage: list[CfiDamage] = []
        self._items = self._read_items(section)

    def _read_items(self, section: Section) -> list[_Item]:
        items = self._items_of(section)
        ordered = sorted(items, key=lambda item: item.address)
        if ordered != items:
            why = "its entries are not in ascending order"
            self.damage.append(CfiDamage(self._name, why))
        return ordered

    def _items_of(self, section: Section) -> list[_Item]:
        try:
            data = self._elf_file.section_bytes(section.name)
        except MalformedError as error:
            self._damaged(error)
            return []
        pairs = struct.Struct("<II" if self._little_endian else ">II")
        items = []
        data = data[: len(data) - len(data) % _ENTRY_SIZE]
        for number, (first, second) in enumerate(pairs.iter_unpack(data)):
            place = section.address + number * _ENTRY_SIZE
            if first & _HIGHEST_BIT:
                where = f"{section.name}+0x{number * _ENTRY_SIZE:x}"
                self.damage.append(CfiDamage(where, f"0x{first:x} is no relative address"))
                continue
            items.append(_Item(_prel31(first, place) & ~1, place + 4, second))
        return items

    def _damaged(self, error: MalformedError) -> None:
        self.damage.append(CfiDamage(error.where, error.why))

    def entries(self) -> Iterator[CfiEntry]:
        """Yield the entries in ascending order; what cannot be decoded goes to `damage`."""
        for number, item in enumerate(self._items, 1):
            end = self._items[number].address if number < len(self._items) else _SPACE
            if item.word == _CANTUNWIND or item.address == end:
                continue
            try:
                entry = self._entry(item, end)
            except MalformedError as error:
                self._damaged(error)
                continue
            if entry is not None:
                yield entry

    def _entry(self, item: _Item, end: int) -> CfiEntry | None:
        pieces = self._code.inside([(item.address, end)])
        if not pieces:
            raise self._error(f"entry for 0x{item.address:x}", "no code lies there")
        unwound = self._unwound(item)
        if unwound is None:
            return None
        row = CfiRow(item.address, unwound.cfa, unwound.registers)
        return CfiEntry(item.address, pieces[0][1] - item.address, unwound.return_column, (row,))

    def _unwound(self, item: _Item) -> Unwound | None:
        """Decode an entry; entries that share a word or a table are decoded once."""
        inline = bool(item.word & _HIGHEST_BIT)
        key = item.word if inline else _prel31(item.word, item.place)
        if (inline, key) not in self._known:
            try:
                self._known[inline, key] = self._decode(key, inline=inline)
            except MalformedError as error:
                self._known[inline, key] = CfiDamage(error.where, error.why)
        known = self._known[inline, key]
        if isinstance(known, CfiDamage):
            raise MalformedError("cannot decode", where=known.where, why=known.why)
        return known

    def _decode(self, key: int, *, inline: bool) -> Unwound | None:
        where = f"{'word' if inline else 'table at'} 0x{key:x}"
        program = self._inline(key, where) if inline else self._table(key, where)
        self._budget.spend(len(program), self._name)
        return execute(Reader(program, little_endian=True, where=f"{self._name} {where}"))

    def _inline(self, word: int, where: str) -> bytes:
        """Return the instructions in the index itself: routine 0, and no other."""
        routine = word >> 24 & 0x7F
        if routine != _SU16:
            raise self._error(where, f"personality routine {routine} has no inline form")
        return _bytes_of(word, 1)

    def _table(self, address: int, where: str) -> bytes:
        """Return the instructions in an entry of ``.ARM.extab``.

        A language's own personality routine (``__gxx_personality_v0``) finds them behind its
        address, in the form of the routine 1, but with the count in the highest byte.
        """
        reader = self._reader(address, where)
        word = reader.unsigned(4)
        if not word & _HIGHEST_BIT:
            word = reader.unsigned(4)
            return _bytes_of(word, 1) + self._words(reader, word >> 24)
        routine = word >> 24 & 0x7F
        if routine == _SU16:
            return _bytes_of(word, 1)
        if routine in (_LU16, _LU32):
            return _bytes_of(word, 2) + self._words(reader, word >> 16 & 0xFF)
        raise self._error(where, f"personality routine {routine} is not defined")

    def _words(self, reader: Reader, count: int) -> bytes:
        return b"".join(_bytes_of(reader.unsigned(4), 0) for _ in range(count))

    def _reader(self, address: int, where: str) -> Reader:
        """Return a cursor at an address of the file, up to the end of the section there."""
        position = bisect_right(self._starts, address) - 1
        section = self._places[position] if position >= 0 else None
        if section is None or address >= section.address + section.size:
            raise self._error(where, "no section has these bytes")
        if section.name not in self._contents:
            self._contents[section.name] = self._elf_file.section_bytes(section.name)
        return Reader(
            self._contents[section.name],
            little_endian=self._little_endian,
            offset=address - section.address,
            where=section.name,
        )

    def _error(self, where: str, why: str) -> MalformedError:
        return MalformedError("cannot decode", where=f"{self._name} {where}", why=why)


def _places(elf_file: ElfFile) -> list[Section]:
    """Return the sections that tables may lie in, by address; the first of each name."""
    found: dict[str, Section] = {}
    for section in elf_file.sections:
        if section.has_bytes and section.address and section.type == "SHT_PROGBITS":
            found.setdefault(section.name, section)
    return sorted(found.values(), key=lambda section: section.address)


def _prel31(word: int, place: int) -> int:
    """Return the address that the lower 31 bits of ``word``, at ``place``, refer to."""
    distance = word & (_HIGHEST_BIT - 1)
    if distance & _HIGHEST_BIT >> 1:
        distance -= _HIGHEST_BIT
    return (place + distance) % _SPACE


def _bytes_of(word: int, first: int) -> bytes:
    """Return the instructions in a word, from its highest byte (number 0) down."""
    return word.to_bytes(4, "big")[first:]
