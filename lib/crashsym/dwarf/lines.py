# SPDX-License-Identifier: MIT
"""Line programs of DWARF 2 to 5."""

from __future__ import annotations

import posixpath
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.dwarf.model import Line
from crashsym.reader import Reader, string_at

if TYPE_CHECKING:
    from crashsym.budget import Budget
    from crashsym.codemap import CodeMap, Range
    from crashsym.dwarf.sections import DwarfSections

# DWARF 5 section 7.22 and 7.5.6
_LNCT_PATH = 1
_LNCT_DIRECTORY_INDEX = 2
_FORM_BLOCK = 0x09
_FORM_STRING = 0x08
_FORM_STRP = 0x0E
_FORM_LINE_STRP = 0x1F
_FORM_UDATA = 0x0F
_FIXED_FORMS = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}
_MASK64 = (1 << 64) - 1
_LARGEST_LINE = (1 << 31) - 1  # what readers of symbol files keep a line number in


@dataclass
class LineTable:
    """The code of one unit's line program as pieces in ascending order, without overlap.

    Four parallel columns, since a row can stand for one byte of input: ``starts``, ``ends``
    (addresses), ``lines`` and ``files`` (index into ``used``); ``paths`` are those of the header
    by file number, ``used`` those of the pieces.
    """

    paths: dict[int, str]
    used: list[str] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("Q"))
    ends: array[int] = field(default_factory=lambda: array("Q"))
    lines: array[int] = field(default_factory=lambda: array("Q"))
    files: array[int] = field(default_factory=lambda: array("Q"))

    def path(self, index: int) -> str:
        """Return the path of a file number; "" when the table does not have it."""
        return self.paths.get(index, "")

    def between(self, span: Range) -> Iterator[Line]:
        """Yield the lines of the code in ``span``, clipped to it, equal neighbours joined."""
        low, high = span
        start = end = line = file = -1
        for index in range(max(bisect_right(self.starts, low) - 1, 0), len(self.starts)):
            if self.starts[index] >= high:
                break
            left, right = max(self.starts[index], low), min(self.ends[index], high)
            if left >= right:
                continue
            if left == end and line == self.lines[index] and file == self.files[index]:
                end = right
                continue
            if start >= 0:
                yield Line(start, end - start, line, self.used[file])
            start, end, line, file = left, right, self.lines[index], self.files[index]
        if start >= 0:
            yield Line(start, end - start, line, self.used[file])

    def append(self, start: int, end: int, line: int, file: int) -> None:
        """Take one piece, in any order; one that goes on with the line before makes that longer."""
        if self.ends and (self.ends[-1], self.lines[-1], self.files[-1]) == (start, line, file):
            self.ends[-1] = end
            return
        self.starts.append(start)
        self.ends.append(end)
        self.lines.append(line)
        self.files.append(file)

    def in_order(self) -> LineTable:
        """Return the table with its pieces in order; where two overlap the later start wins."""
        if all(end <= start for end, start in zip(self.ends, self.starts[1:], strict=False)):
            return self
        table = LineTable(self.paths, self.used)
        for index in sorted(range(len(self.starts)), key=self.starts.__getitem__):
            start = self.starts[index]
            if table.ends and table.ends[-1] > start:
                table.ends[-1] = start
            table.append(start, self.ends[index], self.lines[index], self.files[index])
        return table


@dataclass(frozen=True, slots=True)
class _Header:
    minimum_length: int
    operations: int
    line_base: int
    line_range: int
    opcode_base: int
    operand_counts: bytes
    address_size: int


def read_line_table(  # noqa: PLR0913 - all of them facts of the unit
    sections: DwarfSections,
    offset: int,
    comp_dir: str,
    address_size: int,
    code: CodeMap,
    budget: Budget,
) -> LineTable:
    """Decode the line program at ``offset`` of ``.debug_line``.

    Raises:
        MalformedError: the program or its header is damaged.

    Source: DWARF 5 section 6.2; DWARF 2 to 4, same section, for the older headers.
    """
    reader = sections.reader(".debug_line", offset)
    length, offset_size = reader.initial_length()
    unit = reader.sub(length)
    budget.spend(length, ".debug_line")
    version = unit.unsigned(2)
    if not 2 <= version <= 5:
        raise unit.damage(f"line table version {version}; this crashsym reads 2 to 5")
    if version >= 5:
        address_size = unit.unsigned(1)
        unit.unsigned(1)
    header_length = unit.unsigned(offset_size)
    program = Reader(
        unit.data,
        little_endian=sections.little_endian,
        offset=unit.offset + header_length,
        end=unit.end,
        where=unit.where,
    )
    header = _read_header(unit, version, address_size)
    entries = _read_v5_files(unit, sections, offset_size) if version >= 5 else _read_v2_files(unit)
    paths: dict[int, str] = {}
    for number, directory, name in entries:
        paths[number] = _full_path(comp_dir, directory, name)
        budget.spend(len(paths[number]), ".debug_line file names")
    table = LineTable(paths)
    numbers: dict[str, int] = {}
    for start, end, line, file in _run(program, header, paths, code):
        path = paths.get(file, "")
        if path not in numbers:
            numbers[path] = len(table.used)
            table.used.append(path)
        table.append(start, end, line, numbers[path])
    return table.in_order()


def _read_header(unit: Reader, version: int, address_size: int) -> _Header:
    minimum_length = unit.unsigned(1)
    operations = unit.unsigned(1) if version >= 4 else 1
    unit.unsigned(1)  # default_is_stmt
    line_base, line_range = unit.signed(1), unit.unsigned(1)
    opcode_base = unit.unsigned(1)
    if line_range == 0 or operations == 0 or address_size not in (2, 4, 8):
        raise unit.damage(
            f"line_range {line_range}, operations {operations}, address size {address_size}"
        )
    counts = unit.take(max(opcode_base - 1, 0))
    return _Header(
        minimum_length, operations, line_base, line_range, opcode_base, counts, address_size
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _full_path(comp_dir: str, directory: str, name: str) -> str:
    """Join and tidy: ``a/./b`` and ``a/x/../b`` are one file with ``a/b``."""
    path = posixpath.join(comp_dir, directory, name)
    return posixpath.normpath(path) if path else ""


def _read_v2_files(unit: Reader) -> Iterator[tuple[int, str, str]]:
    """Yield (number, directory, name) of a DWARF 2 to 4 header; file numbers begin at 1."""
    directories = [""]
    while directory := unit.cstring():
        directories.append(_text(directory))
    number = 0
    while name := unit.cstring():
        index, _time, _size = unit.uleb(), unit.uleb(), unit.uleb()
        number += 1
        yield number, directories[index] if index < len(directories) else "", _text(name)


def _read_v5_files(
    unit: Reader, sections: DwarfSections, offset_size: int
) -> Iterator[tuple[int, str, str]]:
    """Yield (number, directory, name) of a DWARF 5 header; file numbers begin at 0."""
    directories = [path for path, _ in _read_entries(unit, sections, offset_size)]
    base = directories[0] if directories else ""
    entries = _read_entries(unit, sections, offset_size)
    for number, (name, index) in enumerate(entries):
        directory = directories[index] if index < len(directories) else ""
        yield number, posixpath.join(base, directory), name


def _read_entries(
    unit: Reader, sections: DwarfSections, offset_size: int
) -> Iterator[tuple[str, int]]:
    """Yield (path, directory index) of a DWARF 5 entry list (section 6.2.4.1)."""
    columns = [(unit.uleb(), unit.uleb()) for _ in range(unit.unsigned(1))]
    count = unit.uleb()
    if count > unit.left:
        raise unit.damage(f"{count} file entries in {unit.left} bytes")
    for _ in range(count):
        path, directory = "", 0
        for content, form in columns:
            value = _read_form(unit, form, sections, offset_size)
            if content == _LNCT_PATH and isinstance(value, bytes):
                path = _text(value)
            elif content == _LNCT_DIRECTORY_INDEX and isinstance(value, int):
                directory = value
        yield path, directory


def _read_form(unit: Reader, form: int, sections: DwarfSections, offset_size: int) -> bytes | int:
    if form == _FORM_STRING:
        return unit.cstring()
    if form == _FORM_LINE_STRP:
        return string_at(sections[".debug_line_str"], unit.unsigned(offset_size))
    if form == _FORM_STRP:
        return string_at(sections[".debug_str"], unit.unsigned(offset_size))
    if form == _FORM_UDATA:
        return unit.uleb()
    if form == _FORM_BLOCK:
        return unit.take(unit.uleb())
    if form in _FIXED_FORMS:
        return unit.unsigned(_FIXED_FORMS[form])
    raise unit.damage(f"a file entry has form 0x{form:x}")


class _Machine:
    """The state machine of DWARF 5 section 6.2.2."""

    __slots__ = (
        "address",
        "code",
        "file",
        "header",
        "line",
        "mask",
        "op_index",
        "pending",
        "wanted",
    )

    def __init__(self, header: _Header, code: CodeMap) -> None:
        self.header = header
        self.code = code
        self.mask = (1 << (8 * header.address_size)) - 1
        self.reset()

    def reset(self) -> None:
        self.address = self.op_index = 0
        self.file = self.line = 1
        self.pending: tuple[int, int, int] | None = None
        self.wanted = False

    def advance(self, operations: int) -> None:
        header = self.header
        total = self.op_index + operations
        self.address += header.minimum_length * (total // header.operations)
        self.address &= self.mask
        self.op_index = total % header.operations

    def row(self) -> tuple[int, int, int, int] | None:
        """Begin a row here; return the piece of code that the row before it covers.

        A sequence that begins where no code can be is that of a function which the linker has
        discarded; it gives none.
        """
        before, line = self.pending, self.line if 0 <= self.line <= _LARGEST_LINE else 0
        address = self.code.address(self.address)
        if before is None:
            self.wanted = self.code.contains(address)
        self.pending = (address, line, min(self.file, _MASK64))
        if before is None or before[0] >= address or not self.wanted:
            return None
        return before[0], address, before[1], before[2]


def _run(
    program: Reader, header: _Header, paths: dict[int, str], code: CodeMap
) -> Iterator[tuple[int, int, int, int]]:
    """Execute a line program; yield the pieces of code between its rows."""
    machine = _Machine(header, code)
    while program.left:
        opcode = program.unsigned(1)
        piece = None
        if opcode >= header.opcode_base:
            adjusted = opcode - header.opcode_base
            machine.advance(adjusted // header.line_range)
            machine.line += header.line_base + adjusted % header.line_range
            piece = machine.row()
        elif opcode == 0:
            piece = _extended(program, machine, paths)
        elif opcode == 1:  # DW_LNS_copy
            piece = machine.row()
        else:
            _standard(opcode, program, machine)
        if piece:
            yield piece


def _standard(opcode: int, program: Reader, machine: _Machine) -> None:
    """DWARF 5 section 6.2.5.2."""
    header = machine.header
    if opcode == 2:  # DW_LNS_advance_pc
        machine.advance(program.uleb())
    elif opcode == 3:  # DW_LNS_advance_line
        machine.line += program.sleb()
    elif opcode == 4:  # DW_LNS_set_file
        machine.file = program.uleb()
    elif opcode == 8:  # DW_LNS_const_add_pc
        machine.advance((255 - header.opcode_base) // header.line_range)
    elif opcode == 9:  # DW_LNS_fixed_advance_pc
        machine.address = (machine.address + program.unsigned(2)) & machine.mask
        machine.op_index = 0
    else:  # a column, a flag, an ISA, or an opcode from the future: skip its operands
        for _ in range(header.operand_counts[opcode - 1]):
            program.uleb()


def _extended(
    program: Reader, machine: _Machine, paths: dict[int, str]
) -> tuple[int, int, int, int] | None:
    """DWARF 5 section 6.2.5.3."""
    body = program.sub(program.uleb())
    if not body.left:
        return None
    opcode = body.unsigned(1)
    piece = None
    if opcode == 1:  # DW_LNE_end_sequence
        piece = machine.row()
        machine.reset()
    elif opcode == 2:  # DW_LNE_set_address
        machine.address, machine.op_index = body.unsigned(min(body.left, 8)), 0
    elif opcode == 3:  # DW_LNE_define_file, DWARF 2 to 4
        paths[len(paths) + 1] = _text(body.cstring())
    return piece
