"""ELF files that lie: headers, sections, notes, names and symbols."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import elf
from builders.elf import Elf, Section, Segment
from builders.encode import Format
from builders.limits import check_promise
from support import crashsym

FMT = Format()
_HUGE = 1 << 60


def _base36(number: int) -> str:
    digits = string.digits + string.ascii_uppercase
    text = digits[number % 36]
    while number := number // 36:
        text = digits[number % 36] + text
    return text


def doubling_name(steps: int) -> bytes:
    """Return a mangled name each of whose template arguments is twice as long as the one before."""
    name, latest = "_Z1f1A", "S_"
    for step in range(steps):
        part = f"B{step}"
        name += f"{len(part)}{part}I{latest}{latest}E"
        latest = f"S{_base36(2 * step + 1)}_"
    return name.encode()


def _symbols(*names: bytes) -> bytes:
    return elf.module(*elf.symbol_table(FMT, names))


def _shared_name(count: int, length: int) -> bytes:
    rows = b"".join(elf.symbol(FMT, 1, elf.TEXT_ADDRESS + n) for n in range(count))
    return elf.module(
        Section(".symtab", rows, elf.SYMTAB, link=".strtab", entry_size=24),
        Section(".strtab", b"\0" + b"n" * length + b"\0", elf.STRTAB),
    )


def _headers_sharing_a_name() -> bytes:
    others = [Section("s", name_offset=30) for _ in range(3000)]
    return Elf((elf.code(), elf.build_id(FMT), Section("x" * 500_000), *others)).build()


def _notes_shared() -> bytes:
    zeros = Section("zeros", bytes(1_000_000))
    notes = [Section("n", b"", elf.NOTE, offset=64, size=1_000_000) for _ in range(3000)]
    return Elf((zeros, elf.text(), *notes)).build()


def _dynamic_shared() -> bytes:
    tags = FMT.word(*(0x6FFFFEF5, 1) * 20000, 0, 0)
    first = Section("d", tags, elf.DYNAMIC, link=".dynstr", entry_size=16, offset=64)
    others = [Section("d", b"", elf.DYNAMIC, link=".dynstr", offset=64, size=16)] * 2000
    strings = Section(".dynstr", b"\0", elf.STRTAB)
    return Elf((first, elf.code(), elf.build_id(FMT), *others, strings)).build()


def _endless_segments() -> bytes:
    header = {"e_phnum": 0xFFFF, "e_phoff": 0, "e_phentsize": 0}
    null = Section("", type=0, info=0xFFFFFFFF)
    return Elf((elf.code(), elf.build_id(FMT)), header=header, null_section=null).build()


def _header(**fields: int) -> bytes:
    return Elf((elf.code(), elf.build_id(FMT)), header=fields).build()


def _many_sections_claimed() -> bytes:
    null = Section("", type=0, size=_HUGE)
    return Elf((elf.code(),), header={"e_shnum": 0}, null_section=null).build()


COSTLY: dict[str, Callable[[], bytes]] = {
    "a mangled name that doubles 28 times": lambda: _symbols(doubling_name(28)),
    "a mangled name that doubles 60 times": lambda: _symbols(doubling_name(60)),
    "2000 mangled names that double 14 times": lambda: _symbols(*[doubling_name(14)] * 2000),
    "3000 sections with one long name": _headers_sharing_a_name,
    "5000 symbols with one long name": lambda: _shared_name(5000, 500_000),
    "3000 sections with the same notes": _notes_shared,
    "2000 dynamic tables": _dynamic_shared,
    "four billion program headers at offset 0": _endless_segments,
    "4000 ordinary symbols": lambda: _symbols(*[b"name%d" % n for n in range(4000)]),
}

DEEP_NAMES = [
    b"_Z1f" + b"P" * 8000 + b"i",
    b"_Z1fI" * 1500,
    b"_Z" + b"N" * 8000,
    b"_Z1fI" + b"X" * 8000,
    b"_ZN" + b"1aI" * 2500,
    b"_Z1fDp" + b"F" * 8000,
    b"_Z1fIXL_Z" * 800,
    b"_Z1f" + b"M1A" * 2600 + b"i",
    b"_Z1f" + b"DTcl" * 2000,
    b"_Z" + b"9" * 8000,
    b"_Z1f" + b"A" * 1_000_000,
]

UNUSABLE: dict[str, bytes] = {
    "empty": b"",
    "text": b"#!/bin/sh\n",
    "the magic alone": b"\x7fELF",
    "half a header": elf.module()[:40],
    "section headers past the end": _header(e_shoff=_HUGE),
    "section headers of size 0": _header(e_shentsize=0),
    "names in a section that is not there": _header(e_shstrndx=0x7FFF),
    "2^60 sections": _many_sections_claimed(),
    "another byte order": bytes((*elf.module()[:5], 2)) + elf.module()[6:],
    "another word size": bytes((*elf.module()[:4], 1)) + elf.module()[5:],
    "a CPU that nobody knows": Elf((elf.code(), elf.build_id(FMT)), machine=0xFEED).build(),
}

SYMBOL_TABLES: dict[str, bytes] = {
    "a symbol table linked to itself": elf.module(
        Section(".symtab", bytes(48), elf.SYMTAB, link=".symtab", entry_size=24)
    ),
    "a symbol table with entries of size 0": elf.module(
        Section(".symtab", bytes(48), elf.SYMTAB, link=".strtab"),
        Section(".strtab", b"\0", elf.STRTAB),
    ),
}

ODD: dict[str, bytes] = {
    "sections of 2^60 bytes without contents": elf.module(
        Section(".debug_info", b"", elf.NOBITS, size=_HUGE),
        Section(".eh_frame", b"", elf.NOBITS, size=_HUGE),
    ),
    "sections that run past the end": elf.module(
        Section(".debug_info", b"x", size=_HUGE), Section(".eh_frame", b"x", size=1 << 40)
    ),
    "a note that claims 4 GB": Elf(
        (elf.text(64), Section("n", elf.note(FMT, b"id", size=0xFFFFFFFF), elf.NOTE))
    ).build(),
    "symbol names outside of the strings": elf.module(
        Section(".symtab", elf.symbol(FMT, 1 << 31, 0x1000), elf.SYMTAB, link=".s", entry_size=24),
        Section(".s", b"\0", elf.STRTAB),
    ),
    "symbol names with control characters": _symbols(b"a\nFUNC 0 1 0 x", b"\x1b[2J", b"\xff\xfe"),
    "a load address above the code": Elf(
        (elf.code(), elf.build_id(FMT), *elf.symbol_table(FMT, [b"a", b"b"])),
        [Segment(address=0x7FFF0000, memory_size=16)],
    ).build(),
    "code at the end of the address space": Elf(
        (
            Section(".text", b"", elf.NOBITS, 6, address=(1 << 64) - 16, size=64),
            elf.build_id(FMT),
            *elf.symbol_table(FMT, [b"a"]),
        )
    ).build(),
    "a build id of 100 kB": Elf((elf.code(), elf.build_id(FMT, b"\1" * 100_000))).build(),
    "an inflated section that is a bomb": elf.module(
        elf.compressed(FMT, ".debug_info", bytes(50_000_000))
    ),
    "a compressed section that claims less": elf.module(
        elf.compressed(FMT, ".debug_info", bytes(500), size=5)
    ),
    "a compressed section that claims more": elf.module(
        elf.compressed(FMT, ".debug_info", bytes(500), size=1000)
    ),
    "a compression that nobody knows": elf.module(
        elf.compressed(FMT, ".debug_info", b"x", kind=99)
    ),
    "half a compression header": elf.module(
        Section(".debug_info", b"\1\0\0", flags=elf.COMPRESSED)
    ),
}


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_small_files_cannot_ask_for_large_work(tmp_path: Path, make: Callable[[], bytes]) -> None:
    check_promise(tmp_path, make(), codes=(2, 3))


@pytest.mark.parametrize("data", SYMBOL_TABLES.values(), ids=SYMBOL_TABLES)
def test_a_contradictory_symbol_table_is_reported(tmp_path: Path, data: bytes) -> None:
    check_promise(tmp_path, data, codes=(2, 3))


def test_deep_mangled_names_end_no_process(tmp_path: Path) -> None:
    lines = check_promise(tmp_path, _symbols(*DEEP_NAMES))
    assert sum(line.startswith("PUBLIC ") for line in lines) == len(DEEP_NAMES)


def test_a_name_that_explodes_is_written_as_it_is_mangled(tmp_path: Path) -> None:
    name = doubling_name(60)
    lines = check_promise(tmp_path, _symbols(name, b"_Z4calmv"))
    assert f"PUBLIC {elf.TEXT_ADDRESS:x} 0 {name.decode()}" in lines
    assert f"PUBLIC {elf.TEXT_ADDRESS + 16:x} 0 calm()" in lines


@pytest.mark.parametrize("data", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_file_is_exit_2_and_one_line(tmp_path: Path, data: bytes) -> None:
    assert check_promise(tmp_path, data, codes=(2,)) == []


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_damage_is_a_finding_and_the_rest_is_kept(tmp_path: Path, data: bytes) -> None:
    lines = check_promise(tmp_path, data, codes=(3,))
    assert lines[0].startswith("MODULE Linux x86_64 ")


@pytest.mark.parametrize(
    "name",
    [b"..", b".", b"", b"/", b"../../etc/x", b"a\nb", b"\xff\xfe", b"n" * 10_000, b"n" * 253],
)
def test_a_hostile_soname_stays_in_the_store_and_is_one_name(tmp_path: Path, name: bytes) -> None:
    subject, store = tmp_path / "subject.so", tmp_path / "all" / "of" / "store"
    subject.write_bytes(elf.module(*elf.soname(FMT, name)))
    done = crashsym("dump", subject, "--store", store)
    assert done.returncode == 3, done.stderr
    (written,) = [path for path in tmp_path.joinpath("all").rglob("*") if path.is_file()]
    folder, debug_id, file = written.relative_to(store).parts
    module = written.read_text().split("\n")[0]
    assert module == f"MODULE Linux x86_64 {debug_id} {folder}"
    assert file == f"{folder}.sym"


@pytest.mark.parametrize("length", [251, 252, 255])
def test_the_longest_file_names_have_a_place_in_the_store(tmp_path: Path, length: int) -> None:
    subject = tmp_path / ("n" * length)
    subject.write_bytes(elf.module())
    assert crashsym("dump", subject, "--store", tmp_path / "store").returncode == 3
    assert len(list(tmp_path.glob("store/*/*/*.sym"))) == 1


def test_a_hostile_debuglink_is_no_place(tmp_path: Path) -> None:
    subject = tmp_path / "subject.so"
    link = Section(".gnu_debuglink", b"n" * 10_000 + bytes(8))
    subject.write_bytes(Elf((elf.code(), elf.build_id(FMT, b"\1" * 2000), link)).build())
    done = crashsym("dump", subject, "--debug-dir", tmp_path, "-o", tmp_path / "out.sym")
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == 3
