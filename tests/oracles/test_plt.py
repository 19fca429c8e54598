"""A stop at each instruction of a lazy PLT entry: both stack walkers find the caller by our rules.

Other dumpers leave these entries out, since GNU ld describes them by an expression that compares.
"""

from __future__ import annotations

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
    for tool in ("g++", "ar"):
        require_tool(tool)
    folder = tmp_path_factory.mktemp("plt")
    program, store = folder / "root" / "plt", folder / "store"
    program.parent.mkdir()
    lazy = ["-no-pie", "-fcf-protection=none", "-Wl,-z,lazy", "-Wl,--build-id=sha1"]
    source = str(SOURCES / "plt.cc")
    libraries = [str(client_library()), "-lpthread"]
    run(["g++", "-O1", "-g", "-w", *includes(), *lazy, source, *libraries, "-o", str(program)])
    with program.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".plt")
        assert section is not None
        table = (section["sh_addr"], section["sh_size"])
    done = crashsym("dump", program, "--store", store)
    assert done.returncode == 0, done.stderr.decode()
    return Installation(program, store, table)


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
