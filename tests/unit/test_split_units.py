# SPDX-License-Identifier: MIT
"""Split units made by hand: what comes from the skeleton, and types that are units of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf, sequence
from builders.elf import Elf, Section
from builders.encode import Format, uleb
from builders.functions import read
from crashsym.dwarf.model import FunctionTable

FMT = Format()
ID, SIGNATURE = 7, 9
_STRINGS = b"zero\0f\0g\0"
_SIZE: Attribute = (dwarf.HIGH_PC, dwarf.DATA1, 16)


def _program(version: int, folder: bytes = b"/src") -> bytes:
    """Return the file with the skeleton; it has addresses, lines and (DWARF 4) range lists."""
    four = version == 4
    info = Dwarf(FMT, version)
    base = dwarf.GNU_ADDR_BASE if four else dwarf.ADDR_BASE
    attributes: list[Attribute] = [
        (dwarf.GNU_DWO_NAME if four else dwarf.DWO_NAME, dwarf.STRING, b"a.dwo"),
        (dwarf.COMP_DIR, dwarf.STRING, folder),
        (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),
        (dwarf.LOW_PC, dwarf.ADDR, 0x2000),
        (base, dwarf.SEC_OFFSET, 16),
    ]
    if four:
        attributes += [
            (dwarf.GNU_DWO_ID, dwarf.DATA8, ID),
            (dwarf.GNU_RANGES_BASE, dwarf.SEC_OFFSET, 32),
        ]
        info.unit(Die(dwarf.COMPILE_UNIT, attributes))
    else:
        info.unit(Die(0x4A, attributes), kind=4, tail=FMT.number(ID, 8))
    rows = sequence(FMT, 0x1000, b"\x01", end=16)
    sections = (
        Section(".debug_addr", bytes(16) + FMT.word(0x5000, 0x1000, 0x3000)),
        Section(".debug_ranges", bytes(32 + 16) + FMT.word(0x10, 0x20, 0, 0)),
        Section(".debug_line", dwarf.line_program(FMT, rows)),
    )
    return Elf((elf.code(), elf.build_id(FMT), *info.sections(), *sections)).build()


def _split(version: int) -> tuple[Dwarf, bytes]:
    """Return the split unit, and the type unit: ``struct S`` in ``namespace n``."""
    four = version == 4
    text, address = (
        (dwarf.GNU_STR_INDEX, dwarf.GNU_ADDR_INDEX) if four else (dwarf.STRX, dwarf.ADDRX)
    )
    ranges: Attribute = (dwarf.RANGES, dwarf.RNGLISTX, 1)
    if four:
        ranges = (dwarf.RANGES, dwarf.SEC_OFFSET, 16)
    method = Die(
        dwarf.SUBPROGRAM,
        [(dwarf.NAME, dwarf.STRING, b"method"), (dwarf.LOW_PC, address, 2), _SIZE],
    )
    children = (
        Die(dwarf.SUBPROGRAM, [(dwarf.NAME, text, 1), (dwarf.LOW_PC, address, 1), _SIZE]),
        Die(dwarf.SUBPROGRAM, [(dwarf.NAME, text, 2), ranges]),
        Die(dwarf.STRUCTURE, [(dwarf.SIGNATURE, dwarf.REF_SIG8, SIGNATURE)], [method]),
    )
    info = Dwarf(FMT, version)
    if four:
        info.unit(Die(dwarf.COMPILE_UNIT, [(dwarf.GNU_DWO_ID, dwarf.DATA8, ID)], children))
    else:
        info.unit(Die(dwarf.COMPILE_UNIT, (), children), kind=5, tail=FMT.number(ID, 8))
    member = Die(dwarf.STRUCTURE, [(dwarf.NAME, dwarf.STRING, b"S")])
    root = info.entry(Die(dwarf.TYPE_UNIT, [], [member]))
    space = info.entry(Die(dwarf.NAMESPACE, [(dwarf.NAME, dwarf.STRING, b"n")], [member]))
    header = info.header(kind=6)
    place = 4 + len(header) + 12 + len(root) + len(space)
    body = header + FMT.number(SIGNATURE, 8) + FMT.number(place, 4)
    body += root + space + info.entry(member) + b"\0\0"
    return info, FMT.number(len(body), 4) + body


def _sections(version: int) -> dict[str, bytes]:
    """Return the sections of a ``.dwo`` file by name; the type unit stands last in its section."""
    info, kind = _split(version)
    header = b"" if version == 4 else bytes(8)
    lists = bytes(12) + FMT.numbers(4, 0, 8) + b"\4" + uleb(0x10) + uleb(0x20) + b"\0"
    found = {
        ".debug_info": bytes(info.info) + (kind if version == 5 else b""),
        ".debug_types": kind if version == 4 else b"",
        ".debug_abbrev": bytes(info.abbrev) + b"\0",
        ".debug_str": _STRINGS,
        ".debug_str_offsets": header + FMT.numbers(4, 0, 5, 7),
        ".debug_rnglists": lists if version == 5 else b"",
    }
    return {name: data for name, data in found.items() if data}


def _file(sections: dict[str, bytes]) -> bytes:
    parts = [
        Section(name if name.endswith("_index") else f"{name}.dwo", data)
        for name, data in sections.items()
    ]
    return Elf(parts, type=elf.RELOCATABLE).build()


def _index(version: int, signature: int, columns: dict[int, tuple[int, int]]) -> bytes:
    """Return an index with one unit; ``columns``: DW_SECT_* → offset and size of its slice."""
    out = FMT.numbers(4, version, len(columns), 1, 2) + FMT.numbers(8, 0, signature)
    out += FMT.numbers(4, 0, 1, *columns)
    out += FMT.numbers(4, *(offset for offset, _ in columns.values()))
    return out + FMT.numbers(4, *(size for _, size in columns.values()))


def _package(version: int) -> bytes:
    """Return a package, in which something else stands before each slice."""
    sections, (info, kind) = _sections(version), _split(version)
    other, size = b"\xff" * 12, len(info.info)
    shared = {
        number: (len(other), len(sections[name]))
        for number, name in ((3, ".debug_abbrev"), (6, ".debug_str_offsets"))
    }
    units = {1: (len(other), size), **shared}
    types = {2: (len(other), len(kind)), **shared}
    if version == 5:
        units[8] = (len(other), len(sections[".debug_rnglists"]))
        types = {1: (len(other) + size, len(kind)), **shared}
    whole = {name: other + data for name, data in sections.items()}
    whole[".debug_str"] = _STRINGS
    number = 2 if version == 4 else 5
    whole[".debug_cu_index"] = _index(number, ID, units)
    whole[".debug_tu_index"] = _index(number, SIGNATURE, types)
    return _file(whole)


def _check(table: FunctionTable) -> None:
    assert table.damage == ()
    assert [(f.address, f.size, f.name, len(f.lines)) for f in table.functions] == [
        (0x1000, 16, "f", 1),
        (0x2010, 16, "g", 0),
        (0x3000, 16, "n::S::method", 0),
    ]


@pytest.mark.parametrize("version", [4, 5])
def test_a_split_unit_takes_from_its_skeleton_what_it_does_not_have(
    tmp_path: Path, version: int
) -> None:
    (tmp_path / "a.dwo").write_bytes(_file(_sections(version)))
    _check(read(tmp_path / "a", _program(version)))


@pytest.mark.parametrize("version", [4, 5])
def test_a_split_unit_lies_in_the_folder_that_its_skeleton_names(
    tmp_path: Path, version: int
) -> None:
    (tmp_path / "obj").mkdir()
    (tmp_path / "obj" / "a.dwo").write_bytes(_file(_sections(version)))
    _check(read(tmp_path / "a", _program(version, b"obj")))


@pytest.mark.parametrize("version", [4, 5])
def test_a_package_has_slices_of_every_section(tmp_path: Path, version: int) -> None:
    (tmp_path / "a.dwp").write_bytes(_package(version))
    _check(read(tmp_path / "a", _program(version)))


def test_references_in_a_split_unit_count_from_its_own_section(tmp_path: Path) -> None:
    info, tail = Dwarf(FMT, 5), FMT.number(ID, 8)
    root = info.entry(Die(dwarf.COMPILE_UNIT, (), [Die(1)]))
    place = 4 + len(info.header(kind=5)) + len(tail) + len(root)
    body = root + info.entry(Die(dwarf.SUBPROGRAM, [(dwarf.NAME, dwarf.STRING, b"declared")]))
    attributes: list[Attribute] = [
        (dwarf.SPECIFICATION, dwarf.REF_ADDR, place),
        (dwarf.LOW_PC, dwarf.ADDR, 0x1000),
        _SIZE,
    ]
    info.raw_unit(tail + body + info.entry(Die(dwarf.SUBPROGRAM, attributes)) + b"\0", kind=5)
    data = {part.name: part.data for part in info.sections()}
    (tmp_path / "a.dwo").write_bytes(_file(data))
    assert [f.name for f in read(tmp_path / "a", _program(5)).functions] == ["declared"]


def test_hundreds_of_files_have_abbreviations_of_their_own(tmp_path: Path) -> None:
    """The offset of all of them is 0; the kernel keeps 256 tables."""
    info = Dwarf(FMT, 5)
    for number in range(300):
        name: Attribute = (dwarf.DWO_NAME, dwarf.STRING, b"%d.dwo" % number)
        info.unit(Die(0x4A, [name]), kind=4, tail=FMT.number(number, 8))
        split = Dwarf(FMT, 5)
        attributes: list[Attribute] = [
            (dwarf.LOW_PC, dwarf.ADDR, 0x1000 + 16 * number),
            (dwarf.HIGH_PC, dwarf.DATA1 if number < 256 else dwarf.DATA2, 16),
            (dwarf.NAME, dwarf.STRING, b"f%d" % number),
        ]
        root = Die(dwarf.COMPILE_UNIT, (), [Die(dwarf.SUBPROGRAM, attributes)])
        split.unit(root, kind=5, tail=FMT.number(number, 8))
        data = {part.name: part.data for part in split.sections()}
        (tmp_path / f"{number}.dwo").write_bytes(_file(data))
    program = Elf((elf.code(), elf.build_id(FMT), *info.sections())).build()
    functions = read(tmp_path / "a", program).functions
    assert [f.name for f in functions] == [f"f{number}" for number in range(300)]
