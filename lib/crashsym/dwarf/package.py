# SPDX-License-Identifier: MIT
"""Packages of split units (``.dwp``): the index, and the slices of the sections of one unit.

Source: DWARF 5 section 7.3.5 (version 5); the GNU DebugFission proposal, "DWARF Package File
Format" (version 2, which GCC and Clang write for DWARF 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.dwarf.sections import DwarfSections
from crashsym.errors import MalformedError
from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.elf import ElfFile

# DW_SECT_*: the columns that functions and names need, by version of the index.
_COLUMNS = {
    2: {1: ".debug_info", 2: ".debug_types", 3: ".debug_abbrev", 6: ".debug_str_offsets"},
    5: {1: ".debug_info", 3: ".debug_abbrev", 6: ".debug_str_offsets", 8: ".debug_rnglists"},
}
# Sections that all units share as a whole.
_SHARED = (".debug_str",)


@dataclass(frozen=True, slots=True)
class UnitIndex:
    """``.debug_cu_index`` or ``.debug_tu_index``.

    ``rows`` is signature (``dwo_id`` or type signature) → row from 0, in the order of the hash
    table's slots; of two slots with one signature the first counts. ``columns`` is the name of the
    section of each column, None for one that is not needed. ``offsets`` and ``sizes`` (bytes) are
    the two tables, row after row.
    """

    columns: tuple[str | None, ...] = ()
    rows: dict[int, int] = field(default_factory=dict)
    offsets: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()

    def slices(self, row: int) -> Iterator[tuple[str, int, int]]:
        """Yield (section, offset, size) of the contributions of a row."""
        width = len(self.columns)
        for number, name in enumerate(self.columns):
            if name is not None:
                yield name, self.offsets[row * width + number], self.sizes[row * width + number]


def read_index(data: bytes, where: str, *, little_endian: bool) -> UnitIndex:
    """Decode an index section; an empty section is an empty index.

    A slot is used if its row number is not 0. Row numbers begin at 1.

    Raises:
        MalformedError: the version is neither 2 nor 5, or the tables do not fit into the section.
    """
    if not data:
        return UnitIndex()
    reader = Reader(data, little_endian=little_endian, where=where)
    version = reader.unsigned(2)  # version 2 has four bytes: the other half is 0 in either order
    reader.unsigned(2)
    if version == 0 and not little_endian:
        version = int.from_bytes(data[2:4], "big")
    width, units, slots = (reader.unsigned(4) for _ in range(3))
    if version not in _COLUMNS:
        raise reader.damage(f"index version {version}; this crashsym reads 2 and 5")
    if reader.left < slots * 12 + width * 4 + units * width * 8:
        raise reader.damage(f"{units} units, {slots} slots and {width} columns do not fit")
    signatures = [reader.unsigned(8) for _ in range(slots)]
    numbers = [reader.unsigned(4) for _ in range(slots)]
    names = _COLUMNS[version]
    columns = tuple(names.get(reader.unsigned(4)) for _ in range(width))
    rows: dict[int, int] = {}
    for signature, number in zip(signatures, numbers, strict=True):
        if number > units:
            raise reader.damage(f"a slot has row {number} of {units}")
        if number:
            rows.setdefault(signature, number - 1)
    offsets = tuple(reader.unsigned(4) for _ in range(units * width))
    sizes = tuple(reader.unsigned(4) for _ in range(units * width))
    return UnitIndex(columns, rows, offsets, sizes)


class Package:
    """A ``.dwp`` file: its sections (``.dwo`` taken off their names) and its two indexes."""

    def __init__(
        self, sections: DwarfSections, units: UnitIndex, types: UnitIndex, where: str
    ) -> None:
        self.sections = sections
        self.units = units
        self.types = types
        self.where = where
        self._left = sections.size
        self._slices: dict[tuple[str, int, int], bytes] = {}

    def slice(self, index: UnitIndex, row: int) -> DwarfSections:
        """Return the sections of one unit: its slices, and the shared ones as a whole.

        Units of one ``.dwo`` file have equal slices of all but ``.debug_info`` and
        ``.debug_types``; those are the same objects.

        Raises:
            MalformedError: a slice runs past its section, or overlaps with others.
        """
        found = {name: self.sections[name] for name in _SHARED}
        for name, offset, size in index.slices(row):
            whole = self.sections[name]
            if offset + size > len(whole):
                raise MalformedError(
                    "cannot decode",
                    where=f"'{self.where}' {name}.dwo",
                    why=f"a unit ends at 0x{offset + size:x}, the section at 0x{len(whole):x}",
                )
            found[name] = self._cut(whole, name, offset, size)
        return DwarfSections(found, self.sections.little_endian, self.sections.address_size)

    def _cut(self, whole: bytes, name: str, offset: int, size: int) -> bytes:
        key = name, offset, size
        if key in self._slices:
            return self._slices[key]
        self._left -= size
        if self._left < 0:
            raise MalformedError(
                "cannot decode",
                where=f"'{self.where}' {name}.dwo",
                why="the units overlap: together they are larger than the file",
            )
        data = whole[offset : offset + size]
        if name not in (".debug_info", ".debug_types"):
            self._slices[key] = data
        return data


def read_package(file: ElfFile) -> Package:
    """Read a package: all sections that are needed, and both indexes.

    Raises:
        MalformedError: a section is truncated, or an index damaged.
    """
    order = file.little_endian
    units, types = (
        read_index(file.section_bytes(name), f"'{file.path}' {name}", little_endian=order)
        for name in (".debug_cu_index", ".debug_tu_index")
    )
    return Package(DwarfSections.of(file, ".dwo"), units, types, str(file.path))
