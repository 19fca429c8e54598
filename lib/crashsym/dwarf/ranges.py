# SPDX-License-Identifier: MIT
"""Range lists: ``.debug_ranges`` (DWARF 2 to 4) and ``.debug_rnglists`` (DWARF 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crashsym.budget import Budget
    from crashsym.codemap import Range
    from crashsym.dwarf.sections import DwarfSections

# DWARF 5 section 7.25
_RLE_END_OF_LIST = 0
_RLE_BASE_ADDRESSX = 1
_RLE_STARTX_ENDX = 2
_RLE_STARTX_LENGTH = 3
_RLE_OFFSET_PAIR = 4
_RLE_BASE_ADDRESS = 5
_RLE_START_END = 6
_RLE_START_LENGTH = 7


def read_ranges(
    sections: DwarfSections, offset: int, *, base: int, address_size: int, budget: Budget
) -> list[Range]:
    """Read the DWARF 2 to 4 range list at ``offset`` of ``.debug_ranges``.

    ``base`` is the unit's DW_AT_low_pc. Empty ranges are left out.

    Raises:
        MalformedError: the list runs past the section.

    Source: DWARF 4 section 2.17.3.
    """
    reader = sections.reader(".debug_ranges", offset)
    largest = (1 << (8 * address_size)) - 1
    found: list[Range] = []
    while True:
        budget.spend(1, ".debug_ranges")
        start, end = reader.unsigned(address_size), reader.unsigned(address_size)
        if start == 0 and end == 0:
            return found
        if start == largest:
            base = end
        elif start < end:
            found.append(((base + start) & largest, (base + end) & largest))


def read_rnglist(  # noqa: PLR0913 - all of them facts of the unit
    sections: DwarfSections,
    offset: int,
    *,
    base: int,
    address_size: int,
    addr_base: int,
    budget: Budget,
) -> list[Range]:
    """Read the DWARF 5 range list at ``offset`` of ``.debug_rnglists``.

    ``base`` is the unit's DW_AT_low_pc, ``addr_base`` its DW_AT_addr_base. Empty ranges are left
    out.

    Raises:
        MalformedError: the list runs past the section, or has an unknown entry.

    Source: DWARF 5 section 2.17.3 and 7.25.
    """
    reader = sections.reader(".debug_rnglists", offset)
    largest = (1 << (8 * address_size)) - 1

    def plain() -> int:
        return reader.unsigned(address_size)

    def indexed() -> int:
        return indexed_address(sections, reader.uleb(), addr_base, address_size)

    found: list[Range] = []
    while (kind := reader.unsigned(1)) != _RLE_END_OF_LIST:
        budget.spend(1, ".debug_rnglists")
        if kind not in range(_RLE_BASE_ADDRESSX, _RLE_START_LENGTH + 1):
            raise reader.damage(f"range list entry of unknown kind {kind}")
        if kind in (_RLE_BASE_ADDRESSX, _RLE_BASE_ADDRESS):
            base = indexed() if kind == _RLE_BASE_ADDRESSX else plain()
        elif kind == _RLE_OFFSET_PAIR:
            start, end = reader.uleb(), reader.uleb()
            found.append(((base + start) & largest, (base + end) & largest))
        elif kind in (_RLE_STARTX_ENDX, _RLE_START_END):
            read = indexed if kind == _RLE_STARTX_ENDX else plain
            found.append((read(), read()))
        else:
            start = indexed() if kind == _RLE_STARTX_LENGTH else plain()
            found.append((start, start + reader.uleb()))
    return [(start, end) for start, end in found if start < end]


def indexed_address(sections: DwarfSections, index: int, addr_base: int, address_size: int) -> int:
    """Return entry ``index`` of the unit's part of ``.debug_addr`` (DWARF 5 section 7.27)."""
    reader = sections.reader(".debug_addr", addr_base + index * address_size)
    return reader.unsigned(address_size)


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
