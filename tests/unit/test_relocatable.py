"""Kernel modules: the layout of their sections, and relocations as a linker applies them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from crashsym.elf import ElfFile
from support import missing

SOURCE = r"""
struct list { struct list *next; int value; };
static struct list head = { &head, 3 };
int shared, counted[4];
static inline __attribute__((always_inline)) int twice(int n) { return n + n + shared; }
__attribute__((noinline)) static int walk(struct list *l, int n)
{
    int sum = 0;
    while (n-- > 0) { sum += twice(l->value); l = l->next; counted[n & 3]++; }
    return sum;
}
int work(int n) { return walk(&head, n) * 2; }
int __attribute__((section(".init.text"))) start(void) { shared = 1; return work(4); }
void __attribute__((section(".exit.text"))) stop(void) { shared = twice(0); }
int __attribute__((section(".text.unlikely"))) rare(int n) { return n ? work(n - 1) : -1; }
const char info[] __attribute__((section(".modinfo"))) = "license=MIT";
"""
# target → compiler, the linker for it, options
TARGETS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "x86-64": ("gcc", "ld", ("-mcmodel=kernel", "-fno-pic")),
    "i386": ("i686-linux-gnu-gcc", "i686-linux-gnu-ld", ("-fno-pic",)),
    "arm": ("arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-ld", ("-fno-pic",)),
    "arm64": ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-ld", ("-fno-pic",)),
    "riscv64": ("riscv64-linux-gnu-gcc", "riscv64-linux-gnu-ld", ("-fno-pic", "-mcmodel=medany")),
    "mips": ("mips-linux-gnu-gcc", "mips-linux-gnu-ld", ("-mno-abicalls", "-fno-pic")),
    "mips64": (
        "mips64-linux-gnuabi64-gcc",
        "mips64-linux-gnuabi64-ld",
        ("-mno-abicalls", "-fno-pic"),
    ),
    "mips64el": (
        "mips64el-linux-gnuabi64-gcc",
        "mips64el-linux-gnuabi64-ld",
        ("-mno-abicalls", "-fno-pic"),
    ),
    "ppc": ("powerpc-linux-gnu-gcc", "powerpc-linux-gnu-ld", ("-fno-pic",)),
    "ppc64": ("powerpc64-linux-gnu-gcc", "powerpc64-linux-gnu-ld", ("-fno-pic",)),
    "ppc64le": ("powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-ld", ("-fno-pic",)),
    "s390x": ("s390x-linux-gnu-gcc", "s390x-linux-gnu-ld", ("-fno-pic",)),
    "sparc64": ("sparc64-linux-gnu-gcc", "sparc64-linux-gnu-ld", ("-fno-pic",)),
}
COMMON = ("-c", "-O2", "-fasynchronous-unwind-tables", "-fno-stack-protector", "-x", "c", "-")


def compiled(folder: Path, target: str, *options: str) -> Path:
    """Return a file like a kernel module for ``target``."""
    compiler, linker, own = TARGETS[target]
    for tool in (compiler, linker):
        if shutil.which(tool) is None:
            missing(tool, f"Install it with 'apt-get install {compiler.replace('gcc', 'g++')}'.")
    output = folder / "module.ko"
    command = [compiler, *COMMON, *own, *options, "-o", str(output)]
    subprocess.run(command, input=SOURCE.encode(), check=True)
    return output


def linked(folder: Path, module: Path, linker: str) -> Path:
    """Return what the linker makes of a module when each section lies where we say.

    Flags of the sections of strings are taken away before, so that it does not merge them.
    """
    plain = folder / "plain.o"
    objcopy = f"{linker.removesuffix('ld')}objcopy"
    flags = [f"--set-section-flags={n}=readonly,debug" for n in (".debug_str", ".debug_line_str")]
    subprocess.run([objcopy, *flags, module, plain], check=True)
    with ElfFile(module) as elf_file:
        places = [s for s in elf_file.sections if s.allocated and s.size]
    rows = "\n".join(f'"{s.name}" 0x{s.address:x} : {{ *({s.name}) }}' for s in places)
    (folder / "places.ld").write_text(f"SECTIONS {{\n{rows}\n}}\n")
    output = folder / "linked"
    options = ["--traditional-format", "--no-relax", "-e0", "--no-warn-rwx-segments"]
    options += ["--no-check-sections", "--unresolved-symbols=ignore-all"]
    script = ["-T", str(folder / "places.ld")]
    subprocess.run([linker, *options, *script, str(plain), "-o", str(output)], check=True)
    return output


def _words(data: bytes, step: int, size: int) -> list[bytes]:
    return [data[place : place + size] for place in range(0, len(data), step)]


@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
@pytest.mark.parametrize("target", TARGETS)
def test_sections_become_what_the_linker_makes_of_them(
    tmp_path: Path, target: str, version: str
) -> None:
    module = compiled(tmp_path, target, version)
    compared = []
    with ElfFile(module) as ours, ElfFile(linked(tmp_path, module, TARGETS[target][1])) as theirs:
        for section in ours.sections:
            if section.name.startswith((".debug_", ".eh_frame", ".ARM.ex", ".opd")):
                wanted = theirs.section_bytes(section.name)
                if section.allocated:  # the linker ends .eh_frame and .ARM.exidx with a mark
                    wanted = wanted[: section.size]
                found = ours.section_bytes(section.name)
                if section.name == ".opd":  # function, TOC pointer, environment: we want functions
                    found, wanted = (b"".join(_words(data, 24, 8)) for data in (found, wanted))
                assert found == wanted, section.name
                compared.append(section.name)
    assert {".debug_info", ".debug_line"} <= set(compared)
