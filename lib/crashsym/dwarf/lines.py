# SPDX-License-Identifier: MIT
"""Line programs of DWARF 2 to 5."""

from __future__ import annotations

import posixpath
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.dwarf.forms import FormReader
from crashsym.dwarf.model import Line
from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.budget import Budget
    from crashsym.codemap import CodeMap, Range
    from crashsym.dwarf.units import Unit

# DWARF 5 section 7.22
_LNCT_PATH = 1
_LNCT_DIRECTORY_INDEX = 2
_MASK64 = (1 << 64) - 1
_LARGEST = (1 << 64) - 1  # operations of one instruction; an operand that says more says this
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


def read_line_table(
    unit: Unit, offset: int, comp_dir: str, code: CodeMap, budget: Budget
) -> LineTable:
    """Decode the line program at ``offset`` of ``.debug_line``, for ``unit``.

    How rows become pieces:

    - A row covers the code up to the next row of its sequence. Of several rows with one address
      (and different op_index, view or discriminator) the last counts. A row whose address is below
      that of the row before it ends that row, which then covers nothing, and the sequence goes on
      from the lower address.
    - A sequence whose first row is outside of ``code`` is dropped as a whole: it is that of a
      function which the linker discarded.
    - A piece that begins where the one before it in the program ends, with the same line and path,
      makes that one longer.
    - Pieces of all sequences are sorted by their start, those with the same start in the order of
      the program. Where one reaches into the next it is cut off there, and does not go on behind
      it; of those with the same start the last is left.
    - A line number outside of 0 to 2^31 - 1 counts as 0. is_stmt, columns, discriminators and ISA
      are passed over.

    Paths are ``comp_dir`` / directory 0 / directory / name, each absolute one replacing what is
    before it, without ``.`` and ``x/..``; before DWARF 5 directory 0 is ``comp_dir``. A file number
    that is not in the table has the path "".

    Raises:
        MalformedError: the program or its header is damaged.

    Source: DWARF 5 section 6.2; DWARF 2 to 4, same section, for the older headers.
    """
    sections = unit.sections
    reader = sections.reader(".debug_line", offset)
    length, offset_size = reader.initial_length()
    part = reader.sub(length)
    budget.spend(length, ".debug_line")
    version, address_size = part.unsigned(2), unit.header.address_size
    if not 2 <= version <= 5:
        raise part.damage(f"line table version {version}; this crashsym reads 2 to 5")
    if version >= 5:
        address_size = part.unsigned(1)
        part.unsigned(1)
    header_length = part.unsigned(offset_size)
    program = Reader(
        part.data,
        little_endian=sections.little_endian,
        offset=part.offset + header_length,
        end=part.end,
        where=part.where,
    )
    header = _read_header(part, version, address_size)
    names = _Names(comp_dir, budget)
    if version >= 5:
        names.read_v5(part, unit, FormReader(version, address_size, offset_size))
    else:
        names.read_v2(part)
    table = LineTable(names.paths)
    numbers: dict[str, int] = {}
    for start, end, line, file in _run(program, _Machine(header, code), names):
        path = table.path(file)
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


class _Names:
    """The directories and files of a line program's header."""

    def __init__(self, comp_dir: str, budget: Budget) -> None:
        self.paths: dict[int, str] = {}
        self._directories = [comp_dir]
        self._budget = budget

    def add(self, number: int, directory: int, name: str) -> None:
        """Take a file; ``a/./b`` and ``a/x/../b`` are one file with ``a/b``."""
        known = directory < len(self._directories)
        folder = self._directories[directory if known else 0]
        path = posixpath.join(folder, name)
        self.paths[number] = posixpath.normpath(path) if path else ""
        self._budget.spend(len(path), ".debug_line file names")

    def define(self, body: Reader) -> None:
        """Take the operands of DW_LNE_define_file; its number is the next."""
        name = _text(body.cstring())
        self.add(len(self.paths) + 1, body.uleb() if body.left else 0, name)

    def _add_directory(self, name: str) -> None:
        self._directories.append(posixpath.join(self._directories[0], name))
        self._budget.spend(len(self._directories[-1]), ".debug_line directories")

    def read_v2(self, part: Reader) -> None:
        """Read the tables of a DWARF 2 to 4 header; file numbers begin at 1."""
        while directory := part.cstring():
            self._add_directory(_text(directory))
        number = 0
        while name := part.cstring():
            index, _time, _size = part.uleb(), part.uleb(), part.uleb()
            number += 1
            self.add(number, index, _text(name))

    def read_v5(self, part: Reader, unit: Unit, forms: FormReader) -> None:
        """Read the tables of a DWARF 5 header; file numbers begin at 0."""
        for number, (path, _) in enumerate(_read_entries(part, unit, forms)):
            if number == 0:
                self._directories[0] = posixpath.join(self._directories[0], path)
            else:
                self._add_directory(path)
        for number, (name, index) in enumerate(_read_entries(part, unit, forms)):
            self.add(number, index, name)


def _read_entries(part: Reader, unit: Unit, forms: FormReader) -> Iterator[tuple[str, int]]:
    """Yield (path, directory index) of a DWARF 5 entry list (section 6.2.4.1).

    Paths may have every form of class string, and those that are not paths any form there is; what
    they say (MD5, time, size) is passed over.
    """
    columns = [(part.uleb(), part.uleb()) for _ in range(part.unsigned(1))]
    count = part.uleb()
    if count > part.left:
        raise part.damage(f"{count} file entries in {part.left} bytes")
    for _ in range(count):
        path, directory = "", 0
        for content, form in columns:
            attribute = forms.read(part, form, 0)
            if content == _LNCT_PATH:
                path = _text(unit.string(attribute) or b"")
            elif content == _LNCT_DIRECTORY_INDEX and isinstance(attribute.value, int):
                directory = attribute.value
        yield path, directory


class _Machine:
    """The state machine of DWARF 5 section 6.2.2."""

    __slots__ = (
        "address",
        "code",
        "dropped",
        "file",
        "header",
        "line",
        "mask",
        "op_index",
        "pending",
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
        self.dropped = False

    def advance(self, operations: int) -> None:
        header = self.header
        total = self.op_index + min(operations, _LARGEST)
        self.address += header.minimum_length * (total // header.operations)
        self.address &= self.mask
        self.op_index = total % header.operations

    def row(self) -> tuple[int, int, int, int] | None:
        """Begin a row here; return the piece of code that the row before it covers."""
        before, line = self.pending, self.line if 0 <= self.line <= _LARGEST_LINE else 0
        address = self.code.address(self.address)
        self.pending = (address, line, min(self.file, _MASK64))
        if before is None:
            self.dropped = not self.code.contains(address)
        if before is None or self.dropped or before[0] >= address:
            return None
        return before[0], address, before[1], before[2]


def _run(program: Reader, machine: _Machine, names: _Names) -> Iterator[tuple[int, int, int, int]]:
    """Execute a line program; yield the pieces of code between its rows."""
    header = machine.header
    while program.left:
        opcode = program.unsigned(1)
        piece = None
        if opcode >= header.opcode_base:
            adjusted = opcode - header.opcode_base
            machine.advance(adjusted // header.line_range)
            machine.line += header.line_base + adjusted % header.line_range
            piece = machine.row()
        elif opcode == 0:
            piece = _extended(program, machine, names)
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
    program: Reader, machine: _Machine, names: _Names
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
        names.define(body)
    return piece
