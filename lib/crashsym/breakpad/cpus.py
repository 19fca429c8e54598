# SPDX-License-Identifier: MIT
"""What a symbol file calls the CPUs and their registers.

The index of a register is its number in ``.eh_frame`` and ``.debug_frame``. The return address has
no column of its own here: each CIE says in which register it is.

Arch words: Breakpad src/common/linux/dump_symbols.cc (ElfArchitecture), which looks at nothing but
``e_machine``, so that one word stands for both classes and both byte orders. It knows no LoongArch;
that word is the one of the ports of Breakpad to this CPU.

Registers:

=========== ==========================================================================
x86, ARM,   Breakpad src/common/dwarf_cfi_to_module.cc (RegisterNames), and what its
AArch64,    src/processor/stackwalker_*.cc evaluate
RISC-V
MIPS        the same for the general registers. Breakpad counts the others wrong (no
            ``$f1``, ``$lo`` at 32): gcc/config/mips/mips.h has ``$f0`` at 32, ``$hi``
            at 64 and ``$lo`` at 65
PPC, PPC64  symbolic-cfi src/lib.rs (PPC); 64-bit PowerPC ELF ABI Supplement 1.9,
            section 3.4
s390        s390x ABI Supplement 1.6, table "DWARF register number mapping"
SPARC       gcc/config/sparc/sparc.h (REGISTER_NAMES)
LoongArch   LoongArch ELF psABI 2.30 and DWARF 1.0: $r0 at 0 by their ABI names, $f0
            at 32; with Breakpad's ``$`` of MIPS, as in the ports of Breakpad
=========== ==========================================================================
"""

from __future__ import annotations

from crashsym.value import Value


class Cpu(Value):
    """The word in the MODULE record and the names of the registers that rules may mention."""

    arch: str
    registers: dict[int, str]


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
_MIPS = (
    _numbered(
        "$zero $at $v0 $v1 $a0 $a1 $a2 $a3 $t0 $t1 $t2 $t3 $t4 $t5 $t6 $t7 "
        "$s0 $s1 $s2 $s3 $s4 $s5 $s6 $s7 $t8 $t9 $k0 $k1 $gp $sp $fp $ra"
    )
    | _row("$f", 32, 32)
    | {64: "$hi", 65: "$lo"}
)
_PPC = (
    _row("r", 32, 0)
    | _row("f", 32, 32)
    | {65: "lr", 66: "ctr", 76: "xer", 110: "vscr"}
    | _row("cr", 8, 68)
    | _row("vr", 32, 77)
)
_S390 = (
    _row("r", 16, 0)
    | _numbered("f0 f2 f4 f6 f1 f3 f5 f7 f8 f10 f12 f14 f9 f11 f13 f15", 16)
    | _row("c", 16, 32)
    | _row("a", 16, 48)
    | {64: "pswm", 65: "pswa"}
)
_SPARC = _row("g", 8, 0) | _row("o", 8, 8) | _row("l", 8, 16) | _row("i", 8, 24) | _row("f", 32, 32)
_LOONGARCH = _numbered(
    "$zero $ra $tp $sp $a0 $a1 $a2 $a3 $a4 $a5 $a6 $a7 $t0 $t1 $t2 $t3 $t4 $t5 $t6 $t7 $t8 "
    "$r21 $fp $s0 $s1 $s2 $s3 $s4 $s5 $s6 $s7 $s8"
) | _row("$f", 32, 32)

CPUS = {
    "EM_386": Cpu("x86", _X86),
    "EM_X86_64": Cpu("x86_64", _X86_64),
    "EM_ARM": Cpu("arm", _ARM),
    "EM_AARCH64": Cpu("arm64", _ARM64),
    "EM_MIPS": Cpu("mips", _MIPS),
    "EM_PPC": Cpu("ppc", _PPC),
    "EM_PPC64": Cpu("ppc64", _PPC),
    "EM_RISCV": Cpu("riscv", _RISCV),
    "EM_LOONGARCH": Cpu("loongarch64", _LOONGARCH),
    "EM_S390": Cpu("s390", _S390),
    "EM_SPARC": Cpu("sparc", _SPARC),
    "EM_SPARC32PLUS": Cpu("sparc", _SPARC),
    "EM_SPARCV9": Cpu("sparcv9", _SPARC),
}
# pyelftools before 0.30 has no name for it.
CPUS["258"] = CPUS["EM_LOONGARCH"]
