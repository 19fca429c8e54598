# SPDX-License-Identifier: MIT
"""Range lists: ``.debug_ranges`` (DWARF 2 to 4) and ``.debug_rnglists`` (DWARF 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crashsym.budget import Budget
    from crashsym.codemap import Range
    from crashsym.dwarf.sections import DwarfSections
    from crashsym.dwarf.units import UnitHeader

# DWARF 5 section 7.25
_RLE_END_OF_LIST = 0
_RLE_BASE_ADDRESSX = 1
_RLE_STARTX_ENDX = 2
_RLE_STARTX_LENGTH = 3
_RLE_OFFSET_PAIR = 4
_RLE_BASE_ADDRESS = 5
_RLE_START_END = 6
_RLE_START_LENGTH = 7


class RangeReader:
    """Reads the range lists of one unit.

    ``lists`` is the file with the lists, ``addresses`` the one with ``.debug_addr``: another one
    for a split unit. ``list_base``: DW_AT_rnglists_base, or DW_AT_GNU_ranges_base for the lists of
    a split unit before DWARF 5; ``addr_base``: DW_AT_addr_base; ``base``: DW_AT_low_pc.
    """

    def __init__(
        self, sections: DwarfSections, version: int, header: UnitHeader, budget: Budget
    ) -> None:
        self.lists = self.addresses = sections
        self.list_base = self.addr_base = self.base = 0
        self._version = version
        self._address_size = header.address_size
        self._offset_size = header.offset_size
        self._largest = (1 << (8 * header.address_size)) - 1
        self._budget = budget

    def read(self, value: int, *, indexed: bool, absolute: bool = False) -> list[Range]:
        """Read the list that DW_AT_ranges refers to; empty ranges are left out.

        ``indexed``: ``value`` is the number of a list (DW_FORM_rnglistx), not an offset.
        ``absolute``: ``list_base`` is not added, as for the unit's own entry before DWARF 5.

        Raises:
            MalformedError: the list runs past the section, or has an unknown entry.
        """
        if self._version < 5:
            return self._read_pairs(value if absolute else self.list_base + value)
        if indexed:
            place = self.list_base + value * self._offset_size
            offset = self.lists.reader(".debug_rnglists", place).unsigned(self._offset_size)
            value = self.list_base + offset
        return self._read_list(value)

    def indexed(self, index: int) -> int:
        """Return entry ``index`` of the unit's part of ``.debug_addr`` (DWARF 5 section 7.27).

        Raises:
            MalformedError: it is outside of the section.
        """
        place = self.addr_base + index * self._address_size
        return self.addresses.reader(".debug_addr", place).unsigned(self._address_size)

    def _read_pairs(self, offset: int) -> list[Range]:
        """Source: DWARF 4 section 2.17.3."""
        reader = self.lists.reader(".debug_ranges", offset)
        size, base = self._address_size, self.base
        found: list[Range] = []
        while True:
            self._budget.spend(1, ".debug_ranges")
            start, end = reader.unsigned(size), reader.unsigned(size)
            if start == 0 and end == 0:
                return [(start, end) for start, end in found if start < end]
            if start == self._largest:
                base = end
            elif start < end:
                found.append(((base + start) & self._largest, (base + end) & self._largest))

    def _read_list(self, offset: int) -> list[Range]:
        """Source: DWARF 5 section 2.17.3 and 7.25."""
        reader, base = self.lists.reader(".debug_rnglists", offset), self.base

        def plain() -> int:
            return reader.unsigned(self._address_size)

        def indexed() -> int:
            return self.indexed(reader.uleb())

        found: list[Range] = []
        while (kind := reader.unsigned(1)) != _RLE_END_OF_LIST:
            self._budget.spend(1, ".debug_rnglists")
            if kind in (_RLE_BASE_ADDRESSX, _RLE_BASE_ADDRESS):
                base = indexed() if kind == _RLE_BASE_ADDRESSX else plain()
            elif kind == _RLE_OFFSET_PAIR:
                start, end = reader.uleb(), reader.uleb()
                found.append(((base + start) & self._largest, (base + end) & self._largest))
            elif kind in (_RLE_STARTX_ENDX, _RLE_START_END):
                one = indexed if kind == _RLE_STARTX_ENDX else plain
                found.append((one(), one()))
            elif kind in (_RLE_STARTX_LENGTH, _RLE_START_LENGTH):
                start = indexed() if kind == _RLE_STARTX_LENGTH else plain()
                found.append((start, start + reader.uleb()))
            else:
                raise reader.damage(f"range list entry of unknown kind {kind}")
        return [(start, end) for start, end in found if start < end]


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return the same addresses as sorted, separate ranges; empty ones are dropped."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def overlap(ranges: Iterable[Range], span: Range) -> list[Range]:
    """Return the parts of ``ranges`` inside ``span``, sorted and separate."""
    low, high = span
    return joined((max(start, low), min(end, high)) for start, end in ranges)
