# SPDX-License-Identifier: MIT
"""Units and their debugging information entries, through pyelftools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elftools.dwarf.die import DIE

from crashsym.dwarf.foreign import parsing
from crashsym.dwarf.ranges import indexed_address, read_ranges, read_rnglist
from crashsym.errors import MalformedError

if TYPE_CHECKING:
    from elftools.dwarf.compileunit import CompileUnit
    from elftools.dwarf.dwarfinfo import DWARFInfo

    from crashsym.budget import Budget
    from crashsym.codemap import Range
    from crashsym.dwarf.sections import DwarfSections

_REFERENCES_IN_UNIT = (
    "DW_FORM_ref1",
    "DW_FORM_ref2",
    "DW_FORM_ref4",
    "DW_FORM_ref8",
    "DW_FORM_ref_udata",
)
_ADDRESS_FORMS = ("DW_FORM_addr",)
_ADDRESS_INDEX_FORMS = (
    "DW_FORM_addrx",
    "DW_FORM_addrx1",
    "DW_FORM_addrx2",
    "DW_FORM_addrx3",
    "DW_FORM_addrx4",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One debugging information entry; ``depth`` 0 is the unit's own."""

    offset: int
    depth: int
    tag: str
    has_children: bool
    attributes: dict[str, Any]

    def text(self, name: str) -> str | None:
        """Return a string attribute, or None."""
        attribute = self.attributes.get(name)
        if attribute is None or not isinstance(attribute.value, bytes):
            return None
        return str(attribute.value.decode("utf-8", "replace")) or None

    def number(self, name: str) -> int | None:
        """Return an attribute that is a number of 0 or more, or None."""
        attribute = self.attributes.get(name)
        if attribute is None or not isinstance(attribute.value, int):
            return None
        return int(attribute.value) if attribute.value >= 0 else None


class Unit:
    """One unit of ``.debug_info``."""

    def __init__(self, unit: CompileUnit, sections: DwarfSections, budget: Budget) -> None:
        self._unit = unit
        self._sections = sections
        self._budget = budget
        self._stream = unit.dwarfinfo.debug_info_sec.stream  # type: ignore[union-attr]  # it came from there
        self.offset = int(unit.cu_offset)
        self.where = f".debug_info+0x{self.offset:x}"
        with parsing("cannot decode", self.where):
            self.version = int(unit["version"])
            self.address_size = int(unit["address_size"])
            self._end = (
                self.offset + int(unit["unit_length"]) + (4 if unit.dwarf_format() == 32 else 12)
            )
            self.root = self._entry(unit.get_top_DIE(), 0)
        self._addr_base = self.root.number("DW_AT_addr_base") or 0
        self.base = self.address(self.root, "DW_AT_low_pc") or 0

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of the unit in the order of the file, without recursion.

        Raises:
            MalformedError: an entry cannot be decoded; all before it have been yielded.
        """
        stream = self._stream
        offset, depth = int(self._unit.cu_die_offset), 0
        while offset < self._end:
            with parsing("cannot decode", f".debug_info+0x{offset:x}"):
                die = DIE(cu=self._unit, stream=stream, offset=offset)
                null = die.is_null()
                entry = None if null else self._entry(die, depth)
                size = int(die.size)
            self._budget.spend(len(entry.attributes) if entry else 1, self.where)
            if entry is not None:
                yield entry
                depth += entry.has_children
            else:
                depth -= 1
            if depth <= 0:
                return
            offset += size

    @staticmethod
    def _entry(die: DIE, depth: int) -> Entry:
        return Entry(
            int(die.offset), depth, str(die.tag), bool(die.has_children), dict(die.attributes)
        )

    def reference(self, entry: Entry, name: str) -> int | None:
        """Return the offset in ``.debug_info`` that an attribute refers to, or None."""
        attribute = entry.attributes.get(name)
        if attribute is None or not isinstance(attribute.raw_value, int):
            return None
        if attribute.form in _REFERENCES_IN_UNIT:
            return self.offset + int(attribute.raw_value)
        return int(attribute.raw_value) if attribute.form == "DW_FORM_ref_addr" else None

    def address(self, entry: Entry, name: str) -> int | None:
        """Return an attribute of class address, or None."""
        attribute = entry.attributes.get(name)
        if attribute is None or not isinstance(attribute.raw_value, int):
            return None
        if attribute.form in _ADDRESS_FORMS:
            return int(attribute.raw_value)
        if attribute.form in _ADDRESS_INDEX_FORMS:
            return indexed_address(
                self._sections, attribute.raw_value, self._addr_base, self.address_size
            )
        return None

    def code_ranges(self, entry: Entry) -> list[Range]:
        """Return where the code of an entry lies; empty for a declaration.

        Raises:
            MalformedError: the range list is damaged.

        Source: DWARF 5 section 2.17.
        """
        if "DW_AT_ranges" in entry.attributes:
            return self._range_list(entry)
        low = self.address(entry, "DW_AT_low_pc")
        if low is None:
            return []
        high = self.address(entry, "DW_AT_high_pc")
        if high is None:
            high = low + (entry.number("DW_AT_high_pc") or 0)
        return [(low, high)] if low < high else []

    def _range_list(self, entry: Entry) -> list[Range]:
        # For DW_FORM_rnglistx pyelftools has looked the offset up already.
        offset = entry.number("DW_AT_ranges")
        if offset is None:
            return []
        if self.version >= 5:
            found = read_rnglist(
                self._sections,
                offset,
                base=self.base,
                address_size=self.address_size,
                addr_base=self._addr_base,
                budget=self._budget,
            )
        else:
            found = read_ranges(
                self._sections,
                offset,
                base=self.base,
                address_size=self.address_size,
                budget=self._budget,
            )
        return found


def iter_units(
    info: DWARFInfo, sections: DwarfSections, budget: Budget
) -> Iterator[Unit | MalformedError]:
    """Yield the units of ``.debug_info``; the error in place of one that cannot be read.

    A damaged unit header is the last: where the next unit begins is not known then.
    """
    units = info.iter_CUs()
    while True:
        try:
            with parsing("cannot decode", ".debug_info"):
                unit = next(units, None)
        except MalformedError as error:
            yield error
            return
        if unit is None:
            return
        try:
            yield Unit(unit, sections, budget)
        except MalformedError as error:
            yield error
