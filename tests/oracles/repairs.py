"""Copies of ELF files in which a known weakness of a peer does no harm.

A repaired input is fair only if it says the same: each function here tells what it changes and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from corpus.build import run
from corpus.matrix import Cpu
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

_ASSEMBLER = 0x8001  # DW_LANG_Mips_Assembler, which the GNU assembler writes for every CPU
_SYMBOL_SIZE = 16  # Elf32_Sym; st_value is its second word


def without_thumb_bits(path: Path, folder: Path) -> Path:
    """A 32-bit ARM file whose function symbols and assembler functions begin at even addresses.

    symbolic 13.9 (so Mozilla's dump_syms as well) takes bit 0 of a Thumb function's symbol, and of
    the DW_AT_low_pc that the GNU assembler writes, for part of the address. Other files are
    returned as they are.
    """
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        if elf["e_machine"] != "EM_ARM":
            return path
        data = bytearray(path.read_bytes())
        for offset in (*_function_symbols(elf), *_assembler_functions(elf)):
            data[offset] &= 0xFE
    copy = folder / path.name
    copy.write_bytes(data)
    return copy


def _function_symbols(elf: ELFFile) -> Iterator[int]:
    """Where in the file the values of function symbols are."""
    for table in map(elf.get_section_by_name, (".symtab", ".dynsym")):
        if not isinstance(table, SymbolTableSection):
            continue
        for number, symbol in enumerate(table.iter_symbols()):
            if symbol["st_info"]["type"] == "STT_FUNC":
                yield table["sh_offset"] + number * _SYMBOL_SIZE + 4


def _assembler_functions(elf: ELFFile) -> Iterator[int]:
    """Where in the file the DW_AT_low_pc of assembler functions are."""
    section = elf.get_section_by_name(".debug_info")
    if section is None or section.compressed:
        return
    for unit in elf.get_dwarf_info().iter_CUs():
        top = unit.get_top_DIE()
        language = top.attributes.get("DW_AT_language")
        if language is None or language.value != _ASSEMBLER:
            continue
        for die in top.iter_children():
            if die.tag == "DW_TAG_subprogram":
                yield section["sh_offset"] + die.attributes["DW_AT_low_pc"].offset


def with_debug_addr(path: Path, folder: Path, cpu: Cpu) -> Path:
    """A file that has a .debug_addr section, if need be an empty one.

    Without it Breakpad's dump_syms drops every function and inline that has DW_AT_ranges in DWARF 5
    (google/breakpad, src/common/dwarf_cu_to_module.cc, AssembleRangeListInfo).
    """
    with path.open("rb") as stream:
        if ELFFile(stream).get_section_by_name(".debug_addr") is not None:
            return path
    copy = folder / path.name
    objcopy = "llvm-objcopy" if cpu.bare else f"{cpu.triple}-objcopy"
    run([objcopy, "--add-section", ".debug_addr=/dev/null", str(path), str(copy)])
    return copy
