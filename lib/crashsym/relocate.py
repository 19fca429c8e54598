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

from crashsym.errors import MalformedError
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Literal

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
    _Rules = dict[int, tuple[_Action, int]]

_NOTHING: tuple[_Action, int] = ("nothing", 0)
_LONGEST_ULEB = 16  # bytes


class RelocationTable(Value):
    """The contents of a section of type SHT_RELA (``addends``) or SHT_REL.

    In SHT_REL the addend is what the field holds before.
    """

    data: memoryview
    addends: bool
    bits: int
    byte_order: Literal["<", ">"]
    machine: str


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


def _entries(table: RelocationTable) -> Iterator[tuple[int, ...]]:
    """Yield offset, symbol << shift | type, and in SHT_RELA the addend; see `_division`.

    Half an entry at the end is left out. 64-bit MIPS divides r_info into five fields in this order,
    whatever the byte order is: the symbol (4 bytes), a second symbol and three types (1 byte each).
    Here they are one number as if the file was big-endian; types that are combined are thus in no
    table of rules.

    Source: gABI "Relocation"; "64-bit ELF Object File Specification" (MIPS) 2.9.
    """
    word = "Q" if table.bits == 64 else "I"
    layout = struct.Struct(table.byte_order + 2 * word + (word.lower() if table.addends else ""))
    entries = layout.iter_unpack(table.data[: len(table.data) - len(table.data) % layout.size])
    if table.machine != "EM_MIPS" or table.bits != 64 or table.byte_order != "<":
        return entries
    return ((v[0], (v[1] & 0xFFFFFFFF) << 32 | _swapped(v[1] >> 32), *v[2:]) for v in entries)


def _swapped(number: int) -> int:
    return int.from_bytes(number.to_bytes(4, "little"), "big")


def _division(table: RelocationTable) -> tuple[int, int]:
    """Return how r_info is divided: the shift of the symbol, the mask of the type.

    The type of SPARC V9 is one byte; the three above it are data of R_SPARC_OLO10.
    """
    if table.bits == 32:
        return 8, 0xFF
    return 32, 0xFF if table.machine == "EM_SPARCV9" else 0xFFFFFFFF


class Target(Value):
    """What is relocated: the bytes of a section, where it lies, and its name for messages."""

    data: bytearray
    address: int
    where: str


def apply_relocations(target: Target, table: RelocationTable, symbols: Sequence[int]) -> None:
    """Change the bytes of ``target``, one relocation after the other.

    ``symbols`` are the addresses of the symbols by their number. Results are cut off to the size
    of their field, as their use in differences needs it.

    Raises:
        MalformedError: a field is outside of the section, a symbol, a type or the CPU is not known.
    """
    rules = RULES.get(table.machine)
    if rules is None:
        raise MalformedError(
            "cannot relocate", where=target.where, why=f"relocations of {table.machine}"
        )
    shift, mask = _division(table)
    data, common, offset = target.data, _packers(rules, table), 0
    try:
        for entry in _entries(table):
            offset, info = entry[0], entry[1]
            packer = common.get(info & mask)
            if packer is not None:  # nearly all of them
                packer[0](data, offset, (symbols[info >> shift] + entry[2]) & packer[1])
                continue
            rule = rules.get(info & mask)
            if rule is None:
                why = f"relocation type {info & mask} is not known in such a section"
                raise _damage(target, offset, why)
            if rule is not _NOTHING:
                addend = entry[2] if table.addends else None
                _apply(target, offset, rule, symbols[info >> shift], addend, table.byte_order)
    except (IndexError, struct.error) as error:
        raise _damage(target, offset, "outside of the section, or by no symbol") from error


def _packers(
    rules: _Rules, table: RelocationTable
) -> dict[int, tuple[Callable[[bytearray, int, int], None], int]]:
    """Return how to store S+A for the types that are just that, and what to cut it off to."""
    if not table.addends:
        return {}
    return {
        kind: (
            struct.Struct(table.byte_order + {1: "B", 2: "H", 4: "I", 8: "Q"}[size]).pack_into,
            (1 << 8 * size) - 1,
        )
        for kind, (action, size) in rules.items()
        if action == "S+A"
    }


def _apply(  # noqa: PLR0913 - the operands of one relocation
    target: Target,
    offset: int,
    rule: tuple[_Action, int],
    symbol: int,
    addend: int | None,
    byte_order: Literal["<", ">"],
) -> None:
    action, size = rule
    data, place = target.data, target.address + offset
    if offset + size > len(data):
        raise IndexError(offset)
    order: Literal["little", "big"] = "little" if byte_order == "<" else "big"
    present = int.from_bytes(data[offset : offset + size], order)
    value = symbol + (present if addend is None else addend)
    if action == "S+A-P":
        value -= place
    elif action == "prel31":  # the bit above the 31 of the offset says something else
        value = (present & 0x80000000) | ((value - place) & 0x7FFFFFFF)
    elif action.endswith("uleb"):
        _relocate_uleb(target, offset, action, value)
        return
    elif action != "S+A":
        value = _combined(action, present, value)
    data[offset : offset + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, order)


def _combined(action: _Action, present: int, value: int) -> int:
    """Return the new value of a field whose present value counts as well.

    RISC-V and LoongArch write a difference of two addresses as a pair of relocations, of which one
    adds (or sets) and the other one subtracts.
    """
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
