# SPDX-License-Identifier: MIT
"""Kernel modules (ET_REL): addresses for their sections, which have none, and for their symbols.

The kernel places the sections of a module when it loads it. Here they get addresses that are the
same for a stripped module and its debug half, and that a person can compute with: what a symbol
file says is the offset from ``.text``, so that an address of a crash is looked up as that address
minus what ``/sys/module/NAME/sections/.text`` says.

1. ``.text`` begins at `BASE`, which is also the load base: its offset is 0.
2. The other sections with code follow in the order of their headers, each at the next multiple of
   its alignment: first those that stay in memory, which the kernel places in that order, too, then
   those whose name begins with ``.init``, which it places somewhere else.
3. Behind them come the sections of data, in the order of their headers.

`BASE` is not 0, so that what the linker or the assembler resolved to 0 (discarded functions) does
not look like the beginning of ``.text``: it is below the load base.

Source: Linux kernel/module/main.c, layout_sections; Documentation/ABI/testing/sysfs-module.
"""

from __future__ import annotations

import struct

from crashsym.elfsymbols import entry_layout
from crashsym.errors import MalformedError
from crashsym.relocate import RelocationTable, Target, apply_relocations
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from crashsym.budget import Budget
    from crashsym.elfheaders import Section

BASE = 1 << 24
# Where somebody reads addresses: tables of unwinders and debuggers, descriptors of functions.
_RELOCATED = (".debug_", ".zdebug_", ".eh_frame", ".ARM.ex", ".opd")
_LARGEST_ALIGNMENT = BASE
_SHN_LORESERVE, _SHN_XINDEX = 0xFF00, 0xFFFF
_NOWHERE = (0, 0xFFF2)  # SHN_UNDEF, SHN_COMMON
_STT_TLS = 6


class RelocatableFile(Value):
    """What of an ELF file is needed here; ``stored`` gives the contents of a section as stored."""

    where: str
    machine: str
    bits: int
    byte_order: Literal["<", ">"]
    sections: tuple[Section, ...]
    stored: Callable[[int], memoryview]
    budget: Budget


def place_sections(sections: Sequence[Section], bits: int, where: str) -> tuple[Section, ...]:
    """Return the sections of a relocatable file with addresses; those not allocated have 0.

    Raises:
        MalformedError: an alignment is no power of two or beyond reason, or the sections do not
            fit into the address space.
    """
    addresses: dict[int, int] = {}
    cursor = BASE
    for index in sorted(range(len(sections)), key=lambda index: _order(sections[index])):
        section = sections[index]
        if not section.allocated:
            continue
        alignment = section.alignment or 1
        if alignment & (alignment - 1) or alignment > _LARGEST_ALIGNMENT:
            raise _damage(where, f"section {index} is aligned to 0x{alignment:x}")
        cursor = -(-cursor // alignment) * alignment
        addresses[index] = cursor
        cursor += section.size
    if cursor >> bits:
        raise _damage(where, f"its sections end at 0x{cursor:x}")
    return tuple(
        section._replace(address=addresses.get(index, 0)) for index, section in enumerate(sections)
    )


def _order(section: Section) -> int:
    """Return the rank of a section in the layout; sorting by it is stable."""
    if not section.executable:
        return 3
    if section.name == ".text":
        return 0
    return 2 if section.name.startswith(".init") else 1


def place_symbols(
    entries: memoryview, indices: Sequence[int], sections: Sequence[Section], layout: struct.Struct
) -> memoryview:
    """Return a symbol table in which the values are addresses instead of offsets in sections.

    ``indices`` are the contents of SHT_SYMTAB_SHNDX, for symbols in sections beyond 65 280; empty
    where there is none. Symbols that are undefined, absolute, common or thread-local stay as they
    are.

    Source: gABI "Symbol Table", st_value and st_shndx.
    """
    placed = bytearray(entries)
    wide = layout.size == entry_layout(64, "<").size
    whole = len(placed) - len(placed) % layout.size
    mask = (1 << (64 if wide else 32)) - 1
    for number, values in enumerate(layout.iter_unpack(entries[:whole])):
        info, index, value = (values[1], values[3], values[4]) if wide else _narrow(values)
        if index == _SHN_XINDEX:
            index = indices[number] if number < len(indices) else 0
        elif index >= _SHN_LORESERVE:
            continue
        if not 0 < index < len(sections) or info & 0xF == _STT_TLS:
            continue
        value = (value + sections[index].address) & mask
        changed = (*values[:4], value, values[5]) if wide else (values[0], value, *values[2:])
        layout.pack_into(placed, number * layout.size, *changed)
    return memoryview(placed).toreadonly()


def _narrow(values: tuple[int, ...]) -> tuple[int, int, int]:
    return values[3], values[5], values[1]


class Relocatable:
    """The sections of one relocatable file as a linker would leave them, at their addresses."""

    def __init__(self, file: RelocatableFile) -> None:
        self._file = file
        self._values: dict[int, list[int]] = {}
        self._relocations: dict[int, list[int]] = {}  # section → the sections with relocations
        self._indices: dict[int, int] = {}  # symbol table → its SHT_SYMTAB_SHNDX
        for index, section in enumerate(file.sections):
            if section.type in ("SHT_REL", "SHT_RELA") and section.has_bytes:
                self._relocations.setdefault(section.info, []).append(index)
            elif section.type == "SHT_SYMTAB_SHNDX" and section.has_bytes:
                self._indices.setdefault(section.link, index)

    def placed(self, index: int, data: memoryview) -> memoryview:
        """Return the contents ``data`` of a section, relocated where anybody reads addresses there.

        Raises:
            MalformedError: relocations are damaged, or of a type or CPU that is not known.
        """
        section = self._file.sections[index]
        if section.type == "SHT_SYMTAB":
            return self._symbols(index, data)
        if not section.name.startswith(_RELOCATED) or index not in self._relocations:
            return data
        where = f"{self._file.where} {section.name}"
        target = Target(bytearray(data), section.address, where)
        for table in self._relocations[index]:
            self._relocate(target, table)
        return memoryview(target.data).toreadonly()

    def _symbols(self, index: int, entries: memoryview) -> memoryview:
        file, table = self._file, self._indices.get(index)
        indices: tuple[int, ...] = ()
        if table is not None:
            data = file.stored(table)
            indices = struct.unpack(f"{file.byte_order}{len(data) // 4}I", data[: len(data) & ~3])
        return place_symbols(
            entries, indices, file.sections, entry_layout(file.bits, file.byte_order)
        )

    def _relocate(self, target: Target, table: int) -> None:
        file, section = self._file, self._file.sections[table]
        file.budget.spend(section.size // 8, target.where)  # three steps for each, or more
        relocations = RelocationTable(
            file.stored(table),
            section.type == "SHT_RELA",
            file.bits,
            file.byte_order,
            file.machine,
        )
        apply_relocations(target, relocations, self._symbol_values(section.link))

    def _symbol_values(self, index: int) -> list[int]:
        """Return the addresses of the symbols of a table; 0 for those that are undefined."""
        if index not in self._values:
            file = self._file
            if index >= len(file.sections) or file.sections[index].type != "SHT_SYMTAB":
                why = f"relocations refer to section {index}, which is no symbol table"
                raise MalformedError("cannot relocate", where=file.where, why=why)
            layout = entry_layout(file.bits, file.byte_order)
            entries = self._symbols(index, file.stored(index))
            rows = layout.iter_unpack(entries[: len(entries) - len(entries) % layout.size])
            if file.bits == 64:
                self._values[index] = [0 if row[3] in _NOWHERE else row[4] for row in rows]
            else:
                self._values[index] = [0 if row[5] in _NOWHERE else row[1] for row in rows]
        return self._values[index]


def _damage(where: str, why: str) -> MalformedError:
    return MalformedError("cannot lay out the sections", where=where, why=why)
