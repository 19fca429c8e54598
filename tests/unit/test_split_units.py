# SPDX-License-Identifier: MIT
"""Split units made by hand: what comes from the skeleton, and types that are units of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf, split
from builders.dwarf import Attribute, Die, Dwarf
from builders.elf import Elf, Section
from builders.encode import Format
from builders.functions import read, read_with_problems
from crashsym.dwarf.model import FunctionTable

FMT = Format()
_SIZE: Attribute = (dwarf.HIGH_PC, dwarf.DATA1, 16)


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
    (tmp_path / "a.dwo").write_bytes(split.file(split.sections(version)))
    _check(read(tmp_path / "a", split.program(version)))


@pytest.mark.parametrize("version", [4, 5])
def test_a_split_unit_lies_in_the_folder_that_its_skeleton_names(
    tmp_path: Path, version: int
) -> None:
    (tmp_path / "obj").mkdir()
    (tmp_path / "obj" / "a.dwo").write_bytes(split.file(split.sections(version)))
    _check(read(tmp_path / "a", split.program(version, directory=b"obj")))


@pytest.mark.parametrize("version", [4, 5])
def test_a_package_has_slices_of_every_section(tmp_path: Path, version: int) -> None:
    (tmp_path / "a.dwp").write_bytes(split.package(version))
    _check(read(tmp_path / "a", split.program(version)))


def test_references_in_a_split_unit_count_from_its_own_section(tmp_path: Path) -> None:
    info, tail = Dwarf(FMT, 5), FMT.number(split.ID, 8)
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
    (tmp_path / "a.dwo").write_bytes(split.file(data))
    assert [f.name for f in read(tmp_path / "a", split.program(5)).functions] == ["declared"]


def test_hundreds_of_files_have_abbreviations_of_their_own(tmp_path: Path) -> None:
    """The offset of all of them is 0; the kernel keeps 256 tables."""
    info = Dwarf(FMT, 5)
    for number in range(300):
        name: Attribute = (dwarf.DWO_NAME, dwarf.STRING, b"%d.dwo" % number)
        info.unit(Die(0x4A, [name]), kind=4, tail=FMT.number(number, 8))
        part = Dwarf(FMT, 5)
        attributes: list[Attribute] = [
            (dwarf.LOW_PC, dwarf.ADDR, 0x1000 + 16 * number),
            (dwarf.HIGH_PC, dwarf.DATA1 if number < 256 else dwarf.DATA2, 16),
            (dwarf.NAME, dwarf.STRING, b"f%d" % number),
        ]
        root = Die(dwarf.COMPILE_UNIT, (), [Die(dwarf.SUBPROGRAM, attributes)])
        part.unit(root, kind=5, tail=FMT.number(number, 8))
        data = {each.name: each.data for each in part.sections()}
        (tmp_path / f"{number}.dwo").write_bytes(split.file(data))
    program = Elf((elf.code(), elf.build_id(FMT), *info.sections())).build()
    functions = read(tmp_path / "a", program).functions
    assert [f.name for f in functions] == [f"f{number}" for number in range(300)]


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("kind", ["dwo", "dwp"])
def test_the_base_of_a_split_unit_is_that_of_its_skeleton(
    tmp_path: Path, version: int, kind: str
) -> None:
    """Also where it has an address itself: by an index that its own file has no table for."""
    form = dwarf.GNU_ADDR_INDEX if version == 4 else dwarf.ADDRX
    for name, low in (("low", (dwarf.LOW_PC, form, 1)), ("far", (dwarf.LOW_PC, form, 9999))):
        made = split.package(version, root=[low])
        if kind == "dwo":
            made = split.file(split.sections(version, root=[low]))
        path = tmp_path / name
        (tmp_path / ("a.dwo" if kind == "dwo" else f"{name}.dwp")).write_bytes(made)
        _check(read(path, split.program(version)))


@pytest.mark.parametrize("lost", ["name", "folder"])
@pytest.mark.parametrize("version", [4, 5])
def test_a_skeleton_that_names_no_file_by_its_index_is_damaged(
    tmp_path: Path, version: int, lost: str
) -> None:
    (tmp_path / "a.dwo").write_bytes(split.file(split.sections(version)))
    program = split.program(
        version, name=2 if lost == "name" else 0, folder=2 if lost == "folder" else 1
    )
    table, problems = read_with_problems(tmp_path / "a", program)
    assert (table.functions, problems) == ((), ())
    [damage] = table.damage
    assert damage.where.startswith(".debug_str_offsets")


def test_lines_of_a_unit_that_has_no_folder_by_its_index_are_left_out(tmp_path: Path) -> None:
    info = Dwarf(FMT, 5)
    folder: Attribute = (dwarf.COMP_DIR, dwarf.STRX, 2)
    lines: Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)
    info.unit(Die(dwarf.COMPILE_UNIT, [folder, lines], [dwarf.function(0x1000, 16)]))
    rows = dwarf.line_program(FMT, dwarf.sequence(FMT, 0x1000, b"\x01", end=16))
    parts = (*info.sections(), Section(".debug_line", rows))
    table, _ = read_with_problems(tmp_path / "a", elf.module(*parts))
    assert [(f.name, f.lines) for f in table.functions] == [("f", ())]
    [damage] = table.damage
    assert damage.where.startswith(".debug_str_offsets")
