# SPDX-License-Identifier: MIT
"""Symbols: the kernel says what the reference says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pytest
from builders import dwarf, elf
from builders.elf import ALLOC, ARM, MIPS, PPC, PROGBITS, STRTAB, SYMTAB, X86_64, Elf, Section
from builders.encode import Format
from builders.engines import both
from crashsym.breakpad.cpus import Cpu
from crashsym.dwarf.inputs import DebugInputs
from crashsym.engines.protocols import Engine, FunctionPart, Part
from crashsym.errors import MalformedError
from crashsym.splitpair import SplitPair
from hypothesis import given, settings
from hypothesis import strategies as st

PPC64 = 21
MACHINES = {
    "x86-64": (X86_64, Format()),
    "arm": (ARM, Format(32)),
    "mips": (MIPS, Format(32, little_endian=False)),
    "mips64": (MIPS, Format(64, little_endian=False)),
    "ppc": (PPC, Format(32, little_endian=False)),
}
PLAIN = (b"f", b"g", b"_Z", b"_start", b"f.cold", b"f.isra.0", b"a.b", b"@", b"f@VERS", b"g@@VERS")
SUFFIXES = (
    *(b".cold", b".cold.1", b".part.0", b".part.0.1", b".isra", b".constprop.0", b".lto_priv.12"),
    *(b".specialized.1", b".llvm.7F", b".1", b".x", b".", b"..", b".part.a", b".colder", b".col"),
    *(b".__uniq.123", b"/x.cold", b"$x", b".clone.2", b".localalias", b".resume", b".cold@@V"),
)
MANGLED = (
    b"_Z1fv", b"_ZN1aC1Ev", b"_ZN1aC2Ev", b"_Z1fv.cold", b"_Z1fv@@VERS", b"_Zbroken", b"_D1a1bFZv",
    b"_ZN4core3fmt5write17h0123456789abcdefE", b"_RNvC1a1b", b"_RNvC1a1b.llvm.12",
    b"_Z" + b"1fSSSTTS" * 10, b"_Z1f" + b"PK" * 40 + b"v",
)  # fmt: skip
STRANGE = (b"\xff", b"f\xfe", "fü".encode(), "ﬀ\U0001f600".encode(), b"a\nb", b"a b", b"")
names = st.one_of(
    st.sampled_from(PLAIN),
    st.sampled_from(MANGLED),
    st.sampled_from(STRANGE),
    st.tuples(
        st.sampled_from((b"f", b"_Z1fv", b"_ZN1aC1Ev", b"")),
        st.lists(st.sampled_from(SUFFIXES), max_size=3),
    ).map(lambda name: name[0] + b"".join(name[1])),
    st.binary(max_size=4),
)
addresses = st.integers(-1, 12).map(lambda number: elf.TEXT_ADDRESS + number)
infos = st.sampled_from((0x12, 0x12, 0x22, 0x02, 0x1A, 0x32, 0x10, 0x11))
symbols = st.lists(st.tuples(names, addresses, infos, st.sampled_from((1, 1, 1, 0, 0xFFF1))))
damages = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=3)
Entries = list[tuple[bytes, int, int, int]]


class Functions:
    """Functions of two bytes at every fifth address; see `FunctionPart`."""

    lines = inlines = function_bytes = line_bytes = 0
    has_lines = False
    damage: Sequence[tuple[str, str]] = ()

    def __init__(self, functions: int) -> None:
        self.functions = functions
        self.marked: list[int] = []

    def covers(self, address: int) -> bool:
        return self.functions > 0 and address % 5 < 2

    def mark(self, address: int) -> None:
        self.marked.append(address)

    def write(self, stream: BinaryIO) -> None:
        raise NotImplementedError


def compare(data: bytes, *, keep_suffixes: bool = False, functions: int = 0) -> tuple[str, bool]:
    """Return the records, and whether there is damage, when both engines agree."""
    asked: list[Functions] = []

    def ask(engine: Engine, pair: SplitPair, cpu: Cpu) -> Part:
        asked.append(Functions(functions))
        return engine.publics(pair, cpu, asked[-1], keep_suffixes=keep_suffixes)

    found = both(ask, data)
    assert asked[0].marked == asked[1].marked
    return found


def tables(
    fmt: Format, entries: Entries, hits: Sequence[tuple[float, int]] = ()
) -> tuple[Section, Section]:
    """A symbol table, of which some bytes are damaged, and its names."""
    strings, rows = bytearray(b"\0"), bytearray(elf.symbol(fmt, 0, 0, info=0, index=0))
    for name, address, info, index in entries:
        rows += elf.symbol(fmt, len(strings), address, info=info, index=index)
        strings += name + b"\0"
    size = len(rows) // (len(entries) + 1)
    for place, byte in hits:
        rows[int(place * len(rows))] = byte
    return (
        Section(".symtab", bytes(rows), SYMTAB, link=".strtab", entry_size=size),
        Section(".strtab", bytes(strings), STRTAB),
    )


def file(
    machine: int, fmt: Format, entries: Entries, hits: Sequence[tuple[float, int]] = ()
) -> bytes:
    """An ELF file with these symbols, in which some bytes of the table are damaged."""
    sections = (elf.code(16), *tables(fmt, entries, hits))
    return Elf(sections, machine=machine, format=fmt).build()


@pytest.mark.parametrize("name", MACHINES)
@given(
    entries=symbols, hits=damages, keep_suffixes=st.booleans(), functions=st.sampled_from((0, 1))
)
@settings(max_examples=150, deadline=None)
def test_tables_of_any_kind(
    name: str,
    entries: Entries,
    hits: list[tuple[float, int]],
    keep_suffixes: bool,
    functions: int,
) -> None:
    machine, fmt = MACHINES[name]
    data = file(machine, fmt, entries, hits)
    compare(data, keep_suffixes=keep_suffixes, functions=functions)


def test_suffixes_behind_every_character() -> None:
    first = (bytes((char,)) for char in range(1, 256))
    entries = [
        (name + b".cold", elf.TEXT_ADDRESS + at, 0x12, 1)
        for at, name in enumerate(
            name for char in first for name in (char, char + b"x", b"x" + char)
        )
    ]
    sections = (elf.code(len(entries)), *tables(Format(), entries))
    text, _ = compare(Elf(sections, machine=X86_64, format=Format()).build())
    assert text.count("\n") == len(entries)
    assert " 0 /x.cold\n" in text
    assert " 0 $x\n" in text


def test_many_symbols_at_one_address_and_far_apart() -> None:
    at = elf.TEXT_ADDRESS
    entries = [(b"n%d" % (number * 7 % 50), at + 3, 0x12, 1) for number in range(50)]
    entries += [(b"local", at + 1, 0x02, 1), (b"weak", at + 1, 0x22, 1), (b"far", 1 << 40, 0x12, 1)]
    text, damaged = compare(file(X86_64, Format(), entries))
    assert (text, damaged) == ("PUBLIC m 1001 0 weak\nPUBLIC m 1003 0 n0\n", False)


def test_the_version_of_a_symbol_is_no_part_of_its_name() -> None:
    names = (b"f@@VERS", b"_Z1gv@VERS", b"@")
    entries = [(name, elf.TEXT_ADDRESS + n, 0x12, 1) for n, name in enumerate(names)]
    text, _ = compare(file(X86_64, Format(), entries))
    assert text == "PUBLIC 1000 0 f\nPUBLIC 1001 0 g()\nPUBLIC 1002 0 @\n"


def test_names_that_overlap_may_cost_no_more_than_their_share() -> None:
    strings = b"\0" + b"f" * 1_000_000 + b"\0"
    rows = b"".join(elf.symbol(Format(), 1 + number, 0x1000) for number in range(2000))
    sections = (
        elf.code(16),
        Section(".symtab", rows, SYMTAB, link=".strtab", entry_size=24),
        Section(".strtab", strings, STRTAB),
    )
    with pytest.raises(MalformedError, match="out of proportion"):
        compare(Elf(sections).build())


@pytest.mark.parametrize(("arguments", "times"), [(600, 5), (900, 3)])
def test_a_name_stays_mangled_that_would_become_longer_than_64_kib(
    arguments: int, times: int
) -> None:
    """Each S0_ repeats the first parameter, g<unsigned long long, …>."""
    start = b"_Z1f1gI" + b"y" * arguments + b"E"
    names = [start + b"S0_" * (count - 1) for count in (times, times + 1)]
    at = elf.TEXT_ADDRESS
    entries = [(name, at + number, 0x12, 1) for number, name in enumerate(names)]
    text, damaged = compare(file(X86_64, Format(), entries))
    template = f"g<{', '.join(['unsigned long long'] * arguments)}>"
    shown = f"f({', '.join([template] * times)})"
    assert len(shown) <= 1 << 16 < len(shown) + len(template)
    assert not damaged
    assert text.splitlines() == [f"PUBLIC 1000 0 {shown}", f"PUBLIC 1001 0 {names[1].decode()}"]


@dataclass
class Records:
    """Functions, and the symbols that they do not cover."""

    functions: FunctionPart
    publics: Part

    @property
    def count(self) -> int:
        return self.functions.functions + self.publics.count

    @property
    def damage(self) -> Sequence[tuple[str, str]]:
        return (*self.functions.damage, *self.publics.damage)

    def write(self, stream: BinaryIO) -> None:
        self.functions.write(stream)
        self.publics.write(stream)


def ask_for_all(engine: Engine, pair: SplitPair, cpu: Cpu) -> Records:
    inputs, base = DebugInputs(pair.elf_file), pair.elf_file.load_base
    functions = engine.functions(inputs, base, inlines=True, keep_suffixes=False)
    return Records(functions, engine.publics(pair, cpu, functions, keep_suffixes=False))


def test_what_symbols_say_of_functions_they_say_at_the_start() -> None:
    """Inside of a function they are neither PUBLIC nor another name; behind it they are."""
    info = dwarf.Dwarf()
    names = (b"f", b"g", b"h")
    functions = [dwarf.function(0x1000 + 16 * n, 16, name) for n, name in enumerate(names)]
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, (), functions))
    places = {b"f": 0, b"label": 4, b"other_label": 4, b"g": 16, b"h": 32, b"alias_of_h": 32}
    places |= {b"last": 47, b"behind": 48, b"alias": 48}
    entries = [(name, elf.TEXT_ADDRESS + at, 0x12, 1) for name, at in places.items()]
    sections = (elf.code(64), *info.sections(), *tables(Format(), entries))
    assert both(ask_for_all, Elf(sections).build()) == (
        "FUNC 1000 10 0 f\nFUNC 1010 10 0 g\nFUNC m 1020 10 0 h\nPUBLIC m 1030 0 alias\n",
        False,
    )


def test_function_descriptors_are_followed() -> None:
    fmt = Format(64, little_endian=False)
    descriptor = Section(".opd", fmt.word(0x1008, 0, 0), PROGBITS, ALLOC, 0x300000)
    strings = b"\0f\0"
    rows = elf.symbol(fmt, 1, 0x300000)
    sections = (
        elf.code(16),
        descriptor,
        Section(".symtab", rows, SYMTAB, link=".strtab", entry_size=24),
        Section(".strtab", strings, STRTAB),
    )
    assert compare(Elf(sections, machine=PPC64, format=fmt).build()) == ("PUBLIC 1008 0 f\n", False)
