# SPDX-License-Identifier: MIT
"""ELF symbol tables: the function symbols among them."""

from __future__ import annotations

import struct

from crashsym.reader import string_at
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.budget import Budget

_BINDING_RANK = {1: 0, 2: 1}  # STB_GLOBAL, STB_WEAK
_FUNCTION_TYPES = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_SHN_UNDEF = 0
_WIDE = 24  # the size of an Elf64_Sym in bytes


class Symbol(Value):
    """A function symbol: its address in the file, size in bytes (0: unknown) and raw name."""

    address: int
    size: int
    name: str
    rank: int  # 0 global, 1 weak, 2 local


class SymbolTable(Value):
    """The entries of a symbol table, the strings that their names are in, and what it is."""

    entries: memoryview
    names: memoryview
    where: str


def entry_layout(bits: int, byte_order: str) -> struct.Struct:
    """Return the layout of Elf32_Sym or Elf64_Sym."""
    return struct.Struct(byte_order + ("IBBHQQ" if bits == 64 else "IIIBBH"))


def read_function_symbols(
    table: SymbolTable, layout: struct.Struct, budget: Budget
) -> list[Symbol]:
    """Return the defined function symbols of a table, in its order.

    STT_FUNC and STT_GNU_IFUNC with a name and a section other than SHN_UNDEF. Mapping symbols
    (``$a``, ``$t``, ``$x``) are STT_NOTYPE and so not among them. Half an entry at the end of
    the table is left out; a name outside of its strings is none.

    Raises:
        MalformedError: ``budget`` does not pay for the names.

    Source: gABI "Symbol Table".
    """
    wide = layout.size == _WIDE
    found = []
    entries, names = table.entries, bytes(table.names)
    for values in layout.iter_unpack(entries[: len(entries) - len(entries) % layout.size]):
        if wide:
            start, info, _, index, address, size = values
        else:
            start, address, size, info, _, index = values
        if info & 0xF not in _FUNCTION_TYPES or index == _SHN_UNDEF:
            continue
        text = string_at(names, start)
        budget.spend(len(text), table.where)
        if text:
            rank = _BINDING_RANK.get(info >> 4, 2)
            found.append(Symbol(address, size, text.decode("utf-8", "replace"), rank))
    return found
