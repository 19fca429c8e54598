# SPDX-License-Identifier: MIT
"""Where a function's code is, on the CPUs on which its symbol's value is something else.

- ARM, MIPS: bit 0 of the value says which instruction set the code is in (Thumb; MIPS16 and
  microMIPS), and is no part of the address. The linker keeps it in some symbols, the assembler in
  the rows of line programs.
- PPC64 ELFv1: the value is the address of a function descriptor in ``.opd``, whose first doubleword
  is the address of the code.

On all others the value is the address. That holds for PPC64 ELFv2 as well, where ``st_other`` says
how far behind it the local entry point is: the function begins at the value, its global entry.

Sources: "ELF for the Arm Architecture" section 5.5.3; binutils include/elf/mips.h (STO_MIPS16,
STO_MICROMIPS) and bfd/elfxx-mips.c; "64-bit PowerPC ELF Application Binary Interface Supplement
1.9" section 3.2.1; "64-Bit ELF V2 ABI Specification, Power Architecture" section 3.4.1.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.elf import ElfFile, Symbol

_ISA_BIT_MACHINES = ("EM_ARM", "EM_MIPS", "EM_MIPS_RS3_LE")


def has_isa_bit(machine: str) -> bool:
    """Whether bit 0 of a code address is a mode of the CPU, and no part of the address."""
    return machine in _ISA_BIT_MACHINES


def code_symbols(symbols: list[Symbol], halves: tuple[ElfFile, ...]) -> list[Symbol]:
    """Return the function symbols of a module with the addresses of their code, in their order.

    ``halves`` are the files of the module, the one that is loaded last. A symbol whose descriptor
    none of them has (``.opd`` is SHT_NOBITS in a debug half) is left out.

    Raises:
        MalformedError: ``.opd`` is damaged.
    """
    machine = halves[-1].machine
    if has_isa_bit(machine):
        return [s._replace(address=s.address & ~1) if s.address & 1 else s for s in symbols]
    if machine == "EM_PPC64" and halves[-1].section(".opd") is not None:
        return _described(symbols, halves)
    return symbols


def _described(symbols: list[Symbol], halves: tuple[ElfFile, ...]) -> list[Symbol]:
    """Follow the descriptors of PPC64 ELFv1.

    The older form of that ABI names the descriptor ``f`` and the code ``.f``, or the code alone
    where the function is local. The dot is taken off: debuggers and users know the function as
    ``f``.
    """
    section = halves[-1].section(".opd")
    holder = next((half for half in halves if half.has_bytes(".opd")), None)
    data = holder.section_bytes(".opd") if holder is not None else b""
    start, end = (section.address, section.address + section.size) if section else (0, 0)
    word = struct.Struct("<Q" if halves[-1].little_endian else ">Q")
    found = []
    for symbol in symbols:
        if not start <= symbol.address < end:
            found.append(symbol._replace(name=symbol.name.removeprefix(".") or symbol.name))
        elif symbol.address - start + word.size <= len(data):
            (address,) = word.unpack_from(data, symbol.address - start)
            found.append(symbol._replace(address=address))
    return found
