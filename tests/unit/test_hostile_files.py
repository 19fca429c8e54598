# SPDX-License-Identifier: MIT
"""Files beside the main one that lie, go in circles, or ask for more than their size."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf
from builders.elf import Elf, Section
from builders.encode import Format
from builders.functions import names, read_with_problems
from builders.limits import check_promise
from crashsym.dwarf.package import read_index
from crashsym.errors import MalformedError
from support import crashsym

FMT = Format()
_ID = bytes(range(20, 40))
_CODE: tuple[Attribute, ...] = (
    (dwarf.LOW_PC, dwarf.ADDR, 0x1000),
    (dwarf.HIGH_PC, dwarf.DATA1, 16),
)


def _elf(info: Dwarf, *sections: Section, identity: bytes = elf.BUILD_ID) -> bytes:
    note = elf.build_id(FMT, identity)
    return Elf((elf.code(), note, *info.sections(), *sections)).build()


def _link(name: bytes, identity: bytes = _ID) -> Section:
    return Section(".gnu_debugaltlink", name + b"\0" + identity)


def _named_elsewhere(offset: int, form: int = dwarf.GNU_REF_ALT) -> Dwarf:
    """Return a function whose name is that of an entry of the supplementary file."""
    info = Dwarf(FMT)
    origin: Attribute = (dwarf.ABSTRACT_ORIGIN, form, offset)
    info.unit(Die(dwarf.COMPILE_UNIT, (), [Die(dwarf.SUBPROGRAM, [origin, *_CODE])]))
    return info


def _supplement(target: int) -> tuple[Dwarf, int]:
    """Return a unit with a nameless function that refers to ``target``, and its offset."""
    info = Dwarf(FMT)
    loop = Die(dwarf.SUBPROGRAM, [(dwarf.ABSTRACT_ORIGIN, dwarf.REF_ADDR, target)])
    root = info.entry(Die(dwarf.PARTIAL_UNIT, (), [Die(1)]))
    place = 11 + len(root)
    info.raw_unit(root + info.entry(loop) + b"\0")
    return info, place


@pytest.mark.parametrize("where", ["itself", "nowhere", "the other file's number"])
def test_references_in_the_supplementary_file_end(tmp_path: Path, where: str) -> None:
    _, place = _supplement(0)
    target = {"itself": place, "nowhere": 0x7FFFFFFF, "the other file's number": 12}[where]
    info, place = _supplement(target)
    (tmp_path / "alt").write_bytes(_elf(info, identity=_ID))
    lines = check_promise(tmp_path, _elf(_named_elsewhere(place), _link(b"alt")), codes=(3,))
    assert "FUNC 1000 10 0 <name omitted>" in lines


def test_links_of_the_supplementary_file_are_not_followed(tmp_path: Path) -> None:
    """Each names the other; an entry there refers back here."""
    back, place = _supplement(0)
    back = _named_elsewhere(0x17)
    (tmp_path / "alt").write_bytes(_elf(back, _link(b"subject.so", elf.BUILD_ID), identity=_ID))
    check_promise(tmp_path, _elf(_named_elsewhere(place), _link(b"alt")), codes=(3,))


LINKS: dict[str, bytes] = {
    "no path": b"\0" + _ID,
    "no id": b"alt\0",
    "no end": b"alt",
    "a path that no file can have": b"a" * 5000 + b"\0" + _ID,
    "a device": b"/dev/zero\0" + _ID,
    "a folder": b"/\0" + _ID,
    "bytes that are no text": b"\xff\xfe\0" + _ID,
    "a million bytes": b"a/" * 500_000 + b"\0" + _ID,
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_bad_links_keep_the_functions(tmp_path: Path, link: bytes) -> None:
    data = _elf(_named_elsewhere(0), Section(".gnu_debugaltlink", link))
    assert "FUNC 1000 10 0 <name omitted>" in check_promise(tmp_path, data, codes=(3,))


def _skeletons(count: int, name: bytes = b"a.dwo", identity: int = 7) -> Dwarf:
    """Return skeletons with the ids from ``identity`` on."""
    info = Dwarf(FMT, 5)
    attributes: list[Attribute] = [
        (dwarf.DWO_NAME, dwarf.STRING, name),
        (dwarf.COMP_DIR, dwarf.STRING, b"/nowhere"),
    ]
    for number in range(count):
        info.unit(Die(0x4A, attributes), kind=4, tail=FMT.number(identity + number, 8))
    return info


def _split(*children: Die, identity: int = 7, skeleton: bool = False) -> Dwarf:
    info = Dwarf(FMT, 5)
    more: list[Attribute] = [(dwarf.DWO_NAME, dwarf.STRING, b"a.dwo")] if skeleton else []
    info.unit(Die(dwarf.COMPILE_UNIT, more, children), kind=5, tail=FMT.number(identity, 8))
    return info


def _dwo(info: Dwarf, *sections: Section) -> bytes:
    parts = [Section(f"{part.name}.dwo", part.data) for part in info.sections()]
    return Elf((*parts, *sections), type=elf.RELOCATABLE).build()


def test_thousands_of_missing_units_are_one_finding(tmp_path: Path) -> None:
    check_promise(tmp_path, _elf(_skeletons(3000)), codes=(3,))


NAMES = {
    "a device": b"/dev/zero",
    "a folder": b"/",
    "a long path": b"x/" * 3000,
    "the file itself": b"subject.so",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_of_split_units_that_lie(tmp_path: Path, name: bytes) -> None:
    check_promise(tmp_path, _elf(_skeletons(3, name)), codes=(3,))


def test_a_split_unit_that_is_a_skeleton_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.dwo").write_bytes(_dwo(_split(dwarf.function(0x1000, 16), skeleton=True)))
    table, problems = read_with_problems(tmp_path / "a", _elf(_skeletons(1)))
    assert (names(table), problems) == ({0x1000: "f"}, ())


def test_a_second_skeleton_of_one_id_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.dwo").write_bytes(_dwo(_split(dwarf.function(0x1000, 16))))
    info = _skeletons(1)
    info.info *= 3
    table, problems = read_with_problems(tmp_path / "a", _elf(info))
    assert names(table) == {0x1000: "f"}
    assert [(problem.code, problem.why) for problem in problems] == [
        ("malformed", "several skeletons have the id 0000000000000007 (and 1 more)")
    ]


def test_a_large_file_of_no_use_is_read_a_few_times_only(tmp_path: Path) -> None:
    """Skeletons refer to two files in turn, so that neither is the last that was read."""
    info = _skeletons(1)
    for name in (b"a.dwo", b"b.dwo"):
        large = Dwarf(FMT, 5)
        for number in range(4_000):
            large.unit(Die(dwarf.COMPILE_UNIT), kind=5, tail=FMT.number(number << 32, 8))
        (tmp_path / name.decode()).write_bytes(_dwo(large))
    for number in range(200):
        info.info += _skeletons(1, (b"a.dwo", b"b.dwo")[number % 2], number + 100).info
    check_promise(tmp_path, _elf(info) + bytes(600_000), codes=(3,))


def test_sections_of_one_name_that_overlap_are_refused(tmp_path: Path) -> None:
    body = _split(dwarf.function(0x1000, 16))
    size = 1_000_000
    first = Section(".debug_info.dwo", bytes(size))
    more = [Section(".debug_info.dwo", offset=64, size=size) for _ in range(5000)]
    (tmp_path / "a.dwo").write_bytes(Elf((first, *more, *body.sections())).build())
    check_promise(tmp_path, _elf(_skeletons(1)) + bytes(600_000), codes=(3,))


def _index(
    rows: list[tuple[int, ...]], *, version: int = 5, width: int | None = None, **claimed: int
) -> bytes:
    """Return ``.debug_cu_index``, columns info and abbrev; a row: signature, offsets, sizes.

    ``units`` and ``slots`` are what it claims to have.
    """
    units, slots = claimed.get("units", len(rows)), claimed.get("slots", len(rows))
    head = FMT.numbers(4, version, 2 if width is None else width, units, slots)
    out = head + FMT.numbers(8, *(row[0] for row in rows))
    out += FMT.numbers(4, *range(1, len(rows) + 1), 1, 3)
    out += b"".join(FMT.numbers(4, *row[1:3]) for row in rows)
    return out + b"".join(FMT.numbers(4, *row[3:5]) for row in rows)


def _package(index: bytes, info: Dwarf | None = None) -> bytes:
    return _dwo(info or _split(dwarf.function(0x1000, 16)), Section(".debug_cu_index", index))


def test_a_package_made_by_hand_is_read(tmp_path: Path) -> None:
    info = _split(dwarf.function(0x1000, 16))
    sizes = len(info.info), len(info.abbrev) + 1
    (tmp_path / "a.dwp").write_bytes(_package(_index([(7, 0, 0, *sizes)]), info))
    table, problems = read_with_problems(tmp_path / "a", _elf(_skeletons(1)))
    assert (names(table), problems) == ({0x1000: "f"}, ())


INDEXES: dict[str, bytes] = {
    "2^32 - 1 units": _index([(7, 0, 0, 10, 10)], units=0xFFFFFFFF),
    "2^32 - 1 slots": _index([(7, 0, 0, 10, 10)], slots=0xFFFFFFFF),
    "2^32 - 1 columns": _index([(7, 0, 0, 10, 10)], width=0xFFFFFFFF),
    "version 3": _index([(7, 0, 0, 10, 10)], version=3),
    "a slice past the end": _index([(7, 0xFFFFFFF0, 0, 0xFFFFFFF0, 10)]),
    "an empty slice": _index([(7, 0, 0, 0, 0)]),
    "two units of one id": _index([(7, 0, 0, 1, 1), (7, 0, 0, 2, 2)]),
    "nothing but its version": b"\5\0\0\0",
    "a row that is not there": _index([(7, 0, 0, 1, 1)], units=0),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_indexes_of_packages_that_lie(tmp_path: Path, index: bytes) -> None:
    (tmp_path / "subject.so.dwp").write_bytes(_package(index))
    check_promise(tmp_path, _elf(_skeletons(2)), codes=(3,))


@pytest.mark.parametrize("name", ["2^32 - 1 units", "2^32 - 1 slots", "2^32 - 1 columns"])
def test_counts_of_an_index_are_checked_first(name: str) -> None:
    with pytest.raises(MalformedError, match="do not fit"):
        read_index(INDEXES[name], "index", little_endian=True)


def test_the_limits_grow_with_the_files_that_are_found(tmp_path: Path) -> None:
    count = 60_000
    large = _split(*[dwarf.function(0x1000 + n, 1, b"f%d" % n) for n in range(count)])
    (tmp_path / "a.dwo").write_bytes(_dwo(large))
    subject = tmp_path / "subject.so"
    subject.write_bytes(_elf(_skeletons(1)))
    done = crashsym("dump", subject)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count(b"\nFUNC ") == count


def test_many_units_of_a_package_share_one_large_slice(tmp_path: Path) -> None:
    large = _split(*[dwarf.function(0x1000 + 2 * n, 2, b"f%d" % n) for n in range(20_000)])
    sizes = len(large.info), len(large.abbrev) + 1
    index = _index([(7 + n, 0, 0, *sizes) for n in range(5000)])
    (tmp_path / "subject.so.dwp").write_bytes(_package(index, large))
    lines = check_promise(tmp_path, _elf(_skeletons(5000)) + bytes(600_000), codes=(3,))
    assert sum(line.startswith("FUNC ") for line in lines) == 20_000


def test_units_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    for target, address in ((0, 0x1000), (11, 0x2000)):
        imports = Die(dwarf.IMPORTED_UNIT, [(dwarf.IMPORT, dwarf.REF_ADDR, target)])
        info.unit(Die(dwarf.PARTIAL_UNIT, (), [imports, dwarf.function(address, 16)]))
    lines = check_promise(tmp_path, _elf(info), codes=(3,))
    assert sum(line.startswith("FUNC ") for line in lines) == 2
