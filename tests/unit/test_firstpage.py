# SPDX-License-Identifier: MIT
"""Whether a core file has the build id of a module: the kernel and elfutils have the last word."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from builders import elf
from builders.elf import LOAD, PT_NOTE, Elf, Section, Segment
from builders.encode import Format
from crashsym.elf import ElfFile
from crashsym.firstpage import PAGE, why_no_build_id
from support import crashsym, missing, require_tool

FIRST = "a core has the first 0x1000 bytes of the file"
BE32 = Format(bits=32, little_endian=False)
# As a script of somebody who wants to have the notes behind the code.
MOVED = "SECTIONS { .note.gnu.build-id : { *(.note.gnu.build-id) } } INSERT AFTER .eh_frame;"
C = "#include <stdlib.h>\nint main(void) { abort(); }\n"
GO = "package main\nfunc main() { panic(1) }\n"


def gcc(folder: Path, *options: str) -> Path:
    """Compile a program that dies."""
    (folder / "moved.ld").write_text(MOVED)
    command = [
        require_tool("gcc"),
        "-g",
        "-Wl,--build-id",
        *options,
        "-x",
        "c",
        "-",
        "-o",
        "program",
    ]
    subprocess.run(command, input=C.encode(), check=True, cwd=folder)
    return folder / "program"


def without_notes(folder: Path) -> Path:
    """Make the program headers of the notes nothing."""
    program = gcc(folder)
    data = bytearray(program.read_bytes())
    start = int.from_bytes(data[32:40], "little")
    for place in range(start, start + 56 * data[56], 56):
        if data[place] == PT_NOTE:
            data[place] = 0
    program.write_bytes(data)
    return program


def patched(folder: Path) -> Path:
    """Move the notes to the end, into a segment that the program can write to."""
    program = gcc(folder)
    rpath = ("--set-rpath", "/opt/" + 200 * "n")
    subprocess.run([require_tool("patchelf"), *rpath, program], check=True)
    return program


def go(folder: Path, mode: str) -> Path:
    """Compile a program in Go."""
    (folder / "a.go").write_text(GO)
    flags = f"-linkmode={mode} -B 0x{'a5' * 20}"
    command = [require_tool("go", "golang-go"), "build", "-ldflags", flags, "-o", "program", "a.go"]
    cache = {"GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod", "HOME": str(folder)}
    subprocess.run(command, check=True, cwd=folder, env={**os.environ, **cache})
    return folder / "program"


def in_core(program: Path) -> bool:
    """Whether elfutils reads the build id of a program from its core, and from nothing else."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if set(pattern) & set("|/"):
        missing("a core file in the current folder", "Set kernel.core_pattern=core.")
    core = program.parent / "dying"
    core.mkdir()
    subprocess.run(
        [program],
        cwd=core,
        env={**os.environ, "GOTRACEBACK": "crash"},
        stderr=subprocess.DEVNULL,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)),
    )
    (file,) = core.iterdir()
    gone = program.rename(program.with_suffix(".gone"))
    command = [require_tool("eu-unstrip", "elfutils"), "-n", f"--core={file}"]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    gone.rename(program)
    # address and size, build id and its address
    (line,) = [line.split() for line in said.splitlines() if line.endswith(f"/{program.name}")]
    return line[1] != "-"


@pytest.mark.parametrize(
    ("build", "there"),
    [
        (gcc, True),
        (lambda folder: gcc(folder, "-static"), True),
        (patched, True),
        (lambda folder: gcc(folder, "-Wl,-T,moved.ld"), False),
        (without_notes, False),
        (lambda folder: go(folder, "internal"), False),
        (lambda folder: go(folder, "external"), True),
    ],
    ids=["usual", "static", "patchelf", "moved", "no-segment", "go", "go-external"],
)
def test_the_core_of_a_program_agrees(
    tmp_path: Path, build: Callable[[Path], Path], there: bool
) -> None:
    program = build(tmp_path)
    with ElfFile(program) as file:
        assert file.build_id is not None
        assert (why_no_build_id(file) is None) is there
    assert in_core(program) is there


def why(tmp_path: Path, data: bytes) -> str | None:
    (tmp_path / "file").write_bytes(data)
    with ElfFile(tmp_path / "file") as file:
        return why_no_build_id(file)


def program(
    at: int, *, fmt: Format | None = None, before: bytes = b"", more: tuple[Segment, ...] = ()
) -> bytes:
    """Return a program whose notes begin at an offset of the file; ``before`` is another note."""
    fmt = fmt or Format()
    notes = before + elf.note(fmt, elf.BUILD_ID)
    segments = (Segment(LOAD), Segment(PT_NOTE, offset=at, file_size=len(notes)), *more)
    start = (64 if fmt.bits == 64 else 52) + len(segments) * (56 if fmt.bits == 64 else 32)
    sections = (
        Section(".padding", bytes((at - start) // 8 * 8)),
        Section(".note.gnu.build-id", notes, elf.NOTE),
        elf.code(),
    )
    made = Elf(sections, segments, format=fmt).build()
    assert made.index(notes) == at
    return made


@pytest.mark.parametrize("fmt", [Format(), BE32], ids=["64", "32-be"])
def test_the_whole_note_has_to_be_on_the_first_page(tmp_path: Path, fmt: Format) -> None:
    last = PAGE - len(elf.note(fmt, elf.BUILD_ID))
    first = (64 if fmt.bits == 64 else 52) + 2 * (56 if fmt.bits == 64 else 32)
    at = first + (last - first) // 8 * 8
    assert last - at < 8
    assert why(tmp_path, program(at, fmt=fmt)) is None
    late = why(tmp_path, program(at + 8, fmt=fmt))
    end = at + 8 + PAGE - last
    assert late == f"it is at {at + 8:#x} to {end:#x}, {FIRST}"


def test_a_large_note_in_front_of_it(tmp_path: Path) -> None:
    fmt = Format()
    note = elf.note(fmt, bytes(4000), kind=9)
    found = why(tmp_path, program(64 + 2 * 56, before=note))
    assert found is not None
    assert found.startswith(f"it is at {64 + 2 * 56 + len(note):#x} to")


def test_what_the_program_writes_to_is_in_the_core(tmp_path: Path) -> None:
    data = Segment(LOAD, flags=6, offset=0x2000, file_size=0x1000)
    at = 0x2000 + 8 * 7
    assert why(tmp_path, program(at, more=(data,))) is None
    assert why(tmp_path, program(at, more=(replace(data, flags=4),))) is not None


def test_program_headers_beyond_the_first_page(tmp_path: Path) -> None:
    many = tuple(Segment(0) for _ in range(72))
    found = why(tmp_path, program(64 + 74 * 56 + 8, more=many))
    assert found == f"its program headers end at 0x1070, {FIRST}"


@pytest.mark.parametrize(
    ("note", "count"),
    [
        (Segment(PT_NOTE, offset=1 << 40, file_size=1 << 40), 1),
        (Segment(PT_NOTE, offset=0, file_size=1 << 62), 5000),
        (Segment(PT_NOTE), 60_000),
    ],
)
def test_notes_that_lie_are_no_notes(tmp_path: Path, note: Segment, count: int) -> None:
    segments = (Segment(LOAD), *(count * [note]))
    header = {"e_phnum": len(segments)}
    data = Elf((elf.code(), elf.build_id(Format())), segments, header=header).build()
    assert why(tmp_path, data) is not None


@pytest.mark.parametrize(
    "data",
    [
        elf.module(),  # no segment: nothing loads it
        Elf((elf.code(),), (Segment(LOAD),)).build(),  # no build id: that is another finding
        # a kernel: it is not mapped from the beginning of its file
        Elf((elf.code(), elf.build_id(Format())), (Segment(LOAD, offset=0x200000),)).build(),
    ],
)
def test_of_these_nothing_is_said(tmp_path: Path, data: bytes) -> None:
    assert why(tmp_path, data) is None


def test_it_is_said_by_dump_and_image_and_known_by_the_cache(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/app").write_bytes(program(0x2000 + 64 + 2 * 56))
    done = crashsym("dump", tmp_path / "root/app")
    assert done.returncode == 3
    assert b"a core file does not have its build id" in done.stderr
    for known in (0, 1):
        places = ("--store", tmp_path / "store", "--manifest", tmp_path / "m.json")
        options = ("--json", "--cache", tmp_path / "cache")
        document = json.loads(crashsym("image", tmp_path / "root", *places, *options).stdout)
        found = {finding["code"]: finding for finding in document["findings"]}
        assert ".note.gnu.build-id" in found["late-build-id"]["message"]
        assert document["known"] == known
