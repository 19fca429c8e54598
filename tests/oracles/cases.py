"""The corpus as test cases, and the project's own symbol files of it.

The library under test is driven as a user drives it: through the ``crashsym`` command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from corpus.build import Binary, build, required_tools
from corpus.matrix import PROGRAMS, Program
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from oracles.symfile import SymFile, parse
from support import crashsym, require_tool


def each_program(programs: Iterable[Program] = PROGRAMS) -> pytest.MarkDecorator:
    """Run a test once for each program; the tests of one program share a worker, and its caches."""
    cases = [
        pytest.param(program, id=program.name, marks=pytest.mark.xdist_group(program.name))
        for program in programs
    ]
    return pytest.mark.parametrize("program", cases)


def compiled(program: Program) -> Binary:
    """Return ``program`` compiled; a missing compiler skips the test, or fails it in CI."""
    for tool in required_tools(program):
        require_tool(tool)
    return _compiled(program)


@cache
def _compiled(program: Program) -> Binary:
    return build(program)


@cache
def dumped_text(shipped: Path, debug: Path | None, exit_code: int = 0) -> str:
    """What ``crashsym dump`` prints for a file and, of a split pair, its debug half.

    With the exit code 3 there are findings, one line each.
    """
    half = () if debug is None else ("--debug-file", debug)
    done = crashsym("dump", shipped, *half)
    talk = done.stderr.decode()
    assert done.returncode == exit_code, f"exit {done.returncode}: {talk}"
    assert bool(talk) == (exit_code != 0), f"exit {exit_code}, and yet: {talk!r}"
    return done.stdout.decode()


def our_text(program: Program) -> str:
    binary = compiled(program)
    return dumped_text(binary.shipped, binary.debug)


@cache
def our_symbols(program: Program) -> SymFile:
    return parse(our_text(program))


@dataclass(frozen=True)
class Section:
    """A section with code, at the address it was linked for."""

    name: str
    address: int
    size: int


@dataclass(frozen=True)
class Symbol:
    """A function symbol; ``address`` as it stands in the file, with ARM's Thumb bit."""

    name: str
    address: int
    size: int


@dataclass(frozen=True)
class ElfFacts:
    """What the tests need to know of an ELF file.

    ``base`` is the address of the first loaded segment; symbol files count from there.
    """

    base: int
    code: tuple[Section, ...]
    functions: tuple[Symbol, ...]
    debug_sections: frozenset[str]

    def code_addresses(self) -> list[int]:
        """Every address in a section with code, relative to the base."""
        found = {a for s in self.code for a in range(s.address, s.address + s.size)}
        return [address - self.base for address in sorted(found)]


@cache
def elf_facts(path: Path) -> ElfFacts:
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        loads = [s["p_vaddr"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
        sections = list(elf.iter_sections())
        # SHF_EXECINSTR is 4.
        code = tuple(
            Section(s.name, s["sh_addr"], s["sh_size"]) for s in sections if s["sh_flags"] & 4
        )
        functions = set()
        for name in (".symtab", ".dynsym"):
            table = elf.get_section_by_name(name)
            for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
                if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                    functions.add(Symbol(symbol.name, symbol["st_value"], symbol["st_size"]))
        ordered = tuple(sorted(functions, key=lambda s: (s.address, s.name)))
        debug = frozenset(s.name for s in sections if s.name.startswith((".debug", ".zdebug")))
        return ElfFacts(loads[0], code, ordered, debug)
