# SPDX-License-Identifier: MIT
"""``.ARM.exidx`` → STACK CFI, on tables written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from builders.cfi import DEF_CFA, Cie, EhFrame
from builders.elf import ALLOC, ARM, EXECINSTR, I386, NOBITS, Elf, Section, build_id, code
from builders.encode import Format
from builders.engines import both
from builders.exidx import ARM_BE, ARM_LE, CANTUNWIND, FINISH, Index, word
from builders.limits import check_promise
from crashsym.breakpad.cpus import CPUS
from crashsym.breakpad.rules import RuleWriter
from crashsym.cfi.ehabi import execute
from crashsym.cfi.model import CfiEntry, CfiRow
from crashsym.errors import MalformedError
from crashsym.reader import Reader
from support import crashsym

LEAF = ".cfa: sp 0 + .ra: lr"


def rules(*opcodes: int) -> str:
    """The rules that a program comes to, as text; empty when it refuses."""
    unwound = execute(Reader(bytes(opcodes), little_endian=True))
    if unwound is None:
        return ""
    entry = CfiEntry(0, 4, unwound.return_column, (CfiRow(0, unwound.cfa, unwound.registers),))
    [record] = RuleWriter(CPUS["EM_ARM"].registers, 0, little_endian=True).records(entry)
    return record.rules


PROGRAMS: dict[str, tuple[tuple[int, ...], str]] = {
    "a leaf": ((0xB0,), LEAF),
    "no instruction at all": ((), LEAF),
    "nothing counts behind finish": ((0xB0, 0x00), LEAF),
    "sp up and down": ((0x3F, 0x41), ".cfa: sp 248 + .ra: lr"),
    "sp up far": ((0xB2, 0x81, 0x01), ".cfa: sp 1032 + .ra: lr"),
    "registers and lr": (
        (0xA9,),
        ".cfa: sp 12 + .ra: .cfa -4 + ^ r4: .cfa -12 + ^ r5: .cfa -8 + ^",
    ),
    "registers alone": ((0xA0,), ".cfa: sp 4 + .ra: lr r4: .cfa -4 + ^"),
    "pc and lr": ((0x8C, 0x00), ".cfa: sp 8 + .ra: .cfa -4 + ^ lr: .cfa -8 + ^"),
    "pc alone": ((0x88, 0x01), ".cfa: sp 8 + .ra: .cfa -4 + ^ r4: .cfa -8 + ^"),
    "registers by mask with lr": ((0x84, 0x01), ".cfa: sp 8 + .ra: .cfa -4 + ^ r4: .cfa -8 + ^"),
    "refuse": ((0x80, 0x00, 0x3F), ""),
    "r0 to r3": ((0xB1, 0x0A), ".cfa: sp 8 + .ra: lr r1: .cfa -8 + ^ r3: .cfa -4 + ^"),
    "frame pointer": (
        (0x9B, 0x41, 0x84, 0x80),
        ".cfa: r11 0 + .ra: .cfa -4 + ^ r11: .cfa -8 + ^",
    ),
    "frame pointer, some registers popped before": (
        (0xA0, 0x97, 0x84, 0x08),
        ".cfa: r7 8 + .ra: .cfa -4 + ^ r4: sp 0 + ^ r7: .cfa -8 + ^",
    ),
    "sp from a register that was popped": (
        (0x80, 0x08, 0x97, 0x01),
        ".cfa: sp 0 + ^ 8 + .ra: lr r7: sp 0 + ^",
    ),
    "sp popped": (
        (0x8A, 0x00, 0x00),
        ".cfa: sp 0 + ^ 4 + .ra: sp 4 + ^",
    ),
    "FSTMFDX registers": ((0xB3, 0x81, 0xB9), ".cfa: sp 40 + .ra: lr"),
    "VFP registers": ((0xC8, 0x01, 0xC9, 0x80, 0xD1), ".cfa: sp 40 + .ra: lr"),
    "iwMMXt registers": ((0xC1, 0xC6, 0x01, 0xC7, 0x05), ".cfa: sp 40 + .ra: lr"),
    "authentication code": ((0xB5, 0xB4, 0xA8), ".cfa: sp 12 + .ra: .cfa -4 + ^ r4: .cfa -8 + ^"),
}


@pytest.mark.parametrize(("opcodes", "expected"), PROGRAMS.values(), ids=PROGRAMS)
def test_program_comes_to_rules(opcodes: tuple[int, ...], expected: str) -> None:
    # pc and lr by mask: bits 11 and 10; sp: bit 9
    assert rules(*opcodes) == expected


DAMAGED: dict[str, tuple[int, ...]] = {
    "sp of sp": (0x9D,),
    "sp of pc": (0x9F,),
    "no low register": (0xB1, 0x00),
    "more than low registers": (0xB1, 0x10),
    "no control register": (0xC7, 0x00),
    "spare B6": (0xB6,),
    "spare CA": (0xCA,),
    "spare D8": (0xD8,),
    "spare FF": (0xFF,),
    "FSTMFDX beyond d15": (0xB3, 0xF1),
    "VFP beyond d31": (0xC8, 0xF1),
    "iwMMXt beyond wr15": (0xC6, 0xF1),
    "half a mask": (0x80,),
    "half a number": (0xB2, 0x80),
    "out of memory": (0xB2, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F),
    "loads without end": (0x82, 0x00) * 5,
}


@pytest.mark.parametrize("opcodes", DAMAGED.values(), ids=DAMAGED)
def test_program_that_means_nothing_is_damage(opcodes: tuple[int, ...]) -> None:
    with pytest.raises(MalformedError):
        rules(*opcodes)


def dump(tmp_path: Path, data: bytes) -> list[str]:
    """The STACK records of a file; it has no functions, which is a finding."""
    both(lambda engine, pair, cpu: engine.cfi(pair, cpu), data)
    lines = check_promise(tmp_path, data, codes=(3,))
    return [line.removeprefix("STACK CFI ") for line in lines if line.startswith("STACK CFI")]


def said(tmp_path: Path, data: bytes) -> str:
    """What the command says of damage."""
    subject = tmp_path / "subject.so"
    subject.write_bytes(data)
    return crashsym("dump", subject).stderr.decode()


def test_an_entry_ends_where_the_next_begins_and_the_last_with_its_section(tmp_path: Path) -> None:
    index = Index()
    index.entry(0x1000, FINISH)
    index.entry(0x1011, word(0xA8))  # Thumb: bit 0 is not part of the address
    index.entry(0x1040, CANTUNWIND)
    index.entry(0x1080, FINISH)
    saved = ".cfa: sp 8 + .ra: .cfa -4 + ^ r4: .cfa -8 + ^"
    expected = [f"INIT 1000 10 {LEAF}", f"INIT 1010 30 {saved}", f"INIT 1080 ff80 {LEAF}"]
    assert dump(tmp_path, index.file()) == expected


@pytest.mark.parametrize("fmt", [ARM_LE, ARM_BE], ids=["little", "big"])
def test_tables_of_all_personality_routines(tmp_path: Path, fmt: Format) -> None:
    index = Index(fmt)
    short = index.words(0x80A8B0B0)
    long = index.words(0x81010102, 0x03B00000)
    longer = index.words(0x82010102, 0x03A8B0B0)
    own = index.words(0x7FFFF000, 0x01020304, 0xA8B0B0B0)
    for number, table in enumerate((short, long, longer, own, short)):
        index.refer(0x1000 + 16 * number, table)
    index.entry(0x1050, CANTUNWIND)
    saved = ".cfa: sp {} + .ra: .cfa -4 + ^ r4: .cfa -8 + ^"
    assert dump(tmp_path, index.file()) == [
        f"INIT 1000 10 {saved.format(8)}",
        "INIT 1010 10 .cfa: sp 36 + .ra: lr",
        f"INIT 1020 10 {saved.format(44)}",
        f"INIT 1030 10 {saved.format(56)}",
        f"INIT 1040 10 {saved.format(8)}",
    ]


def test_sections_of_a_kernel_are_found_by_their_type(tmp_path: Path) -> None:
    # Linux calls them .ARM.unwind_idx and .ARM.unwind_tab, and lies in the upper half of memory.
    index = Index(index_address=0xC0800000, table_address=0xC0900000)
    table = index.words(0x80A8B0B0)
    index.refer(0xC0008000, table)
    index.entry(0xC0008010, FINISH)
    index.entry(0xC0008020, CANTUNWIND)
    text = Section(".text", b"", NOBITS, ALLOC | EXECINSTR, 0xC0008000, size=0x1000)
    names = {".ARM.exidx": ".ARM.unwind_idx", ".ARM.extab": ".ARM.unwind_tab"}
    tables = [replace(section, name=names[section.name]) for section in index.sections()]
    data = Elf((text, build_id(ARM_LE), *tables), machine=ARM, format=ARM_LE).build()
    assert dump(tmp_path, data) == [
        "INIT c0008000 10 .cfa: sp 8 + .ra: .cfa -4 + ^ r4: .cfa -8 + ^",
        f"INIT c0008010 10 {LEAF}",
    ]


def test_other_cpus_have_other_tables_of_this_type(tmp_path: Path) -> None:
    index = Index()
    index.entry(0x1000, FINISH)
    sections = (code(), build_id(ARM_LE), *index.sections(".eh_frame_of_old"))
    assert dump(tmp_path, Elf(sections, machine=I386, format=ARM_LE).build()) == []


def test_entries_out_of_order_are_put_in_order_and_reported(tmp_path: Path) -> None:
    index = Index()
    index.entry(0x1020, word(0x00))
    index.entry(0x1000, FINISH)
    index.entry(0x1040, CANTUNWIND)
    data = index.file()
    assert dump(tmp_path, data) == [f"INIT 1000 20 {LEAF}", "INIT 1020 20 .cfa: sp 4 + .ra: lr"]
    assert ".ARM.exidx: its entries are not in ascending order" in said(tmp_path, data)


def test_of_two_entries_that_begin_together_the_later_counts(tmp_path: Path) -> None:
    index = Index()
    index.entry(0x1000, word(0x3F))
    index.entry(0x1000, FINISH)
    index.entry(0x1010, CANTUNWIND)
    assert dump(tmp_path, index.file()) == [f"INIT 1000 10 {LEAF}"]


ARM_CIE = Cie(return_column=14, data_factor=-4, instructions=bytes((DEF_CFA, 13, 0)))


def test_dwarf_has_what_it_describes_and_padding_gets_nothing(tmp_path: Path) -> None:
    frames = EhFrame(ARM_LE)
    cie = frames.cie(ARM_CIE)
    frames.fde(cie, 0x1000, 0x1E)
    frames.fde(cie, 0x1040, 0x10)
    index = Index()
    index.entry(0x1000, word(0x00))
    index.entry(0x1020, word(0x01))
    index.entry(0x1060, word(0x02))
    index.entry(0x1068, CANTUNWIND)
    assert dump(tmp_path, index.file(frames.section())) == [
        f"INIT 1000 1e {LEAF}",
        "INIT 1020 20 .cfa: sp 8 + .ra: lr",
        f"INIT 1040 10 {LEAF}",
        "INIT 1050 10 .cfa: sp 8 + .ra: lr",
        "INIT 1060 8 .cfa: sp 12 + .ra: lr",
    ]


def test_refusal_and_cannot_unwind_give_no_rules(tmp_path: Path) -> None:
    index = Index()
    index.entry(0x1000, CANTUNWIND)
    index.entry(0x1010, word(0x80, 0x00))
    data = index.file()
    assert dump(tmp_path, data) == []
    assert "[malformed]" not in said(tmp_path, data)


def _one(prepare: Callable[[Index], object]) -> Index:
    """A damaged entry between two good ones."""
    index = Index()
    index.entry(0x1000, FINISH)
    prepare(index)
    index.entry(0x1020, FINISH)
    return index


DAMAGED_ENTRIES: dict[str, tuple[Callable[[Index], object], str]] = {
    "no relative address": (lambda i: i.raw(0x80001000, FINISH), "is no relative address"),
    "inline form of routine 1": (
        lambda i: i.entry(0x1010, 0x8101B0B0),
        "personality routine 1 has no inline form",
    ),
    "routine 3": (
        lambda i: i.refer(0x1010, i.words(0x83000000)),
        "personality routine 3 is not defined",
    ),
    "table nowhere": (lambda i: i.refer(0x1010, 0x500000), "no section has these bytes"),
    "table that ends early": (
        lambda i: i.refer(0x1010, i.words(0x8102B0B0, 0xB0B0B0B0)),
        "4 bytes wanted, 0 left",
    ),
    "spare instruction": (lambda i: i.entry(0x1010, word(0xFF)), "instruction 0xff is spare"),
}


@pytest.mark.parametrize(("prepare", "why"), DAMAGED_ENTRIES.values(), ids=DAMAGED_ENTRIES)
def test_a_damaged_entry_costs_only_itself(
    tmp_path: Path, prepare: Callable[[Index], object], why: str
) -> None:
    data = _one(prepare).file()
    lines = dump(tmp_path, data)
    assert lines[0].startswith("INIT 1000 ")
    assert lines[1:] == [f"INIT 1020 ffe0 {LEAF}"]
    assert why in said(tmp_path, data)


@pytest.mark.parametrize("words", [(FINISH,), (FINISH, FINISH)], ids=["half", "damaged"])
def test_an_index_without_a_good_entry_gives_nothing(
    tmp_path: Path, words: tuple[int, ...]
) -> None:
    index = Index()
    index.raw(*words)
    assert dump(tmp_path, index.file()) == []


def test_an_entry_outside_of_the_code_is_reported(tmp_path: Path) -> None:
    index = Index()
    index.entry(0x1000, FINISH)
    index.entry(0x900000, FINISH)
    index.entry(0x900010, CANTUNWIND)  # GNU ld ends every index like this, right behind the code
    data = index.file()
    assert dump(tmp_path, data) == [f"INIT 1000 10000 {LEAF}"]
    assert ".ARM.exidx entry for 0x900000: no code lies there. " in said(tmp_path, data)


def _tables_inside_of_each_other() -> bytes:
    """Each table of 1024 bytes holds most of the next: decoding asks for 256 times their size."""
    index = Index()
    for _ in range(10_000):
        index.words(0x81FF0000)
    for number in range(9_000):
        index.refer(0x1000 + 2 * number, 0x300000 + 4 * number)
    return index.file()


def _many_entries() -> bytes:
    """Functions of two bytes, each with other rules than the one before."""
    index = Index()
    for number in range(100_000):
        index.entry(0x1000 + 2 * number, 0x80000000 | (number % 64) << 16 | 0xAFB0)
    return index.file(code_size=0x100000)


def _many_damaged_entries() -> bytes:
    index = Index()
    for number in range(100_000):
        index.entry(0x1000 + 2 * number, 0x80FF0000 | number & 0xFFFF)
    return index.file(code_size=0x100000)


def _many_sections() -> bytes:
    """A thousand section headers that share one index of 160 000 bytes."""
    index = Index()
    for number in range(20_000):
        index.entry(0x1000 + 2 * number, FINISH)
    [whole] = index.sections()
    text, note = code(0x100000), build_id(ARM_LE)
    offset = 52 + len(note.data) + -len(note.data) % 8  # behind the ELF header and the note
    more = [
        replace(whole, name=f".{n}", data=b"", size=160_000, offset=offset) for n in range(1000)
    ]
    return Elf((text, note, whole, *more), machine=ARM, format=ARM_LE).build()


COSTLY: dict[str, Callable[[], bytes]] = {
    "9 000 tables inside of each other": _tables_inside_of_each_other,
    "1000 sections that share one index": _many_sections,
    "100 000 entries": _many_entries,
    "100 000 damaged entries": _many_damaged_entries,
}


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_small_tables_cannot_ask_for_large_work(tmp_path: Path, make: Callable[[], bytes]) -> None:
    check_promise(tmp_path, make(), codes=(0, 3))
