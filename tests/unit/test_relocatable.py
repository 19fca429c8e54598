"""Kernel modules: the layout of their sections, and relocations as a linker applies them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from builders import elf
from builders.elf import Elf, Section
from builders.encode import Format
from crashsym.elf import ElfFile
from crashsym.errors import MismatchError
from crashsym.relocatable import BASE
from crashsym.splitpair import SplitPair
from support import crashsym, missing, require_tool

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


CODE = elf.ALLOC | elf.EXECINSTR
LAYOUT = (
    Section(".init.text", bytes(5), flags=CODE),
    Section(".data", bytes(3), flags=elf.ALLOC, alignment=32),
    Section(".text.before", bytes(5), flags=CODE),
    Section(".debug_info", bytes(9)),
    Section(".text", bytes(6), flags=CODE, alignment=4),
    Section(".modinfo", b"a", flags=elf.ALLOC, alignment=0),
    Section(".exit.text", bytes(2), flags=CODE, alignment=16),
)


def places(file: Path) -> dict[str, int]:
    """Return the offsets of the allocated sections from the load base."""
    with ElfFile(file) as elf_file:
        assert elf_file.load_base == BASE
        return {s.name: s.address - BASE for s in elf_file.sections if s.allocated}


@pytest.mark.parametrize("bits", [32, 64])
def test_the_layout(tmp_path: Path, bits: Literal[32, 64]) -> None:
    """.text, the other code in file order with .init last, data; each aligned."""
    file = tmp_path / "module.ko"
    file.write_bytes(Elf(LAYOUT, type=elf.RELOCATABLE, format=Format(bits)).build())
    assert places(file) == {
        ".text": 0,
        ".text.before": 6,
        ".exit.text": 16,
        ".init.text": 18,
        ".data": 32,
        ".modinfo": 35,
    }


def test_both_halves_of_a_module_have_the_same_layout(tmp_path: Path) -> None:
    module = compiled(tmp_path, "x86-64", "-g")
    whole, half, stripped = module, tmp_path / "half.ko", tmp_path / "stripped.ko"
    objcopy = require_tool("objcopy", "binutils")
    subprocess.run([objcopy, "--only-keep-debug", whole, half], check=True)
    subprocess.run([objcopy, "--strip-debug", whole, stripped], check=True)
    assert places(half) == places(whole) == places(stripped)


def records(folder: Path, *arguments: str | Path) -> tuple[int, list[str]]:
    """Run ``dump``; return its exit code and what it writes."""
    done = crashsym("dump", *arguments, cwd=folder)
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.decode().splitlines()


def test_a_split_module_gives_the_symbols_of_the_whole(tmp_path: Path) -> None:
    whole = compiled(tmp_path, "x86-64", "-g")
    (tmp_path / ".debug").mkdir()
    objcopy = require_tool("objcopy", "binutils")
    wanted = records(tmp_path, whole)
    half = tmp_path / ".debug" / whole.name
    subprocess.run([objcopy, "--only-keep-debug", whole, half], check=True)
    link = f"--add-gnu-debuglink={half}"
    subprocess.run([objcopy, "--strip-debug", link, whole], check=True)
    assert records(tmp_path, whole) == wanted
    assert any(line.startswith("FUNC ") for line in wanted[1])


def test_a_half_with_other_code_is_refused(tmp_path: Path) -> None:
    whole = compiled(tmp_path, "x86-64", "-g")
    other = tmp_path / "other.ko"
    unlike = (*LAYOUT, *elf.symbol_table(Format(), [b"f"]))
    other.write_bytes(Elf(unlike, type=elf.RELOCATABLE).build())
    refused = pytest.raises(MismatchError, match="other sizes")
    with ElfFile(whole) as ours, ElfFile(other) as theirs, refused:
        SplitPair(ours, theirs)


def test_lines_are_those_of_addr2line(tmp_path: Path) -> None:
    """In each section, whose offsets addr2line counts from 0."""
    module = compiled(tmp_path, "x86-64", "-gdwarf-5")
    _, lines = records(tmp_path, module)
    with ElfFile(module) as elf_file:
        code = [(s.address - BASE, s.size, s.name) for s in elf_file.sections if s.executable]
    rows = [line.split() for line in lines if line[0] in "0123456789abcdef"]
    seen = set()
    for row in rows:
        address = int(row[0], 16)
        (start, name), *_ = [(s, n) for s, size, n in code if s <= address < s + size]
        command = ["addr2line", "-e", str(module), "-j", name, hex(address - start)]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        assert said.split()[0].endswith(f":{row[2]}"), row
        seen.add(name)
    assert seen == {".text", ".init.text", ".exit.text", ".text.unlikely"}


def test_publics_are_those_of_nm(tmp_path: Path) -> None:
    module = compiled(tmp_path, "x86-64", "-g0")
    _, lines = records(tmp_path, module)
    said = subprocess.run(["nm", module], capture_output=True, check=True, text=True).stdout
    wanted = {row[2]: int(row[0], 16) for line in said.splitlines() if len(row := line.split()) > 2}
    publics = [words for line in lines if (words := line.split())[0] == "PUBLIC"]
    # The compiler calls one walk.constprop.0, which is ours to shorten or not.
    found = {words[3]: int(words[1], 16) for words in publics if not words[3].startswith("walk")}
    offsets = places(module)
    assert found == {
        "work": wanted["work"],
        "start": wanted["start"] + offsets[".init.text"],
        "stop": wanted["stop"] + offsets[".exit.text"],
        "rare": wanted["rare"] + offsets[".text.unlikely"],
    }


def test_modules_of_a_tree_are_subjects_and_object_files_are_not(tmp_path: Path) -> None:
    modules = tmp_path / "root" / "lib" / "modules"
    modules.mkdir(parents=True)
    shutil.move(compiled(tmp_path, "x86-64", "-g"), modules / "mod.ko")
    shutil.copy(modules / "mod.ko", modules / "object.o")
    for name in ("a.ko.xz", "b.ko.gz", "c.ko.zst"):
        (modules / name).write_bytes(b"packed")
    store, manifest = tmp_path / "store", tmp_path / "m.json"
    done = crashsym("extract", tmp_path / "root", "--store", store, "--manifest", manifest)
    assert done.returncode == 3
    said = done.stderr.decode()
    assert "1 relocatable file (.o) left out" in said
    packed = "'/lib/modules/a.ko.xz': this kernel module, and 2 more like it, is compressed"
    assert packed in said
    assert "[no-debug-info]" not in said
    assert "[no-unwind-info]" not in said
    assert [p.name for p in store.iterdir()] == ["mod.ko"]


def test_a_module_without_rows_to_unwind_is_no_finding(tmp_path: Path) -> None:
    module = compiled(tmp_path, "x86-64", "-g0", "-fno-asynchronous-unwind-tables")
    done = crashsym("dump", module)
    assert b"[no-debug-info]" in done.stderr
    assert b"[no-unwind-info]" not in done.stderr


def test_an_object_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "object.o"
    file.write_bytes(Elf((elf.text(64),), type=elf.RELOCATABLE).build())
    done = crashsym("dump", file)
    assert done.returncode == 2
    assert b"its type is ET_REL" in done.stderr
