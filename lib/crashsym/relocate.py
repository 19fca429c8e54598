# SPDX-License-Identifier: MIT
"""Relocations of debug sections, applied as a linker would.

Only the types that assemblers put into ``.debug_*``, ``.eh_frame`` and ``.ARM.ex*`` sections. Any
other is an error, since an address that stays unrelocated would be a wrong answer.

Sources of the numbers and formulas (S symbol, A addend, P place, V what is there): System V psABI
of x86-64 (section "Relocation"), i386, MIPS, PowerPC, PowerPC64, SPARC, LoongArch ("ELF for the
LoongArch Architecture"), s390x; "ELF for the Arm Architecture" (aaelf32) and "... the Arm 64-bit
Architecture" (aaelf64); "RISC-V ELF Specification", chapter "Relocations".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from crashsym.errors import MalformedError

_Action = Literal[
    "nothing",
    "S+A",
    "S+A-P",
    "prel31",
    "V+S+A",
    "V-S-A",
    "set 6",
    "add 6",
    "sub 6",
    "set uleb",
    "add uleb",
    "sub uleb",
]
_NOTHING: tuple[_Action, int] = ("nothing", 0)
_Rules = dict[int, tuple[_Action, int]]
_LONGEST_ULEB = 16  # bytes


class Relocation(NamedTuple):
    """One entry; ``addend`` is None in SHT_REL, where the field itself holds it."""

    offset: int
    symbol: int
    type: int
    addend: int | None


def _rules(
    absolute: dict[int, int], relative: dict[int, int], nothing: Sequence[int] = ()
) -> _Rules:
    """Return rules from type → size in bytes of S+A and S+A-P fields, and types without effect.

    Without effect are R_*_NONE, hints to a linker that relaxes code, and what nothing here reads:
    offsets of thread-local variables, and the TOC pointer in function descriptors of PowerPC64.
    """
    rules: _Rules = {0: _NOTHING, **dict.fromkeys(nothing, _NOTHING)}
    rules.update({kind: ("S+A", size) for kind, size in absolute.items()})
    rules.update({kind: ("S+A-P", size) for kind, size in relative.items()})
    return rules


_RISCV = _rules({1: 4, 2: 8, 54: 1, 55: 2, 56: 4}, {57: 4}, (8, 9, 43, 51))
_RISCV.update({33 + n: ("V+S+A", 1 << n) for n in range(4)})  # R_RISCV_ADD8 … ADD64
_RISCV.update({37 + n: ("V-S-A", 1 << n) for n in range(4)})  # R_RISCV_SUB8 … SUB64
_RISCV.update({52: ("sub 6", 1), 53: ("set 6", 1), 60: ("set uleb", 1), 61: ("sub uleb", 1)})
_LOONGARCH = _rules({1: 4, 2: 8}, {99: 4, 109: 8}, (8, 9, 100, 102))
_LOONGARCH.update({47 + n: ("V+S+A", size) for n, size in enumerate((1, 2, 3, 4, 8))})
_LOONGARCH.update({52 + n: ("V-S-A", size) for n, size in enumerate((1, 2, 3, 4, 8))})
_LOONGARCH.update({105: ("add 6", 1), 106: ("sub 6", 1)})
_LOONGARCH.update({107: ("add uleb", 1), 108: ("sub uleb", 1)})
_SPARC = _rules({1: 1, 2: 2, 3: 4, 23: 4, 32: 8, 54: 8, 55: 2}, {4: 1, 5: 2, 6: 4, 46: 8}, (76, 77))

RULES: dict[str, _Rules] = {
    "EM_X86_64": _rules({1: 8, 10: 4, 11: 4, 12: 2, 14: 1}, {2: 4, 13: 2, 15: 1, 24: 8}, (17, 21)),
    "EM_386": _rules({1: 4, 20: 2, 22: 1}, {2: 4, 21: 2, 23: 1}, (32,)),
    "EM_ARM": {**_rules({2: 4, 5: 2, 8: 1, 38: 4}, {3: 4}, (106,)), 42: ("prel31", 4)},
    "EM_AARCH64": _rules({257: 8, 258: 4, 259: 2}, {260: 8, 261: 4, 262: 2}, (256, 1029)),
    "EM_RISCV": _RISCV,
    "EM_MIPS": _rules({2: 4, 18: 8}, {248: 4}, (39, 41)),
    "EM_PPC": _rules({1: 4, 3: 2, 24: 4, 25: 2}, {26: 4}, (78,)),
    "EM_PPC64": _rules({1: 4, 3: 2, 24: 4, 25: 2, 38: 8, 43: 8}, {26: 4, 44: 8}, (51, 78)),
    "EM_S390": _rules({1: 1, 3: 2, 4: 4, 22: 8}, {5: 4, 16: 2, 23: 8}, (52, 53)),
    "EM_SPARC": _SPARC,
    "EM_SPARC32PLUS": _SPARC,
    "EM_SPARCV9": _SPARC,
    "EM_LOONGARCH": _LOONGARCH,
}


def read_relocations(
    data: memoryview, *, addends: bool, bits: int, byte_order: Literal["<", ">"], machine: str
) -> Iterator[Relocation]:
    """Yield the entries of SHT_RELA (``addends``) or SHT_REL; half an entry at the end is left out.

    64-bit MIPS divides r_info into five fields in this order, whatever the byte order: the symbol
    (4 bytes), a second symbol and three types (1 byte each). Types that are combined come out as
    one number that is in no table. SPARC V9 has data in the upper bits of the type.

    Source: gABI "Relocation"; "64-bit ELF Object File Specification" (MIPS) 2.9; SPARC V9 psABI.
    """
    word = "Q" if bits == 64 else "I"
    layout = struct.Struct(byte_order + 2 * word + (word.lower() if addends else ""))
    entries = layout.iter_unpack(data[: len(data) - len(data) % layout.size])
    shift, mask = (32, 0xFFFFFFFF) if bits == 64 else (8, 0xFF)
    swapped = bits == 64 and machine == "EM_MIPS" and byte_order == "<"
    if bits == 64 and machine == "EM_SPARCV9":
        mask = 0xFF
    for values in entries:
        info = values[1]
        if swapped:
            info = (info & 0xFFFFFFFF) << 32 | int.from_bytes(
                (info >> 32).to_bytes(4, "little"), "big"
            )
        yield Relocation(values[0], info >> shift, info & mask, values[2] if addends else None)


class Target(NamedTuple):
    """What is relocated: the bytes of a section, where it lies, and its name for messages."""

    data: bytearray
    address: int
    where: str


def apply_relocations(
    target: Target,
    relocations: Iterator[Relocation],
    symbols: Sequence[int],
    rules: _Rules,
    byte_order: Literal["<", ">"],
) -> None:
    """Change the bytes of ``target``, one relocation after the other.

    ``symbols`` are the addresses of the symbols by their number. Results are cut off to the size
    of their field, as their use in differences needs it.

    Raises:
        MalformedError: a field is outside of the section, a symbol or a type is not known.
    """
    order: Literal["little", "big"] = "little" if byte_order == "<" else "big"
    data, size_of_data, base = target.data, len(target.data), target.address
    for offset, number, kind, addend in relocations:
        rule = rules.get(kind)
        if rule is None:
            raise _damage(target, offset, f"relocation type {kind} is not known in such a section")
        action, size = rule
        if action == "nothing":
            continue
        if offset + size > size_of_data or number >= len(symbols):
            why = f"a relocation at 0x{offset:x} with symbol {number}, there are {len(symbols)}"
            raise _damage(target, offset, why)
        if addend is None:
            addend = int.from_bytes(data[offset : offset + size], order, signed=True)
        value = symbols[number] + addend
        if action == "S+A-P":
            value -= base + offset
        elif action == "prel31":  # the bit above the 31 of the offset says something else
            present = int.from_bytes(data[offset : offset + 4], order)
            value = (present & 0x80000000) | ((value - base - offset) & 0x7FFFFFFF)
        elif action != "S+A":
            if action.endswith("uleb"):
                _relocate_uleb(target, offset, action, value)
                continue
            value = _combined(data, offset, rule, value, order)
        data[offset : offset + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, order)


def _combined(
    data: bytearray,
    offset: int,
    rule: tuple[_Action, int],
    value: int,
    order: Literal["little", "big"],
) -> int:
    """Return the new value of a field whose present value counts as well.

    RISC-V and LoongArch write a difference of two addresses as a pair of relocations, of which one
    adds (or sets) and the other one subtracts.
    """
    action, size = rule
    present = int.from_bytes(data[offset : offset + size], order)
    if action == "V+S+A":
        return present + value
    if action == "V-S-A":
        return present - value
    low = {"set 6": value, "add 6": present + value, "sub 6": present - value}[action]
    return (present & 0xC0) | (low & 0x3F)


def _relocate_uleb(target: Target, offset: int, action: _Action, value: int) -> None:
    """Change a ULEB128 number, which keeps its length.

    Each relocation of a pair works modulo the largest number of that length, so that the first one
    may overflow.
    """
    data, size = target.data, 1
    while data[offset + size - 1] & 0x80:
        size += 1
        if offset + size > len(data) or size > _LONGEST_ULEB:
            raise _damage(target, offset, "a ULEB128 number that is relocated has no end")
    field = data[offset : offset + size]
    present = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(field))
    if action == "add uleb":
        value += present
    elif action == "sub uleb":
        value = present - value
    for place in range(size):
        more = 0x80 if place + 1 < size else 0
        data[offset + place] = (value >> 7 * place) & 0x7F | more


def _damage(target: Target, offset: int, why: str) -> MalformedError:
    return MalformedError("cannot relocate", where=f"{target.where}+0x{offset:x}", why=why)
