# SPDX-License-Identifier: MIT
"""Encoded pointers of ``.eh_frame``.

Source: LSB 5.0 "DWARF Exception Header Encoding".
"""

from __future__ import annotations

from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from crashsym.elf import ElfFile
    from crashsym.reader import Reader

ABSPTR, OMIT = 0x00, 0xFF
_INDIRECT = 0x80
_PCREL, _TEXTREL, _DATAREL, _ALIGNED = 0x10, 0x20, 0x30, 0x50
_BASES = {_TEXTREL: ".text", _DATAREL: ".got"}
_APPLICATION, _FORMAT = 0x70, 0x0F
_ULEB, _SIGNED, _SLEB = 0x01, 0x08, 0x09
_SIZES = {0x02: (2, False), 0x03: (4, False), 0x04: (8, False)}
_SIZES |= {0x0A: (2, True), 0x0B: (4, True), 0x0C: (8, True)}


class Pointers(Value):
    """Reads the pointers of a section at the address ``place``; ``bases`` are by application."""

    place: int
    address_size: int
    bases: Mapping[int, int]

    def read(self, reader: Reader, encoding: int) -> int:
        """Read a pointer.

        Raises:
            MalformedError: it is omitted; indirect, so that its value exists in a running program
                only; or relative to a section that this file does not have, or to a function.
        """
        if encoding == OMIT:
            raise reader.damage("a pointer is omitted that is needed")
        application = encoding & _APPLICATION
        base = self._base(reader, application)
        if base is None or encoding & _INDIRECT:
            raise reader.damage(f"pointer encoding 0x{encoding:x} is not supported")
        value = base + self.value(reader, encoding)
        return value & ((1 << (8 * self.address_size)) - 1)

    def _base(self, reader: Reader, application: int) -> int | None:
        if application == _PCREL:
            return self.place + reader.offset
        if application == _ALIGNED:
            reader.take(-(self.place + reader.offset) % self.address_size)
        return 0 if application in (ABSPTR, _ALIGNED) else self.bases.get(application)

    def skip(self, reader: Reader, encoding: int) -> None:
        """Step over a pointer whose value does not matter."""
        if encoding == OMIT:
            return
        if encoding & _APPLICATION == _ALIGNED:
            self._base(reader, _ALIGNED)
        self.value(reader, encoding)

    def value(self, reader: Reader, encoding: int) -> int:
        """Read the number alone, in the format of ``encoding``."""
        form = encoding & _FORMAT
        if form == _ULEB:
            return reader.uleb()
        if form == _SLEB:
            return reader.sleb()
        if form in (ABSPTR, _SIGNED):
            size, signed = self.address_size, form == _SIGNED
        elif form in _SIZES:
            size, signed = _SIZES[form]
        else:
            raise reader.damage(f"pointer format 0x{form:x} is unknown")
        return reader.signed(size) if signed else reader.unsigned(size)


def pointers_of(elf_file: ElfFile, name: str) -> Pointers:
    """Return how to read the pointers of the section ``name``.

    Text-relative ones count from ``.text`` and data-relative ones from ``.got``, as for Breakpad's
    dumper (src/common/linux/dump_symbols.cc, LoadDwarfCFI).
    """
    found = {key: elf_file.section(base) for key, base in _BASES.items()}
    bases = {key: section.address for key, section in found.items() if section is not None}
    section = elf_file.section(name)
    place = section.address if section is not None else 0
    return Pointers(place, elf_file.address_size, bases)
