# SPDX-License-Identifier: MIT
"""Where the kernel goes through debug information in another way than the reference.

`read` lets both engines read each file, and asserts that they write the same records.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf, LineHeader, extended, sequence
from builders.elf import ALLOC, EXECINSTR, Elf, Section
from builders.encode import Format, uleb
from builders.functions import names, read

FMT = Format()
HEADER = 11  # bytes of a unit's header, DWARF 4
VARIABLE = 0x34
_SIZES = (dwarf.DATA1, dwarf.DATA2, dwarf.DATA4, dwarf.DATA8)


def _file(info: Dwarf, *sections: Section, fmt: Format = FMT) -> bytes:
    return Elf((elf.code(), elf.build_id(fmt), *info.sections(), *sections), format=fmt).build()


def _root(*children: Die, more: tuple[Attribute, ...] = ()) -> Die:
    return Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"a.c"), *more], children)


def _named(name: bytes) -> Die:
    return Die(dwarf.SUBPROGRAM, [(dwarf.NAME, dwarf.STRING, name)])


def _call(address: int, size: int, *more: Attribute, inside: tuple[Die, ...] = ()) -> Die:
    at: tuple[Attribute, ...] = (
        (dwarf.LOW_PC, dwarf.ADDR, address),
        (dwarf.HIGH_PC, dwarf.DATA4, size),
    )
    return Die(dwarf.INLINED, [*at, *more], inside or None)


def _entry_point(address: int, name: bytes) -> Die:
    attributes: list[Attribute] = [
        (dwarf.NAME, dwarf.STRING, name),
        (dwarf.LOW_PC, dwarf.ADDR, address),
    ]
    return Die(dwarf.ENTRY_POINT, attributes)


# ---- abbreviations


def _variables(count: int) -> list[Die]:
    """Return entries that nobody wants, each with an abbreviation of its own."""
    return [Die(VARIABLE, [(0x3000 + n, _SIZES[n % 4], n % 100)]) for n in range(count)]


@pytest.mark.parametrize("count", [100, 125, 126, 200, 509, 510, 600, 20_000])
def test_abbreviation_codes_of_any_length(tmp_path: Path, count: int) -> None:
    text = [Die(VARIABLE, [(0x2FFF, dwarf.STRING, b"text")])]
    others = [*_variables(count), *text]
    functions = [dwarf.function(0x1000 + 16 * n, 16, b"f%d" % n) for n in range(3)]
    info = Dwarf(FMT)
    info.unit(_root(*others, functions[0], *others, *functions[1:], *others))
    table = read(tmp_path / "a", _file(info))
    assert table.damage == ()
    assert names(table) == {0x1000: "f0", 0x1010: "f1", 0x1020: "f2"}


@pytest.mark.parametrize("count", [0, 200, 600])
def test_entries_that_nobody_wants_may_hold_others(tmp_path: Path, count: int) -> None:
    empty = Die(dwarf.LEXICAL_BLOCK, [(0x3000, dwarf.DATA1, 1)], ())
    block = Die(dwarf.LEXICAL_BLOCK, [(0x3000, dwarf.DATA1, 1)], [empty, _call(0x1004, 4), empty])
    info = Dwarf(FMT)
    functions = (dwarf.function(0x1000, 16, b"f", block), dwarf.function(0x1010, 16, b"g"))
    info.unit(_root(*_variables(count), empty, *functions))
    first, second = read(tmp_path / "a", _file(info)).functions
    assert (len(first.inlines), second.name) == (1, "g")


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 200, 600])
def test_an_entry_that_runs_past_its_unit_is_damage(
    tmp_path: Path, count: int, missing: int
) -> None:
    info = Dwarf(FMT)
    children = [dwarf.function(0x1000, 16), *_variables(count)[:-1]]
    last = Die(VARIABLE, [(dwarf.NAME, dwarf.DATA2, 7)])
    body = info.entries(_root(*children))[:-1] + info.entry(last)
    info.raw_unit(body[: len(body) - missing])
    table = read(tmp_path / "a", _file(info))
    assert bool(table.damage) == bool(missing)
    assert names(table) == {0x1000: "f"}


def test_attributes_that_nobody_wants_stand_anywhere(tmp_path: Path) -> None:
    unwanted: list[Attribute] = [
        (0x3002, dwarf.UDATA, 300),
        (0x3003, dwarf.DATA2, 0x0101),
        (0x3004, dwarf.EXPRLOC, uleb(200) + b"\1" * 200),
        (0x3005, dwarf.BLOCK, b"\2\1\1"),
        (0x3006, dwarf.STRING, b"text"),
        (0x3007, dwarf.INDIRECT, uleb(dwarf.DATA2) + b"\1\1"),
        (0x3008, dwarf.DATA16, b"\1" * 16),
        (0x3009, dwarf.DATA1, 1),
        (0x300A, dwarf.DATA4, 0x01010101),
    ]
    wanted = dwarf.function(0x1000, 16).attributes
    mixed = [a for own in wanted for a in (*unwanted, own)]
    info = Dwarf(FMT)
    declaration = Die(dwarf.SUBPROGRAM, [*unwanted, (dwarf.NAME, dwarf.STRING, b"g")])
    info.unit(_root(Die(VARIABLE, unwanted), declaration, Die(dwarf.SUBPROGRAM, mixed)))
    table = read(tmp_path / "a", _file(info))
    assert (names(table), table.damage) == ({0x1000: "f"}, ())


def test_values_without_bytes_stand_between_others(tmp_path: Path) -> None:
    """In an entry of fixed size: a constant of its abbreviation, a flag; 16 bytes are no number."""
    more: list[Attribute] = [
        (0x58, dwarf.IMPLICIT, 1),  # DW_AT_call_file
        (0x3000, dwarf.DATA8, 0x0101010101010101),
        (0x59, dwarf.DATA16, b"\1" * 16),  # DW_AT_call_line
        (0x3001, dwarf.FLAG_PRESENT, True),
    ]
    attributes = _call(0x1004, 4).attributes
    calls = [
        Die(dwarf.INLINED, [*more, *attributes]),
        Die(dwarf.INLINED, [attributes[0], *more[:2], attributes[1], (0x59, dwarf.DATA2, 77)]),
        Die(dwarf.INLINED, [(0x59, dwarf.FLAG_PRESENT, True), *attributes]),
        Die(dwarf.INLINED, [*attributes, (0x59, dwarf.IMPLICIT, 42)]),
    ]
    info = Dwarf(FMT, 5)
    info.unit(_root(dwarf.function(0x1000, 16, b"f", *calls)))
    [function] = read(tmp_path / "a", _file(info)).functions
    assert [call.call_line for call in function.inlines] == [0, 77, 0, 42]


def test_an_entry_larger_than_64_kib_is_passed_over(tmp_path: Path) -> None:
    large = Die(VARIABLE, [(0x3000, dwarf.DATA8, 0x0101010101010101)] * 8192)
    info = Dwarf(FMT)
    info.unit(_root(large, dwarf.function(0x1000, 16)))
    table = read(tmp_path / "a", _file(info))
    assert (names(table), table.damage) == ({0x1000: "f"}, ())


def test_of_two_abbreviations_with_one_code_the_last_counts(tmp_path: Path) -> None:
    for before in (0, 1):
        info = Dwarf(FMT)
        variable = Die(VARIABLE, [(0x3000, dwarf.DATA2, 0x0101)])
        info.unit(_root(variable, variable, dwarf.function(0x1000, 16)))
        other = dwarf.abbreviation(2, Die(VARIABLE, [(0x3000, dwarf.DATA1, 1)]))
        at = before * len(dwarf.abbreviation(1, _root()))
        info.abbrev[at:at] = other
        table = read(tmp_path / "a", _file(info))
        assert (names(table), table.damage) == ({0x1000: "f"}, ())


def test_codes_may_be_declared_in_any_order(tmp_path: Path) -> None:
    function, root = dwarf.function(0x1000, 16), _root()
    nothing = Die(VARIABLE, [(dwarf.NAME, dwarf.DATA1, 1)])
    info = Dwarf(FMT)
    info.abbrev += dwarf.abbreviation(9, root) + dwarf.abbreviation(2, nothing)
    info.abbrev += dwarf.abbreviation(2, function)
    strings = b"a.c\0", b"f\0" + FMT.word(0x1000) + FMT.number(16, 8)
    info.raw_unit(b"\x09" + strings[0] + b"\x02" + strings[1] + b"\0")
    table = read(tmp_path / "a", _file(info))
    assert (names(table), table.damage) == ({0x1000: "f"}, ())


def test_units_of_every_shape_may_share_abbreviations(tmp_path: Path) -> None:
    """Sizes of addresses, offsets and DW_FORM_ref_addr depend on the unit, not on the table."""
    info = Dwarf(FMT)
    for number, (version, size, wide) in enumerate(
        [(4, 8, False), (4, 4, False), (4, 8, True), (2, 8, False), (4, 8, False)]
    ):
        info.wide = wide
        offset = 8 if wide else 4
        reference = FMT.number(0, size if version == 2 else offset)
        attributes: list[Attribute] = [
            (dwarf.NAME, dwarf.STRP, FMT.number(2 * number, offset)),
            (dwarf.LOW_PC, dwarf.ADDR, FMT.number(0x1000 + 16 * number, size)),
            (dwarf.HIGH_PC, dwarf.DATA1, 16),
            (dwarf.SPECIFICATION, dwarf.REF_ADDR, reference),
        ]
        unwanted = Die(VARIABLE, [(dwarf.IMPORT, dwarf.REF_ADDR, reference)])
        children = (unwanted, Die(dwarf.SUBPROGRAM, attributes))
        info.unit(_root(*children), version=version, address_size=size)
    table = read(tmp_path / "a", _file(info, Section(".debug_str", b"a\0b\0c\0d\0e\0")))
    assert list(names(table).values()) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("form", [dwarf.STRX, dwarf.STRX1, dwarf.GNU_STR_INDEX, dwarf.INDIRECT])
def test_an_index_outside_of_its_section_is_damage_wherever_it_stands(
    tmp_path: Path, form: int
) -> None:
    value = uleb(dwarf.STRX) + uleb(9) if form == dwarf.INDIRECT else b"\x09"
    declaration = Die(dwarf.SUBPROGRAM, [(dwarf.NAME, form, value)])
    info = Dwarf(FMT, 5)
    info.unit(_root(dwarf.function(0x1000, 16), declaration, dwarf.function(0x2000, 16)))
    offsets = Section(".debug_str_offsets", bytes(8) + FMT.numbers(4, 0))
    table = read(tmp_path / "a", _file(info, offsets, Section(".debug_str", b"a\0")))
    assert len(table.damage) == 1
    assert names(table) == {0x1000: "f"}


def test_an_unknown_form_costs_the_entries_that_have_it(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    odd = Die(VARIABLE, [(0x3000, 0x7E, b""), (0x3001, dwarf.DATA1, 1)])
    info.unit(_root(dwarf.function(0x1000, 16), odd, dwarf.function(0x2000, 16)))
    table = read(tmp_path / "a", _file(info))
    assert len(table.damage) == 1
    assert names(table) == {0x1000: "f"}


# ---- references to entries


class _Units:
    """Units of DWARF 4 whose entries have known places."""

    def __init__(self) -> None:
        self.info = Dwarf(FMT)
        self.places: list[int] = []  # of the last unit

    def add(self, *children: Die) -> list[int]:
        """Append a unit; return where in ``.debug_info`` each child of its root is."""
        body = self.info.entry(_root())
        at, self.places = len(self.info.info) + HEADER, []
        for child in children:
            self.places.append(at + len(body))
            body += self.info.entries(child)
        self.info.raw_unit(body + b"\0")
        return self.places


def _referring(address: int, places: list[int], form: int = dwarf.REF_ADDR) -> Die:
    """Return a function with an inlined call of the function at each place."""
    calls = [
        _call(address + n, 1, (dwarf.ABSTRACT_ORIGIN, form, place))
        for n, place in enumerate(places)
    ]
    return dwarf.function(address, max(len(places), 1), b"g%x" % address, *calls)


def _apart(count: int, prefix: bytes = b"f", *, growing: bool = True) -> list[Die]:
    """Return named entries, and others between them whose sizes grow or shrink."""
    found = []
    for number in range(count):
        padding = b"x" * (number if growing else count - number)
        found += [_named(prefix + b"%d" % number), Die(VARIABLE, [(0x3000, dwarf.STRING, padding)])]
    return found


def test_every_entry_is_found_from_its_own_unit(tmp_path: Path) -> None:
    own = _Units().add(*_apart(300))[::2]
    units = _Units()
    units.add(*_apart(300), _referring(0x1000, own, dwarf.REF4))
    [function] = read(tmp_path / "a", _file(units.info)).functions
    assert [call.name for call in function.inlines] == [f"f{n}" for n in range(300)]


@pytest.mark.parametrize("growing", [True, False])
def test_every_entry_is_found_from_units_before_and_behind(tmp_path: Path, growing: bool) -> None:
    """Its unit has given up its rows, or has not been read."""
    forward = _Units()
    forward.add(_referring(0x1000, [0] * 300))
    forward.add(_named(b"nobody"))
    later = forward.add(*_apart(300, growing=growing))[::2]
    units = _Units()
    units.add(_referring(0x1000, later))
    units.add(_named(b"nobody"))
    assert units.add(*_apart(300, growing=growing))[::2] == later
    units.add(_named(b"somebody"), _referring(0x2000, later))
    units.add(*_apart(20, b"other"), _referring(0x3000, later))
    expected = [f"f{n}" for n in range(300)]
    for function in read(tmp_path / "a", _file(units.info)).functions:
        assert [call.name for call in function.inlines] == expected


def test_a_unit_that_is_read_again_gives_names_alone(tmp_path: Path) -> None:
    """What has code in it has been taken when it was read first."""
    scope = Die(dwarf.NAMESPACE, [(dwarf.NAME, dwarf.STRING, b"n")], [_named(b"declared")])
    units = _Units()
    inner = _call(0x1004, 4, (dwarf.CALL_LINE, dwarf.DATA1, 7))
    code = dwarf.function(0x1000, 0x20, b"code", inner, _entry_point(0x1010, b"entry"))
    places = units.add(code, scope)
    inside = places[1] + len(units.info.entry(scope))
    for address in (0x2000, 0x3000):
        units.add(_named(b"own"), _referring(address, [inside, places[0]]))
    table = read(tmp_path / "a", _file(units.info))
    assert names(table) == {0x1000: "code", 0x1010: "entry", 0x2000: "g2000", 0x3000: "g3000"}
    calls = [[call.name for call in f.inlines] for f in table.functions]
    assert calls == [["<name omitted>"], [], *[["n::declared", "code"]] * 2]


def test_a_unit_that_is_read_again_takes_no_code_from_the_one_that_asks(tmp_path: Path) -> None:
    calls = [_call(0x1000 + n, 1) for n in range(100)]
    code = dwarf.function(0x1000, 0x200, b"code", *calls, _entry_point(0x1100, b"entry"))
    units = _Units()
    places = units.add(_named(b"f"), code)
    origin: Attribute = (dwarf.ABSTRACT_ORIGIN, dwarf.REF_ADDR, places[0])
    asking = (_call(0x1004, 4, origin), _call(0x1008, 4, origin))
    units.add(dwarf.function(0x1000, 0x1F0, b"shorter", *asking))
    table = read(tmp_path / "a", _file(units.info))
    pieces = [(f.address, f.size, f.name, len(f.inlines)) for f in table.functions]
    assert pieces == [(0x1000, 0x100, "shorter", 2), (0x1100, 0x100, "entry", 0)]


def test_a_damaged_unit_is_reported_once(tmp_path: Path) -> None:
    units = _Units()
    [place] = units.add(_named(b"f"))
    units.info.info[-1:] = b"\x7f"  # in the place of the end of the children
    for address in (0x2000, 0x3000):
        units.add(_named(b"own"), _referring(address, [place]))
    table = read(tmp_path / "a", _file(units.info))
    assert len(table.damage) == 1
    assert [call.name for f in table.functions for call in f.inlines] == ["f", "f"]


@pytest.mark.parametrize("form", [dwarf.REF4, dwarf.REF_ADDR])
def test_a_reference_between_entries_names_nothing(tmp_path: Path, form: int) -> None:
    units = _Units()
    places = units.add(_named(b"f"), _named(b"g"))
    wrong = [places[0] + 1, places[1] + 1, places[0] - 1]
    if form == dwarf.REF4:
        units = _Units()
    units.add(_named(b"f"), _named(b"g"), _referring(0x1000, wrong, form))
    [function] = read(tmp_path / "a", _file(units.info)).functions
    assert {call.name for call in function.inlines} == {"<name omitted>"}


def test_many_linkage_names(tmp_path: Path) -> None:
    strings = b"".join(b"_Z%dfunction%03dv\0" % (11, n) for n in range(400))
    offsets = [n * (len(strings) // 400) for n in range(400)]
    units = _Units()
    linked = [
        Die(dwarf.SUBPROGRAM, [(dwarf.LINKAGE_NAME, dwarf.STRP, offset)]) for offset in offsets
    ]
    places = units.add(*linked)
    units.add(_referring(0x1000, places * 2))
    [function] = read(tmp_path / "a", _file(units.info, Section(".debug_str", strings))).functions
    assert [call.name for call in function.inlines] == [f"function{n:03}()" for n in range(400)] * 2


# ---- functions whose code others have claimed


def test_of_a_function_whose_code_is_claimed_only_the_name_is_read(tmp_path: Path) -> None:
    count = 300
    info = Dwarf(FMT)
    info.unit(_root(*[dwarf.function(0x1000 + 16 * n, 16, b"f%d" % n) for n in range(count)]))
    again = [
        dwarf.function(0x1000 + 16 * n, 16, b"g%d" % n, _entry_point(0x1008 + 16 * n, b"entry"))
        for n in range(count)
    ]
    info.unit(_root(*again))
    table = read(tmp_path / "a", _file(info))
    assert names(table) == {0x1000 + 16 * n: f"f{n}" for n in range(count)}
    assert all(function.multiple for function in table.functions)


def test_an_entry_point_claims_code_as_a_function_does(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 0x40, b"f", _entry_point(0x1020, b"second"))))
    info.unit(_root(dwarf.function(0x1020, 0x20, b"g", _entry_point(0x1030, b"third"))))
    table = read(tmp_path / "a", _file(info))
    assert names(table) == {0x1000: "f", 0x1020: "second"}


def _of_ranges(name: bytes, offset: int, *children: Die) -> Die:
    attributes: list[Attribute] = [
        (dwarf.NAME, dwarf.STRING, name),
        (dwarf.RANGES, dwarf.SEC_OFFSET, offset),
    ]
    return Die(dwarf.SUBPROGRAM, attributes, children or None)


@pytest.mark.parametrize("claimed_first", [True, False])
def test_a_function_with_one_range_of_its_own_is_read_whole(
    tmp_path: Path, claimed_first: bool
) -> None:
    pairs = [(0x1000, 0x1010), (0x2000, 0x2010)]
    ordered = pairs if claimed_first else pairs[::-1]
    lists = FMT.word(*(place for pair in ordered for place in pair), 0, 0)
    lines = dwarf.line_program(FMT, sequence(FMT, 0x2000, b"\x01"))
    base: Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"f")))
    info.unit(_root(_of_ranges(b"g", 0, _call(0x2004, 4)), more=(base,)))
    ranges, program = Section(".debug_ranges", lists), Section(".debug_line", lines)
    first, second = read(tmp_path / "a", _file(info, ranges, program)).functions
    assert (first.name, first.inlines) == ("f", ())
    assert (second.name, len(second.inlines), len(second.lines)) == ("g", 1, 1)


def test_a_claim_with_the_same_start_is_another_one(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"short")))
    info.unit(_root(dwarf.function(0x1000, 32, b"long", _call(0x1014, 4))))
    first, second = read(tmp_path / "a", _file(info)).functions
    assert (first.name, second.name, len(second.inlines)) == ("short", "long", 1)


def test_many_claims_may_have_the_same_start(tmp_path: Path) -> None:
    sizes = [number * number for number in range(1, 250)]
    info = Dwarf(FMT)
    for size in sizes:
        call = _call(0x1000 + size - 1, 1, (dwarf.CALL_LINE, dwarf.UDATA, size))
        info.unit(_root(dwarf.function(0x1000, size, b"f%d" % size, call)))
    functions = read(tmp_path / "a", _file(info)).functions
    found = [(f.name, [call.call_line for call in f.inlines]) for f in functions]
    assert found == [(f"f{size}", [size]) for size in sizes]


# ---- inlined calls


def test_what_a_function_without_code_holds_is_none_of_the_function_around_it(
    tmp_path: Path,
) -> None:
    nested = Die(
        dwarf.SUBPROGRAM,
        [(dwarf.NAME, dwarf.STRING, b"nested")],
        [_call(0x1004, 4), _entry_point(0x1008, b"entry")],
    )
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"f", nested, _call(0x100C, 4))))
    [function] = read(tmp_path / "a", _file(info)).functions
    assert [call.ranges for call in function.inlines] == [((0x100C, 0x1010),)]


@pytest.mark.parametrize("has_code", [True, False])
def test_an_entry_point_stands_in_the_scope_of_its_function(tmp_path: Path, has_code: bool) -> None:
    units = _Units()
    point = Die(dwarf.ENTRY_POINT, [(dwarf.NAME, dwarf.STRING, b"entry")])
    function = dwarf.function(0x3000, 16, b"f", point)
    if not has_code:
        function = Die(dwarf.SUBPROGRAM, function.attributes[:1], [point])
    scope = Die(dwarf.NAMESPACE, [(dwarf.NAME, dwarf.STRING, b"n")], [function])
    inside = len(units.info.entry(scope)) + len(units.info.entry(function))
    [place] = units.add(scope)
    units.add(_referring(0x1000, [place + inside]))
    calls = [c.name for f in read(tmp_path / "a", _file(units.info)).functions for c in f.inlines]
    assert calls == ["n::entry"]


def test_numbers_of_inlined_calls_of_any_size(tmp_path: Path) -> None:
    lines = [0, 1, 127, 128, 129, 255, 256, 16383, 16384, 1 << 21, 1 << 28, (1 << 31) - 1, 1 << 31]
    calls = [
        _call(0x1000 + n, 1, (dwarf.CALL_LINE, dwarf.UDATA, line)) for n, line in enumerate(lines)
    ]
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 0x100, b"f", *calls)))
    [function] = read(tmp_path / "a", _file(info)).functions
    assert [call.call_line for call in function.inlines] == [*lines[:-1], 0]


def test_calls_of_any_depth(tmp_path: Path) -> None:
    inside: tuple[Die, ...] = ()
    for _ in range(300):
        inside = (_call(0x1000, 16, inside=inside),)
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 16, b"f", *inside)))
    [function] = read(tmp_path / "a", _file(info)).functions
    assert [call.depth for call in function.inlines] == list(range(300))


@pytest.mark.parametrize("count", [2, 3, 20, 30, 127, 128, 129, 200])
def test_ranges_of_inlined_calls_in_any_order(tmp_path: Path, count: int) -> None:
    """Those of a call and those of what is inlined into it are joined and put in order."""
    own = [(0x1000 + 64 * n, 0x1010 + 64 * n) for n in range(count)]
    inside = [(start + 8, start + 32) for start, _ in own[1:]] + [(0x1020, 0x1028)]
    pairs = FMT.word(*(place for pair in own[::-1] for place in pair), 0, 0)
    more = FMT.word(*(place for pair in inside for place in pair), 0, 0)
    child = Die(dwarf.INLINED, [(dwarf.RANGES, dwarf.SEC_OFFSET, len(pairs))])
    call = Die(dwarf.INLINED, [(dwarf.RANGES, dwarf.SEC_OFFSET, 0)], [child])
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 0x8000, b"f", call)))
    table = read(tmp_path / "a", _file(info, Section(".debug_ranges", pairs + more)))
    outer, inner = table.functions[0].inlines
    joined = [(start, start + 32) for start, _ in own[1:]]
    assert list(outer.ranges) == [(0x1000, 0x1010), (0x1020, 0x1028), *joined]
    assert list(inner.ranges) == sorted(inside)


@pytest.mark.parametrize(("start", "size"), [(0x1004, 12), (0x1000, 6), (0x1002, 4), (0x1008, 4)])
def test_a_call_covers_what_is_inlined_into_it(tmp_path: Path, start: int, size: int) -> None:
    call = _call(0x1004, 4, inside=(_call(start, size),))
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 0x20, b"f", call)))
    outer, inner = read(tmp_path / "a", _file(info)).functions[0].inlines
    assert inner.ranges == ((start, start + size),)
    assert outer.ranges == ((min(0x1004, start), max(0x1008, start + size)),)


def test_inlined_calls_at_the_top_of_the_address_space(tmp_path: Path) -> None:
    top = 0xFFFFFFFF81000000
    calls = [_call(top + 16 * n, 8, inside=(_call(top + 16 * n, 4),)) for n in range(3)]
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(top, 0x100, b"f", *calls)))
    text = Section(".text", b"", elf.NOBITS, ALLOC | EXECINSTR, top, size=0x1000)
    data = Elf((text, elf.build_id(FMT), *info.sections())).build()
    [function] = read(tmp_path / "a", data).functions
    assert [call.ranges[0][0] - top for call in function.inlines] == [0, 0, 16, 16, 32, 32]


# ---- large tables


def test_a_table_that_outgrows_its_memory_is_moved_whole(tmp_path: Path) -> None:
    """Beyond a MiB arrays are moved to where they can grow."""
    count = 100_000
    row = bytes((13 + 1 - -5 + 14,))  # one byte, and a line
    program = extended(2, FMT.word(0x1000)) + b"\x01" + row * count + extended(1)
    lines = dwarf.line_program(FMT, program, LineHeader())
    more: tuple[Attribute, ...] = ((dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),)
    info = Dwarf(FMT)
    info.unit(_root(dwarf.function(0x1000, 0x20000), more=more))
    text = Section(".text", b"", elf.NOBITS, ALLOC | EXECINSTR, 0x1000, size=0x20000)
    sections = (text, elf.build_id(FMT), *info.sections(), Section(".debug_line", lines))
    [function] = read(tmp_path / "a", Elf(sections).build()).functions
    assert [line.line for line in function.lines] == list(range(1, count + 1))
