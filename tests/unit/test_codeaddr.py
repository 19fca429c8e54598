# SPDX-License-Identifier: MIT
"""Symbols whose value is not the address of their code, on files written by hand."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import elf
from builders.elf import ALLOC, PROGBITS, SYMTAB, Elf, Section
from builders.encode import Format
from crashsym.breakpad.reader import read
from crashsym.dump import DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.protocols import Engine
from crashsym.engines.reference import ReferenceEngine
from crashsym.splitpair import SplitPair

MIPS, PPC64, RISCV, LOONGARCH = 8, 21, 243, 258
OPD = 0x20000
FUNC, NOTYPE, GLOBAL = 2, 0, 0x10
STO_MICROMIPS, STO_MIPS16, LOCAL_ENTRY_8 = 0x80, 0xF0, 0x60


@dataclass(frozen=True)
class Symbol:
    """A row of a symbol table; ``other`` is st_other."""

    name: str
    value: int
    info: int = GLOBAL | FUNC
    other: int = 0


def symbols(fmt: Format, rows: list[Symbol]) -> tuple[Section, Section]:
    size = len(elf.symbol(fmt, 0, 0))
    strings, table = bytearray(b"\0"), bytearray(size)
    for row in rows:
        entry = bytearray(elf.symbol(fmt, len(strings), row.value, info=row.info))
        entry[5 if fmt.bits == 64 else 13] = row.other
        table += entry
        strings += row.name.encode() + b"\0"
    return (
        Section(".symtab", bytes(table), SYMTAB, link=".strtab", entry_size=size),
        Section(".strtab", bytes(strings), elf.STRTAB),
    )


def opd(fmt: Format, *addresses: int, **fields: int) -> Section:
    """Return ``.opd``: descriptors of 24 bytes (code, TOC, environment)."""
    data = b"".join(fmt.word(address, 0x27F00, 0) for address in addresses)
    return Section(".opd", data, PROGBITS, ALLOC, OPD, **fields)


def publics(folder: Path, *files: bytes) -> dict[int, str]:
    """Return the PUBLIC records of a module: the file, or the stripped one and its debug half.

    Both engines say the same.
    """
    opened = []
    for number, content in enumerate(files):
        path = folder / str(number)
        path.write_bytes(content)
        opened.append(ElfFile(path))
    made = [dumped(SplitPair(*opened), engine) for engine in (ReferenceEngine(), CompiledEngine())]
    for elf_file in opened:
        elf_file.__exit__(None, None, None)
    assert made[0] == made[1]
    return {public.address: public.name for public in read(made[0]).publics}


def dumped(pair: SplitPair, engine: Engine) -> bytes:
    done = dump_module(pair, "module", "module", DumpOptions(), engine)
    assert not [finding for finding in done.findings if finding.code == "malformed"]
    stream = io.BytesIO()
    done.write(stream)
    return stream.getvalue()


def build(machine: int, fmt: Format, *sections: Section) -> bytes:
    return Elf((elf.code(), elf.build_id(fmt), *sections), machine=machine, format=fmt).build()


@pytest.mark.parametrize("fmt", [Format(64, little_endian=False), Format(64)])
def test_a_descriptor_leads_to_the_code(fmt: Format, tmp_path: Path) -> None:
    table = symbols(fmt, [Symbol("one", OPD), Symbol("two", OPD + 24), Symbol("three", 0x1200)])
    content = build(PPC64, fmt, opd(fmt, 0x1010, 0x1100), *table)
    assert publics(tmp_path, content) == {0x1010: "one", 0x1100: "two", 0x1200: "three"}


def test_the_descriptors_of_a_split_pair_are_in_the_stripped_half(tmp_path: Path) -> None:
    fmt = Format(64, little_endian=False)
    table = symbols(fmt, [Symbol("one", OPD + 24)])
    empty = Section(".opd", b"", elf.NOBITS, ALLOC, OPD, size=48)
    stripped = build(PPC64, fmt, opd(fmt, 0, 0x1010))
    assert publics(tmp_path, stripped, build(PPC64, fmt, empty, *table)) == {0x1010: "one"}


def test_a_dot_symbol_is_the_function_without_the_dot(tmp_path: Path) -> None:
    fmt = Format(64, little_endian=False)
    rows = [Symbol("one", OPD), Symbol(".one", 0x1010), Symbol(".alone", 0x1100)]
    rows += [Symbol(".", 0x1200)]
    content = build(PPC64, fmt, opd(fmt, 0x1010), *symbols(fmt, rows))
    assert publics(tmp_path, content) == {0x1010: "one", 0x1100: "alone", 0x1200: "."}


def test_a_dot_stays_where_there_are_no_descriptors(tmp_path: Path) -> None:
    table = symbols(Format(64), [Symbol(".one", 0x1010)])
    assert publics(tmp_path, build(PPC64, Format(64), *table)) == {0x1010: ".one"}


@pytest.mark.parametrize(
    "target", [0, 0xFFFFFFFFFFFFFFFF, OPD], ids=["not filled in", "outside", "no code"]
)
def test_a_descriptor_that_leads_nowhere_gives_no_symbol(target: int, tmp_path: Path) -> None:
    fmt = Format(64, little_endian=False)
    rows = [Symbol("one", OPD), Symbol("cut off", OPD + 44), Symbol("two", 0x1200)]
    content = build(PPC64, fmt, opd(fmt, target, 0x1010), *symbols(fmt, rows))
    assert publics(tmp_path, content) == {0x1200: "two"}


def test_the_global_entry_of_elfv2_is_the_function(tmp_path: Path) -> None:
    fmt = Format(64)
    table = symbols(fmt, [Symbol("one", 0x1010, other=LOCAL_ENTRY_8)])
    assert publics(tmp_path, build(PPC64, fmt, *table)) == {0x1010: "one"}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("little_endian", [True, False])
def test_the_isa_bit_of_mips_is_no_address(bits: int, little_endian: bool, tmp_path: Path) -> None:
    fmt = Format(64 if bits == 64 else 32, little_endian)
    rows = [
        Symbol("compressed", 0x1011),
        Symbol("micro", 0x1021, other=STO_MICROMIPS),
        Symbol("local16", 0x1030, FUNC, other=STO_MIPS16),
        Symbol("plain", 0x1040),
    ]
    found = publics(tmp_path, build(MIPS, fmt, *symbols(fmt, rows)))
    assert found == {0x1010: "compressed", 0x1020: "micro", 0x1030: "local16", 0x1040: "plain"}


def test_bit_0_is_part_of_the_address_elsewhere(tmp_path: Path) -> None:
    fmt = Format(64)
    found = publics(tmp_path, build(elf.X86_64, fmt, *symbols(fmt, [Symbol("odd", 0x1011)])))
    assert found == {0x1011: "odd"}


@pytest.mark.parametrize(
    ("machine", "bits", "marks"),
    [
        (elf.ARM, 32, ("$a", "$t", "$d", "$t.3")),
        (elf.AARCH64, 64, ("$x", "$d", "$x.17")),
        (RISCV, 64, ("$x", "$d", "$xrv64i2p1_m2p0")),
        (RISCV, 32, ("$x", "$d", "$xrv32i2p1")),
        (LOONGARCH, 64, (".L0\1", "$x")),
    ],
)
def test_mapping_symbols_name_nothing(
    machine: int, bits: int, marks: tuple[str, ...], tmp_path: Path
) -> None:
    fmt = Format(64 if bits == 64 else 32)
    rows = [Symbol(mark, 0x1000 + 16 * n, NOTYPE) for n, mark in enumerate(marks)]
    rows += [Symbol("one", 0x1000 + 16 * (len(marks) - 1)), Symbol("two", 0x1200)]
    found = publics(tmp_path, build(machine, fmt, *symbols(fmt, rows)))
    assert found == {0x1000 + 16 * (len(marks) - 1): "one", 0x1200: "two"}
