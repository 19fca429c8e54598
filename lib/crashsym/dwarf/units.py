# SPDX-License-Identifier: MIT
"""Units and their debugging information entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crashsym.dwarf.constants import At, Kind, Tag
from crashsym.dwarf.forms import (
    Abbreviation,
    Attribute,
    Form,
    FormReader,
    read_abbreviations,
)
from crashsym.dwarf.ranges import RangeReader
from crashsym.errors import MalformedError
from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.budget import Budget
    from crashsym.codemap import Range
    from crashsym.dwarf.sections import DwarfSections


TYPE_KINDS = (Kind.TYPE, Kind.SPLIT_TYPE)
_IN_UNIT = (Form.REF1, Form.REF2, Form.REF4, Form.REF8, Form.REF_UDATA)
_IN_SUPPLEMENT = (Form.GNU_REF_ALT, Form.REF_SUP4, Form.REF_SUP8)
_STRING_INDEXES = frozenset(
    {Form.STRX, Form.STRX1, Form.STRX2, Form.STRX3, Form.STRX4, Form.GNU_STR_INDEX}
)
_ADDRESS_INDEXES = frozenset(
    {Form.ADDRX, Form.ADDRX1, Form.ADDRX2, Form.ADDRX3, Form.ADDRX4, Form.GNU_ADDR_INDEX}
)
_ROOTS = (Tag.COMPILE_UNIT, Tag.PARTIAL_UNIT, Tag.TYPE_UNIT, Tag.SKELETON_UNIT)
_NUMBERS = frozenset(
    {Form.DATA1, Form.DATA2, Form.DATA4, Form.DATA8, Form.UDATA, Form.SDATA}
    | {Form.SEC_OFFSET, Form.IMPLICIT_CONST, Form.RNGLISTX}
)
_DAMAGE_STEPS = 64  # so that a million damaged headers do not become a million messages


@dataclass(frozen=True, slots=True)
class Entry:
    """One debugging information entry; ``depth`` 0 is the unit's own."""

    offset: int
    depth: int
    tag: int
    has_children: bool
    attributes: dict[int, Attribute]

    def number(self, name: int) -> int | None:
        """Return an attribute that is a constant or section offset of 0 or more, or None."""
        attribute = self.attributes.get(name)
        if attribute is None or attribute.form not in _NUMBERS:
            return None
        return (
            attribute.value if isinstance(attribute.value, int) and attribute.value >= 0 else None
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What an attribute refers to: an offset in ``.debug_info`` or ``.debug_types``, or a type.

    ``place``: "unit": in the section that the unit is in; "info": in ``.debug_info`` of the same
    file (for a split unit: of its slices); "supplement": in ``.debug_info`` of the supplementary
    file; "signature": ``value`` is the signature of a type unit.
    """

    place: str
    value: int


@dataclass(frozen=True, slots=True)
class UnitHeader:
    """A unit header (DWARF 5 section 7.5.1, DWARF 4 section 7.5.1.2); offsets in its section.

    ``identity`` is dwo_id or the type signature. ``type_offset`` counts from the unit's offset.
    """

    offset: int
    end: int
    version: int
    kind: int
    address_size: int
    offset_size: int
    abbrev_offset: int
    identity: int | None
    type_offset: int
    entries: int


def read_header(sections: DwarfSections, section: str, offset: int) -> UnitHeader:
    """Decode the header of the unit at ``offset``.

    Raises:
        MalformedError: it is cut off, or of a version, kind or address size that is not known.
    """
    reader = sections.reader(section, offset)
    length, offset_size = reader.initial_length()
    unit = reader.sub(length)
    version = unit.unsigned(2)
    if not 2 <= version <= 5:
        raise unit.damage(f"unit version {version}; this crashsym reads 2 to 5")
    kind = int(Kind.TYPE if section == ".debug_types" else Kind.COMPILE)
    if version >= 5:
        kind, address_size = unit.unsigned(1), unit.unsigned(1)
        abbrev_offset = unit.unsigned(offset_size)
    else:
        abbrev_offset, address_size = unit.unsigned(offset_size), unit.unsigned(1)
    if kind not in list(Kind) or address_size not in (2, 4, 8):
        raise unit.damage(f"unit type {kind}, address size {address_size}")
    identity, type_offset = None, 0
    if kind in (Kind.SKELETON, Kind.SPLIT_COMPILE):
        identity = unit.unsigned(8)
    elif kind in TYPE_KINDS:
        identity, type_offset = unit.unsigned(8), unit.unsigned(offset_size)
    return UnitHeader(
        offset,
        unit.end,
        version,
        kind,
        address_size,
        offset_size,
        abbrev_offset,
        identity,
        type_offset,
        unit.offset,
    )


AbbreviationTables = dict[tuple[bytes, int], dict[int, Abbreviation]]


class UnitReader:
    """Reads the units of one file, or of one split unit's slices.

    ``tables`` keeps abbreviations, by section and offset, for readers whose slices are the same.
    ``split``: the addresses are in the file of the skeletons; see `Unit.attach`.
    """

    def __init__(
        self,
        sections: DwarfSections,
        supplement: DwarfSections | None,
        budget: Budget,
        tables: AbbreviationTables | None = None,
        *,
        split: bool = False,
    ) -> None:
        self.sections = sections
        self.supplement = supplement
        self.budget = budget
        self.split = split
        self._tables: AbbreviationTables = {} if tables is None else tables

    def units(self, section: str) -> Iterator[Unit | MalformedError]:
        """Yield the units of ``section``; the error in place of one that cannot be read.

        A damaged unit length is the last: where the next unit begins is not known then.
        """
        offset, size = 0, len(self.sections[section])
        while offset < size:
            try:
                reader = self.sections.reader(section, offset)
                length, _ = reader.initial_length()
                reader.sub(length)
            except MalformedError as error:
                yield error
                return
            try:
                yield self.unit(section, offset)
            except MalformedError as error:
                yield error
                try:
                    self.budget.spend(_DAMAGE_STEPS, section)
                except MalformedError:
                    return
            offset = reader.offset

    def unit(self, section: str, offset: int) -> Unit:
        """Return the unit at ``offset`` of ``section``.

        Raises:
            MalformedError: its header, its abbreviations or its first entry cannot be decoded.
        """
        return Unit(self, section, read_header(self.sections, section, offset))

    def abbreviations(self, offset: int) -> dict[int, Abbreviation]:
        """Return the table at ``offset``, decoded once."""
        key = self.sections[".debug_abbrev"], offset
        if key not in self._tables:
            self._tables[key] = read_abbreviations(self.sections, offset, self.budget)
        return self._tables[key]


class Unit:
    """One unit of ``.debug_info`` or ``.debug_types``, of any file."""

    def __init__(self, source: UnitReader, section: str, header: UnitHeader) -> None:
        self._source = source
        self._budget = source.budget
        self.sections = source.sections
        self.section = section
        self.header = header
        self.offset = header.offset
        self.where = f"{section}+0x{self.offset:x}"
        self.version = header.version
        self._forms = FormReader(header.version, header.address_size, header.offset_size)
        self._abbreviations = source.abbreviations(header.abbrev_offset)
        root = next(self.entries(), None)
        if root is None:
            raise MalformedError("cannot decode", where=self.where, why="a unit without entries")
        if root.tag not in _ROOTS:
            why = f"the unit begins with an entry of tag 0x{root.tag:x}"
            raise MalformedError("cannot decode", where=self.where, why=why)
        self.root = root
        self.ranges = RangeReader(self.sections, self.version, header, self._budget)
        self._string_base = self._base(At.STR_OFFSETS_BASE, 8)
        self.ranges.list_base = self._base(At.RNGLISTS_BASE, 12)
        self.ranges.addr_base = self._first(At.ADDR_BASE, At.GNU_ADDR_BASE)
        self.ranges.base = 0 if source.split else self.address(root, At.LOW_PC) or 0

    def _base(self, name: int, header_size: int) -> int:
        """Return a base, by default the end of the header of the first table (section 7.26)."""
        if self.version < 5:
            return 0
        found = self.root.number(name)
        wide = 8 if self.header.offset_size == 8 else 0
        return header_size + wide if found is None else found

    def _first(self, *names: int) -> int:
        return next((n for n in map(self.root.number, names) if n is not None), 0)

    def attach(self, skeleton: Unit) -> None:
        """Take from the skeleton what a split unit does not have itself.

        Addresses come from the skeleton's file and DW_AT_addr_base, the base of offset pairs is its
        DW_AT_low_pc; before DWARF 5 range lists are in its file, from DW_AT_GNU_ranges_base on.

        Source: DWARF 5 section 3.1.2 and 3.1.3; the GNU DebugFission proposal.
        """
        self.ranges.base, self.ranges.addr_base = skeleton.ranges.base, skeleton.ranges.addr_base
        self.ranges.addresses = skeleton.sections
        if self.version < 5:
            self.ranges.lists = skeleton.sections
            self.ranges.list_base = skeleton.root.number(At.GNU_RANGES_BASE) or 0

    @property
    def dwo_id(self) -> int | None:
        """The id that a skeleton and its split unit share, or None."""
        if self.header.kind in (Kind.SKELETON, Kind.SPLIT_COMPILE):
            return self.header.identity
        return self.root.number(At.GNU_DWO_ID)

    @property
    def dwo_name(self) -> str | None:
        """The file that a skeleton refers to; None for all other units."""
        if self.dwo_id is None:
            return None
        return self.text(self.root, At.DWO_NAME) or self.text(self.root, At.GNU_DWO_NAME)

    @property
    def comp_dir(self) -> str:
        """DW_AT_comp_dir, or ""."""
        return self.text(self.root, At.COMP_DIR) or ""

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of the unit in the order of the file, without recursion.

        Ends with the unit, or where the first entry's list of children is closed.

        Raises:
            MalformedError: an entry cannot be decoded; all before it have been yielded.
        """
        reader = Reader(
            self.sections[self.section],
            little_endian=self.sections.little_endian,
            offset=self.header.entries,
            end=self.header.end,
            where=self.section,
        )
        depth = 0
        while reader.left:
            offset = reader.offset
            code = reader.uleb()
            if code == 0:
                depth -= 1
                self._budget.spend(1, self.where)
            else:
                entry = self._entry(reader, offset, depth, code)
                self._budget.spend(len(entry.attributes) or 1, self.where)
                yield entry
                depth += entry.has_children
            if depth <= 0:
                return

    def _entry(self, reader: Reader, offset: int, depth: int, code: int) -> Entry:
        shape = self._abbreviations.get(code)
        if shape is None:
            raise reader.damage(f"abbreviation {code} is not defined")
        read = self._forms.read
        attributes = {name: read(reader, form, const) for name, form, const in shape.attributes}
        return Entry(offset, depth, shape.tag, shape.has_children, attributes)

    def text(self, entry: Entry, name: int) -> str | None:
        """Return a string attribute; None if it is empty, missing or not a string.

        A string offset outside of its section counts as missing. Bytes that are not UTF-8 become
        U+FFFD.

        Raises:
            MalformedError: an index is outside of ``.debug_str_offsets``.
        """
        attribute = entry.attributes.get(name)
        if attribute is None:
            return None
        data = self.string(attribute)
        return data.decode("utf-8", "replace") or None if data is not None else None

    def string(self, attribute: Attribute) -> bytes | None:
        """Return the bytes that an attribute of class string stands for, or None; see `text`."""
        form, value = attribute
        if isinstance(value, bytes):
            return value if form == Form.STRING else None
        if form == Form.STRP:
            return _terminated(self.sections[".debug_str"], value)
        if form == Form.LINE_STRP:
            return _terminated(self.sections[".debug_line_str"], value)
        if form in (Form.STRP_SUP, Form.GNU_STRP_ALT):
            supplement = self._source.supplement
            return _terminated(supplement[".debug_str"], value) if supplement else None
        if form in _STRING_INDEXES:
            size = self.header.offset_size
            place = self._string_base + value * size
            offset = self.sections.reader(".debug_str_offsets", place).unsigned(size)
            return _terminated(self.sections[".debug_str"], offset)
        return None

    def reference(self, entry: Entry, name: int) -> Reference | None:
        """Return what an attribute of class reference refers to, or None."""
        attribute = entry.attributes.get(name)
        if attribute is None or not isinstance(attribute.value, int):
            return None
        form, value = attribute.form, attribute.value
        if form in _IN_UNIT:
            return Reference("unit", self.offset + value)
        if form == Form.REF_ADDR:
            return Reference("info", value)
        if form in _IN_SUPPLEMENT:
            return Reference("supplement", value)
        return Reference("signature", value) if form == Form.REF_SIG8 else None

    def address(self, entry: Entry, name: int) -> int | None:
        """Return an attribute of class address, or None.

        Raises:
            MalformedError: an index is outside of ``.debug_addr``.
        """
        attribute = entry.attributes.get(name)
        if attribute is None or not isinstance(attribute.value, int):
            return None
        if attribute.form == Form.ADDR:
            return attribute.value
        return self.ranges.indexed(attribute.value) if attribute.form in _ADDRESS_INDEXES else None

    def code_ranges(self, entry: Entry) -> list[Range]:
        """Return where the code of an entry lies; empty for a declaration.

        DW_AT_ranges counts where both it and DW_AT_low_pc are there.

        Raises:
            MalformedError: the range list is damaged.

        Source: DWARF 5 section 2.17.
        """
        attribute = entry.attributes.get(At.RANGES)
        if attribute is not None:
            value = entry.number(At.RANGES)
            if value is None:
                return []
            own = entry is self.root
            return self.ranges.read(value, indexed=attribute.form == Form.RNGLISTX, absolute=own)
        low = self.address(entry, At.LOW_PC)
        if low is None:
            return []
        high = self.address(entry, At.HIGH_PC)
        if high is None:
            high = low + (entry.number(At.HIGH_PC) or 0)
        return [(low, high)] if low < high else []


def _terminated(data: bytes, offset: int) -> bytes | None:
    stop = data.find(b"\0", offset) if offset < len(data) else -1
    return data[offset:stop] if stop >= 0 else None
