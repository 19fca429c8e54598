# SPDX-License-Identifier: MIT
"""Each encoding of DWARF 2 to 5 on its own: versions, forms, bases, references, units."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf
from builders.elf import Elf, Section
from builders.encode import Format, uleb
from builders.functions import names, read

FMT = Format()
FORMATS = [Format(b, e) for b in (64, 32) for e in (True, False)]
_CODES = [(v, wide) for v in (2, 3, 4, 5) for wide in (False, True) if v > 2 or not wide]
_LINES: Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)


def _file(info: Dwarf, *sections: Section) -> bytes:
    machine = elf.X86_64 if info.format.bits == 64 else elf.I386
    parts = (elf.code(), elf.build_id(info.format), *info.sections(), *sections)
    return Elf(parts, format=info.format, machine=machine).build()


def _root(*children: Die, more: tuple[Attribute, ...] = ()) -> Die:
    return Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"a.c"), *more], children or None)


def _sub(name: Attribute | None, *more: Attribute) -> Die:
    return Die(dwarf.SUBPROGRAM, [name, *more] if name else more)


def _at(address: int, size: int = 16) -> tuple[Attribute, Attribute]:
    return (dwarf.LOW_PC, dwarf.ADDR, address), (dwarf.HIGH_PC, dwarf.DATA1, size)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize(("version", "wide"), _CODES)
def test_every_version_form_and_byte_order(
    tmp_path: Path, fmt: Format, version: int, wide: bool
) -> None:
    info = Dwarf(fmt, version, wide)
    named: Attribute = (dwarf.NAME, dwarf.STRP, 3)
    info.unit(_root(_sub(named, *_at(0x1000))))
    info.unit(_root(_sub((dwarf.NAME, dwarf.STRING, b"g"), *_at(0x2000))))
    # across units, with the size that DW_FORM_ref_addr has in this version
    origin = len(info.info) + (12 if wide else 4) + len(info.header())
    root = info.entry(Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"b.c")], [Die(1)]))
    declaration = info.entry(_sub((dwarf.NAME, dwarf.STRING, b"declared")))
    info.raw_unit(root + declaration + b"\0")
    reference: Attribute = (dwarf.SPECIFICATION, dwarf.REF_ADDR, origin + len(root))
    info.unit(_root(_sub(reference, *_at(0x3000))))
    table = read(tmp_path / "a", _file(info, Section(".debug_str", b"no\0from_strp\0")))
    assert table.damage == ()
    assert names(table) == {0x1000: "from_strp", 0x2000: "g", 0x3000: "declared"}


_STRINGS = b"zero\0one\0two\0"
_STR_FORMS = {
    "strx": dwarf.STRX,
    "strx1": dwarf.STRX1,
    "strx2": dwarf.STRX2,
    "strx3": dwarf.STRX3,
    "strx4": dwarf.STRX4,
}


@pytest.mark.parametrize("form", _STR_FORMS.values(), ids=_STR_FORMS)
@pytest.mark.parametrize("little", [True, False])
def test_string_indexes(tmp_path: Path, form: int, little: bool) -> None:
    fmt = Format(64, little)
    offsets = b"\xff" * 8 + bytes(8) + fmt.numbers(4, 0, 5, 9)  # something else, then ours
    base: Attribute = (dwarf.STR_OFFSETS_BASE, dwarf.SEC_OFFSET, 16)
    info = Dwarf(fmt, 5)
    info.unit(_root(_sub((dwarf.NAME, form, 2), *_at(0x1000)), more=(base,)))
    strings = (Section(".debug_str", _STRINGS), Section(".debug_str_offsets", offsets))
    assert names(read(tmp_path / "a", _file(info, *strings))) == {0x1000: "two"}


@pytest.mark.parametrize(("wide", "header"), [(False, 8), (True, 16)])
def test_string_indexes_without_a_base_begin_behind_the_header(
    tmp_path: Path, wide: bool, header: int
) -> None:
    info = Dwarf(FMT, 5, wide)
    info.unit(_root(_sub((dwarf.NAME, dwarf.STRX, 1), *_at(0x1000))))
    offsets = bytes(header) + FMT.numbers(info.offset_size, 0, 5)
    strings = (Section(".debug_str", _STRINGS), Section(".debug_str_offsets", offsets))
    assert names(read(tmp_path / "a", _file(info, *strings))) == {0x1000: "one"}


_ADDR_FORMS = {
    "addrx": dwarf.ADDRX,
    "addrx1": dwarf.ADDRX1,
    "addrx2": dwarf.ADDRX2,
    "addrx3": dwarf.ADDRX3,
    "addrx4": dwarf.ADDRX4,
}


@pytest.mark.parametrize("form", _ADDR_FORMS.values(), ids=_ADDR_FORMS)
@pytest.mark.parametrize("little", [True, False])
def test_address_indexes(tmp_path: Path, form: int, little: bool) -> None:
    fmt = Format(64, little)
    base: Attribute = (dwarf.ADDR_BASE, dwarf.SEC_OFFSET, 8)
    size: Attribute = (dwarf.HIGH_PC, dwarf.DATA1, 4)
    function = _sub((dwarf.NAME, dwarf.STRING, b"f"), (dwarf.LOW_PC, form, 1), size)
    info = Dwarf(fmt, 5)
    info.unit(_root(function, more=(base,)))
    addresses = Section(".debug_addr", bytes(8) + fmt.word(0x5000, 0x1230))
    assert names(read(tmp_path / "a", _file(info, addresses))) == {0x1230: "f"}


def test_names_may_be_in_the_strings_of_lines(tmp_path: Path) -> None:
    info = Dwarf(FMT, 5)
    info.unit(_root(_sub((dwarf.NAME, dwarf.LINE_STRP, 2), *_at(0x1000))))
    strings = Section(".debug_line_str", b"a\0f\0")
    assert names(read(tmp_path / "a", _file(info, strings))) == {0x1000: "f"}


@pytest.mark.parametrize(
    "end",
    [(dwarf.ADDR, 0x1010), (dwarf.ADDRX, 1), (dwarf.ADDRX4, 1), (dwarf.DATA2, 16)],
    ids=["addr", "addrx", "addrx4", "data2"],
)
def test_the_end_of_a_function_is_an_address_or_a_size(
    tmp_path: Path, end: tuple[int, int]
) -> None:
    base: Attribute = (dwarf.ADDR_BASE, dwarf.SEC_OFFSET, 8)
    low: Attribute = (dwarf.LOW_PC, dwarf.ADDR, 0x1000)
    function = _sub((dwarf.NAME, dwarf.STRING, b"f"), low, (dwarf.HIGH_PC, *end))
    info = Dwarf(FMT, 5)
    info.unit(_root(function, more=(base,)))
    addresses = Section(".debug_addr", bytes(8) + FMT.word(0x5000, 0x1010))
    table = read(tmp_path / "a", _file(info, addresses))
    assert [(f.address, f.size) for f in table.functions] == [(0x1000, 16)]


@pytest.mark.parametrize(("machine", "mode"), [(elf.ARM, 1), (elf.MIPS, 1), (elf.I386, 0)])
def test_bit_0_may_be_a_mode_and_no_part_of_the_address(
    tmp_path: Path, machine: int, mode: int
) -> None:
    fmt = Format(32)
    call = Die(dwarf.INLINED, _at(0x1005, 4))
    lines = dwarf.line_program(fmt, dwarf.sequence(fmt, 0x1001, b"\1"))
    info = Dwarf(fmt)
    info.unit(_root(dwarf.function(0x1001, 16, b"f", call), more=(_LINES,)))
    sections = (*info.sections(), Section(".debug_line", lines))
    parts = (elf.code(), elf.build_id(fmt), *sections)
    data = Elf(parts, format=fmt, machine=machine).build()
    [function] = read(tmp_path / "a", data).functions
    start = 0x1001 - mode
    assert (function.address, function.size) == (start, 16)
    assert [(line.address, line.size) for line in function.lines] == [(start, 16)]
    assert function.inlines[0].ranges == ((0x1005 - mode, 0x1009 - mode),)


# All but the first have another base than the unit.
_INDEX_BASE = b"\1" + uleb(0) + b"\4" + uleb(8) + uleb(0x18)
_RANGE_LISTS = {
    "offset pair with the unit's base": b"\4" + uleb(0x10) + uleb(0x20),
    "base_addressx": _INDEX_BASE,
    "startx_endx": b"\2" + uleb(1) + uleb(2),
    "startx_length": b"\3" + uleb(1) + uleb(0x10),
    "base_address": b"\5" + FMT.word(0x1808) + b"\4" + uleb(8) + uleb(0x18),
    "start_end": b"\6" + FMT.word(0x1810, 0x1820),
    "start_length": b"\7" + FMT.word(0x1810) + uleb(0x10),
}


@pytest.mark.parametrize("entries", _RANGE_LISTS.values(), ids=_RANGE_LISTS)
@pytest.mark.parametrize("base_given", [True, False])
@pytest.mark.parametrize("wide", [False, True])
def test_range_list_entries_by_index(
    tmp_path: Path, entries: bytes, base_given: bool, wide: bool
) -> None:
    info = Dwarf(FMT, 5, wide)
    header = 20 if wide else 12
    lists = bytes(header) + FMT.numbers(info.offset_size, 0, 2 * info.offset_size) + entries + b"\0"
    addresses = Section(".debug_addr", FMT.word(0x1808, 0x1810, 0x1820))
    ranges: Attribute = (dwarf.RANGES, dwarf.RNGLISTX, 1)
    base = ((dwarf.RNGLISTS_BASE, dwarf.SEC_OFFSET, header),) if base_given else ()
    low: Attribute = (dwarf.LOW_PC, dwarf.ADDR, 0x1800)
    info.unit(_root(_sub((dwarf.NAME, dwarf.STRING, b"f"), ranges), more=(low, *base)))
    table = read(tmp_path / "a", _file(info, Section(".debug_rnglists", lists), addresses))
    assert [(f.address, f.size) for f in table.functions] == [(0x1810, 0x10)]


def test_ranges_before_dwarf_5_count_from_the_base(tmp_path: Path) -> None:
    pairs = FMT.word(0x10, 0x20, (1 << 64) - 1, 0x2000, 0, 8, 0, 0)
    low: Attribute = (dwarf.LOW_PC, dwarf.ADDR, 0x1000)
    info = Dwarf(FMT)
    ranges: Attribute = (dwarf.RANGES, dwarf.SEC_OFFSET, 0)
    info.unit(_root(_sub((dwarf.NAME, dwarf.STRING, b"f"), ranges), more=(low,)))
    table = read(tmp_path / "a", _file(info, Section(".debug_ranges", pairs)))
    assert [(f.address, f.size) for f in table.functions] == [(0x1010, 0x10), (0x2000, 8)]


def _type_unit(info: Dwarf, version: int) -> bytes:
    """Return a type unit: struct S in namespace n, signature 7."""
    member = Die(dwarf.STRUCTURE, [(dwarf.NAME, dwarf.STRING, b"S")])
    root = info.entry(Die(dwarf.TYPE_UNIT, [], [member]))
    space = info.entry(Die(dwarf.NAMESPACE, [(dwarf.NAME, dwarf.STRING, b"n")], [member]))
    claims = info.entry(dwarf.function(0x6000, 16, b"not_code"))
    body = root + space + info.entry(member) + claims + b"\0\0"
    return _with_type_header(info, version, body, len(root) + len(space))


def _with_type_header(info: Dwarf, version: int, body: bytes, type_at: int) -> bytes:
    """Return a type unit with the signature 7; the type is at an offset of ``body``."""
    header = info.header(kind=2) if version == 5 else info.header()
    tail = FMT.number(7, 8) + FMT.number(4 + len(header) + 12 + type_at, 4)
    return FMT.number(len(header) + len(tail) + len(body), 4) + header + tail + body


@pytest.mark.parametrize("version", [4, 5])
def test_scopes_may_be_in_type_units(tmp_path: Path, version: int) -> None:
    info = Dwarf(FMT, version)
    types = _type_unit(info, version)
    method = dwarf.function(0x1000, 16, b"method")
    stub = Die(dwarf.STRUCTURE, [(dwarf.SIGNATURE, dwarf.REF_SIG8, 7)], [method])
    if version == 5:
        info.info += types
    info.unit(_root(stub))
    sections = [Section(".debug_types", types)] if version == 4 else []
    table = read(tmp_path / "a", _file(info, *sections))
    assert table.damage == ()
    assert names(table) == {0x1000: "n::S::method"}


@pytest.mark.parametrize("first", [True, False])
def test_a_call_may_have_its_origin_by_signature(tmp_path: Path, first: bool) -> None:
    """It leads to the type of a unit, which may come later; no compiler does so."""
    info = Dwarf(FMT, 5)
    types = _type_unit(info, 5)
    at: list[Attribute] = [
        (dwarf.LOW_PC, dwarf.ADDR, 0x1004),
        (dwarf.HIGH_PC, dwarf.DATA4, 4),
        (dwarf.ABSTRACT_ORIGIN, dwarf.REF_SIG8, 7),
    ]
    calls = [Die(dwarf.INLINED, at), Die(dwarf.INLINED, [*at[:2], (*at[2][:2], 8)])]
    if first:
        info.info += types
    info.unit(_root(dwarf.function(0x1000, 16, b"f", *calls)))
    if not first:
        info.info += types
    [function] = read(tmp_path / "a", _file(info)).functions
    assert [call.name for call in function.inlines] == ["n::S", "<name omitted>"]


@pytest.mark.parametrize("low", [True, False])
def test_a_reference_to_the_units_own_entry_leads_nowhere(tmp_path: Path, low: bool) -> None:
    info = Dwarf(FMT)
    origin: Attribute = (dwarf.ABSTRACT_ORIGIN, dwarf.REF4, 11)
    function = dwarf.function(0x1000, 16, b"method")
    method = Die(function.tag, [*function.attributes, origin])
    scope = Die(dwarf.STRUCTURE, [(dwarf.NAME, dwarf.STRING, b"S")], [method])
    own: list[Attribute] = [(dwarf.LOW_PC, dwarf.ADDR, 0x1000)] if low else []
    info.unit(Die(dwarf.COMPILE_UNIT, own, [scope]))
    assert names(read(tmp_path / "a", _file(info))) == {0x1000: "S::method"}


def test_a_reference_out_of_debug_types_leads_to_debug_info(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    root = info.entry(_root(Die(1)))
    type_root = info.entry(Die(dwarf.TYPE_UNIT, [], [Die(1)]))
    declared: Attribute = (dwarf.SPECIFICATION, dwarf.REF_ADDR, 11 + len(root))
    types = type_root + info.entry(Die(dwarf.STRUCTURE, [declared])) + b"\0"
    body = root + info.entry(Die(dwarf.STRUCTURE, [(dwarf.NAME, dwarf.STRING, b"S")]))
    body += info.entry(Die(dwarf.STRUCTURE, [(dwarf.SIGNATURE, dwarf.REF_SIG8, 7)], [Die(1)]))
    info.raw_unit(body + info.entry(dwarf.function(0x1000, 16)) + b"\0\0")
    section = Section(".debug_types", _with_type_header(info, 4, types, len(type_root)))
    assert names(read(tmp_path / "a", _file(info, section))) == {0x1000: "S::f"}


_SCOPES = {
    "class": 0x02,
    "enumeration": 0x04,
    "structure": dwarf.STRUCTURE,
    "union": 0x17,
    "module": 0x1E,
    "interface": 0x38,
    "namespace": dwarf.NAMESPACE,
}


@pytest.mark.parametrize("tag", _SCOPES.values(), ids=_SCOPES)
def test_a_scope_of_every_kind_is_part_of_the_name(tmp_path: Path, tag: int) -> None:
    scope = Die(tag, [(dwarf.NAME, dwarf.STRING, b"s")], [dwarf.function(0x1000, 16)])
    info = Dwarf(FMT)
    info.unit(_root(scope))
    assert names(read(tmp_path / "a", _file(info))) == {0x1000: "s::f"}


def test_a_namespace_without_a_name_has_one_all_the_same(tmp_path: Path) -> None:
    """Other scopes without a name are left out."""
    inner = Die(dwarf.STRUCTURE, [], [dwarf.function(0x1000, 16)])
    scope = Die(dwarf.NAMESPACE, [(dwarf.NAME, dwarf.STRING, b"n")], [Die(0x39, [], [inner])])
    info = Dwarf(FMT)
    info.unit(_root(scope))
    assert names(read(tmp_path / "a", _file(info))) == {0x1000: "n::(anonymous namespace)::f"}


def test_the_linkage_name_that_older_compilers_write(tmp_path: Path) -> None:
    linkage: Attribute = (0x2007, dwarf.STRING, b"_Z1fv")  # DW_AT_MIPS_linkage_name
    info = Dwarf(FMT)
    info.unit(_root(_sub((dwarf.NAME, dwarf.STRING, b"f"), *_at(0x1000), linkage)))
    assert names(read(tmp_path / "a", _file(info))) == {0x1000: "f()"}


_REFERENCES = {
    "ref_sup4": dwarf.REF_SUP4,
    "ref_sup8": dwarf.REF_SUP8,
    "GNU_ref_alt": dwarf.GNU_REF_ALT,
}
_TEXTS = {"strp_sup": dwarf.STRP_SUP, "GNU_strp_alt": dwarf.GNU_STRP_ALT}


@pytest.mark.parametrize("text", _TEXTS.values(), ids=_TEXTS)
@pytest.mark.parametrize("form", _REFERENCES.values(), ids=_REFERENCES)
def test_names_may_be_in_the_supplementary_file(tmp_path: Path, form: int, text: int) -> None:
    common, info, identity = Dwarf(FMT), Dwarf(FMT), bytes(range(20))
    root = common.entry(Die(dwarf.PARTIAL_UNIT, [], [Die(1)]))
    common.raw_unit(root + common.entry(_sub((dwarf.NAME, dwarf.STRP, 2))) + b"\0")
    parts = (*common.sections(), Section(".debug_str", b"a\0declared\0text\0"))
    data = Elf((elf.code(), elf.build_id(FMT, identity), *parts)).build()
    (tmp_path / "common").write_bytes(data)
    link = Section(".gnu_debugaltlink", b"common\0" + identity)
    origin: Attribute = (dwarf.ABSTRACT_ORIGIN, form, 11 + len(root))
    info.unit(_root(_sub(origin, *_at(0x1000)), _sub((dwarf.NAME, text, 11), *_at(0x2000))))
    table = read(tmp_path / "a", _file(info, link))
    assert names(table) == {0x1000: "declared", 0x2000: "text"}


def test_a_unit_of_unknown_version_costs_that_unit_only(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"first")))
    info.unit(_root(dwarf.function(0x2000, 16, b"future")), version=6)
    info.unit(_root(dwarf.function(0x3000, 16, b"last")))
    table = read(tmp_path / "a", _file(info))
    assert names(table) == {0x1000: "first", 0x3000: "last"}
    assert [damage.why for damage in table.damage] == ["unit version 6; this crashsym reads 2 to 5"]


def _entry_point(address: int, name: bytes) -> Die:
    return Die(
        dwarf.ENTRY_POINT,
        [(dwarf.NAME, dwarf.STRING, name), (dwarf.LOW_PC, dwarf.ADDR, address)],
    )


def test_a_function_is_divided_at_its_entry_points(tmp_path: Path) -> None:
    call = Die(dwarf.INLINED, [*_at(0x1010, 0x20), (dwarf.CALL_LINE, dwarf.DATA1, 7)])
    points = (_entry_point(0x1020, b"second"), _entry_point(0x5000, b"elsewhere"))
    scope = Die(
        dwarf.NAMESPACE,
        [(dwarf.NAME, dwarf.STRING, b"n")],
        [dwarf.function(0x1000, 0x40, b"first", call, *points)],
    )
    info = Dwarf(FMT)
    info.unit(_root(scope))
    table = read(tmp_path / "a", _file(info))
    pieces = [(f.address, f.size, f.name, f.multiple) for f in table.functions]
    assert pieces == [(0x1000, 0x20, "n::first", False), (0x1020, 0x20, "n::second", False)]
    inlines = [call.ranges for f in table.functions for call in f.inlines]
    assert inlines == [((0x1010, 0x1020),), ((0x1020, 0x1030),)]


def test_functions_of_other_names_with_the_same_code_are_multiple(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    info.unit(
        _root(
            dwarf.function(0x1000, 16, b"a"),
            dwarf.function(0x1000, 16, b"b"),
            dwarf.function(0x2000, 16, b"same"),
            dwarf.function(0x3000, 16, b"short"),
            dwarf.function(0x3000, 32, b"long"),
        )
    )
    info.unit(_root(dwarf.function(0x2000, 16, b"same")))
    table = read(tmp_path / "a", _file(info))
    assert [(f.address, f.size, f.name, f.multiple) for f in table.functions] == [
        (0x1000, 16, "a", True),
        (0x2000, 16, "same", False),
        (0x3000, 16, "short", False),
        (0x3010, 16, "long", False),
    ]


def test_nameless_and_empty_inlines_do_not_break_the_chain(tmp_path: Path) -> None:
    inner = Die(dwarf.INLINED, [*_at(0x1004, 4), (dwarf.CALL_LINE, dwarf.DATA1, 9)])
    outer = Die(dwarf.INLINED, [*_at(0x1004, 0), (dwarf.CALL_LINE, dwarf.DATA1, 8)], [inner])
    empty = Die(dwarf.INLINED, [*_at(0x1008, 0), (dwarf.CALL_LINE, dwarf.DATA1, 10)])
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"f", outer, empty)))
    [function] = read(tmp_path / "a", _file(info)).functions
    found = [(call.depth, call.name, call.call_line, call.ranges) for call in function.inlines]
    span = ((0x1004, 0x1008),)
    assert found == [(0, "<name omitted>", 8, span), (1, "<name omitted>", 9, span)]


def test_nameless_scopes_in_a_circle_end(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    root = info.entry(_root(Die(1)))
    first = 11 + len(root)
    specified: Attribute = (dwarf.SPECIFICATION, dwarf.REF4, 0)
    size = len(info.entry(Die(dwarf.STRUCTURE, [specified], [Die(1)])))
    second: Attribute = (dwarf.SPECIFICATION, dwarf.REF4, first + size)
    body = root + info.entry(Die(dwarf.STRUCTURE, [second], [Die(1)]))
    body += info.entry(Die(dwarf.STRUCTURE, [(0x0B, dwarf.DATA1, 1)], [Die(1)]))
    body += info.entry(dwarf.function(0x1000, 16, b"f"))
    info.raw_unit(body + b"\0\0\0")
    assert names(read(tmp_path / "a", _file(info))) == {0x1000: "f"}
