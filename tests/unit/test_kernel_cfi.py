# SPDX-License-Identifier: MIT
"""Unwind rules: the kernel says what the reference says."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path

import pytest
from builders import elf
from builders.cfi import Cie, EhFrame
from builders.elf import ALLOC, EXECINSTR, PROGBITS, Elf, Section
from builders.encode import Format, sleb, uleb
from builders.engines import both
from builders.exidx import ARM_BE, ARM_LE, CANTUNWIND, FINISH, Index, word
from builders.limits import check_promise
from crashsym.breakpad.cpus import Cpu
from crashsym.engines.protocols import Engine, Part
from crashsym.splitpair import SplitPair
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES, DEBUG_FRAMES = 0x100000, 0x200000
MACHINES = {
    "x86-64": (elf.X86_64, Format()),
    "i386": (elf.I386, Format(32)),
    "arm64": (elf.AARCH64, Format()),
    "ppc": (elf.PPC, Format(32, little_endian=False)),
    "sparcv9": (elf.SPARCV9, Format(64, little_endian=False)),
}
MANY = settings(max_examples=100, deadline=None)

# ---- instructions

registers = st.sampled_from((*range(18), 24, 30, 31, 63, 64, 511, 512, 1 << 70))
sizes = st.sampled_from((0, 1, 2, 8, 63, 1 << 20, (1 << 63) - 1, 1 << 63, 1 << 64, 1 << 100))
offsets = st.one_of(sizes, sizes.map(lambda number: -number))
low = st.integers(0, 63)
expressions = st.sampled_from(
    (b"", b"\x77\x08", b"\x77\x08\x06", b"\x06", b"\x96", b"\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33")
)


def instruction(opcode: int, *operands: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """One opcode and its operands."""
    return st.tuples(st.just(bytes((opcode,))), *operands).map(b"".join)


register, size, offset = registers.map(uleb), sizes.map(uleb), offsets.map(sleb)
block = expressions.map(lambda code: uleb(len(code)) + code)
instructions = st.one_of(
    low.map(lambda number: bytes((0x40 | number,))),
    low.map(lambda number: bytes((0xC0 | number,))),
    st.tuples(low.map(lambda number: bytes((0x80 | number,))), size).map(b"".join),
    st.integers(0, 15).map(lambda delta: bytes((0x02, delta))),
    *(instruction(code) for code in (0x00, 0x0A, 0x0B, 0x2C, 0x2D)),
    *(instruction(code, register) for code in (0x06, 0x07, 0x08, 0x0D)),
    *(instruction(code, register, size) for code in (0x05, 0x0C, 0x14, 0x2F)),
    *(instruction(code, register, offset) for code in (0x11, 0x12, 0x15)),
    *(instruction(code, register, block) for code in (0x10, 0x16)),
    *(instruction(code, size) for code in (0x0E, 0x2E)),
    instruction(0x09, register, register),
    instruction(0x0F, block),
    instruction(0x13, offset),
    instruction(0x2B, size, offset),
    st.binary(min_size=1, max_size=3),
)
programs = st.lists(instructions, max_size=12).map(b"".join)
START = b"\x0c\x07\x08\x90\x01"
cies = st.builds(
    Cie,
    version=st.sampled_from((1, 3)),
    augmentation=st.sampled_from((b"", b"S", b"zRS")),
    augmentation_data=st.sampled_from((b"\x00", b"\x08", b"\x10", b"\x1b")),
    code_factor=st.sampled_from((0, 1, 4, 1 << 63)),
    data_factor=st.sampled_from((-8, -4, 1, 0, 1 << 62, -(1 << 90))),
    return_column=st.sampled_from((16, 30, 14, 200)),
    instructions=programs.map(lambda program: START + program),
)
places = st.integers(0, 20).map(lambda number: elf.TEXT_ADDRESS - 16 + 16 * number)
lengths = st.sampled_from((0, 1, 16, 40, 200, 1 << 17))
fdes = st.lists(st.tuples(places, lengths, programs), max_size=6)
damages = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=3)


def frames(fmt: Format, entries: list[tuple[int, int, bytes]], cie: Cie) -> bytes:
    """An .eh_frame with one CIE."""
    table = EhFrame(fmt)
    offset_of_cie = table.cie(cie)
    for address, length, program in entries:
        table.fde(offset_of_cie, address, length, program)
    return bytes(table.data)


def as_debug_frame(fmt: Format, data: bytes) -> bytes:
    """Turn the identifiers of an .eh_frame into those of a .debug_frame."""
    order = "little" if fmt.little_endian else "big"
    out, at = bytearray(data), 0
    while at < len(data):
        out[at + 4 : at + 8] = bytes(4) if at else b"\xff" * 4
        at += 4 + int.from_bytes(data[at : at + 4], order)  # type: ignore[arg-type]
    return bytes(out)


def damaged(data: bytes, places_and_bytes: list[tuple[float, int]]) -> bytes:
    """Put bytes at places from 0, the start, to 1, the end."""
    out = bytearray(data)
    for place, byte in places_and_bytes:
        out[int(place * len(out))] = byte
    return bytes(out)


def ask(engine: Engine, pair: SplitPair, cpu: Cpu) -> Part:
    return engine.cfi(pair, cpu)


def compare(machine: int, fmt: Format, eh: bytes, debug: bytes) -> tuple[str, bool]:
    sections = (
        elf.code(0x120),
        Section(".plt", bytes(64), PROGBITS, ALLOC | EXECINSTR, 0x1140),
        Section(".eh_frame", eh, PROGBITS, ALLOC, FRAMES),
        Section(".debug_frame", debug),
    )
    return both(ask, Elf(sections, machine=machine, format=fmt).build())


@pytest.mark.parametrize("name", MACHINES)
@given(cie=cies, entries=fdes, others=fdes, hits=damages)
@MANY
def test_tables_of_any_kind(
    name: str,
    cie: Cie,
    entries: list[tuple[int, int, bytes]],
    others: list[tuple[int, int, bytes]],
    hits: list[tuple[float, int]],
) -> None:
    machine, fmt = MACHINES[name]
    eh = damaged(frames(fmt, entries, cie), hits)
    compare(machine, fmt, eh, as_debug_frame(fmt, frames(fmt, others, cie)))


def test_the_first_table_has_the_code_that_both_describe() -> None:
    fmt = Format()
    eh = frames(fmt, [(0x1010, 0x20, b"\x48\x0e\x10")], Cie())
    debug = frames(fmt, [(0x1000, 0x50, b"\x0e\x18\x60\x0e\x20"), (0x1018, 8, b"")], Cie())
    text, is_damaged = compare(elf.X86_64, fmt, eh, as_debug_frame(fmt, debug))
    assert not is_damaged
    assert [line for line in text.splitlines() if "INIT" in line] == [
        "STACK CFI INIT 1000 10 .cfa: $rsp 24 + .ra: .cfa -8 + ^",
        "STACK CFI INIT 1010 20 .cfa: $rsp 8 + .ra: .cfa -8 + ^",
        "STACK CFI INIT 1030 20 .cfa: $rsp 32 + .ra: .cfa -8 + ^",
    ]


SAME = b"\x41\x16\x03\x03\x11\x70\x22"  # DW_CFA_val_expression r3: CFA - 16
PROGRAMS = {
    "a rule is lost with its register": b"\x41\x0e\x10\x83\x02\x41\xc3\x41\x83\x03",
    "a register is itself": b"\x41\x83\x02\x41\x08\x03\x41\x09\x03\x03\x41\x09\x03\x04",
    "a register is lost": b"\x83\x02\x41\x07\x03\x41\x07\x04\x41\xc4",
    "states": b"\x0a\x41\x0e\x10\x83\x02\x0a\x41\x84\x03\x0b\x41\x0b\x41\x0e\x18",
    "more is brought back than remembered": b"\x0a\x41\x0e\x10\x0b\x0b\x41\x0e\x20",
    "windows": b"\x41\x2d\x41\x0d\x06",
    "numbers of more than 64 bits": b"\x41\x0e"
    + uleb(1 << 64)
    + b"\x41\x0e\x08\x83"
    + uleb(1 << 60),
    "the same with another rule": b"\x41\x14\x03\x02" + SAME + b"\x41\x10\x03\x00",
    "back to another place": b"\x41\x0e\x10\x01" + bytes(8) + b"\x41\x0e\x10",
    "long expressions": b"\x41\x16\x03\x40\x77\x00"
    + b"\x23\x01" * 31
    + (b"\x41\x16\x03\x41\x77\x00" + b"\x23\x01" * 30 + b"\x23\x81\x00"),
    "the same CFA by an expression": b"\x0e\x10\x41\x0f\x02\x77\x10\x41\x0e\x10\x41\x0e\x18",
    "an advance far beyond": b"\x0e\x10\x04\xff\xff\xff\xff\x0e\x18",
}


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_instructions(name: str, program: bytes) -> None:
    machine, fmt = MACHINES[name]
    for column in (3, 16):
        eh = frames(fmt, [(0x1010, 0x20, program)], Cie(return_column=column))
        text, _ = compare(machine, fmt, eh, b"")
        assert text.count("STACK CFI INIT") >= 1


def test_a_row_that_says_the_same_in_other_words_is_none() -> None:
    program = b"\x41\x14\x03\x02" + SAME  # DW_CFA_val_offset r3 at CFA - 16, then that
    eh = frames(Format(), [(0x1010, 0x20, program)], Cie())
    text, _ = compare(elf.X86_64, Format(), eh, b"")
    assert text.splitlines() == [
        "STACK CFI INIT 1010 20 .cfa: $rsp 8 + .ra: .cfa -8 + ^",
        "STACK CFI 1011 $rbx: .cfa -16 +",
    ]


@pytest.mark.parametrize("program", [b"\x16\x10\x02\x77\x00\x27", b"\x07\x10", b"\x0f\x01\x96"])
def test_rows_without_a_form_end_a_record(program: bytes) -> None:
    body = b"\x44" + b"\x0a" + program + b"\x44" + b"\x0b" + b"\x44\x0e\x10"
    compare(elf.X86_64, Format(), frames(Format(), [(0x1010, 0x20, body)], Cie()), b"")


def test_a_return_column_of_one_byte_without_a_name() -> None:
    eh = frames(Format(), [(0x1010, 0x20, b"\x41\x0e\x10")], Cie(return_column=0x90))
    assert compare(elf.X86_64, Format(), eh, b"") == ("", False)


def test_overlaps_cost_no_more_than_their_share(tmp_path: Path) -> None:
    """A long FDE below thousands of short ones would be executed once for each gap."""
    table = EhFrame()
    cie = table.cie()
    for number in range(2000):
        table.fde(cie, 0x1000 + 32 * number, 16)
    table.fde(cie, 0x1000, 0x10000, b"\x41\x0e\x08\x41\x0e\x10" * 200_000)
    sections = (elf.code(), elf.build_id(Format()), table.section())
    lines = check_promise(tmp_path, Elf(sections).build())
    assert sum(line.startswith("STACK CFI INIT") for line in lines) >= 2000


# ---- the exception index of Arm

index_words = st.one_of(
    st.sampled_from(
        (CANTUNWIND, FINISH, word(0xA8), word(0x80, 0x00), word(0x8C, 0x00), 0x8101B0B0)
    ),
    st.binary(min_size=3, max_size=3).map(lambda code: word(*code)),
)
tables = st.one_of(
    st.sampled_from(((0x8101A8B0, 0xB0B0B0B0), (0x83000000,), (0x1234, 0x01A8B0B0, 0xB0B0B0B0))),
    st.tuples(st.just(0x80000000), st.integers(0, (1 << 32) - 1)),
)
entries_of_index = st.lists(st.tuples(places, st.one_of(index_words, tables)), max_size=8)


@pytest.mark.parametrize("fmt", [ARM_LE, ARM_BE], ids=["little endian", "big endian"])
@given(entries=entries_of_index, ordered=st.booleans(), hits=damages, others=fdes)
@MANY
def test_exception_indexes_of_any_kind(
    fmt: Format,
    entries: list[tuple[int, int | tuple[int, ...]]],
    ordered: bool,
    hits: list[tuple[float, int]],
    others: list[tuple[int, int, bytes]],
) -> None:
    index = Index(fmt)
    for address, content in sorted(entries, key=itemgetter(0)) if ordered else entries:
        if isinstance(content, int):
            index.entry(address, content)
        else:
            index.refer(address, index.words(*content))
    index.index = bytearray(damaged(bytes(index.index), hits if index.index else []))
    debug = as_debug_frame(fmt, frames(fmt, others, Cie(return_column=14)))
    both(ask, index.file(Section(".debug_frame", debug), code_size=0x140))
