"""Files over 4 GiB, and more sections and segments than 16 bits can count."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import elf
from builders.elf import Elf, Section, Segment
from builders.encode import Format
from crashsym.elf import ElfFile
from crashsym.errors import MalformedError
from support import require_tool

MANY = 70_000  # more than SHN_LORESERVE, 65 280
FORMATS = [Format(bits, little) for bits in (32, 64) for little in (True, False)]


def many_sections(fmt: Format, count: int = MANY, **null: int) -> bytes:
    """Return a file whose section count and name table index are in its first section header."""
    others = [Section(f".f{number}") for number in range(count)]
    sections = (elf.code(), elf.build_id(fmt), *others)
    total = len(sections) + 2
    first = {"size": total, "link": total - 1, **null}
    return Elf(
        sections,
        format=fmt,
        header={"e_shnum": 0, "e_shstrndx": 0xFFFF},
        null_section=Section("", type=0, size=first["size"], link=first["link"]),
    ).build()


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_more_sections_than_the_header_can_count(tmp_path: Path, fmt: Format) -> None:
    file = tmp_path / "many.so"
    file.write_bytes(many_sections(fmt))
    with ElfFile(file) as elf_file:
        assert len(elf_file.sections) == MANY + 4
        assert elf_file.section(f".f{MANY - 1}") is not None
        assert elf_file.sections[-1].name == ".shstrtab"
        assert str(elf_file.build_id) == elf.BUILD_ID.hex()


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_more_segments_than_the_header_can_count(tmp_path: Path, fmt: Format) -> None:
    file = tmp_path / "many.so"
    segments = [Segment(type=0)] * MANY + [Segment(address=0x1000, memory_size=16)]
    first = Section("", type=0, info=len(segments))
    header = {"e_phnum": 0xFFFF}
    file.write_bytes(
        Elf((elf.code(),), segments, format=fmt, header=header, null_section=first).build()
    )
    with ElfFile(file) as elf_file:
        assert elf_file.load_base == 0x1000


LIES: dict[str, Callable[[], bytes]] = {
    "one section too many": lambda: many_sections(Format(), 10, size=1 << 20),
    "2^60 sections": lambda: many_sections(Format(), 10, size=1 << 60),
    "names in a section that is not there": lambda: many_sections(Format(), 10, link=1 << 20),
}


@pytest.mark.parametrize("make", LIES.values(), ids=LIES)
def test_a_first_section_that_lies_is_refused(tmp_path: Path, make: Callable[[], bytes]) -> None:
    file = tmp_path / "many.so"
    file.write_bytes(make())
    with pytest.raises(MalformedError):
        ElfFile(file)


@pytest.mark.parametrize(("offset", "size"), [(64, 1 << 60), (1 << 60, 64), (64, 1 << 20)])
def test_what_runs_past_the_end_is_said(tmp_path: Path, offset: int, size: int) -> None:
    file = tmp_path / "odd.so"
    file.write_bytes(elf.module(Section(".debug_info", b"x", offset=offset, size=size)))
    with ElfFile(file) as elf_file:
        for read in (elf_file.section_view, elf_file.section_bytes):
            with pytest.raises(MalformedError, match=f"ends at 0x{offset + size:x}, the file at"):
                read(".debug_info")


def test_an_assembled_file_with_many_sections(tmp_path: Path) -> None:
    """What GNU as and ld write is read as readelf reads it."""
    assembler = require_tool("as", "binutils")
    readelf = require_tool("readelf", "binutils")
    source = "".join(
        f'.section .text.f{n},"ax"\n.globl f{n}\n.type f{n},@function\nf{n}: ret\n.size f{n},1\n'
        for n in range(MANY)
    )
    obj, linked = tmp_path / "many.o", tmp_path / "many.so"
    subprocess.run([assembler, "-o", obj], input=source.encode(), check=True)
    script = tmp_path / "apart.ld"
    keep = "\n".join(f".text.f{n} : {{ *(.text.f{n}) }}" for n in range(MANY))
    script.write_text(f"SECTIONS {{ . = 0x1000;\n{keep}\n}}")
    subprocess.run([require_tool("ld", "binutils"), "-T", script, obj, "-o", linked], check=True)
    said = subprocess.run([readelf, "-hW", linked], capture_output=True, check=True, text=True)
    counted = next(line for line in said.stdout.splitlines() if "Number of section" in line)
    with ElfFile(linked) as elf_file:
        assert f"({len(elf_file.sections)})" in counted
        symbols = elf_file.function_symbols(".symtab")
        place = elf_file.section(f".text.f{MANY - 1}")
        assert len(symbols) == MANY
        assert place is not None
        assert {s.address for s in symbols if s.name == f"f{MANY - 1}"} == {place.address}


@pytest.mark.parametrize("little", [True, False])
def test_a_file_over_4_gib(tmp_path: Path, *, little: bool) -> None:
    """Contents and section headers behind 4 GiB of nothing; the file is sparse."""
    fmt, far = Format(64, little), (5 << 30) + 24
    contents = bytes(range(256)) * 1024
    file = tmp_path / "far.so"
    info = Section(".debug_info", b"", size=len(contents), offset=far)
    line = Section(".debug_line", b"", size=100, offset=far + 7)
    data = Elf((elf.code(), elf.build_id(fmt), info, line), format=fmt).build()
    rows = 6 * 64
    head, table = bytearray(data[:-rows]), data[-rows:]
    head[40:48] = fmt.number(far + len(contents), 8)
    with file.open("wb") as stream:
        stream.write(head)
        stream.seek(far)
        stream.write(contents + table)
    with ElfFile(file) as elf_file:
        assert elf_file.size > 5 << 30
        assert elf_file.section_view(".debug_info") == contents
        assert elf_file.section_bytes(".debug_line") == contents[7:107]
        assert str(elf_file.build_id) == elf.BUILD_ID.hex()


@pytest.mark.parametrize(("before", "found"), [((1 << 20) - 36, True), ((1 << 20) - 35, False)])
def test_a_build_id_is_looked_for_in_a_megabyte_of_notes(
    tmp_path: Path, before: int, found: bool
) -> None:
    fmt = Format()
    others = Section(".note.first", bytes(before), elf.NOTE, elf.ALLOC)
    own = Section(".note.own", elf.note(fmt, b"i" * 20), elf.NOTE, elf.ALLOC)
    file = tmp_path / "notes.so"
    file.write_bytes(Elf((elf.code(), others, own), format=fmt).build())
    with ElfFile(file) as elf_file:
        assert (elf_file.build_id is not None) is found
