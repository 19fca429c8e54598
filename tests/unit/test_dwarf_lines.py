# SPDX-License-Identifier: MIT
"""Each encoding of line programs on its own, and what rows in a strange order mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Dwarf, LineHeader, extended, sequence
from builders.elf import Elf, Section
from builders.encode import Format, sleb, uleb
from builders.functions import read

FMT = Format()
_COPY, _FIXED_ADVANCE, _CONST_ADD = b"\x01", b"\x09", b"\x08"
Row = tuple[int, int, int]


def _advance(operations: int) -> bytes:
    return b"\x02" + uleb(operations)


def _line(delta: int) -> bytes:
    return b"\x03" + sleb(delta)


def _file(
    fmt: Format, program: bytes, *sections: Section, more: tuple[Attribute, ...] = ()
) -> bytes:
    info = Dwarf(fmt, 5 if more else 4)
    attributes: list[Attribute] = [
        (dwarf.COMP_DIR, dwarf.STRING, b"/build"),
        (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),
        *more,
    ]
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, attributes, [dwarf.function(0x1000, 0x100)]))
    parts = (elf.code(), elf.build_id(fmt), *info.sections(), Section(".debug_line", program))
    return Elf((*parts, *sections), format=fmt).build()


def _rows(tmp_path: Path, program: bytes, header: LineHeader | None = None) -> list[Row]:
    data = _file(FMT, dwarf.line_program(FMT, program, header))
    table = read(tmp_path / "a", data)
    assert table.damage == ()
    [function] = table.functions
    return [(line.address, line.size, line.line) for line in function.lines]


def test_of_rows_with_one_address_the_last_counts(tmp_path: Path) -> None:
    rows = _line(4) + _COPY + extended(4, uleb(3)) + _line(2) + _COPY + _advance(4) + _COPY
    assert _rows(tmp_path, sequence(FMT, 0x1000, rows, end=4)) == [(0x1000, 8, 7)]


def test_a_row_that_goes_back_begins_anew(tmp_path: Path) -> None:
    back = extended(2, FMT.word(0x1000))
    rows = _line(4) + _COPY + back + _line(1) + _COPY + _advance(8) + _line(1) + _COPY
    assert _rows(tmp_path, sequence(FMT, 0x1010, rows, end=8)) == [(0x1000, 8, 6), (0x1008, 8, 7)]


def test_rows_that_go_back_may_cover_what_others_have_covered(tmp_path: Path) -> None:
    rows = _line(4) + _COPY + _advance(8) + _line(1) + _COPY + extended(2, FMT.word(0x1000))
    rows += _line(1) + _COPY + _advance(0x14) + _line(1) + _COPY
    found = _rows(tmp_path, sequence(FMT, 0x1010, rows, end=8))
    assert found == [(0x1000, 16, 7), (0x1010, 4, 5), (0x1014, 8, 8)]


def test_a_sequence_that_ends_before_its_start_covers_nothing(tmp_path: Path) -> None:
    bad = extended(2, FMT.word(0x1020)) + _COPY + extended(2, FMT.word(0x1000)) + extended(1)
    good = sequence(FMT, 0x1000, _line(2) + _COPY, end=8)
    assert _rows(tmp_path, bad + good) == [(0x1000, 8, 3)]


def test_what_goes_back_takes_nothing_from_others(tmp_path: Path) -> None:
    good = sequence(FMT, 0x1010, _line(2) + _COPY, end=0x10)
    back = extended(2, FMT.word(0x1010)) + _COPY + extended(2, FMT.word(0x1000)) + extended(1)
    assert _rows(tmp_path, good + back) == [(0x1010, 16, 3)]


def test_sequences_in_any_order(tmp_path: Path) -> None:
    program = b"".join(
        sequence(FMT, 0x1000 + 16 * n, _line(n) + _COPY, end=16) for n in (2, 0, 3, 1)
    )
    assert _rows(tmp_path, program) == [(0x1000 + 16 * n, 16, 1 + n) for n in range(4)]


def test_where_sequences_overlap_the_later_start_wins(tmp_path: Path) -> None:
    program = sequence(FMT, 0x1000, _line(9) + _COPY, end=0x20)
    program += sequence(FMT, 0x1008, _line(1) + _COPY, end=8)
    assert _rows(tmp_path, program) == [(0x1000, 8, 10), (0x1008, 8, 2)]


def test_sequences_of_discarded_functions_are_dropped(tmp_path: Path) -> None:
    discarded = b"".join(_line(1) + _COPY + _advance(4) for _ in range(0x500))
    program = sequence(FMT, 0, discarded) + sequence(FMT, 0x1000, _line(2) + _COPY, end=0x100)
    assert _rows(tmp_path, program) == [(0x1000, 0x100, 3)]


def test_advances_of_every_kind(tmp_path: Path) -> None:
    rows = _COPY + _CONST_ADD + _line(1) + _COPY + _FIXED_ADVANCE + FMT.number(5, 2)
    rows += _line(1) + _COPY
    found = _rows(tmp_path, sequence(FMT, 0x1000, rows, end=1))
    assert found == [(0x1000, 17, 1), (0x1011, 5, 2), (0x1016, 1, 3)]


def test_lines_of_any_number_of_digits_in_steps_of_any_size(tmp_path: Path) -> None:
    """Steps of one, two and more bytes, to and fro; engines write the same figures."""
    ends = [10**digits for digits in range(10)]
    wanted = [0, 7, 63, 64, 8191, 8192, 2**31 - 1, *ends, *(end - 1 for end in ends), 1234567890]
    wanted += [*reversed(wanted), 9, 10, 99, 100, 4711, 12, 123456, 1]
    line, rows = 1, b""
    for number in wanted:
        rows += _line(number - line) + _COPY + _advance(1)
        line = number
    found = [number for _, _, number in _rows(tmp_path, sequence(FMT, 0x1000, rows, end=0))]
    assert found == [n for n, before in zip(wanted, [None, *wanted], strict=False) if n != before]


def test_files_of_any_number_are_told_apart(tmp_path: Path) -> None:
    count = 300
    header = LineHeader(files=[(b"f%d.c" % number, 0) for number in range(count)])
    rows = b"".join(b"\x04" + uleb(n + 1) + _COPY + _advance(1) for n in range(0, count, 7))
    data = _file(FMT, dwarf.line_program(FMT, sequence(FMT, 0x1000, rows, end=0), header))
    [function] = read(tmp_path / "a", data).functions
    assert [line.file for line in function.lines] == [f"/build/f{n}.c" for n in range(0, count, 7)]


@pytest.mark.parametrize("operands", [(2**63, 2**63), (2**64 - 1,), (2**64,), (2**70 + 9, 3)])
@pytest.mark.parametrize("header", [LineHeader(), LineHeader(operations=3, minimum_length=4)])
def test_advances_beyond_all_memory(
    tmp_path: Path, operands: tuple[int, ...], header: LineHeader
) -> None:
    """Engines agree: an operand of more than 64 bits counts as the largest of 64 bits."""
    rows = _advance(1) + _COPY + b"".join(map(_advance, operands)) + _COPY + _advance(3) + _COPY
    data = _file(FMT, dwarf.line_program(FMT, sequence(FMT, 0x1000, rows, end=8), header))
    assert read(tmp_path / "a", data).damage == ()


def test_several_operations_in_one_instruction(tmp_path: Path) -> None:
    """VLIW: with 4 operations of 4 bytes, 6 of them are one instruction and two operations."""
    rows = _COPY + _advance(6) + _line(1) + _COPY + _advance(3) + _line(1) + _COPY
    header = LineHeader(minimum_length=4, operations=4)
    program = extended(2, FMT.word(0x1000)) + rows + _advance(7) + extended(1)
    found = _rows(tmp_path, program, header)
    # 0 → 6 operations: 0x1004 op 2 → 9: 0x1008 op 1 → 16: 0x1010
    assert found == [(0x1000, 4, 1), (0x1004, 4, 2), (0x1008, 8, 3)]


def test_operations_count_from_the_start_of_an_instruction(tmp_path: Path) -> None:
    """An address, an advance to one and the end of a sequence begin with operation 0."""
    header = LineHeader(minimum_length=4, operations=4)
    step = _advance(3) + _line(1) + _COPY
    rows = _COPY + step + _FIXED_ADVANCE + FMT.number(4, 2) + step + _advance(2) + _line(1) + _COPY
    again = extended(2, FMT.word(0x1020)) + step + _advance(6) + extended(1)
    last = _advance(0x1040) + step + _advance(1) + extended(1)
    found = _rows(tmp_path, extended(2, FMT.word(0x1000)) + rows + again + last, header)
    assert found == [
        (0x1000, 4, 2),
        (0x1004, 4, 3),
        (0x1008, 0x18, 4),
        (0x1020, 8, 5),
        (0x1040, 4, 2),
    ]


_HEADERS = {
    "line_base": LineHeader(line_base=-3),
    "line_range": LineHeader(line_range=10),
    "opcode_base": LineHeader(opcode_base=10),
    "line_base and line_range": LineHeader(line_base=-1, line_range=4),
}


@pytest.mark.parametrize("header", _HEADERS.values(), ids=_HEADERS)
def test_special_opcodes_of_programs_with_other_headers(tmp_path: Path, header: LineHeader) -> None:
    """Each program has its own table of them, whatever the one before it had."""
    opcodes = (40, 101, 203, 250)
    info, lines = Dwarf(FMT), b""
    expected: list[tuple[int, int]] = []
    for number, own in enumerate((LineHeader(), header, LineHeader())):
        start, line = 0x1000 + 0x200 * number, 1
        attributes: list[Attribute] = [(dwarf.STMT_LIST, dwarf.SEC_OFFSET, len(lines))]
        function = dwarf.function(start, 0x200)
        info.unit(dwarf.Die(dwarf.COMPILE_UNIT, attributes, [function]))
        program = extended(2, FMT.word(start)) + _line(99) + bytes(opcodes) + extended(1)
        lines += dwarf.line_program(FMT, program, own)
        line += 99
        for opcode in opcodes[:-1]:
            adjusted = opcode - own.opcode_base
            start += adjusted // own.line_range
            line += own.line_base + adjusted % own.line_range
            expected.append((start, line))
    sections = (elf.code(), elf.build_id(FMT), *info.sections(), Section(".debug_line", lines))
    functions = read(tmp_path / "a", Elf(sections).build()).functions
    assert [(line.address, line.line) for f in functions for line in f.lines] == expected


_PATHS = ("/src", "sub", "a.c", "b.c")
_TEXT = b"".join(path.encode() + b"\0" for path in _PATHS)
_OFFSETS = [_TEXT.index(path.encode() + b"\0") for path in _PATHS]


def _path(fmt: Format, form: int, number: int) -> bytes:
    if form == dwarf.STRING:
        return _PATHS[number].encode() + b"\0"
    if form in (dwarf.STRP, dwarf.LINE_STRP):
        return fmt.number(_OFFSETS[number], 4)
    return uleb(number) if form == dwarf.STRX else fmt.number(number, form - 0x24)


_FORMS = {
    "string": dwarf.STRING,
    "line_strp": dwarf.LINE_STRP,
    "strp": dwarf.STRP,
    "strx": dwarf.STRX,
    "strx1": dwarf.STRX1,
    "strx4": dwarf.STRX4,
}
# what may stand beside a path: (content, form, bytes)
_EXTRAS = {
    "nothing": b"",
    "MD5 as data16": b"\x05\x1e",
    "time as block, size as udata": b"\x03\x09\x04\x0f",
    "something of a vendor as data8": uleb(0x2001) + b"\x07",
}
_EXTRA_VALUES = {
    "nothing": b"",
    "MD5 as data16": bytes(range(16)),
    "time as block, size as udata": b"\x03abc" + uleb(300),
    "something of a vendor as data8": bytes(8),
}


@pytest.mark.parametrize("extra", _EXTRAS)
@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
@pytest.mark.parametrize("little", [True, False])
def test_file_tables_of_dwarf_5(tmp_path: Path, form: int, extra: str, little: bool) -> None:
    fmt = Format(64, little)
    directories = b"".join(_path(fmt, form, n) for n in (0, 1))
    columns = b"\x01" + uleb(form) + b"\x02\x0b" + _EXTRAS[extra]
    count = 2 + len(_EXTRAS[extra]) // (3 if "vendor" in extra else 2)
    files = b"".join(
        _path(fmt, form, name) + bytes((index,)) + _EXTRA_VALUES[extra]
        for name, index in ((2, 0), (3, 1))
    )
    tables = b"\x01\x01" + uleb(form) + b"\x02" + directories
    tables += bytes((count,)) + columns + b"\x02" + files
    program = _COPY + _advance(4) + b"\x04\x00" + _line(1) + _COPY
    header = LineHeader(version=5, tables=tables)
    lines = dwarf.line_program(fmt, sequence(fmt, 0x1000, program, end=4), header)
    base: Attribute = (dwarf.STR_OFFSETS_BASE, dwarf.SEC_OFFSET, 8)
    strings = [Section(name, _TEXT) for name in (".debug_str", ".debug_line_str")]
    indexes = Section(".debug_str_offsets", bytes(8) + fmt.numbers(4, *_OFFSETS))
    [function] = read(tmp_path / "a", _file(fmt, lines, *strings, indexes, more=(base,))).functions
    assert [(line.line, line.file) for line in function.lines] == [
        (1, "/src/sub/b.c"),
        (2, "/src/a.c"),
    ]


@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("little", [True, False])
def test_every_version_in_the_64_bit_form(tmp_path: Path, version: int, little: bool) -> None:
    """Lengths and offsets have 8 bytes there, those of paths as well."""
    fmt = Format(64, little)
    column = b"\x01\x01" + uleb(dwarf.LINE_STRP) + b"\x01"
    folder, file = (fmt.number(_OFFSETS[number], 8) for number in (0, 2))
    tables = column + folder + column + file if version == 5 else None
    header = LineHeader(version=version, tables=tables, wide=True)
    rows = b"\x04" + uleb(0 if version == 5 else 1) + _line(6) + _COPY
    lines = dwarf.line_program(fmt, sequence(fmt, 0x1000, rows, end=4), header)
    table = read(tmp_path / "a", _file(fmt, lines, Section(".debug_line_str", _TEXT)))
    assert table.damage == ()
    [line] = table.functions[0].lines
    expected = "/src/a.c" if version == 5 else "/build/a.c"
    assert (line.size, line.line, line.file) == (4, 7, expected)


@pytest.mark.parametrize("form", [dwarf.STRP_SUP, dwarf.GNU_STRP_ALT])
def test_paths_may_be_in_the_supplementary_file(tmp_path: Path, form: int) -> None:
    identity = bytes(range(20))
    common = (elf.build_id(FMT, identity), Section(".debug_str", _TEXT))
    (tmp_path / "common").write_bytes(Elf((elf.code(), *common)).build())
    link = Section(".gnu_debugaltlink", b"common\0" + identity)
    folder, file = (FMT.number(_OFFSETS[number], 4) for number in (0, 2))
    column = b"\x01\x01" + uleb(form) + b"\x01"
    header = LineHeader(version=5, tables=column + folder + column + file)
    program = sequence(FMT, 0x1000, b"\x04\x00" + _COPY, end=4)
    data = _file(FMT, dwarf.line_program(FMT, program, header), link)
    [function] = read(tmp_path / "a", data).functions
    assert [line.file for line in function.lines] == ["/src/a.c"]


def test_units_that_share_a_table_have_the_folder_of_the_first(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    for number in range(3):
        attributes: list[Attribute] = [
            (dwarf.COMP_DIR, dwarf.STRING, b"/build%d" % number),
            (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),
        ]
        function = dwarf.function(0x1000 + 16 * number, 16)
        info.unit(dwarf.Die(dwarf.COMPILE_UNIT, attributes, [function]))
    lines = dwarf.line_program(FMT, sequence(FMT, 0x1000, _COPY, end=48))
    sections = (elf.code(), elf.build_id(FMT), *info.sections(), Section(".debug_line", lines))
    functions = read(tmp_path / "a", Elf(sections).build()).functions
    assert [line.file for f in functions for line in f.lines] == ["/build0/a.c"] * 3


def test_an_entry_point_has_lines_of_its_function(tmp_path: Path) -> None:
    point: list[Attribute] = [
        (dwarf.NAME, dwarf.STRING, b"second"),
        (dwarf.LOW_PC, dwarf.ADDR, 0x1008),
    ]
    function = dwarf.function(0x1000, 0x10, b"first", dwarf.Die(dwarf.ENTRY_POINT, point))
    lines: Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)
    info = Dwarf(FMT)
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, [lines], [function]))
    rows = _COPY + _advance(12) + _line(1) + _COPY
    program = dwarf.line_program(FMT, sequence(FMT, 0x1000, rows, end=4))
    sections = (elf.code(), elf.build_id(FMT), *info.sections(), Section(".debug_line", program))
    functions = read(tmp_path / "a", Elf(sections).build()).functions
    found = {f.name: [(line.address, line.size, line.line) for line in f.lines] for f in functions}
    assert found == {"first": [(0x1000, 8, 1)], "second": [(0x1008, 4, 1), (0x100C, 4, 2)]}


def test_defined_files_have_a_folder(tmp_path: Path) -> None:
    define = extended(3, b"late.c\0" + uleb(1) + uleb(0) + uleb(0))
    header = LineHeader(directories=[b"inc"], files=[(b"a.c", 0)])
    program = define + sequence(FMT, 0x1000, b"\x04\x02" + _COPY, end=4)
    data = _file(FMT, dwarf.line_program(FMT, program, header))
    [function] = read(tmp_path / "a", data).functions
    assert [line.file for line in function.lines] == ["/build/inc/late.c"]


@pytest.mark.parametrize(("number", "path"), [(0, "/src/a.c"), (1, ""), (2, "/src/late.c")])
def test_a_file_that_dwarf_5_defines_has_the_number_after_the_next(
    tmp_path: Path, number: int, path: str
) -> None:
    """The instruction is one of DWARF 2 to 4, where numbers begin at 1."""
    define = extended(3, b"late.c\0" + uleb(0) + uleb(0) + uleb(0))
    program = define + sequence(FMT, 0x1000, b"\x04" + uleb(number) + _COPY, end=4)
    data = _file(FMT, dwarf.line_program(FMT, program, LineHeader(version=5)))
    [function] = read(tmp_path / "a", data).functions
    assert [line.file for line in function.lines] == [path]
