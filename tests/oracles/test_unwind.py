"""Our STACK CFI records mean what ``readelf --debug-dump=frames-interp`` prints, row by row."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from corpus.matrix import PROGRAMS, Program
from oracles.cases import compiled, dumped_text, each_program, elf_facts, our_symbols
from oracles.exidx import name_personalities, rules_by_range
from oracles.frames import Fde, read_fdes
from oracles.symfile import parse
from oracles.unwind import Disagreement, IndexRange, compare
from support import require_tool

pytestmark = pytest.mark.oracle
SPLIT = [program for program in PROGRAMS if program.split]


def index_of(path: Path, program: Program, folder: Path) -> list[IndexRange]:
    """The exception index, which only files for Arm have."""
    if program.cpu.arch != "arm":
        return []
    return rules_by_range(name_personalities(path, folder))


@each_program()
def test_every_row_means_what_readelf_prints(program: Program, tmp_path: Path) -> None:
    require_tool("readelf")
    whole = compiled(program).whole
    fdes = kept(read_fdes(whole))
    assert fdes
    index = index_of(whole, program, tmp_path)
    wrong = compare(program.cpu, our_symbols(program), fdes, elf_facts(whole).base, index)
    assert not wrong, report(wrong)


@each_program(SPLIT)
def test_a_fully_stripped_file_keeps_the_rules_it_has(program: Program, tmp_path: Path) -> None:
    require_tool("readelf")
    # Away from its debug half, which is found beside it otherwise.
    shipped = Path(shutil.copy(compiled(program).shipped, tmp_path))
    fdes = kept(read_fdes(shipped))
    # Exit code 3: it has no debug information, which is a finding.
    symbols = parse(dumped_text(shipped, None, exit_code=3))
    index = index_of(shipped, program, tmp_path / "named")
    wrong = compare(program.cpu, symbols, fdes, elf_facts(shipped).base, index)
    assert not wrong, report(wrong)


@each_program()
def test_each_block_gives_the_cfa_and_the_return_address(program: Program) -> None:
    for block in our_symbols(program).cfi:
        assert {".cfa", ".ra"} <= block.rules.keys(), f"{block.address:#x}"


def kept(fdes: list[Fde]) -> list[Fde]:
    """Without functions that the linker discarded, and without empty ones."""
    return [fde for fde in fdes if fde.begin != 0 and fde.begin < fde.end]


def report(wrong: list[Disagreement]) -> str:
    return "\n".join([f"{len(wrong)} rules differ; the first:", *map(str, wrong[:8])])
