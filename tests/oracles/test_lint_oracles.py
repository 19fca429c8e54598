# SPDX-License-Identifier: MIT
"""The checker on real symbol files: ours are clean, and the peers' documented faults are found.

The faults of the peers are those of their versions in ``peers.py``.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from corpus.build import Binary, run
from corpus.matrix import PROGRAMS, Program
from crashsym.breakpad.lint import CODES, LintFinding, lint
from crashsym.elf import ElfFile
from crashsym.quality import Quality, compare
from crashsym.splitpair import SplitPair
from oracles.cases import compiled, each_program, our_text
from oracles.peers import breakpad_dump_syms, mozilla_dump_syms

pytestmark = pytest.mark.oracle


def program(name: str) -> Program:
    return next(each for each in PROGRAMS if each.name == name)


def judged(text: str, binary: Binary, folder: Path) -> tuple[dict[str, LintFinding], Quality]:
    """What the checker says of a symbol file of a program of the corpus."""
    path = folder / "subject.sym"
    path.write_text(text)
    with path.open("rb") as stream, ElfFile(binary.whole) as elf_file:
        result = lint(stream, coverage=True)
        quality, further = compare(SplitPair(elf_file), binary.shipped.name, result)
    return {finding.code: finding for finding in (*result.findings, *further)}, quality


def breakpad(binary: Binary) -> str:
    return run([str(breakpad_dump_syms()), "-d", str(binary.whole)])


def mozilla(binary: Binary) -> str:
    return run([str(mozilla_dump_syms()), "--inlines", str(binary.whole)])


@each_program()
def test_our_symbol_files_are_clean(program: Program, tmp_path: Path) -> None:
    found, _ = judged(our_text(program), compiled(program), tmp_path)
    facts = [f"{CODES[code].level}: {finding.message('ours')}" for code, finding in found.items()]
    assert facts == []


def test_a_split_pair_counts_as_the_whole_file(tmp_path: Path) -> None:
    binary = compiled(program("thumb-split-shared"))
    assert binary.debug is not None
    text = our_text(binary.program)
    result = lint(io.BytesIO(text.encode()), coverage=True)
    with ElfFile(binary.shipped) as shipped, ElfFile(binary.debug) as debug:
        pair = SplitPair(shipped, debug)
        assert compare(pair, binary.shipped.name, result) == (judged(text, binary, tmp_path)[1], ())


def test_breakpad_loses_functions_of_dwarf_5(tmp_path: Path) -> None:
    binary = _x86_64()
    _, ours = judged(our_text(binary.program), binary, tmp_path)
    _, theirs = judged(breakpad(binary), binary, tmp_path)
    assert theirs.code == ours.code
    assert theirs.functions < ours.functions
    assert theirs.lines < ours.lines


def test_breakpad_writes_inlines_of_size_zero(tmp_path: Path) -> None:
    found, _ = judged(breakpad(_x86_64()), _x86_64(), tmp_path)
    assert "inline-zero-size" in found


def test_breakpad_leaves_the_thumb_bit_in_publics(tmp_path: Path) -> None:
    binary = compiled(program("thumb-d5-O2"))
    found, _ = judged(breakpad(binary), binary, tmp_path)
    assert all("'PUBLIC " in place.fact for place in found["thumb-bit"].places)


@pytest.mark.parametrize("name", ["aarch64-d5-O2", "thumb-d5-O2", "riscv64-d5-O2"])
def test_breakpad_writes_a_return_address_that_is_itself(name: str, tmp_path: Path) -> None:
    """After DW_CFA_restore of the return column: protocols-and-formats 1.9."""
    binary = compiled(program(name))
    found, _ = judged(breakpad(binary), binary, tmp_path)
    assert "'.ra: .ra'" in found["cfi-expression"].places[0].fact


def test_mozilla_stops_unwind_rules_at_pointer_authentication(tmp_path: Path) -> None:
    binary = compiled(program("aarch64-d5-O2"))
    assert "-mbranch-protection=standard" in binary.program.cpu.flags
    found, _ = judged(mozilla(binary), binary, tmp_path)
    assert found["cfi-rows-missing"].count > 1
    theirs, _ = judged(breakpad(binary), binary, tmp_path)
    assert "cfi-rows-missing" not in theirs


def test_mozilla_writes_unwind_rules_without_return_address(tmp_path: Path) -> None:
    binary = compiled(program("thumb-d5-O2"))
    found, _ = judged(mozilla(binary), binary, tmp_path)
    assert "cfi-no-ra" in found


def test_mozilla_has_no_unwind_rules_for_riscv(tmp_path: Path) -> None:
    binary = compiled(program("riscv64-d5-O2"))
    found, quality = judged(mozilla(binary), binary, tmp_path)
    assert {"no-cfi", "cfi-missing", "orphan"} <= set(found)
    assert quality.cfi == 0


def test_mozilla_inlines_leave_their_parents(tmp_path: Path) -> None:
    """Neighbouring ranges of a deeper call are joined across two calls around it."""
    found, _ = judged(mozilla(_x86_64()), _x86_64(), tmp_path)
    assert "inline-outside-parent" in found


def _x86_64() -> Binary:
    return compiled(program("x86_64-d5-O2"))
