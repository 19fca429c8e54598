# SPDX-License-Identifier: MIT
"""The reference implementation: short and readable.

It reads every entry of every unit once. Code ranges and call sites are kept on the way; names are
looked up at the end, when all entries they may refer to are known.

What is read, in this order, which decides ties:

1. The units of ``.debug_info`` in the order of the file. Where a unit is a skeleton (it has a
   dwo_id and DW_AT_dwo_name) and its split unit is found, the split unit is read in its place and
   the skeleton's own children are not; else the skeleton is read as any other unit. After a split
   unit come the type units that `DebugInputs.type_units` yields, for their names.
2. The units of ``.debug_types``, for their names.
3. The units of ``.debug_info`` of the supplementary file, for their names.

Type units, in any section, are read for names only: what is in them has no code. Partial units are
read where they stand; DW_TAG_imported_unit is not followed, since references lead to the entries.
A unit reads the line table that its DW_AT_stmt_list (of a split unit: the skeleton's) refers to
when the first function with code in it is met; units that share a table share DW_AT_comp_dir of
the first of them.

Functions: each DW_TAG_subprogram with code in executable sections, and each DW_TAG_entry_point with
DW_AT_low_pc in such a function, has a claim on each of its ranges. An entry point's claim goes from
its address to the end of the range of the function that it is in (of several ranges that contain
it: the first); it has the lines and inlines of the function, and the name that its own attributes
say, in the scope that the function stands in. `CodeMap.divide` says who owns what. Of a function
all of whose ranges are, each, a claim that was met before, only the name is read: such a one owns
nothing. Inlined functions that several units have, of which the linker kept one, are like that.

``Function.multiple``: the piece begins where a claim of its owner begins, and a function with
another name (compared after demangling) has a claim with the same start and the same end. The one
that was read first gives the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.budget import Budget
from crashsym.codeaddr import has_isa_bit
from crashsym.codemap import CodeMap, Piece
from crashsym.dwarf.constants import At, Tag
from crashsym.dwarf.lines import LineTable, read_line_table
from crashsym.dwarf.model import Damage, Function, FunctionTable, Inline
from crashsym.dwarf.names import SIGNATURES, Key, NameEntry, NameTable
from crashsym.dwarf.ranges import joined, overlap
from crashsym.dwarf.sections import DwarfSections
from crashsym.dwarf.units import TYPE_KINDS, AbbreviationTables, Entry, Unit, UnitReader
from crashsym.errors import MalformedError

if TYPE_CHECKING:
    from crashsym.codemap import Range
    from crashsym.dwarf.inputs import DebugInputs

_SCOPES = {
    Tag.NAMESPACE,
    Tag.CLASS_TYPE,
    Tag.STRUCTURE_TYPE,
    Tag.UNION_TYPE,
    Tag.INTERFACE_TYPE,
    Tag.ENUMERATION_TYPE,
    Tag.MODULE,
}
_ORIGINS = (At.ABSTRACT_ORIGIN, At.SPECIFICATION, At.SIGNATURE)
_LARGEST_LINE = (1 << 31) - 1
# Numbers of sections, the first part of a `Key`; split units have the next ones, two each.
_MAIN, _SUPPLEMENT, _FIRST_SPLIT = 0, 2, 4


@dataclass(slots=True)
class _InlineCall:
    """An inlined subroutine as it stands in the tree; ``parent`` is an index or -1."""

    parent: int
    depth: int
    origin: Key | None
    call_file: int
    call_line: int
    ranges: list[Range]


@dataclass(slots=True)
class _Body:
    """A subprogram that has code, or an entry point: that shares ``inlines`` with its function."""

    key: Key
    lines: LineTable
    ranges: list[Range]
    inlines: list[_InlineCall] = field(default_factory=list)
    is_entry_point: bool = False


@dataclass(frozen=True, slots=True)
class _Level:
    """What an entry inherits from those around it; ``outer`` is the scope around the function."""

    scope: Key | None = None
    body: _Body | None = None
    inline: int = -1
    outer: Key | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """The unit that is being read.

    ``section`` is the number of ``.debug_info`` of its file (``.debug_types`` has the next).
    ``skeleton`` has the line table: the unit itself if it is not split. None: names only.
    """

    unit: Unit
    section: int
    skeleton: Unit | None

    def key(self, offset: int) -> Key:
        """Return the key of an entry in the section that the unit is in."""
        return self.section + (self.unit.section == ".debug_types"), offset

    def reference(self, entry: Entry, name: int) -> Key | None:
        """Return the key of the entry that an attribute refers to, or None."""
        found = self.unit.reference(entry, name)
        if found is None:
            return None
        if found.place == "unit":
            return self.key(found.value)
        sections = {"info": self.section, "supplement": _SUPPLEMENT, "signature": SIGNATURES}
        return sections[found.place], found.value


def read_functions(
    inputs: DebugInputs, *, inlines: bool = True, keep_suffixes: bool = False
) -> FunctionTable:
    """Return the functions that the DWARF of a module describes.

    Damage costs the unit it is in, from the damaged place on; everything else is kept. Functions
    outside of the executable sections (discarded by the linker) are dropped. What is missing or
    does not belong among the other files is in ``inputs.problems`` afterwards.

    Raises:
        MalformedError: a debug section of the main file is truncated or cannot be inflated.
    """
    return _Reader(inputs, inlines=inlines, keep_suffixes=keep_suffixes).read()


class _Reader:
    def __init__(self, inputs: DebugInputs, *, inlines: bool, keep_suffixes: bool) -> None:
        elf_file, self._inputs = inputs.elf_file, inputs
        self._sections = DwarfSections.of(elf_file)
        self._code = CodeMap(elf_file.executable_ranges, isa_bit=has_isa_bit(elf_file.machine))
        self._known_size = inputs.size
        self._budget = Budget(self._sections.size + self._known_size)
        self._names = NameTable(self._budget, keep_suffixes=keep_suffixes)
        self._tables: dict[int, LineTable] = {}
        self._bodies: list[_Body] = []
        self._claimed: set[Range] = set()
        self._damage: list[Damage] = []
        self._want_inlines = inlines
        self._next_section = _FIRST_SPLIT

    def read(self) -> FunctionTable:
        """Read all units, then put their functions together."""
        supplement = self._inputs.supplementary
        main = UnitReader(self._sections, supplement, self._budget)
        for unit in self._units(main, ".debug_info"):
            self._read_main(unit)
        for unit in self._units(main, ".debug_types"):
            self._read_unit(_Place(unit, _MAIN, None))
        if supplement is not None:
            for unit in self._units(UnitReader(supplement, None, self._budget), ".debug_info"):
                self._read_unit(_Place(unit, _SUPPLEMENT, None))
        functions: list[Function] = []
        try:
            functions.extend(self._functions())
        except MalformedError as error:
            self._damage.append(Damage(error.where, error.why))
        return FunctionTable(tuple(functions), tuple(self._damage))

    def _units(self, reader: UnitReader, section: str) -> Iterator[Unit]:
        for unit in reader.units(section):
            if isinstance(unit, Unit):
                yield unit
            else:
                self._damage.append(Damage(unit.where, unit.why))

    def _read_main(self, unit: Unit) -> None:
        """Read a unit of the main file, or the split unit that it stands for."""
        is_type = unit.header.kind in TYPE_KINDS
        try:
            if not is_type and self._read_split(unit):
                return
        except MalformedError as error:
            self._damage.append(Damage(error.where, error.why))
            return
        self._read_unit(_Place(unit, _MAIN, None if is_type else unit))

    def _read_split(self, skeleton: Unit) -> bool:
        """Read the split unit of a skeleton; False where there is none."""
        name, identity = skeleton.dwo_name, skeleton.dwo_id
        if name is None or identity is None:
            return False
        split = self._inputs.split_unit(skeleton.comp_dir, name, identity)
        if split is None:
            return False
        self._grow()
        tables: AbbreviationTables = {}
        reader = UnitReader(split.sections, None, self._budget, tables, split=True)
        unit = reader.unit(split.section, split.offset)
        unit.attach(skeleton)
        self._read_unit(_Place(unit, self._new_section(), skeleton))
        for kind in self._inputs.type_units():
            reader = UnitReader(kind.sections, None, self._budget, tables, split=True)
            try:
                unit = reader.unit(kind.section, kind.offset)
            except MalformedError as error:
                self._damage.append(Damage(error.where, error.why))
                continue
            self._read_unit(_Place(unit, self._new_section(), None))
        return True

    def _grow(self) -> None:
        self._budget.grow(self._inputs.size - self._known_size)
        self._known_size = self._inputs.size

    def _new_section(self) -> int:
        self._next_section += 2
        return self._next_section - 2

    def _functions(self) -> Iterator[Function]:
        for body in self._bodies:
            if not body.is_entry_point:
                self._spread_upwards(body.inlines)
        pieces = self._code.divide([body.ranges for body in self._bodies])
        shared = _Claims(self._bodies)
        for piece in pieces:
            yield self._function(piece, shared.rivals(piece))

    def _spread_upwards(self, inlines: list[_InlineCall]) -> None:
        """Let each call cover what is inlined into it.

        An inlined function of which nothing is left but calls inlined in turn has no range of its
        own, or an empty one; without it the chain of callers would have a hole.
        """
        for call in reversed(inlines):
            call.ranges = joined(call.ranges)
            self._budget.spend(len(call.ranges), ".debug_info inlines")
            if call.parent >= 0:
                inlines[call.parent].ranges.extend(call.ranges)

    def _read_unit(self, place: _Place) -> None:
        unit = place.unit
        if unit.header.kind in TYPE_KINDS and unit.header.identity is not None:
            key = place.key(unit.offset + unit.header.type_offset)
            self._names.add_type(unit.header.identity, key)
        levels = [_Level()]
        try:
            for entry in unit.entries():
                del levels[entry.depth + 1 :]
                levels.append(self._read_entry(place, entry, levels[-1]))
        except MalformedError as error:
            self._damage.append(Damage(error.where, error.why))

    def _line_table(self, unit: Unit) -> LineTable:
        """Return the line table of a unit; units made by LTO or dwz may share one."""
        offset = unit.root.number(At.STMT_LIST)
        if offset is None:
            return LineTable({})
        if offset not in self._tables:
            self._tables[offset] = LineTable({})
            try:
                self._tables[offset] = read_line_table(
                    unit, offset, unit.comp_dir, self._code, self._budget
                )
            except MalformedError as error:
                self._damage.append(Damage(error.where, error.why))
        return self._tables[offset]

    def _read_entry(self, place: _Place, entry: Entry, above: _Level) -> _Level:
        if entry.tag == Tag.SUBPROGRAM:
            return self._read_subprogram(place, entry, above)
        if entry.tag == Tag.INLINED_SUBROUTINE and above.body is not None:
            return self._read_inline(place, entry, above, above.body)
        if entry.tag == Tag.ENTRY_POINT:
            self._read_entry_point(place, entry, above)
        elif entry.tag in _SCOPES:
            key = self._add_name(place, entry, above.scope)
            return _Level(scope=key, body=above.body, inline=above.inline, outer=above.outer)
        return above

    def _add_name(self, place: _Place, entry: Entry, scope: Key | None) -> Key:
        unit, key = place.unit, place.key(entry.offset)
        origins = (place.reference(entry, name) for name in _ORIGINS)
        linkage = unit.text(entry, At.LINKAGE_NAME) or unit.text(entry, At.MIPS_LINKAGE_NAME)
        self._names.add(
            key,
            NameEntry(
                name=unit.text(entry, At.NAME),
                linkage_name=linkage,
                parent=scope,
                origin=next((origin for origin in origins if origin is not None), None),
                namespace=entry.tag == Tag.NAMESPACE,
            ),
        )
        return key

    def _read_subprogram(self, place: _Place, entry: Entry, above: _Level) -> _Level:
        key = self._add_name(place, entry, above.scope)
        body = None
        if place.skeleton is not None:
            ranges = self._code_ranges(place.unit, entry)
            if ranges and self._claimed.issuperset(ranges):
                self._bodies.append(_Body(key, LineTable({}), ranges))
            elif ranges:
                body = _Body(key, self._line_table(place.skeleton), ranges)
                self._bodies.append(body)
                self._claimed.update(ranges)
        return _Level(scope=key, body=body, outer=above.scope)

    def _read_entry_point(self, place: _Place, entry: Entry, above: _Level) -> None:
        key, body = self._add_name(place, entry, above.outer), above.body
        if body is None:
            return
        address = place.unit.address(entry, At.LOW_PC)
        if address is None:
            return
        start = self._code.address(address)
        end = next((e for s, e in body.ranges if s <= start < e), None)
        if end is not None:
            shared = body.inlines
            self._bodies.append(_Body(key, body.lines, [(start, end)], shared, is_entry_point=True))
            self._claimed.add((start, end))

    def _code_ranges(self, unit: Unit, entry: Entry) -> list[Range]:
        """Return the ranges that can hold code."""
        return self._code.inside(unit.code_ranges(entry))

    def _read_inline(self, place: _Place, entry: Entry, above: _Level, body: _Body) -> _Level:
        if not self._want_inlines:
            return above
        depth = body.inlines[above.inline].depth + 1 if above.inline >= 0 else 0
        line = entry.number(At.CALL_LINE) or 0
        body.inlines.append(
            _InlineCall(
                parent=above.inline,
                depth=depth,
                origin=place.reference(entry, At.ABSTRACT_ORIGIN),
                call_file=entry.number(At.CALL_FILE) or 0,
                call_line=line if line <= _LARGEST_LINE else 0,
                ranges=self._code_ranges(place.unit, entry),
            )
        )
        return _Level(above.scope, body, len(body.inlines) - 1, above.outer)

    def _function(self, piece: Piece, rivals: list[Key]) -> Function:
        body, span = self._bodies[piece.owner], (piece.start, piece.end)
        lines = tuple(body.lines.between(span))
        self._budget.spend(len(lines) + len(body.inlines), ".debug_info functions")
        name = self._names.function_name(body.key)
        return Function(
            address=piece.start,
            size=piece.end - piece.start,
            name=name,
            inlines=tuple(self._inlines(body, span)),
            lines=lines,
            multiple=any(self._names.function_name(rival) != name for rival in rivals),
        )

    def _inlines(self, body: _Body, span: Range) -> list[Inline]:
        """Return the inlined calls inside ``span``, callers before callees."""
        found = []
        for call in body.inlines:
            self._budget.spend(len(call.ranges), ".debug_info inlines")
            ranges = overlap(call.ranges, span)
            if ranges:
                name = self._names.function_name(call.origin)
                call_file = body.lines.path(call.call_file)
                found.append(Inline(call.depth, name, call_file, call.call_line, tuple(ranges)))
        return found


class _Claims:
    """Who claims exactly the same code as others."""

    def __init__(self, bodies: list[_Body]) -> None:
        self._shortest: dict[int, int] = {}
        self._bodies = bodies
        self._owners: dict[Range, list[int]] = {}
        for owner, body in enumerate(bodies):
            for start, end in body.ranges:
                self._shortest[start] = min(end, self._shortest.get(start, end))
                self._owners.setdefault((start, end), []).append(owner)

    def rivals(self, piece: Piece) -> list[Key]:
        """Return the other bodies whose claim is that of the owner, if the piece begins it."""
        end = self._shortest.get(piece.start)
        if end is None:
            return []
        owners = self._owners[(piece.start, end)]
        return [self._bodies[owner].key for owner in owners if owner != piece.owner]
