# SPDX-License-Identifier: MIT
"""What Breakpad calls the CPUs and their registers.

Source: Breakpad src/common/linux/dump_symbols.cc (ElfArchitecture) and
src/common/dwarf_cfi_to_module.cc (RegisterNames). The index is the DWARF number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cpu:
    """The word in the MODULE record and the names of the registers that rules may mention."""

    arch: str
    registers: dict[int, str]
    thumb: bool = False  # bit 0 of a code address is a mode, not part of the address


def _numbered(words: str, first: int = 0) -> dict[int, str]:
    return dict(enumerate(words.split(), first))


def _row(prefix: str, count: int, first: int) -> dict[int, str]:
    return {first + index: f"{prefix}{index}" for index in range(count)}


_X86 = _numbered("$eax $ecx $edx $ebx $esp $ebp $esi $edi $eip $eflags")
_X86_64 = _numbered("$rax $rdx $rcx $rbx $rsi $rdi $rbp $rsp") | {
    number: f"$r{number}" for number in range(8, 16)
}
_X86_64[16] = "$rip"
_ARM = _row("r", 13, 0) | {13: "sp", 14: "lr", 15: "pc"} | _row("s", 32, 64)
_ARM64 = _row("x", 31, 0) | {31: "sp"} | _row("v", 32, 64)
_RISCV = _numbered(
    "ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 "
    "s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6",
    first=1,
) | _row("f", 32, 32)

CPUS = {
    "EM_386": Cpu("x86", _X86),
    "EM_X86_64": Cpu("x86_64", _X86_64),
    "EM_ARM": Cpu("arm", _ARM, thumb=True),
    "EM_AARCH64": Cpu("arm64", _ARM64),
    "EM_RISCV": Cpu("riscv", _RISCV),
}
