"""DWARF that lies, goes in circles, or asks for more than its size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf, LineHeader
from builders.elf import Elf, Section
from builders.encode import Format, uleb
from builders.limits import check_promise

FMT = Format()
CODE_SIZE = 0x400000
_HEADER_SIZE = 11  # of a unit, DWARF 4
_LOW: Attribute = (dwarf.LOW_PC, dwarf.ADDR, 0x1000)
_HIGH: Attribute = (dwarf.HIGH_PC, dwarf.DATA1, 16)
_LINES: Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)


def _file(info: Dwarf, *sections: Section) -> bytes:
    return Elf((elf.code(CODE_SIZE), elf.build_id(FMT), *info.sections(), *sections)).build()


def _root(*children: Die, more: tuple[Attribute, ...] = ()) -> Die:
    return Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"a.c"), *more], children or None)


def _unit(*children: Die, more: tuple[Attribute, ...] = ()) -> Dwarf:
    info = Dwarf(FMT)
    info.unit(_root(*children, more=more))
    return info


def _subprogram(*attributes: Attribute) -> Die:
    return Die(dwarf.SUBPROGRAM, attributes)


def _with_lines(program: bytes, header: LineHeader | None = None, *functions: Die) -> bytes:
    info = _unit(*(functions or (dwarf.function(0x1000, 0x300000),)), more=(_LINES,))
    return _file(info, Section(".debug_line", dwarf.line_program(FMT, program, header)))


def _repeated(die: Die, count: int, *sections: Section) -> bytes:
    """Return a unit in which one entry stands ``count`` times."""
    info = Dwarf(FMT)
    root = info.entry(_root(die))
    info.raw_unit(root + info.entry(die) * count + b"\0")
    return _file(info, *sections)


def _chain(dies: list[Die]) -> bytes:
    """Return a function with entries nested in each other."""
    info = Dwarf(FMT)
    body = info.entry(_root(Die(1))) + info.entry(dwarf.function(0x1000, 0x200000, b"f", Die(1)))
    body += b"".join(info.entry(die) for die in dies)
    info.raw_unit(body + bytes(len(dies) + 2))
    return _file(info)


def _inline(address: int, size: int) -> Die:
    attributes = [(dwarf.LOW_PC, dwarf.ADDR, address), (dwarf.HIGH_PC, dwarf.DATA4, size)]
    return Die(dwarf.INLINED, attributes, ())


def _units_with_own_abbreviations() -> bytes:
    info = Dwarf(FMT)
    for number in range(2000):
        info.raw_unit(b"\1", abbrev_offset=5 * number)
    info.abbrev += b"\x01\x11\0\0\0" * 20_000
    return _file(info)


def _blocks_to_the_end() -> bytes:
    info, count = Dwarf(FMT), 5000
    info.entry(Die(dwarf.COMPILE_UNIT, [(0x02, dwarf.EXPRLOC, 0)]))
    for number in range(count):
        info.raw_unit(b"\1" + uleb((count - number - 1) * 16 + 100, 4))
    info.info += bytes(200)
    return _file(info)


def _long_code() -> Dwarf:
    info = Dwarf(FMT)
    info.raw_unit(b"\xff" * 1_000_000 + b"\0")
    return info


def _minimal_units() -> bytes:
    info = Dwarf(FMT)
    info.raw_unit(info.entry(Die(dwarf.COMPILE_UNIT)))
    info.info *= 100_000
    return _file(info)


def _shared_ranges(pairs: bytes) -> bytes:
    die = _subprogram((dwarf.RANGES, dwarf.SEC_OFFSET, 0))
    return _repeated(die, 5000, Section(".debug_ranges", pairs + FMT.word(0, 0)))


def _function_cut_to_pieces(count: int = 20_000) -> bytes:
    pairs = b"".join(b"\4" + uleb(16 * n) + uleb(16 * n + 8) for n in range(count)) + b"\0"
    head = FMT.number(len(pairs) + 8, 4) + FMT.number(5, 2) + b"\x08\0" + FMT.number(0, 4)
    info = Dwarf(FMT, version=5)
    call = Die(dwarf.INLINED, [(dwarf.RANGES, dwarf.SEC_OFFSET, len(head))])
    small = [
        _subprogram((dwarf.LOW_PC, dwarf.ADDR, 0x1000 + 16 * n), (dwarf.HIGH_PC, dwarf.DATA1, 8))
        for n in range(count)
    ]
    large = dwarf.function(0x1000, 0x100000, b"large", call)
    info.unit(Die(dwarf.COMPILE_UNIT, [_LOW], [large, *small]))
    return _file(info, Section(".debug_rnglists", head + pairs))


def _shared_line_program() -> bytes:
    opcodes = bytes(33 + n % 3 for n in range(100_000))
    info = Dwarf(FMT)
    for number in range(300):
        folder: Attribute = (dwarf.COMP_DIR, dwarf.STRING, b"/%d" % number)
        function = dwarf.function(0x1000 + number, 1)
        info.unit(Die(dwarf.COMPILE_UNIT, [folder, _LINES], [function]))
    program = dwarf.line_program(FMT, dwarf.sequence(FMT, 0x1000, opcodes))
    return _file(info, Section(".debug_line", program))


def _overlapping_functions(step: int) -> bytes:
    functions = [
        _subprogram(
            (dwarf.LOW_PC, dwarf.ADDR, 0x1000 + step * n), (dwarf.HIGH_PC, dwarf.DATA4, 0x100000)
        )
        for n in range(20_000)
    ]
    opcodes = bytes(33 + n % 3 for n in range(20_000))
    return _with_lines(dwarf.sequence(FMT, 0x1000, opcodes), None, *functions)


_SPECIAL = bytes(33 + n % 3 for n in range(500_000))
_LONG = Section(".debug_str", b"n" * 300_000 + b"\0")

COSTLY: dict[str, Callable[[], bytes]] = {
    "an abbreviation code of a million bytes": lambda: _file(_long_code()),
    "20 000 entries with one long name": lambda: _repeated(
        _subprogram((dwarf.NAME, dwarf.STRP, 0)), 20_000, _LONG
    ),
    "60 000 blocks with one long name": lambda: _repeated(
        Die(dwarf.LEXICAL_BLOCK, [(dwarf.NAME, dwarf.STRP, 0)]), 60_000, _LONG
    ),
    "50 000 entries of 50 000 attributes": lambda: _repeated(
        _subprogram(*[(0x3C, dwarf.FLAG_PRESENT, 0)] * 50_000), 50_000
    ),
    "2000 units with abbreviations of their own": _units_with_own_abbreviations,
    "5000 units with blocks up to the end": _blocks_to_the_end,
    "100 000 units of 12 bytes": _minimal_units,
    "5000 functions share 20 000 empty ranges": lambda: _shared_ranges(FMT.word(1, 1) * 20_000),
    "5000 functions share 20 000 ranges": lambda: _shared_ranges(
        b"".join(FMT.word(0x1000 + 2 * n, 0x1001 + 2 * n) for n in range(20_000))
    ),
    "200 000 defined files": lambda: _with_lines(dwarf.extended(3, b"a\0\0\0\0") * 200_000),
    "10 000 files in one long folder": lambda: _with_lines(
        b"", LineHeader([b"d" * 300_000], [(b"a", 1)] * 10_000)
    ),
    "500 000 rows": lambda: _with_lines(dwarf.sequence(FMT, 0x1000, _SPECIAL)),
    "300 units share 100 000 rows": _shared_line_program,
    "20 000 functions in one place": lambda: _overlapping_functions(0),
    "20 000 functions overlap": lambda: _overlapping_functions(1),
    "a function cut into 20 000 pieces": _function_cut_to_pieces,
    "100 000 nested blocks": lambda: _chain([Die(dwarf.LEXICAL_BLOCK, (), ())] * 100_000),
    "30 000 nested calls, each inside the other": lambda: _chain(
        [_inline(0x1000 + n, 0x100000 - 2 * n) for n in range(30_000)]
    ),
    "30 000 nested calls side by side": lambda: _chain(
        [_inline(0x1000 + 2 * n, 1) for n in range(30_000)]
    ),
    "10 000 functions in a scope of 60 kB": lambda: _file(
        _unit(
            Die(
                dwarf.NAMESPACE,
                [(dwarf.NAME, dwarf.STRING, b"n" * 60_000)],
                [dwarf.function(0x1000 + 16 * n, 16) for n in range(10_000)],
            )
        )
    ),
}


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_small_files_cannot_ask_for_large_work(tmp_path: Path, make: Callable[[], bytes]) -> None:
    check_promise(tmp_path, make(), codes=(2, 3))


BROKEN_ENTRIES: dict[str, Die] = {
    "a block of 2 GB": _subprogram((dwarf.NAME, dwarf.BLOCK4, b"\xff\xff\xff\x7f")),
    "an expression of 2^60 bytes": _subprogram((0x40, dwarf.EXPRLOC, uleb(1 << 60))),
    "a form that nobody knows": _subprogram((dwarf.NAME, 0x7F7F, b"")),
    "a name without end": _subprogram((dwarf.NAME, dwarf.BLOCK1, b"\xff" + b"n" * 30)),
    "an indirect form that nobody knows": _subprogram((dwarf.NAME, dwarf.INDIRECT, b"\x7f")),
    "an address index past the end": _subprogram((dwarf.LOW_PC, dwarf.ADDRX, 1 << 60)),
    "a string index past the end": _subprogram((dwarf.NAME, dwarf.STRX, 1 << 60)),
    "a range list past the end": _subprogram((dwarf.RANGES, dwarf.SEC_OFFSET, 0x7FFFFFFF)),
    "a range list index past the end": _subprogram((dwarf.RANGES, dwarf.RNGLISTX, 1 << 60)),
}


@pytest.mark.parametrize("die", BROKEN_ENTRIES.values(), ids=BROKEN_ENTRIES)
def test_a_damaged_entry_costs_the_rest_of_its_unit_only(tmp_path: Path, die: Die) -> None:
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"before"), die))
    info.unit(_root(dwarf.function(0x2000, 16, b"in_another_unit")))
    lines = check_promise(tmp_path, _file(info), codes=(3,))
    assert "FUNC 1000 10 0 before" in lines
    assert "FUNC 2000 10 0 in_another_unit" in lines


def test_what_is_behind_damage_is_found_by_no_reference(tmp_path: Path) -> None:
    info, call = Dwarf(FMT), Die(dwarf.INLINED, [(dwarf.RANGES, dwarf.SEC_OFFSET, 0x7FFFFFFF)])
    late = _subprogram((dwarf.NAME, dwarf.STRING, b"late"))
    body = info.entries(_root(dwarf.function(0x1000, 16, b"before", call), late))
    place = _HEADER_SIZE + len(body) - len(info.entry(late)) - 1
    info.raw_unit(body)
    origin: Attribute = (dwarf.ABSTRACT_ORIGIN, dwarf.REF_ADDR, place)
    info.unit(_root(_subprogram(origin, (dwarf.LOW_PC, dwarf.ADDR, 0x2000), _HIGH)))
    lines = check_promise(tmp_path, _file(info), codes=(3,))
    assert "FUNC 1000 10 0 before" in lines
    assert "FUNC 2000 10 0 <name omitted>" in lines


@pytest.mark.parametrize("reference", [dwarf.SPECIFICATION, dwarf.ABSTRACT_ORIGIN])
@pytest.mark.parametrize("distance", [0, 1], ids=["to itself", "back and forth"])
def test_circular_references_end(tmp_path: Path, reference: int, distance: int) -> None:
    info = Dwarf(FMT)
    root = info.entry(_root(Die(1)))
    first = _HEADER_SIZE + len(root)

    def entry(target: int, address: int) -> Die:
        low: Attribute = (dwarf.LOW_PC, dwarf.ADDR, address)
        return _subprogram((reference, dwarf.REF4, target), low, _HIGH)

    size = len(info.entry(entry(0, 0)))
    second = first + size
    one, other = (second, first) if distance else (first, second)
    body = root + info.entry(entry(one, 0x1000)) + info.entry(entry(other, 0x2000))
    info.raw_unit(body + b"\0")
    lines = check_promise(tmp_path, _file(info))
    assert "FUNC 1000 10 0 <name omitted>" in lines
    assert "FUNC 2000 10 0 <name omitted>" in lines


def test_a_cycle_across_units_ends(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    die = _subprogram((dwarf.ABSTRACT_ORIGIN, dwarf.REF_ADDR, 0), _LOW, _HIGH)
    root = info.entry(_root(Die(1)))
    first = _HEADER_SIZE + len(root)
    second = first + len(info.entry(die)) + 1 + first
    for target, address in ((second, 0x1000), (first, 0x2000)):
        low: Attribute = (dwarf.LOW_PC, dwarf.ADDR, address)
        origin: Attribute = (dwarf.ABSTRACT_ORIGIN, dwarf.REF_ADDR, target)
        info.raw_unit(root + info.entry(_subprogram(origin, low, _HIGH)) + b"\0")
    lines = check_promise(tmp_path, _file(info))
    assert sum(line.startswith("FUNC ") for line in lines) == 2


def test_siblings_that_lie_hide_nothing(tmp_path: Path) -> None:
    sibling: Attribute = (dwarf.SIBLING, dwarf.REF4, 0x7FFFFFFF)
    name: Attribute = (dwarf.NAME, dwarf.STRING, b"f")
    lines = check_promise(tmp_path, _file(_unit(_subprogram(sibling, name, _LOW, _HIGH))))
    assert "FUNC 1000 10 0 f" in lines


HEADERS: dict[str, dict[str, int]] = {
    "a length past the end": {"length": 0x7FFFFFFF},
    "a reserved length": {"length": 0xFFFFFFF5},
    "length 0": {"length": 0},
    "version 77": {"version": 77},
    "addresses of 3 bytes": {"address_size": 3},
    "abbreviations past the end": {"abbrev_offset": 0x7FFFFFFF},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_damaged_unit_header_keeps_the_units_before(
    tmp_path: Path, header: dict[str, int]
) -> None:
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16)))
    info.raw_unit(info.entries(_root(dwarf.function(0x2000, 16))), **header)
    lines = check_promise(tmp_path, _file(info), codes=(3,))
    assert "FUNC 1000 10 0 f" in lines


RANGES: dict[str, Die] = {
    "everything": dwarf.function(0x1000, (1 << 64) - 0x1001),
    "more than there is": dwarf.function(0x1000, (1 << 64) - 1),
    "nothing": dwarf.function(0x1000, 0),
    "a place without code": dwarf.function(0x7FFF00000000, 16),
}


@pytest.mark.parametrize("die", RANGES.values(), ids=RANGES)
def test_functions_stay_inside_of_the_code(tmp_path: Path, die: Die) -> None:
    lines = check_promise(tmp_path, _file(_unit(die, dwarf.function(0x2000, 16, b"g"))))
    assert "FUNC 2000 10 0 g" in lines
    for line in lines:
        if line.startswith("FUNC"):
            address, size = (int(word, 16) for word in line.split()[1:3])
            assert 0x1000 <= address < address + size <= 0x1000 + CODE_SIZE


_ADVANCE, _LINE, _FILE = b"\x02", b"\x03", b"\x04"
PROGRAMS: dict[str, tuple[bytes, LineHeader]] = {
    "a length past the end": (b"", LineHeader(length=0x7FFFFFFF)),
    "a header past the end": (b"", LineHeader(header_length=0x7FFFFFFF)),
    "version 77": (b"", LineHeader(version=77)),
    "a line range of 0": (b"\xff", LineHeader(line_range=0)),
    "an opcode base of 0": (b"\x05", LineHeader(opcode_base=0)),
    "files without end": (b"", LineHeader(tables=b"a" * 50)),
    "2^60 folders": (b"", LineHeader(version=5, tables=b"\0" + uleb(1 << 60))),
    "a file entry of a form that nobody knows": (
        b"",
        LineHeader(version=5, tables=b"\x01\x01\x7f\x01"),
    ),
    "an extended opcode past the end": (b"\0\xff\x7f\x02", LineHeader()),
}


@pytest.mark.parametrize(("program", "header"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_damaged_line_program_keeps_the_functions(
    tmp_path: Path, program: bytes, header: LineHeader
) -> None:
    lines = check_promise(tmp_path, _with_lines(program, header), codes=(3,))
    assert "FUNC 1000 300000 0 f" in lines


EXTREME_ROWS: dict[str, bytes] = {
    "a file of 60 bits": _FILE + uleb(1 << 60) + b"\x01",
    "a line of 60 bits": _LINE + uleb(1 << 59) + b"\x01",
    "a line below 0": _LINE + b"\x80\x7f" + b"\x01",
    "an advance of 70 bits": b"\x01" + _ADVANCE + uleb((1 << 70) - 1) + b"\x01",
    "an address of 1 byte": dwarf.extended(2, b"\x10") + b"\x01",
}


@pytest.mark.parametrize("opcodes", EXTREME_ROWS.values(), ids=EXTREME_ROWS)
def test_extreme_rows_give_no_malformed_record(tmp_path: Path, opcodes: bytes) -> None:
    check_promise(tmp_path, _with_lines(dwarf.sequence(FMT, 0x1000, opcodes)), codes=(0, 2, 3))
