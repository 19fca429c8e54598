# SPDX-License-Identifier: MIT
"""The processors on which programs of the corpus are executed, and the names of their registers.

Register names are those of Breakpad symbol files. The order is that of the ``g`` packet of QEMU's
gdbstub (qemu: gdb-xml/*.xml, target/*/gdbstub.c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """One processor.

    ``link`` is the register with the return address on entry, empty where the call pushes it.
    ``saved`` are the general registers that a function must give back unchanged. ``emulator`` is
    the command without the program; the stack word has ``word`` bytes.
    """

    emulator: tuple[str, ...]
    word: int
    big_endian: bool
    registers: tuple[str, ...]
    pc: str
    sp: str
    fp: str
    link: str
    saved: tuple[str, ...]
    # Bits of a return address that are no part of the address: ARM's Thumb bit.
    ignored: int = 0

    @property
    def return_register(self) -> str:
        """The register of the return-address column."""
        return self.link or self.pc

    def number(self, raw: bytes) -> int:
        """The unsigned number that memory holds as ``raw``."""
        return int.from_bytes(raw, "big" if self.big_endian else "little")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _numbered(prefix: str, first: int, last: int) -> str:
    return " ".join(f"{prefix}{number}" for number in range(first, last + 1))


RISCV_NAMES = _words(
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7"
    " s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
)

# By the first part of the compiler's triple.
MACHINES: dict[str, Machine] = {
    "x86_64": Machine(
        ("qemu-x86_64",),
        8,
        False,
        _words(f"$rax $rbx $rcx $rdx $rsi $rdi $rbp $rsp {_numbered('$r', 8, 15)} $rip"),
        "$rip",
        "$rsp",
        "$rbp",
        "",
        _words("$rbx $rbp $r12 $r13 $r14 $r15"),
    ),
    "i686": Machine(
        ("qemu-i386", "-L", "/usr/i686-linux-gnu"),
        4,
        False,
        _words("$eax $ecx $edx $ebx $esp $ebp $esi $edi $eip"),
        "$eip",
        "$esp",
        "$ebp",
        "",
        _words("$ebx $ebp $esi $edi"),
    ),
    # A processor without pointer authentication: return addresses carry no signature.
    "aarch64": Machine(
        ("qemu-aarch64", "-cpu", "cortex-a72", "-L", "/usr/aarch64-linux-gnu"),
        8,
        False,
        _words(f"{_numbered('x', 0, 30)} sp pc"),
        "pc",
        "sp",
        "x29",
        "x30",
        _words(_numbered("x", 19, 29)),
    ),
    "arm": Machine(
        ("qemu-arm", "-L", "/usr/arm-linux-gnueabihf"),
        4,
        False,
        _words(f"{_numbered('r', 0, 12)} sp lr pc"),
        "pc",
        "sp",
        "r11",
        "lr",
        _words(_numbered("r", 4, 11)),
        ignored=1,
    ),
    "riscv64": Machine(
        ("qemu-riscv64", "-L", "/usr/riscv64-linux-gnu"),
        8,
        False,
        (*RISCV_NAMES, "pc"),
        "pc",
        "sp",
        "s0",
        "ra",
        _words(f"s0 s1 {_numbered('s', 2, 11)}"),
    ),
}

# The general registers by DWARF number, where that is not the order above.
_DWARF_ORDER = {
    "x86_64": _words(f"$rax $rdx $rcx $rbx $rsi $rdi $rbp $rsp {_numbered('$r', 8, 15)} $rip"),
}


def numbered_name(machine: str, number: int) -> str | None:
    """Breakpad's word for the register with the DWARF ``number``; None when it has none here."""
    known = MACHINES.get(machine)
    names = _DWARF_ORDER.get(machine, known.registers if known else ())
    return names[number] if number < len(names) else None


_ARM_SPECIAL = {"r13": "sp", "r14": "lr", "r15": "pc"}


def breakpad_name(machine: str, name: str) -> str | None:
    """Breakpad's word for the register ``name`` of readelf or llvm-dwarfdump; None when unknown.

    Only general registers have one here.
    """
    name = name.lower()
    if machine in ("x86_64", "i686"):
        name = f"${name}"
    elif machine == "aarch64":
        name = re.sub(r"^w(?=\d+$|sp$)", "x", name).replace("xsp", "sp")
    elif machine == "arm":
        name = _ARM_SPECIAL.get(name, name)
    elif machine == "riscv64" and (match := re.fullmatch(r"x(\d+)", name)):
        name = RISCV_NAMES[int(match[1])]
    known = MACHINES.get(machine)
    return name if known and name in known.registers else None
