# SPDX-License-Identifier: MIT
"""The reference implementation: short and readable, on pyelftools' DWARF entries.

It reads every entry of every unit once, in the order of the file. Code ranges and call sites are
kept on the way; names are looked up at the end, when all entries they may refer to are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.budget import Budget
from crashsym.codeaddr import has_isa_bit
from crashsym.codemap import CodeMap, Piece
from crashsym.dwarf.lines import LineTable, read_line_table
from crashsym.dwarf.model import Damage, Function, FunctionTable, Inline
from crashsym.dwarf.names import NameEntry, NameTable
from crashsym.dwarf.ranges import joined, overlap
from crashsym.dwarf.sections import DwarfSections
from crashsym.dwarf.units import Entry, Unit, iter_units
from crashsym.errors import MalformedError

if TYPE_CHECKING:
    from crashsym.codemap import Range
    from crashsym.elf import ElfFile

_SCOPES = {
    "DW_TAG_namespace",
    "DW_TAG_class_type",
    "DW_TAG_structure_type",
    "DW_TAG_union_type",
    "DW_TAG_interface_type",
    "DW_TAG_enumeration_type",
    "DW_TAG_module",
}
_LARGEST_LINE = (1 << 31) - 1


@dataclass(slots=True)
class _InlineCall:
    """An inlined subroutine as it stands in the tree; ``parent`` is an index or -1."""

    parent: int
    depth: int
    origin: int | None
    call_file: int
    call_line: int
    ranges: list[Range]


@dataclass(slots=True)
class _Body:
    """A subprogram that has code."""

    offset: int
    lines: LineTable
    ranges: list[Range]
    inlines: list[_InlineCall] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Level:
    """What an entry inherits from those around it."""

    scope: int | None = None
    body: _Body | None = None
    inline: int = -1


def read_functions(
    elf_file: ElfFile, *, inlines: bool = True, keep_suffixes: bool = False
) -> FunctionTable:
    """Return the functions that the DWARF of ``elf_file`` describes.

    ``elf_file`` is the half that has ``.debug_info``. Damage costs the unit it is in, from the
    damaged place on; everything else is kept. Functions outside of the executable sections
    (discarded by the linker) are dropped.

    Raises:
        MalformedError: a debug section is truncated or cannot be inflated.
    """
    return _Reader(elf_file, inlines=inlines, keep_suffixes=keep_suffixes).read()


class _Reader:
    def __init__(self, elf_file: ElfFile, *, inlines: bool, keep_suffixes: bool) -> None:
        self._sections = DwarfSections.of(elf_file)
        self._code = CodeMap(elf_file.executable_ranges, isa_bit=has_isa_bit(elf_file.machine))
        size = sum(len(data) for data in self._sections.bytes_by_name.values())
        self._budget = Budget(size)
        self._names = NameTable(self._budget, keep_suffixes=keep_suffixes)
        self._tables: dict[int, LineTable] = {}
        self._bodies: list[_Body] = []
        self._damage: list[Damage] = []
        self._want_inlines = inlines

    def read(self) -> FunctionTable:
        """Read all units, then put their functions together."""
        if self._sections[".debug_info"]:
            info = self._sections.dwarf_info()
            for unit in iter_units(info, self._sections, self._budget):
                if isinstance(unit, Unit):
                    self._read_unit(unit)
                else:
                    self._damaged(unit)
        functions: list[Function] = []
        try:
            for body in self._bodies:
                self._spread_upwards(body.inlines)
            pieces = self._code.divide([body.ranges for body in self._bodies])
            functions.extend(self._function(self._bodies[piece.owner], piece) for piece in pieces)
        except MalformedError as error:
            self._damaged(error)
        return FunctionTable(tuple(functions), tuple(self._damage))

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

    def _damaged(self, error: MalformedError) -> None:
        self._damage.append(Damage(error.where, error.why))

    def _read_unit(self, unit: Unit) -> None:
        try:
            table = self._line_table(unit)
        except MalformedError as error:
            self._damaged(error)
            table = LineTable({})
        levels = [_Level()]
        try:
            for entry in unit.entries():
                del levels[entry.depth + 1 :]
                levels.append(self._read_entry(unit, entry, levels[-1], table))
        except MalformedError as error:
            self._damaged(error)

    def _line_table(self, unit: Unit) -> LineTable:
        """Return the line table of a unit; units made by LTO or dwz may share one."""
        offset = unit.root.number("DW_AT_stmt_list")
        if offset is None:
            return LineTable({})
        if offset not in self._tables:
            comp_dir = unit.root.text("DW_AT_comp_dir") or ""
            self._tables[offset] = read_line_table(
                self._sections, offset, comp_dir, unit.address_size, self._code, self._budget
            )
        return self._tables[offset]

    def _read_entry(self, unit: Unit, entry: Entry, above: _Level, table: LineTable) -> _Level:
        if entry.tag == "DW_TAG_subprogram":
            return self._read_subprogram(unit, entry, above, table)
        if entry.tag == "DW_TAG_inlined_subroutine" and above.body is not None:
            return self._read_inline(unit, entry, above, above.body)
        if entry.tag in _SCOPES:
            self._add_name(unit, entry, above)
            return _Level(scope=entry.offset, body=above.body, inline=above.inline)
        return above

    def _add_name(self, unit: Unit, entry: Entry, above: _Level) -> None:
        origin = unit.reference(entry, "DW_AT_abstract_origin")
        if origin is None:
            origin = unit.reference(entry, "DW_AT_specification")
        linkage = entry.text("DW_AT_linkage_name") or entry.text("DW_AT_MIPS_linkage_name")
        self._names.add(
            entry.offset,
            NameEntry(
                name=entry.text("DW_AT_name"),
                linkage_name=linkage,
                parent=above.scope,
                origin=origin,
                namespace=entry.tag == "DW_TAG_namespace",
            ),
        )

    def _read_subprogram(self, unit: Unit, entry: Entry, above: _Level, table: LineTable) -> _Level:
        self._add_name(unit, entry, above)
        ranges = self._code_ranges(unit, entry)
        body = None
        if ranges:
            body = _Body(entry.offset, table, ranges)
            self._bodies.append(body)
        return _Level(scope=entry.offset, body=body)

    def _code_ranges(self, unit: Unit, entry: Entry) -> list[Range]:
        """Return the ranges that can hold code."""
        return self._code.inside(unit.code_ranges(entry))

    def _read_inline(self, unit: Unit, entry: Entry, above: _Level, body: _Body) -> _Level:
        if not self._want_inlines:
            return above
        depth = body.inlines[above.inline].depth + 1 if above.inline >= 0 else 0
        line = entry.number("DW_AT_call_line") or 0
        body.inlines.append(
            _InlineCall(
                parent=above.inline,
                depth=depth,
                origin=unit.reference(entry, "DW_AT_abstract_origin"),
                call_file=entry.number("DW_AT_call_file") or 0,
                call_line=line if line <= _LARGEST_LINE else 0,
                ranges=self._code_ranges(unit, entry),
            )
        )
        return _Level(scope=above.scope, body=body, inline=len(body.inlines) - 1)

    def _function(self, body: _Body, piece: Piece) -> Function:
        span = (piece.start, piece.end)
        lines = tuple(body.lines.between(span))
        self._budget.spend(len(lines) + len(body.inlines), ".debug_info functions")
        return Function(
            address=piece.start,
            size=piece.end - piece.start,
            name=self._names.function_name(body.offset),
            inlines=tuple(self._inlines(body, span)),
            lines=lines,
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
