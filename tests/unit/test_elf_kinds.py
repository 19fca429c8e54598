"""Executables that are unusual: kernels, static-pie, files without section headers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from builders import elf
from builders.elf import Elf, Section, Segment
from builders.encode import Format
from crashsym.elf import ElfFile
from crashsym.errors import MalformedError
from support import crashsym, require_tool

SOURCE = """
int counter;
__attribute__((noinline)) int step(int n) { return n + counter; }
int _start(void) { return step(3); }
int __attribute__((section(".init.text"))) init(void) { return step(1); }
"""
KERNEL_BASE = 0xFFFFFFFF81000000
# As arch/x86/kernel/vmlinux.lds.S: code at the top of the address space, data of each CPU at 0.
KERNEL_SCRIPT = f"""
PHDRS {{ text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); percpu PT_LOAD FLAGS(6);
        init PT_LOAD FLAGS(7); }}
SECTIONS {{
  . = {KERNEL_BASE:#x};
  .text : {{ *(.text) }} :text
  . = ALIGN(0x1000);
  .data : {{ *(.data) *(.bss) }} :data
  .data..percpu 0 : {{ LONG(0) }} :percpu
  . = {KERNEL_BASE + 0x10000:#x};
  .init.text : {{ *(.init.text) }} :init
}}
"""


def build(folder: Path, *options: str) -> Path:
    """Compile the source; the unit has no library."""
    output = folder / "program"
    command = [require_tool("gcc"), "-g", "-O1", "-nostdlib", "-ffreestanding", *options]
    command += ["-fno-stack-protector", "-x", "c", "-", "-o", str(output)]
    subprocess.run(command, input=SOURCE.encode(), check=True)
    return output


def functions(program: Path) -> dict[str, int]:
    """Return the functions of a program by its symbol file."""
    done = crashsym("dump", program)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    return {words[4]: int(words[1], 16) for words in lines if words[0] == "FUNC"}


def nm(program: Path) -> dict[str, int]:
    """Return the symbols as nm reads them."""
    said = subprocess.run(["nm", program], capture_output=True, check=True, text=True).stdout
    return {row[2]: int(row[0], 16) for line in said.splitlines() if len(row := line.split()) > 2}


def test_a_kernel(tmp_path: Path) -> None:
    (tmp_path / "kernel.ld").write_text(KERNEL_SCRIPT)
    options = ("-static", "-fno-pic", "-no-pie", "-mcmodel=kernel", "-Wl,--build-id=sha1")
    script = ("-Wl,-T," + str(tmp_path / "kernel.ld"), "-Wl,--no-warn-rwx-segments")
    kernel = build(tmp_path, *options, *script)
    with ElfFile(kernel) as elf_file:
        assert elf_file.kind == "executable"
        assert elf_file.load_base == KERNEL_BASE
    wanted = nm(kernel)
    names = ("_start", "step", "init")
    assert functions(kernel) == {name: wanted[name] - KERNEL_BASE for name in names}


def test_a_static_pie(tmp_path: Path) -> None:
    program = build(tmp_path, "-static-pie", "-fPIE", "-Wl,--build-id=sha1")
    said = subprocess.run(["readelf", "-lW", program], capture_output=True, check=True, text=True)
    assert "INTERP" not in said.stdout
    with ElfFile(program) as elf_file:
        assert elf_file.kind == "shared object"
    wanted = nm(program)
    assert functions(program) == {name: wanted[name] for name in ("_start", "step", "init")}


def test_no_code_lies_below_the_load_base(tmp_path: Path) -> None:
    """From there addresses count, in kernels as in programs."""
    first = Segment(elf.LOAD, 5, 0, elf.TEXT_ADDRESS + 16, 16, 16)
    (tmp_path / "module.so").write_bytes(Elf((elf.code(64),), [first]).build())
    with ElfFile(tmp_path / "module.so") as elf_file:
        assert elf_file.load_base == elf.TEXT_ADDRESS + 16
        assert elf_file.executable_ranges == ((elf.TEXT_ADDRESS + 16, elf.TEXT_ADDRESS + 64),)


def _segments_only(fmt: Format, name: bytes = b"libx.so.1", strings_at: int = 0x2000) -> bytes:
    """Return a file without section headers whose dynamic segment names its strings."""
    head = (64 if fmt.bits == 64 else 52) + 3 * (56 if fmt.bits == 64 else 32)
    strings = b"\0" + name + b"\0"
    tags = fmt.word(elf.DT_SONAME, 1, elf.DT_STRTAB, strings_at, 10, len(strings), 0, 0)
    note = elf.note(fmt, elf.BUILD_ID)
    at = [head, head + len(tags) + -len(tags) % 8]
    at.append(at[1] + len(strings) + -len(strings) % 8)
    segments = [
        Segment(elf.PT_DYNAMIC, 6, at[0], 0x1000, len(tags), len(tags)),
        Segment(elf.LOAD, 4, at[1], 0x2000, len(strings), len(strings)),
        Segment(elf.PT_NOTE, 4, at[2], 0, len(note), len(note)),
    ]
    sections = (Section("d", tags), Section("s", strings), Section("n", note))
    gone = {"e_shoff": 0, "e_shnum": 0, "e_shstrndx": 0}
    return Elf(sections, segments, format=fmt, header=gone).build()


FORMATS = [Format(bits, little) for bits in (32, 64) for little in (True, False)]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_without_section_headers_the_segments_are_read(tmp_path: Path, fmt: Format) -> None:
    file = tmp_path / "headless.so"
    file.write_bytes(_segments_only(fmt))
    with ElfFile(file) as elf_file:
        assert elf_file.sections == ()
        assert elf_file.soname == "libx.so.1"
        assert str(elf_file.build_id) == elf.BUILD_ID.hex()


def test_a_soname_outside_of_what_is_loaded_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "headless.so"
    file.write_bytes(_segments_only(Format(), strings_at=0x9000))
    with ElfFile(file) as elf_file, pytest.raises(MalformedError, match="DT_SONAME"):
        assert elf_file.soname


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_the_alternate_debug_id_is_for_big_endian_files(tmp_path: Path, fmt: Format) -> None:
    file = tmp_path / "module.so"
    file.write_bytes(elf.module(fmt=fmt))
    with ElfFile(file) as elf_file:
        assert elf_file.identifier is not None
        assert elf_file.identifier.debug_id == "0403020106050807090A0B0C0D0E0F100"
        other = None if fmt.little_endian else "0102030405060708090A0B0C0D0E0F100"
        assert elf_file.alternate_debug_id == other
