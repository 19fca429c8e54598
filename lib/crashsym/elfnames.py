# SPDX-License-Identifier: MIT
"""The names that the ELF standards give to numbers, as far as messages and rules need them.

Source: gABI "ELF Header" (e_type, the registry of e_machine), "Sections" (sh_type); for section
types of a processor, its psABI.
"""

from __future__ import annotations

FILE_TYPES = {0: "ET_NONE", 1: "ET_REL", 2: "ET_EXEC", 3: "ET_DYN", 4: "ET_CORE"}

MACHINES = {
    2: "EM_SPARC",
    3: "EM_386",
    8: "EM_MIPS",
    10: "EM_MIPS_RS3_LE",
    18: "EM_SPARC32PLUS",
    20: "EM_PPC",
    21: "EM_PPC64",
    22: "EM_S390",
    40: "EM_ARM",
    43: "EM_SPARCV9",
    62: "EM_X86_64",
    183: "EM_AARCH64",
    243: "EM_RISCV",
    258: "EM_LOONGARCH",
}

# sh_type, or (e_machine, sh_type) where the number belongs to the processor
SECTION_TYPES: dict[int | tuple[int, int], str] = {
    0: "SHT_NULL",
    1: "SHT_PROGBITS",
    2: "SHT_SYMTAB",
    3: "SHT_STRTAB",
    4: "SHT_RELA",
    5: "SHT_HASH",
    6: "SHT_DYNAMIC",
    7: "SHT_NOTE",
    8: "SHT_NOBITS",
    9: "SHT_REL",
    10: "SHT_SHLIB",
    11: "SHT_DYNSYM",
    14: "SHT_INIT_ARRAY",
    15: "SHT_FINI_ARRAY",
    16: "SHT_PREINIT_ARRAY",
    17: "SHT_GROUP",
    18: "SHT_SYMTAB_SHNDX",
    19: "SHT_RELR",
    0x6FFFFFF6: "SHT_GNU_HASH",
    0x6FFFFFFD: "SHT_GNU_verdef",
    0x6FFFFFFE: "SHT_GNU_verneed",
    0x6FFFFFFF: "SHT_GNU_versym",
    (40, 0x70000001): "SHT_ARM_EXIDX",
    (40, 0x70000003): "SHT_ARM_ATTRIBUTES",
    (62, 0x70000001): "SHT_X86_64_UNWIND",
    (243, 0x70000003): "SHT_RISCV_ATTRIBUTES",
    (8, 0x7000001E): "SHT_MIPS_DWARF",
}


def file_type(number: int) -> str:
    """Return the name of an ``e_type``, else its number."""
    return FILE_TYPES.get(number, f"0x{number:x}")


def machine(number: int) -> str:
    """Return the name of an e_machine, or the number in hex where it has none.

    The CPUs that symbols are made for are here; all others have the names of pyelftools.
    """
    known = MACHINES.get(number)
    if known is not None:
        return known
    from elftools.elf.enums import ENUM_E_MACHINE  # a file that nothing can be made of

    names = (name for name, value in ENUM_E_MACHINE.items() if value == number)
    return next(names, f"0x{number:x}")
