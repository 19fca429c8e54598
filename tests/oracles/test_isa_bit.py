"""MIPS16 and microMIPS: the assembler marks their rows, the linker their symbols, in bit 0.

No peer takes the mark for what it is, so readelf is the oracle: its rows without the mark.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from corpus.build import run
from corpus.matrix import COMPRESSED, Program
from oracles.cases import compiled, dumped_text, each_program, elf_facts, our_symbols
from oracles.frames import NO_LINKS, read_fdes
from oracles.symfile import SymFile, parse
from oracles.test_unwind import kept, report
from oracles.unwind import compare
from support import crashsym, require_tool

pytestmark = pytest.mark.oracle
# "plain.c   12   0x1193   1   x"; the line of the row that ends a sequence is "-".
_ROW = re.compile(r"(\S+)\s+(\d+|-)\s+0x([0-9a-f]+)\b")


@each_program(COMPRESSED)
def test_every_row_is_at_the_code_of_its_instruction(program: Program) -> None:
    require_tool("readelf")
    symbols = our_symbols(program)
    rows = marked_rows(compiled(program).whole)
    marked = {address for address, _ in rows if address & 1}
    assert marked, "nothing to see here: no row has the mark"
    expected = lines_of(rows)
    base = elf_facts(compiled(program).whole).base
    ours = {
        address + base: line.line
        for func in symbols.functions
        for line in func.lines
        for address in range(line.address, line.address + line.size)
    }
    wrong = [
        hex(a) for a in sorted(ours.keys() | expected.keys()) if ours.get(a) != expected.get(a)
    ]
    assert not wrong


@each_program(COMPRESSED)
def test_functions_and_symbols_begin_at_even_addresses(program: Program, tmp_path: Path) -> None:
    whole = compiled(program).whole
    facts = elf_facts(whole)
    # The linker marks the symbols of .dynsym, which are all that a stripped file has.
    own = [symbol for symbol in facts.functions if symbol.name.startswith("corpus_")]
    marked = {symbol.address for symbol in own if symbol.address & 1}
    assert marked
    functions = {func.address + facts.base for func in our_symbols(program).functions}
    assert functions >= {address - 1 for address in marked}
    assert not [address for address in functions if address & 1]
    stripped = tmp_path / "stripped"
    run([f"{program.cpu.triple}-strip", "-o", str(stripped), str(whole)])
    bare: SymFile = parse(dumped_text(stripped, None, exit_code=3))
    publics = {public.address + facts.base for public in bare.publics}
    assert publics >= {address - 1 for address in marked}
    assert not [address for address in publics if address & 1]


@each_program(COMPRESSED)
def test_every_unwind_row_means_what_readelf_prints(program: Program) -> None:
    whole = compiled(program).whole
    wrong = compare(
        program.cpu, our_symbols(program), kept(read_fdes(whole)), elf_facts(whole).base
    )
    assert not wrong, report(wrong)


@each_program(COMPRESSED)
def test_both_engines_take_the_mark_off(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for engine in ("reference", "kernel"):
        monkeypatch.setenv("CRASHSYM_ENGINE", engine)
        done = crashsym("dump", compiled(program).whole)
        assert done.returncode == 0, done.stderr.decode()
        texts.append(done.stdout)
    assert texts[0] == texts[1]


def marked_rows(path: Path) -> list[tuple[int, int | None]]:
    """(address, line) of all rows in the order of the table; None ends a sequence."""
    text = run(["readelf", "--wide", NO_LINKS, "--debug-dump=decodedline", str(path)])
    found = [match for match in map(_ROW.match, text.splitlines()) if match]
    return [(int(row[3], 16), None if row[2] == "-" else int(row[2])) for row in found]


def lines_of(rows: list[tuple[int, int | None]]) -> dict[int, int]:
    """The line of each address, the mark taken off; of rows at one address the last counts."""
    lines: dict[int, int] = {}
    for (address, line), (end, _) in pairwise(rows):
        if line is not None:
            lines.update(dict.fromkeys(range(address & ~1, end & ~1), line))
    return lines
