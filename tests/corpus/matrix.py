"""The programs of the corpus: which compiler, CPU, DWARF version and options each one stands for.

A pruned matrix, not the full product: each value of each axis meets every CPU at least once, and
the combinations that once broke a dumper (hot/cold with DWARF 5, LTO, discarded functions) are
named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Compiler = Literal["gcc", "clang"]
# symbolic 13.9, symbolic-common/src/types.rs (Arch::from_str), of the words that we write.
KNOWN_TO_SYMBOLIC = frozenset({"x86", "x86_64", "arm", "arm64", "mips", "ppc", "ppc64"})
# Debian 12 has no cross compiler for these CPUs; its default clang, 14, has no LoongArch.
BARE_COMPILER, BARE_LINKER = "clang-19", "ld.lld-19"


@dataclass(frozen=True)
class Cpu:
    """One target.

    ``arch`` is Breakpad's word for it, ``symbolic_arch`` the word for tools that do not know it.
    ``bare``: there is no C library to link with, and `BARE_COMPILER` is the only compiler.
    """

    name: str
    triple: str
    arch: str
    flags: tuple[str, ...] = ()
    big_endian: bool = False
    bare: bool = False

    @property
    def symbolic_arch(self) -> str:
        return self.arch if self.arch in KNOWN_TO_SYMBOLIC else "x86_64"


X86_64 = Cpu("x86_64", "x86_64-linux-gnu", "x86_64")
I686 = Cpu("i686", "i686-linux-gnu", "x86")
# OE compiles every AArch64 target with pointer authentication.
AARCH64 = Cpu("aarch64", "aarch64-linux-gnu", "arm64", ("-mbranch-protection=standard",))
ARM = Cpu("arm", "arm-linux-gnueabihf", "arm", ("-marm",))
THUMB = Cpu("thumb", "arm-linux-gnueabihf", "arm", ("-mthumb",))
RISCV64 = Cpu("riscv64", "riscv64-linux-gnu", "riscv")
MIPS = Cpu("mips", "mips-linux-gnu", "mips", big_endian=True)
MIPSEL = Cpu("mipsel", "mipsel-linux-gnu", "mips")
MIPS64 = Cpu("mips64", "mips64-linux-gnuabi64", "mips", big_endian=True)
MIPS64EL = Cpu("mips64el", "mips64el-linux-gnuabi64", "mips")
# GCC cannot compile position independent MIPS16 code that has floating point arguments.
MIPS16 = Cpu("mips16", "mips-linux-gnu", "mips", ("-mips16", "-msoft-float"), big_endian=True)
MICROMIPS = Cpu("micromips", "mipsel-linux-gnu", "mips", ("-mmicromips",))
PPC = Cpu("ppc", "powerpc-linux-gnu", "ppc", big_endian=True)
PPC64 = Cpu("ppc64-elfv1", "powerpc64-linux-gnu", "ppc64", big_endian=True)
PPC64LE = Cpu("ppc64-elfv2", "powerpc64le-linux-gnu", "ppc64")
S390X = Cpu("s390x", "s390x-linux-gnu", "s390", big_endian=True)
# Debian has no C library for it.
SPARC32 = Cpu("sparc32", "sparc64-linux-gnu", "sparc", ("-m32",), big_endian=True)
SPARC64 = Cpu("sparc64", "sparc64-linux-gnu", "sparcv9", big_endian=True)
RISCV32 = Cpu("riscv32", "riscv32-linux-gnu", "riscv", ("-march=rv32gc", "-mabi=ilp32d"), bare=True)
LOONGARCH64 = Cpu("loongarch64", "loongarch64-linux-gnu", "loongarch64", bare=True)


@dataclass(frozen=True)
class Unit:
    """One source file and how it is compiled; ``flags`` come after the CPU's own."""

    source: str
    flags: tuple[str, ...]
    compiler: Compiler = "gcc"


@dataclass(frozen=True)
class Program:
    """One executable or library of the corpus.

    ``split`` makes the pair that OE makes: the stripped file and its debug half.
    """

    name: str
    cpu: Cpu
    units: tuple[Unit, ...]
    link: tuple[str, ...] = ()
    split: bool = False

    @property
    def shared(self) -> bool:
        return "-shared" in self.link

    @property
    def compilers(self) -> frozenset[Compiler]:
        return frozenset(unit.compiler for unit in self.units)


ALL = ("inlines.cc", "plain.c", "hotcold.c", "assembler.S", "sink.c", "main.c")
C_AND_CXX = ("inlines.cc", "plain.c", "hotcold.c", "sink.c", "main.c")
ONLY_C = ("plain.c", "hotcold.c", "sink.c", "main.c")
MARKED = ("marked.c", "hotcold.c", "sink.c", "main.c")
LIBRARY = ("inlines.cc", "plain.c", "hotcold.c", "sink.c")
FIXED = ("-no-pie",)
DISCARD = ("-ffunction-sections", "-fdata-sections")
GC = ("-Wl,--gc-sections",)
SONAME = ("-shared", "-Wl,-soname,libcorpus.so.1")
NO_EH_FRAME = ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions")


def program(
    cpu: Cpu,
    label: str,
    flags: str,
    sources: tuple[str, ...] = C_AND_CXX,
    link: tuple[str, ...] = (),
) -> Program:
    """A program all of whose units are compiled with the same ``flags``; the label names clang."""
    compiler: Compiler = "clang" if label.startswith("clang-") else "gcc"
    pic = ("-fno-pie",) if link[:1] == FIXED else ("-fPIC",) if "-shared" in link else ("-fPIE",)
    options = (*flags.split(), *pic)
    units = tuple(Unit(source, options, compiler) for source in sources)
    pie = () if link[:1] == FIXED or "-shared" in link else ("-pie",)
    return Program(f"{cpu.name}-{label}", cpu, units, (*pie, *link))


def bare(cpu: Cpu, label: str, flags: str) -> Program:
    """A program of C units without a C library, whose entry is ``main``."""
    options = (*flags.split(), "-fPIE", "-ffreestanding")
    units = tuple(Unit(source, options, "clang") for source in ONLY_C)
    return Program(f"{cpu.name}-{label}", cpu, units, ("-pie", "-e", "main"))


def split(whole: Program) -> Program:
    """The same program as OE ships it: stripped, with a debug half beside it."""
    return replace(whole, split=True)


def mixed(cpu: Cpu) -> Program:
    """Units of several languages, DWARF versions and compilers in one executable."""
    units = (
        Unit("plain.c", ("-gdwarf-3", "-O2", "-fPIE")),
        Unit("inlines.cc", ("-gdwarf-5", "-O2", "-fPIE")),
        Unit("hotcold.c", ("-gdwarf-4", "-O2", "-fPIE"), "clang"),
        Unit("assembler.S", ("-gdwarf-4",)),
        Unit("sink.c", ("-gdwarf-2", "-O0", "-fPIE")),
        Unit("main.c", ("-g0", "-O2", "-fPIE")),
    )
    return Program(f"{cpu.name}-mixed", cpu, units, ("-pie",))


_X86_64 = (
    program(X86_64, "d5-O2", "-gdwarf-5 -O2", ALL),
    program(X86_64, "d5-O0", "-gdwarf-5 -O0"),
    program(X86_64, "d4-O2", "-gdwarf-4 -O2"),
    program(X86_64, "d3-O2", "-gdwarf-3 -O2"),
    program(X86_64, "d2-O2", "-gdwarf-2 -gstrict-dwarf -O2"),
    program(X86_64, "d2-O0-g1", "-gdwarf-2 -g1 -O0"),
    program(X86_64, "d5-O2-g1", "-gdwarf-5 -g1 -O2"),
    program(X86_64, "d5-O2-fixed", "-gdwarf-5 -O2", ALL, FIXED),
    program(X86_64, "d5-lto", "-gdwarf-5 -O2 -flto", link=("-flto", "-O2")),
    program(X86_64, "d5-gc", f"-gdwarf-5 -O2 {' '.join(DISCARD)}", link=GC),
    program(X86_64, "d4-gc-fixed", f"-gdwarf-4 -O1 {' '.join(DISCARD)}", link=(*FIXED, *GC)),
    program(
        X86_64, "d5-zlib", "-gdwarf-5 -O2 -gz=zlib", link=("-Wl,--compress-debug-sections=zlib",)
    ),
    program(X86_64, "debug-frame", f"-gdwarf-5 -O2 {' '.join((*NO_EH_FRAME, *DISCARD))}", link=GC),
    split(program(X86_64, "split-shared", "-gdwarf-5 -O2", LIBRARY, SONAME)),
    program(X86_64, "clang-d5-O2", "-gdwarf-5 -O2"),
    program(X86_64, "clang-d5-O0", "-gdwarf-5 -O0"),
    program(X86_64, "clang-d4-O2-g1", "-gdwarf-4 -g1 -O2"),
    mixed(X86_64),
)

_I686 = (
    program(I686, "d5-O2", "-gdwarf-5 -O2", ALL),
    program(I686, "d4-O0", "-gdwarf-4 -O0"),
    program(I686, "d2-O2-g1-fixed", "-gdwarf-2 -g1 -O2", link=FIXED),
    split(program(I686, "split-d3-O2", "-gdwarf-3 -O2")),
    program(I686, "clang-d5-O2", "-gdwarf-5 -O2"),
)

_AARCH64 = (
    program(AARCH64, "d5-O2", "-gdwarf-5 -O2", ALL),
    program(AARCH64, "d4-O2-g1", "-gdwarf-4 -g1 -O2"),
    program(AARCH64, "d3-O0", "-gdwarf-3 -O0"),
    program(AARCH64, "d5-gc-fixed", f"-gdwarf-5 -O2 {' '.join(DISCARD)}", link=(*FIXED, *GC)),
    program(AARCH64, "d5-lto", "-gdwarf-5 -O2 -flto", link=("-flto", "-O2")),
    program(AARCH64, "debug-frame", f"-gdwarf-5 -O2 {' '.join(NO_EH_FRAME)}", ONLY_C),
    split(program(AARCH64, "split-shared", "-gdwarf-5 -O2", LIBRARY, SONAME)),
    program(AARCH64, "clang-d5-O2", "-gdwarf-5 -O2"),
)

_ARM = (
    program(ARM, "d5-O2", "-gdwarf-5 -O2", ALL),
    program(ARM, "d3-O0", "-gdwarf-3 -O0"),
    program(ARM, "d4-O2-fixed", "-gdwarf-4 -O2", ALL, FIXED),
    program(THUMB, "d5-O2", "-gdwarf-5 -O2", ALL),
    program(THUMB, "d4-O0-g1", "-gdwarf-4 -g1 -O0"),
    program(THUMB, "d5-gc-fixed", f"-gdwarf-5 -O2 {' '.join(DISCARD)}", link=(*FIXED, *GC)),
    program(THUMB, "d5-lto", "-gdwarf-5 -O2 -flto", link=("-flto", "-O2")),
    program(
        THUMB, "d2-zlib", "-gdwarf-2 -O2 -gz=zlib", link=("-Wl,--compress-debug-sections=zlib",)
    ),
    split(program(THUMB, "split-shared", "-gdwarf-5 -O2", LIBRARY, SONAME)),
    program(THUMB, "clang-d5-O2", "-gdwarf-5 -O2"),
)

_RISCV64 = (
    program(RISCV64, "d5-O2", "-gdwarf-5 -O2", ALL),
    program(RISCV64, "d4-O0", "-gdwarf-4 -O0"),
    program(
        RISCV64, "d5-O2-g1-gc-fixed", f"-gdwarf-5 -g1 -O2 {' '.join(DISCARD)}", link=(*FIXED, *GC)
    ),
    split(program(RISCV64, "split-shared", "-gdwarf-5 -O2", LIBRARY, SONAME)),
    program(RISCV64, "clang-d5-O2", "-gdwarf-5 -O2"),
)

# CPUs that embedded Linux meets less often: what differs from CPU to CPU, not the whole matrix.
_OTHERS = (
    program(MIPS, "d5-O2", "-gdwarf-5 -O2"),
    program(MIPS, "d4-O0-fixed", "-gdwarf-4 -O0", link=FIXED),
    program(MIPSEL, "d4-O2", "-gdwarf-4 -O2"),
    program(MIPS64, "d4-O2", "-gdwarf-4 -O2"),
    program(MIPS64EL, "d5-O2", "-gdwarf-5 -O2"),
    program(MIPS64EL, "d4-O0", "-gdwarf-4 -O0", ONLY_C),
    program(PPC, "d5-O2", "-gdwarf-5 -O2"),
    program(PPC, "d4-O0", "-gdwarf-4 -O0", ONLY_C),
    program(PPC64, "d5-O2", "-gdwarf-5 -O2"),
    split(program(PPC64, "split-shared", "-gdwarf-5 -O2", LIBRARY, SONAME)),
    program(PPC64LE, "d5-O2", "-gdwarf-5 -O2"),
    program(PPC64LE, "d4-O0", "-gdwarf-4 -O0", ONLY_C),
    program(S390X, "d5-O2", "-gdwarf-5 -O2"),
    program(S390X, "d4-O0", "-gdwarf-4 -O0", ONLY_C),
    program(SPARC64, "d5-O2", "-gdwarf-5 -O2"),
    program(SPARC32, "d4-O2", "-gdwarf-4 -O2", ONLY_C, link=(*FIXED, "-nostdlib", "-Wl,-e,main")),
    bare(RISCV32, "d5-O2", "-gdwarf-5 -O2"),
    bare(LOONGARCH64, "d5-O2", "-gdwarf-5 -O2"),
    bare(LOONGARCH64, "d4-O0", "-gdwarf-4 -O0"),
)
# Symbols alone: public symbols at the addresses that function descriptors have.
DESCRIPTORS = (
    program(PPC64, "symbols-O2", "-g0 -O2"),
    program(PPC64, "dot-symbols-O2", "-g0 -O2 -mcall-aixdesc", ONLY_C),
    program(PPC64, "symbols-fixed", "-g0 -O2", ONLY_C, link=FIXED),
)
# Their line programs have the ISA bit in the addresses; no tool but readelf says so.
COMPRESSED = (
    program(MIPS16, "d5-O2", "-gdwarf-5 -O2", ONLY_C),
    program(MICROMIPS, "d4-O2", "-gdwarf-4 -O2", ONLY_C),
)

# Inlined calls that are the same at every level: what the marks in the sources say of them.
_MARKED = (
    program(X86_64, "marked-O0", "-gdwarf-5 -O0", MARKED),
    program(X86_64, "clang-marked-O2", "-gdwarf-4 -O2", MARKED),
    program(I686, "marked-O2", "-gdwarf-4 -O2", MARKED),
    program(AARCH64, "marked-O2", "-gdwarf-5 -O2", MARKED),
    program(THUMB, "marked-O0", "-gdwarf-4 -O0", MARKED),
    program(RISCV64, "marked-O2", "-gdwarf-5 -O2", MARKED),
)

PROGRAMS: tuple[Program, ...] = (
    *_X86_64,
    *_I686,
    *_AARCH64,
    *_ARM,
    *_RISCV64,
    *_OTHERS,
    *_MARKED,
)
