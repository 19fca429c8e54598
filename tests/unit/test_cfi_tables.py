# SPDX-License-Identifier: MIT
"""CIEs and FDEs in every form that the standards know, written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import elf
from builders.cfi import X86_64_START
from builders.elf import ALLOC, EXECINSTR, NOBITS, PROGBITS, Elf, Section
from builders.encode import Format, sleb, uleb
from crashsym.cfi.model import CfiTable, Rule, RuleKind
from crashsym.cfi.tables import read_cfi
from crashsym.elf import ElfFile
from crashsym.splitpair import SplitPair

LE64, BE64, LE32, BE32 = Format(), Format(64, False), Format(32), Format(32, False)
FRAMES, TEXT, GOT = 0x100000, elf.TEXT_ADDRESS, 0x180000
START, SIZE = 0x1010, 0x20
GOT_SECTION = Section(".got", b"", NOBITS, ALLOC, GOT, size=64)
CFA = Rule(RuleKind.REGISTER_OFFSET, 8, 7)


@dataclass
class Frames:
    """A table with one CIE; ``offset_size`` 8 is the 64-bit form of DWARF."""

    fmt: Format = LE64
    name: str = ".eh_frame"
    offset_size: int = 4
    data: bytes = b""

    def entry(self, identifier: int, body: bytes) -> None:
        """Append a CIE or an FDE; the body begins behind the identifier."""
        size = 4 if self.name == ".eh_frame" else self.offset_size
        whole = self.fmt.number(identifier, size) + body
        whole += bytes(-(len(whole)) % 4)
        escape = b"\xff" * 4 if self.offset_size == 8 else b""
        self.data += escape + self.fmt.number(len(whole), self.offset_size) + whole

    def cie(self, body: bytes) -> None:
        eh = self.name == ".eh_frame"
        self.entry(0 if eh else (1 << (8 * self.offset_size)) - 1, body)

    def fde(self, body: bytes) -> None:
        """Append an FDE of the CIE at offset 0."""
        head = 12 if self.offset_size == 8 else 4
        self.entry(len(self.data) + head if self.name == ".eh_frame" else 0, body)

    def read(self, folder: Path, *sections: Section, machine: int = elf.X86_64) -> CfiTable:
        """What the library makes of a file with this table."""
        allocated = self.name == ".eh_frame"
        address, flags = (FRAMES, ALLOC) if allocated else (0, 0)
        table = Section(self.name, self.data, PROGBITS, flags, address)
        code = Section(".text", b"", NOBITS, ALLOC | EXECINSTR, TEXT, size=0x1000)
        path = folder / "subject.so"
        path.write_bytes(Elf((code, table, *sections), machine=machine, format=self.fmt).build())
        with ElfFile(path) as elf_file:
            return read_cfi(SplitPair(elf_file))


def cie(
    version: int = 1,
    augmentation: bytes = b"",
    behind: bytes = b"",
    data: bytes = b"",
    column: int = 16,
) -> bytes:
    """A CIE of x86-64: ``behind`` stands between augmentation and factors, ``data`` after them."""
    factors = uleb(1) + sleb(-8) + (bytes((column,)) if version == 1 else uleb(column))
    return bytes((version,)) + augmentation + b"\0" + behind + factors + data + X86_64_START


def good(table: CfiTable) -> bool:
    """Whether it holds the one entry that all tests write, and no damage."""
    [entry] = table.entries
    assert table.damage == ()
    return (entry.address, entry.size, entry.rows[0].cfa) == (START, SIZE, CFA)


def encoded(encoding: int, pointer: bytes, size: bytes) -> Frames:
    frames = Frames()
    # Four bytes more than needed, so that the pointer is not aligned by chance.
    frames.cie(cie(1, b"zR", data=uleb(5) + bytes((encoding, 0, 0, 0, 0))))
    frames.fde(pointer + size + uleb(0))
    return frames


# The pointer of the only FDE stands there.
PLACE = FRAMES + len(encoded(0, b"", b"").data) - 4
assert PLACE % 8 == 4
ENCODINGS: dict[str, tuple[int, bytes, bytes]] = {
    "absptr": (0x00, LE64.number(START, 8), LE64.number(SIZE, 8)),
    "signed": (0x08, LE64.number(START, 8), LE64.number(SIZE, 8)),
    "udata2": (0x02, LE64.number(START, 2), LE64.number(SIZE, 2)),
    "udata4": (0x03, LE64.number(START, 4), LE64.number(SIZE, 4)),
    "udata8": (0x04, LE64.number(START, 8), LE64.number(SIZE, 8)),
    "sdata4": (0x0B, LE64.number(START, 4), LE64.number(SIZE, 4)),
    "uleb128": (0x01, uleb(START), uleb(SIZE)),
    "sleb128": (0x09, sleb(START), uleb(SIZE)),
    "pcrel sdata4": (0x1B, LE64.number(START - PLACE, 4), LE64.number(SIZE, 4)),
    "pcrel sdata8": (0x1C, LE64.number(START - PLACE, 8), LE64.number(SIZE, 8)),
    "textrel udata4": (0x23, LE64.number(START - TEXT, 4), LE64.number(SIZE, 4)),
    "datarel sdata4": (0x3B, LE64.number(START - GOT, 4), LE64.number(SIZE, 4)),
    "aligned": (0x50, bytes(-PLACE % 8) + LE64.number(START, 8), LE64.number(SIZE, 8)),
}


@pytest.mark.parametrize(("encoding", "pointer", "size"), ENCODINGS.values(), ids=ENCODINGS)
def test_pointer_encoding(tmp_path: Path, encoding: int, pointer: bytes, size: bytes) -> None:
    frames = encoded(encoding, pointer, size)
    assert frames.data[PLACE - FRAMES :].startswith(pointer)
    assert good(frames.read(tmp_path, GOT_SECTION))


REFUSED = {
    "indirect": (0x9B, "pointer encoding 0x9b is not supported"),
    "relative to a function": (0x4B, "pointer encoding 0x4b is not supported"),
    "relative to a section that is not there": (0x3B, "pointer encoding 0x3b is not supported"),
    "an unknown format": (0x05, "pointer format 0x5 is unknown"),
    "omitted": (0xFF, "a pointer is omitted that is needed"),
}


@pytest.mark.parametrize(("encoding", "why"), REFUSED.values(), ids=REFUSED)
def test_pointer_encoding_that_cannot_be_followed(tmp_path: Path, encoding: int, why: str) -> None:
    table = encoded(encoding, LE64.number(START, 4), LE64.number(SIZE, 4)).read(tmp_path)
    assert table.entries == ()
    [damage] = table.damage
    assert damage.why == why


PERSONALITIES = {
    "absptr": b"\x00" + bytes(8),
    "indirect pcrel": b"\x9b" + bytes(4),
    "omitted": b"\xff",
}


@pytest.mark.parametrize("personality", PERSONALITIES.values(), ids=PERSONALITIES)
def test_personality_and_language_data_are_stepped_over(tmp_path: Path, personality: bytes) -> None:
    data = personality + b"\x1b" + b"\x03"
    frames = Frames()
    frames.cie(cie(1, b"zPLRS", data=uleb(len(data)) + data))
    frames.fde(LE64.number(START, 4) + LE64.number(SIZE, 4) + uleb(4) + bytes(4))
    assert good(frames.read(tmp_path))


CIES = {
    "version 1": cie(1),
    "version 3": cie(3),
    "old GNU": cie(1, b"eh", behind=LE64.number(0x1234, 8)),
    "armcc": cie(3, b"armcc+"),
    "signal frame": cie(1, b"S"),
    "a letter from the future": cie(1, b"zRq", data=uleb(5) + b"\x00" + b"\xff" * 4),
}


@pytest.mark.parametrize("body", CIES.values(), ids=CIES)
def test_cie_of_every_kind(tmp_path: Path, body: bytes) -> None:
    frames = Frames()
    frames.cie(body)
    augmented = uleb(0) if b"z" in body[:3] else b""
    frames.fde(LE64.word(START, SIZE) + augmented)
    assert good(frames.read(tmp_path))


@pytest.mark.parametrize("version", [1, 3])
def test_the_return_column_is_a_byte_in_version_1(tmp_path: Path, version: int) -> None:
    frames = Frames()
    frames.cie(cie(version, column=0x90))
    frames.fde(LE64.word(START, SIZE))
    table = frames.read(tmp_path)
    assert good(table)
    assert table.entries[0].return_column == 0x90


@pytest.mark.parametrize("name", [".eh_frame", ".debug_frame"])
@pytest.mark.parametrize("offset_size", [4, 8])
@pytest.mark.parametrize("fmt", [LE64, BE64, LE32, BE32], ids=["le64", "be64", "le32", "be32"])
def test_both_sections_in_all_forms(
    tmp_path: Path, name: str, offset_size: int, fmt: Format
) -> None:
    frames = Frames(fmt, name, offset_size)
    frames.cie(cie())
    frames.fde(fmt.word(START, SIZE))
    assert good(frames.read(tmp_path))


def test_version_4_has_its_own_address_size(tmp_path: Path) -> None:
    frames = Frames(name=".debug_frame")
    frames.cie(cie(4, behind=bytes((4, 0))))
    frames.fde(LE64.numbers(4, START, SIZE))
    assert good(frames.read(tmp_path))


def test_segments_are_refused(tmp_path: Path) -> None:
    frames = Frames(name=".debug_frame")
    frames.cie(cie(4, behind=bytes((8, 2))))
    frames.fde(LE64.number(0, 2) + LE64.word(START, SIZE))
    table = frames.read(tmp_path)
    assert [damage.why for damage in table.damage] == ["address size 8, segment size 2"]


def test_terminator_in_the_middle_ends_nothing(tmp_path: Path) -> None:
    frames = Frames()
    frames.cie(cie())
    frames.fde(LE64.word(0x1000, 16))
    frames.data += bytes(4)
    frames.fde(LE64.word(0x1020, 16))
    assert [entry.address for entry in frames.read(tmp_path).entries] == [0x1000, 0x1020]


def rules_after(tmp_path: Path, program: bytes, machine: int, fmt: Format) -> dict[int, Rule]:
    frames = Frames(fmt)
    frames.cie(cie())
    frames.fde(fmt.word(START, SIZE) + b"\x44" + program)
    table = frames.read(tmp_path, machine=machine)
    assert table.damage == ()
    return dict(table.entries[0].rows[-1].registers)


SPARC, SPARCV9 = 2, 43


@pytest.mark.parametrize(("machine", "fmt"), [(SPARC, BE32), (SPARCV9, BE64)], ids=["32", "64"])
def test_sparc_saves_a_window(tmp_path: Path, machine: int, fmt: Format) -> None:
    rules = rules_after(tmp_path, b"\x2d", machine, fmt)
    del rules[16]  # of the CIE
    word = fmt.word_size
    expected = {number: Rule(RuleKind.REGISTER, number + 16) for number in range(8, 16)}
    expected |= {n: Rule(RuleKind.OFFSET, (n - 16) * word) for n in range(17, 32)}
    assert rules == expected


# negate_ra_state, its form with pc, and set_ra_state 2, -4
SIGNING = {"negate": b"\x2d", "negate with pc": b"\x2c", "set": b"\x2b\x02\x7c"}


@pytest.mark.parametrize("program", SIGNING.values(), ids=SIGNING)
def test_aarch64_signs_the_return_address(tmp_path: Path, program: bytes) -> None:
    # What stands behind the instruction counts: register 3 at CFA - 8.
    rules = rules_after(tmp_path, program + b"\x83\x01", elf.AARCH64, LE64)
    assert rules == {16: Rule(RuleKind.OFFSET, -8), 3: Rule(RuleKind.OFFSET, -8)}


def test_mips_advances_far(tmp_path: Path) -> None:
    frames = Frames(BE64)
    frames.cie(cie())
    frames.fde(BE64.word(START, SIZE) + b"\x1d" + BE64.number(8, 8) + b"\x0e\x10")
    [entry] = frames.read(tmp_path, machine=8).entries
    assert [row.address for row in entry.rows] == [START, START + 8]


def test_instructions_of_llvm_for_address_spaces_cost_only_their_entry(tmp_path: Path) -> None:
    frames = Frames()
    frames.cie(cie())
    frames.fde(LE64.word(START, SIZE) + b"\x44\x30\x07\x08\x01")
    frames.fde(LE64.word(0x1100, SIZE))
    table = frames.read(tmp_path)
    assert [(entry.address, entry.size) for entry in table.entries] == [(START, 4), (0x1100, SIZE)]
    assert [damage.why for damage in table.damage] == ["unknown call frame instruction 0x30"]
