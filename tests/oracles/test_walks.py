"""Walks through what other dumpers leave out or get wrong, by both stack walkers.

A stop at each instruction of a lazy PLT entry, which GNU ld describes by an expression that
compares; and a crash in the handler of a signal, whose frame has an expression for each register.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpus.build import run
from elftools.elf.elffile import ELFFile
from oracles.crashes import (
    SOURCES,
    Frame,
    breakpad_stack,
    client_library,
    includes,
    rust_stack,
)
from oracles.lookups import unqualified_name
from support import crashsym, require_tool

pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("minidump")]
WALKERS: dict[str, Callable[[Path, Path], list[Frame]]] = {
    "Breakpad": breakpad_stack,
    "rust-minidump": rust_stack,
}


@dataclass(frozen=True)
class Installation:
    program: Path
    store: Path
    table: tuple[int, int]

    def stop(self, offset: int, folder: Path) -> Path:
        """The minidump of a stop at this offset into a PLT entry; 0x10 more is the first entry."""
        folder.mkdir()
        numbers = [f"{number:x}" for number in (*self.table, offset)]
        done = subprocess.run([self.program, folder, *numbers], check=False, capture_output=True)
        assert done.returncode == 0, f"exit {done.returncode}"
        (minidump,) = folder.glob("*.dmp")
        return minidump


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    lazy = ("-no-pie", "-fcf-protection=none", "-Wl,-z,lazy")
    program, store = build("plt.cc", tmp_path_factory.mktemp("plt"), lazy)
    with program.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".plt")
        assert section is not None
        table = (section["sh_addr"], section["sh_size"])
    return Installation(program, store, table)


def build(source: str, folder: Path, flags: tuple[str, ...] = ()) -> tuple[Path, Path]:
    """Compile a program of the corpus; return it, and a store with its symbols."""
    for tool in ("g++", "ar"):
        require_tool(tool)
    program, store = folder / source.removesuffix(".cc"), folder / "store"
    options = ["-O1", "-g", "-w", "-Wl,--build-id=sha1", *flags, *includes()]
    libraries = [str(client_library()), "-lpthread"]
    run(["g++", *options, str(SOURCES / source), *libraries, "-o", str(program)])
    done = crashsym("dump", program, "--store", store)
    assert done.returncode == 0, done.stderr.decode()
    return program, store


# The instructions of an entry: jmp, push, jmp; those of the first one: push, jmp.
@pytest.mark.parametrize("offset", [0, 6, 11, 0x10, 0x16], ids="{:#x}".format)
@pytest.mark.parametrize("walker", WALKERS)
def test_the_caller_of_a_plt_entry_is_found_by_rules(
    installation: Installation, tmp_path: Path, walker: str, offset: int
) -> None:
    minidump = installation.stop(offset, tmp_path / "minidumps")
    frames = WALKERS[walker](minidump, installation.store)
    calls = [(unqualified_name(frame.function), frame.trust) for frame in frames[1:3]]
    assert frames[0].trust == "context"
    assert calls == [("call_through_the_table", "cfi"), ("main", "cfi")]


def crash(program: Path, folder: Path) -> Path:
    """Let the program crash, and return its minidump."""
    folder.mkdir()
    done = subprocess.run([program, folder], check=False, capture_output=True)
    assert done.returncode < 0, f"it did not crash: exit {done.returncode}"
    (minidump,) = folder.glob("*.dmp")
    return minidump


def c_library(program: Path) -> Path:
    """The C library that the program runs with."""
    match = re.search(r"libc\.so\.6 => (\S+)", run(["ldd", str(program)]))
    assert match
    return Path(match[1])


@pytest.mark.parametrize("walker", WALKERS)
def test_the_walk_goes_through_a_signal_frame(tmp_path: Path, walker: str) -> None:
    program, store = build("signal.cc", tmp_path)
    # Exit code 3: the C library has no debug information, which is a finding.
    assert crashsym("dump", c_library(program), "--store", store).returncode == 3
    minidump = crash(program, tmp_path / "minidumps")
    frames = WALKERS[walker](minidump, store)
    ours = [unqualified_name(f.function) for f in frames if f.module == program.name]
    assert ours[:5] == ["crash_here", "on_signal", "leaf", "interrupted", "main"]
    assert {frame.trust for frame in frames[1:6]} == {"cfi"}


@pytest.mark.parametrize("walker", WALKERS)
def test_the_walk_goes_through_a_frame_that_aligns_the_stack(tmp_path: Path, walker: str) -> None:
    program, store = build("aligned.cc", tmp_path)
    opcodes = run(["readelf", "--debug-dump=frames", str(program)])
    assert re.search(
        r"DW_CFA_def_cfa_expression \(DW_OP_breg6 \(rbp\): -?\d+; DW_OP_deref\)", opcodes
    )
    frames = WALKERS[walker](crash(program, tmp_path / "minidumps"), store)
    calls = [(unqualified_name(f.function), f.trust) for f in frames[:4]]
    found = [("aligned", "cfi"), ("caller", "cfi"), ("main", "cfi")]
    assert calls == [("crash_here", "context"), *found]
