# SPDX-License-Identifier: MIT
"""That functions have no lines is said, and asking for it costs nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from builders import cfi, dwarf, elf
from builders.elf import Elf, Section
from builders.encode import Format
from crashsym.bytesource import MemoryBytes
from crashsym.dump import Dump, DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.protocols import Engine
from crashsym.engines.reference import ReferenceEngine
from crashsym.splitpair import SplitPair
from support import crashsym, require_tool

FMT = Format()
ENGINES: tuple[Engine, ...] = (CompiledEngine(), ReferenceEngine())
HERE, ELSEWHERE, NO_CODE = 0x1000, 0x3000, 0x1010


def dump(engine: Engine, address: int | None) -> Dump:
    """The symbols of a function of 16 bytes at 0x1000, whose unit has lines from an address on."""
    info = dwarf.Dwarf(FMT)
    unit: list[dwarf.Attribute] = [(dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)]
    lines = Section(".debug_line", b"")
    if address is not None:
        program = dwarf.sequence(FMT, address, b"\1")
        lines = Section(".debug_line", dwarf.line_program(FMT, program))
    children = [dwarf.function(HERE, 16, b"main")]
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, unit if address is not None else [], children))
    frames = cfi.EhFrame(FMT)
    frames.fde(frames.cie(), HERE, 16)
    parts = (elf.code(), elf.build_id(FMT), *info.sections(), frames.section(), lines)
    file = ElfFile(Path("a"), MemoryBytes(Elf(parts).build(), "'a'"))
    return dump_module(SplitPair(file), "a", "a", DumpOptions(), engine)


@pytest.mark.parametrize("engine", ENGINES, ids=("kernel", "reference"))
@pytest.mark.parametrize(
    ("address", "found"),
    [(None, ["no-lines"]), (ELSEWHERE, ["no-lines"]), (NO_CODE, ["no-lines"]), (HERE, [])],
)
def test_functions_without_lines_are_a_finding(
    engine: Engine, address: int | None, found: list[str]
) -> None:
    made = dump(engine, address)
    assert [finding.code for finding in made.findings] == found
    assert made.functions.has_lines is (not found)
    assert bool(made.functions.lines) is (not found)


def test_lines_are_not_counted_before_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    monkeypatch.setattr("crashsym.kernel.joined.Nowhere.write", lambda *_: writes.append(1))
    made = dump(CompiledEngine(), HERE)
    assert not writes
    assert made.functions.lines == 1
    assert writes


def test_a_library_of_data_alone_lacks_nothing(tmp_path: Path) -> None:
    require_tool("gcc")
    library, half = tmp_path / "libtable.so", tmp_path / "libtable.so.debug"
    (tmp_path / "table.c").write_text("const int table[] = {1, 2, 3};\n")
    command: list[str | Path] = [
        "gcc",
        "-g",
        "-shared",
        "-fPIC",
        "-o",
        library,
        tmp_path / "table.c",
    ]
    subprocess.run(command, check=True)
    subprocess.run(["objcopy", "--only-keep-debug", library, half], check=True)
    subprocess.run(["strip", library], check=True)
    without = crashsym("dump", library, "-o", tmp_path / "without.sym")
    assert b"[no-debug-info]" in without.stderr
    done = crashsym("dump", library, "--debug-file", half, "-o", tmp_path / "table.sym")
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / "table.c").write_text("int table; int next(void) { return ++table; }\n")
    command = ["gcc", "-g0", "-shared", "-fPIC", "-o", library, tmp_path / "table.c"]
    subprocess.run(command, check=True)
    assert b"[no-debug-info]" in crashsym("dump", library, "-o", tmp_path / "code.sym").stderr
