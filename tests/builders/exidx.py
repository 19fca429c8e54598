"""A writer of ``.ARM.exidx`` and ``.ARM.extab`` (EHABI, "The index table")."""

from __future__ import annotations

from dataclasses import dataclass, field

from builders import elf
from builders.elf import ALLOC, Elf, Section
from builders.encode import Format

ARM_LE, ARM_BE = Format(32), Format(32, little_endian=False)
INDEX_ADDRESS, TABLE_ADDRESS = 0x200000, 0x300000
SHT_ARM_EXIDX = 0x70000001
CANTUNWIND = 1
FINISH = 0x80B0B0B0  # routine 0, nothing to undo


@dataclass
class Index:
    """The two sections under construction."""

    format: Format = ARM_LE
    index_address: int = INDEX_ADDRESS
    table_address: int = TABLE_ADDRESS
    index: bytearray = field(default_factory=bytearray)
    table: bytearray = field(default_factory=bytearray)

    def entry(self, address: int, word: int) -> None:
        """Append an entry with the second word as it is."""
        place = self.index_address + len(self.index)
        self.raw((address - place) & 0x7FFFFFFF, word)

    def raw(self, *words: int) -> None:
        """Append words to the index."""
        self.index += self.format.numbers(4, *words)

    def refer(self, address: int, table: int) -> None:
        """Append an entry that refers to the address ``table``."""
        place = self.index_address + len(self.index) + 4
        self.entry(address, (table - place) & 0x7FFFFFFF)

    def words(self, *words: int) -> int:
        """Append words to the table and return the address of the first."""
        start = self.table_address + len(self.table)
        self.table += self.format.numbers(4, *words)
        return start

    def sections(self, name: str = ".ARM.exidx") -> tuple[Section, ...]:
        """Return both sections."""
        index = Section(name, bytes(self.index), SHT_ARM_EXIDX, ALLOC, self.index_address)
        table = Section(".ARM.extab", bytes(self.table), elf.PROGBITS, ALLOC, self.table_address)
        return (index, table) if self.table else (index,)

    def file(self, *more: Section, code_size: int = elf.TEXT_SIZE) -> bytes:
        """Return a shared object with these tables, code and a build id."""
        sections = (elf.code(code_size), elf.build_id(self.format), *self.sections(), *more)
        return Elf(sections, machine=elf.ARM, format=self.format).build()


def word(*opcodes: int) -> int:
    """Return the word of routine 0 with up to three instructions."""
    padded = (*opcodes, 0xB0, 0xB0, 0xB0)[:3]
    return 0x80000000 | padded[0] << 16 | padded[1] << 8 | padded[2]
