"""Relocations that no compiler here writes, and those that lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import elf
from builders.elf import Elf, Section
from builders.encode import X64, Format
from builders.limits import check_promise
from crashsym.bytesource import MemoryBytes
from crashsym.elf import ElfFile
from crashsym.errors import CrashsymError, MalformedError
from crashsym.relocatable import BASE

Entry = tuple[int, int, int, int]
MODINFO = Section(".modinfo", b"license=MIT\0", flags=elf.ALLOC)
BIG = Format(64, little_endian=False)
# Symbol 1 is at .text+0x10, symbol 2 at .text+0x4.
ONE, TWO = BASE + 0x10, BASE + 4


def module(
    contents: bytes,
    *tables: Section,
    machine: int = elf.X86_64,
    fmt: Format = X64,
    extra: tuple[Section, ...] = (),
) -> bytes:
    """Return a kernel module with ``contents`` in its .debug_info, which is section 1."""
    rows = elf.symbol(fmt, 0, 0, info=0, index=0)
    rows += elf.symbol(fmt, 1, 0x10, index=2) + elf.symbol(fmt, 3, 4, index=2)
    sections = (
        Section(".debug_info", contents),
        Section(".text", bytes(64), flags=elf.ALLOC | elf.EXECINSTR),
        Section(".symtab", rows, elf.SYMTAB, link=".strtab", entry_size=len(rows) // 3),
        Section(".strtab", b"\0f\0g\0", elf.STRTAB),
        MODINFO,
        elf.build_id(fmt),
        *tables,
        *extra,
    )
    return Elf(sections, type=elf.RELOCATABLE, machine=machine, format=fmt).build()


def relocated(
    folder: Path, contents: bytes, machine: int, fmt: Format, *entries: Entry, addends: bool = True
) -> bytes:
    """Return ``contents`` after the relocations."""
    table = elf.relocations(fmt, 1, *entries, addends=addends)
    (folder / "module.ko").write_bytes(module(contents, table, machine=machine, fmt=fmt))
    with ElfFile(folder / "module.ko") as elf_file:
        assert elf_file.kind == "kernel module"
        return elf_file.section_bytes(".debug_info")


@pytest.mark.parametrize(
    ("contents", "set_type", "sub_type", "machine", "wanted"),
    [
        (b"\x00", 60, 61, elf.RISCV, b"\x0c"),
        (b"\x80\x80\x00", 60, 61, elf.RISCV, b"\x8c\x80\x00"),
        (b"\xff\x7f", 60, 61, elf.RISCV, b"\x8c\x00"),
        (b"\x85\x80\x00", 107, 108, elf.LOONGARCH, b"\x91\x80\x00"),
    ],
)
def test_differences_in_uleb128(  # noqa: PLR0913 - a row of the table
    tmp_path: Path, contents: bytes, set_type: int, sub_type: int, machine: int, wanted: bytes
) -> None:
    """The distance of both symbols is 12; RISC-V sets the first, LoongArch adds to it."""
    pair = ((0, 1, set_type, 0), (0, 2, sub_type, 0))
    assert relocated(tmp_path, contents, machine, X64, *pair) == wanted


@pytest.mark.parametrize(
    ("machine", "add", "sub", "size"),
    [
        *((elf.RISCV, 33 + n, 37 + n, 1 << n) for n in range(4)),
        *((elf.LOONGARCH, 47 + n, 52 + n, size) for n, size in enumerate((1, 2, 3, 4, 8))),
    ],
)
def test_differences_in_fields(tmp_path: Path, machine: int, add: int, sub: int, size: int) -> None:
    pair = ((1, 1, add, 3), (1, 2, sub, 1))
    contents = b"\xff" + X64.number(2, size) + b"\xff"
    wanted = b"\xff" + X64.number(2 + 12 + 3 - 1, size) + b"\xff"
    assert relocated(tmp_path, contents, machine, X64, *pair) == wanted


def test_six_bits_leave_the_other_two_alone(tmp_path: Path) -> None:
    """DW_CFA_advance_loc, as RISC-V writes it: SET6, SUB6; LoongArch: ADD6, SUB6."""
    pair = ((0, 1, 53, 0), (0, 2, 52, 0))
    assert relocated(tmp_path, b"\x40", elf.RISCV, X64, *pair) == b"\x4c"
    pair = ((0, 1, 105, 0), (0, 2, 106, 0))
    assert relocated(tmp_path, b"\x41", elf.LOONGARCH, X64, *pair) == b"\x4d"


def test_the_upper_bit_beside_31_bits_stays(tmp_path: Path) -> None:
    fmt = Format(32)
    word = fmt.number(0x80000000 | 5, 4)
    table = elf.relocations(fmt, 10, (4, 1, 42, 0), addends=False)
    exidx = Section(".ARM.exidx", bytes(4) + word, flags=elf.ALLOC)
    fillers = (Section(".a"), Section(".b"))
    data = module(b"x", table, machine=elf.ARM, fmt=fmt, extra=(*fillers, exidx))
    (tmp_path / "module.ko").write_bytes(data)
    with ElfFile(tmp_path / "module.ko") as elf_file:
        place = elf_file.section(".ARM.exidx")
        assert place is not None
        offset = (ONE + 5 - place.address - 4) & 0x7FFFFFFF
        wanted = bytes(4) + fmt.number(0x80000000 | offset, 4)
        assert elf_file.section_bytes(".ARM.exidx") == wanted


def test_addends_are_in_the_field_without_explicit_ones(tmp_path: Path) -> None:
    fmt = Format(32)
    contents = fmt.numbers(4, 7, 0xFFFFFFFF)
    found = relocated(tmp_path, contents, elf.I386, fmt, (0, 1, 1, 0), (4, 1, 1, 0), addends=False)
    assert found == fmt.numbers(4, ONE + 7, ONE - 1)


def test_mips_divides_its_fields_alike_in_both_byte_orders(tmp_path: Path) -> None:
    for fmt in (X64, BIG):
        info = fmt.number(1, 4) + bytes((0, 0, 0, 18))
        table = Section(".rela", fmt.word(0) + info + fmt.word(5), elf.RELA, link=".symtab", info=1)
        (tmp_path / "m.ko").write_bytes(module(bytes(8), table, machine=elf.MIPS, fmt=fmt))
        with ElfFile(tmp_path / "m.ko") as elf_file:
            assert elf_file.section_bytes(".debug_info") == fmt.word(ONE + 5)


def test_sparc_has_data_beside_the_type(tmp_path: Path) -> None:
    entry = (0, 1, 0x12345600 | 54, 0)
    assert relocated(tmp_path, bytes(8), elf.SPARCV9, BIG, entry) == BIG.word(ONE)


@pytest.mark.parametrize("machine", [2, 18], ids=["SPARC", "SPARC32PLUS"])
def test_sparc_of_32_bits(tmp_path: Path, machine: int) -> None:
    fmt = Format(32, little_endian=False)
    entries = ((0, 1, 3, 5), (4, 2, 23, 7), (8, 1, 2, 1))  # R_SPARC_32, UA32 and 16
    found = relocated(tmp_path, bytes(12), machine, fmt, *entries)
    half = fmt.number((ONE + 1) & 0xFFFF, 2)
    assert found == fmt.numbers(4, ONE + 5, TWO + 7) + half + bytes(2)


def test_compressed_sections_are_relocated_as_what_they_hold(tmp_path: Path) -> None:
    for section in (
        elf.compressed(X64, ".debug_line", bytes(8)),
        elf.legacy_compressed(".zdebug_line", bytes(8)),
    ):
        table = elf.relocations(X64, 7, (0, 1, 1, 0))
        (tmp_path / "module.ko").write_bytes(module(b"", section, table))
        with ElfFile(tmp_path / "module.ko") as elf_file:
            assert elf_file.sections[7].name == section.name
            assert elf_file.section_bytes(".debug_line") == X64.word(ONE)


def test_undefined_symbols_are_no_code(tmp_path: Path) -> None:
    found = relocated(tmp_path, bytes(8), elf.X86_64, X64, (0, 0, 1, 0))
    assert int.from_bytes(found, "little") < BASE


@pytest.mark.parametrize("fmt", [Format(32), X64, BIG], ids=str)
def test_symbols_in_sections_beyond_65280_have_addresses(tmp_path: Path, fmt: Format) -> None:
    rows = elf.symbol(fmt, 0, 0, info=0, index=0) + elf.symbol(fmt, 1, 8, index=0xFFFF)
    sections = (
        Section(".text", bytes(16), flags=elf.ALLOC | elf.EXECINSTR),
        Section(".symtab", rows, elf.SYMTAB, link=".strtab", entry_size=len(rows) // 2),
        Section(".strtab", b"\0f\0", elf.STRTAB),
        Section(".symtab_shndx", fmt.numbers(4, 0, 5), elf.SYMTAB_SHNDX, link=".symtab"),
        Section(".text.f", bytes(16), flags=elf.ALLOC | elf.EXECINSTR),
        MODINFO,
    )
    (tmp_path / "m.ko").write_bytes(Elf(sections, type=elf.RELOCATABLE, format=fmt).build())
    with ElfFile(tmp_path / "m.ko") as elf_file:
        assert [s.address for s in elf_file.function_symbols(".symtab")] == [BASE + 16 + 8]


@pytest.mark.parametrize("fmt", [Format(32), X64, BIG], ids=str)
def test_symbols_without_a_section_stay_as_they_are(tmp_path: Path, fmt: Format) -> None:
    """Those that are undefined, absolute, common or thread-local, or say what is not true."""
    rows = elf.symbol(fmt, 0, 0, info=0, index=0)
    for info, index in ((0x10, 0), (0x10, 0xFFF1), (0x10, 0xFFF2), (0x16, 1), (0x10, 77)):
        rows += elf.symbol(fmt, 1, 8, info=info, index=index)
    sections = (
        Section(".text", bytes(16), flags=elf.ALLOC | elf.EXECINSTR),
        Section(".symtab", rows, elf.SYMTAB, link=".strtab", entry_size=len(rows) // 6),
        Section(".strtab", b"\0f\0", elf.STRTAB),
        MODINFO,
    )
    (tmp_path / "m.ko").write_bytes(Elf(sections, type=elf.RELOCATABLE, format=fmt).build())
    with ElfFile(tmp_path / "m.ko") as elf_file:
        assert elf_file.section_bytes(".symtab") == rows


def _one(*entry: int, contents: bytes = bytes(16), machine: int = elf.X86_64) -> bytes:
    offset, symbol, kind, addend = entry
    table = elf.relocations(X64, 1, (offset, symbol, kind, addend))
    return module(contents, table, machine=machine)


def _odd_table(**fields: int) -> bytes:
    table = elf.relocations(X64, 1, (0, 1, 1, 0))
    link = fields.pop("link", table.link)
    return module(bytes(16), Section(".rela", table.data, elf.RELA, link=link, info=1, **fields))


DAMAGED: dict[str, Callable[[], bytes]] = {
    "at the end": lambda: _one(9, 1, 1, 0),
    "behind the end": lambda: _one(1 << 60, 1, 1, 0),
    "by no symbol": lambda: _one(0, 3, 1, 0),
    "by symbol 2^32-1": lambda: _one(0, 0xFFFFFFFF, 1, 0),
    "of an unknown type": lambda: _one(0, 1, 0x77, 0),
    "relative behind the end": lambda: _one(14, 1, 2, 0),
    "ULEB128 behind the end": lambda: _one(16, 1, 60, 0, machine=elf.RISCV),
    "ULEB128 without end": lambda: _one(0, 1, 60, 0, contents=b"\xff" * 16, machine=elf.RISCV),
    "of a CPU without rules": lambda: _one(0, 1, 1, 0, machine=elf.AARCH64 + 1000),
    "combined types of MIPS": lambda: _one(0, 1, 18 | 18 << 8, 0, machine=elf.MIPS),
    "with symbols that are none": lambda: _odd_table(link=1),
    "with symbols in no section": lambda: _odd_table(link=1 << 20),
    "with symbols in themselves": lambda: _odd_table(link=7),
    "that run past the end": lambda: _odd_table(size=1 << 40),
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_damaged_relocations_are_refused(tmp_path: Path, make: Callable[[], bytes]) -> None:
    (tmp_path / "m.ko").write_bytes(make())
    with ElfFile(tmp_path / "m.ko") as elf_file, pytest.raises(MalformedError):
        elf_file.section_view(".debug_info")


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_relocations_cost_their_section(tmp_path: Path, case: str) -> None:
    no_symbols = case in ("of a CPU without rules", "combined types of MIPS")
    check_promise(tmp_path, DAMAGED[case](), codes=(2, 3) if no_symbols else (3,))


def _shared() -> bytes:
    """2000 tables that all are the same 40 000 relocations."""
    table = elf.relocations(X64, 1, *[(0, 1, 2, 0)] * 40_000)
    fields = {"type": elf.RELA, "link": ".symtab", "info": 1, "size": len(table.data)}
    first = 64 + 16 + 64 + 72 + 8 + 16 + 40
    others = [Section(".r", b"", offset=first, **fields)] * 2000  # type: ignore[arg-type]
    return module(bytes(16), table, *others)


def _huge(**fields: int) -> bytes:
    odd = Section(".text.odd", b"", elf.NOBITS, elf.ALLOC | elf.EXECINSTR, **fields)
    return module(bytes(16), odd)


def test_relocations_that_are_shared_are_soon_enough(tmp_path: Path) -> None:
    (tmp_path / "m.ko").write_bytes(_shared())
    refused = pytest.raises(MalformedError, match="out of proportion")
    with ElfFile(tmp_path / "m.ko") as elf_file, refused:
        elf_file.section_view(".debug_info")


@pytest.mark.parametrize("alignment", [3, 1 << 25, 1 << 60])
def test_an_alignment_beyond_reason_is_refused(tmp_path: Path, alignment: int) -> None:
    (tmp_path / "m.ko").write_bytes(_huge(size=1, alignment=alignment))
    with pytest.raises(MalformedError, match=f"aligned to 0x{alignment:x}"):
        ElfFile(tmp_path / "m.ko")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "relocations that are shared": _shared,
    "code of 2^62 bytes": lambda: _huge(size=1 << 62),
    "code of 2^64 bytes": lambda: _huge(size=(1 << 64) - 1),
    "code aligned to 2^60": lambda: _huge(size=1, alignment=1 << 60),
    "code aligned to 3": lambda: _huge(size=1, alignment=3),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_small_modules_cannot_ask_for_large_work(tmp_path: Path, make: Callable[[], bytes]) -> None:
    check_promise(tmp_path, make(), codes=(2, 3))


def _touch(elf_file: ElfFile) -> None:
    """Ask for everything that is relocated or placed."""
    for section in elf_file.sections:
        elf_file.section_view(section.name)
    elf_file.function_symbols(".symtab")


def test_a_module_with_flipped_bytes_is_read_or_refused(tmp_path: Path) -> None:
    """Whatever byte of a small module it hits: only `CrashsymError` comes out."""
    entries = [(0, 1, 33, 0), (0, 2, 37, 0), (8, 1, 60, 0), (8, 2, 61, 0), (12, 1, 57, 0)]
    whole = module(bytes(16), elf.relocations(X64, 1, *entries), machine=elf.RISCV)
    refused = []
    for place in range(len(whole)):
        for value in (0, 0x80, 0xFF):
            data = whole[:place] + bytes((value,)) + whole[place + 1 :]
            try:
                with ElfFile(tmp_path / "m.ko", MemoryBytes(data, "'m.ko'")) as elf_file:
                    _touch(elf_file)
            except CrashsymError as error:
                refused.append(str(error))
    assert len(refused) > len(whole) // 4, "nothing was hit that matters"
    assert all(message.isprintable() for message in refused)
