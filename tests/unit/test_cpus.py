# SPDX-License-Identifier: MIT
"""The words for CPUs and registers, and the page that says what they are good for."""

from __future__ import annotations

import re

import pytest
from crashsym.breakpad.cpus import CPUS
from support import REPOSITORY

# Where a caller's frame is, and the return column that compilers use: Breakpad's processor and
# rust-minidump need these two by exactly these names, or the psABI has them so.
FRAME = {
    "EM_386": ((4, "$esp"), (8, "$eip")),
    "EM_X86_64": ((7, "$rsp"), (16, "$rip")),
    "EM_ARM": ((13, "sp"), (14, "lr")),
    "EM_AARCH64": ((31, "sp"), (30, "x30")),
    "EM_MIPS": ((29, "$sp"), (31, "$ra")),
    "EM_PPC": ((1, "r1"), (65, "lr")),
    "EM_PPC64": ((1, "r1"), (65, "lr")),
    "EM_RISCV": ((2, "sp"), (1, "ra")),
    "EM_LOONGARCH": ((3, "$sp"), (1, "$ra")),
    "EM_S390": ((15, "r15"), (14, "r14")),
    "EM_SPARC": ((14, "o6"), (15, "o7")),
    "EM_SPARC32PLUS": ((14, "o6"), (15, "o7")),
    "EM_SPARCV9": ((14, "o6"), (15, "o7")),
}
# The registers that callees save: of their rules an unwinder makes use. Of x86 all, for their order
# is that of no document but the psABIs.
SAVED = {
    "EM_386": dict(enumerate(("$eax", "$ecx", "$edx", "$ebx", "$esp", "$ebp", "$esi", "$edi"))),
    "EM_X86_64": {
        **dict(enumerate(("$rax", "$rdx", "$rcx", "$rbx", "$rsi", "$rdi", "$rbp", "$rsp"))),
        **{number: f"$r{number}" for number in range(8, 16)},
    },
    "EM_ARM": {4: "r4", 11: "r11", 12: "r12", 15: "pc", 64: "s0", 80: "s16", 95: "s31"},
    "EM_AARCH64": {0: "x0", 19: "x19", 29: "x29", 64: "v0", 72: "v8", 95: "v31"},
    "EM_MIPS": {16: "$s0", 23: "$s7", 28: "$gp", 30: "$fp", 52: "$f20", 63: "$f31"},
    "EM_PPC": {14: "r14", 31: "r31", 46: "f14", 63: "f31", 70: "cr2", 97: "vr20", 108: "vr31"},
    "EM_RISCV": {8: "s0", 9: "s1", 18: "s2", 27: "s11", 40: "f8"},
    "EM_LOONGARCH": {4: "$a0", 12: "$t0", 22: "$fp", 23: "$s0", 31: "$s8", 56: "$f24"},
    "EM_S390": {6: "r6", 24: "f8", 25: "f10", 28: "f9", 31: "f15"},
    "EM_SPARCV9": {1: "g1", 16: "l0", 24: "i0", 30: "i6", 31: "i7"},
}


def test_stack_pointer_and_return_address_have_their_names() -> None:
    assert FRAME.keys() == {name for name in CPUS if name.startswith("EM_")}
    for name, numbers in FRAME.items():
        for number, register in numbers:
            assert CPUS[name].registers[number] == register, name


@pytest.mark.parametrize("machine", SAVED)
def test_registers_that_callees_save_have_their_names(machine: str) -> None:
    named = CPUS[machine].registers
    assert {number: named[number] for number in SAVED[machine]} == SAVED[machine]


def test_no_two_registers_of_a_cpu_share_a_name() -> None:
    for name, cpu in CPUS.items():
        assert len(set(cpu.registers.values())) == len(cpu.registers), name


def test_the_page_on_cpus_has_all_of_them_and_no_other() -> None:
    page = (REPOSITORY / "docs" / "reference" / "cpus.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| `(EM_\w+)` \| `(\w+)` \| `(\S+)` \|", page, re.MULTILINE)
    documented = {machine: (arch, column) for machine, arch, column in rows}
    assert len(documented) == len(rows)
    assert documented == {
        name: (CPUS[name].arch, FRAME[name][1][1]) for name in CPUS if name.startswith("EM_")
    }
