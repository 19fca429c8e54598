"""Small files that asked the kernel for large work: each is cut short, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf, LineHeader
from builders.elf import Elf, Section
from builders.encode import Format, uleb
from builders.limits import FREE_MEMORY, MEMORY_FACTOR, check_promise, run_limited

FMT = Format()
_LINES: Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)
_NAME: Attribute = (dwarf.NAME, dwarf.STRING, b"a.c")
_LARGE = 0x100000
# Records of one module are at most this much larger than it.
_GROWTH = 400


def _file(info: Dwarf, *sections: Section) -> bytes:
    return Elf((elf.code(0x4000000), elf.build_id(FMT), *info.sections(), *sections)).build()


def _unit(*children: Die, more: tuple[Attribute, ...] = ()) -> Dwarf:
    info = Dwarf(FMT)
    info.unit(Die(dwarf.COMPILE_UNIT, [_NAME, *more], children))
    return info


def _at(address: int, size: int) -> tuple[Attribute, Attribute]:
    return (dwarf.LOW_PC, dwarf.ADDR, address), (dwarf.HIGH_PC, dwarf.DATA4, size)


def _long_paths(files: int = 20_000, depth: int = 100_000) -> bytes:
    """Each file is "." in a folder whose name is long."""
    folder: Attribute = (dwarf.COMP_DIR, dwarf.STRING, b"/a" * depth)
    info = _unit(dwarf.function(0x1000, 0x300000), more=(folder, _LINES))
    rows = b"".join(b"\x04" + uleb(number + 1) + b"\x02\x01\x01" for number in range(files))
    header = LineHeader(files=[(b".", 0)] * files)
    program = dwarf.sequence(FMT, 0x1000, rows)
    return _file(info, Section(".debug_line", dwarf.line_program(FMT, program, header)))


def _chains_in_scopes(functions: int = 40_000, depth: int = 64, length: int = 63) -> bytes:
    """Each function stands in 64 types, and each type refers to 63 others, one after the other."""
    info, head = Dwarf(FMT), 11
    body = bytearray(info.entry(Die(dwarf.COMPILE_UNIT, [_NAME], ())))
    for _ in range(depth):
        before: tuple[Attribute, ...] = ()
        for number in range(length):
            at = head + len(body)
            last = number == length - 1
            body += info.entry(Die(dwarf.STRUCTURE, before, () if last else None))
            before = ((dwarf.SPECIFICATION, dwarf.REF4, at),)
    for number in range(functions):
        name: Attribute = (dwarf.NAME, dwarf.STRING, b"f%d" % number)
        body += info.entry(Die(dwarf.SUBPROGRAM, [name, *_at(0x1000 + 16 * number, 16)]))
    info.raw_unit(bytes(body) + bytes(depth + 1))
    return _file(info)


def _one_table_from_everywhere(units: int = 40_000, declarations: int = 100_000) -> bytes:
    info = Dwarf(FMT)
    for number in range(units):
        info.raw_unit(b"\1", abbrev_offset=5 * (number % 1000))
    info.abbrev += b"\x01\x11\0\0\0" * declarations
    return _file(info)


def _calls(count: int) -> list[Die]:
    return [Die(dwarf.INLINED, _at(0x1000, _LARGE)) for _ in range(count)]


def _calls_in_pieces(count: int = 3000) -> bytes:
    """A function with many calls is cut to pieces by small ones."""
    small = [Die(dwarf.SUBPROGRAM, _at(0x1000 + 16 * n, 8)) for n in range(count)]
    return _file(_unit(dwarf.function(0x1000, _LARGE, b"large", *_calls(count)), *small))


def _calls_and_entry_points(count: int = 3000) -> bytes:
    points = [
        Die(dwarf.ENTRY_POINT, [(dwarf.LOW_PC, dwarf.ADDR, 0x1000 + 16 * n)]) for n in range(count)
    ]
    return _file(_unit(dwarf.function(0x1000, _LARGE, b"large", *_calls(count), *points)))


def _tails_of_one_name(count: int = 20_000, size: int = 1_000_000) -> bytes:
    text = b"".join(b"%07d" % number for number in range(size // 7)) + b"\0"
    functions = [
        Die(dwarf.SUBPROGRAM, [(dwarf.LINKAGE_NAME, dwarf.STRP, n), *_at(0x1000 + 16 * n, 16)])
        for n in range(count)
    ]
    return _file(_unit(*functions), Section(".debug_str", text))


def _of_one_name(attribute: int, text: bytes, count: int = 20_000) -> bytes:
    functions = [
        Die(dwarf.SUBPROGRAM, [(attribute, dwarf.STRP, 0), *_at(0x1000 + 16 * n, 16)])
        for n in range(count)
    ]
    return _file(_unit(*functions), Section(".debug_str", text + b"\0"))


def _attributes_without_bytes(attribute: Attribute, count: int = 100_000) -> bytes:
    """Each entry of one byte has 20 000 attributes."""
    info, die = Dwarf(FMT), Die(dwarf.SUBPROGRAM, [attribute] * 20_000)
    info.raw_unit(info.entry(Die(dwarf.COMPILE_UNIT, [_NAME], ())) + info.entry(die) * count)
    return _file(info)


def _references_to_one_long_entry(count: int = 30_000) -> bytes:
    info = Dwarf(FMT)
    root = info.entry(Die(dwarf.COMPILE_UNIT, [_NAME], ()))
    long = info.entry(Die(dwarf.SUBPROGRAM, [(dwarf.NAME, dwarf.FLAG_PRESENT, 0)] * 50_000))
    origin: Attribute = (dwarf.SPECIFICATION, dwarf.REF4, 11 + len(root))
    functions = (Die(dwarf.SUBPROGRAM, [origin, *_at(0x1000 + 16 * n, 16)]) for n in range(count))
    info.raw_unit(root + long + b"".join(map(info.entry, functions)) + b"\0")
    return _file(info)


def _claims_and_entry_points(count: int = 60_000) -> bytes:
    """No entry point is in the code of the function, which has many ranges."""
    pairs = b"".join(FMT.word(0x1000 + 16 * n, 0x1008 + 16 * n) for n in range(count))
    point = Die(dwarf.ENTRY_POINT, [(dwarf.LOW_PC, dwarf.ADDR, 0x10)])
    function = Die(dwarf.SUBPROGRAM, [(dwarf.RANGES, dwarf.SEC_OFFSET, 0)], [point] * 2 * count)
    return _file(_unit(function), Section(".debug_ranges", pairs + FMT.word(0, 0)))


COSTLY: dict[str, Callable[[], bytes]] = {
    "20 000 files in a folder with a name of 200 000 bytes": _long_paths,
    "64 scopes of 63 references each for 40 000 names": _chains_in_scopes,
    "40 000 units at 1000 places of one table": _one_table_from_everywhere,
    "20 000 names that are tails of one of a megabyte": _tails_of_one_name,
    "20 000 linkage names that are one of a megabyte, and not mangled": lambda: _of_one_name(
        dwarf.LINKAGE_NAME, b"n" * 1_000_000
    ),
    "20 000 names that are one of 64 KB, and not ASCII": lambda: _of_one_name(
        dwarf.NAME, b"\xc3\xa9" * 32_000
    ),
    "100 000 entries of 20 000 addresses without a byte": lambda: _attributes_without_bytes(
        (dwarf.LOW_PC, dwarf.IMPLICIT, 0)
    ),
    "30 000 references to an entry of 50 000 attributes": _references_to_one_long_entry,
    "120 000 entry points for a function of 60 000 ranges": _claims_and_entry_points,
}


WORDY: dict[str, Callable[[], bytes]] = {
    "3000 calls in each of 3000 pieces": _calls_in_pieces,
    "3000 calls in each of 3000 entry points": _calls_and_entry_points,
}


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_work_out_of_proportion_is_cut_short(tmp_path: Path, make: Callable[[], bytes]) -> None:
    check_promise(tmp_path, make(), codes=(3,))


@pytest.mark.parametrize("make", WORDY.values(), ids=WORDY)
def test_records_out_of_proportion_are_cut_short(tmp_path: Path, make: Callable[[], bytes]) -> None:
    subject, output = tmp_path / "subject.so", tmp_path / "subject.sym"
    subject.write_bytes(make())
    outcome = run_limited(tmp_path, "dump", subject, "-o", output)
    assert outcome.code == 3
    assert "ask" in outcome.stderr
    assert outcome.peak is not None
    assert outcome.peak <= FREE_MEMORY + MEMORY_FACTOR * subject.stat().st_size
    assert output.stat().st_size <= _GROWTH * subject.stat().st_size
