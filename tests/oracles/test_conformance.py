# SPDX-License-Identifier: MIT
"""Our symbol files of the corpus say what independent tools agree on, at every address.

The facts come from ``tests/corpus/conformance``, which uses nothing of crashsym.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from corpus.conformance.facts import CATEGORIES, Facts, read_facts
from corpus.conformance.generate import cached_facts, machine_name, needed_tools
from corpus.conformance.machines import MACHINES
from corpus.conformance.scoring import Fault, Score, Verdict, score
from corpus.conformance.symbols import SymbolFile
from corpus.matrix import PROGRAMS, Program
from oracles.cases import compiled, dumped_text, each_program, our_text
from oracles.peers import breakpad_dump_syms
from support import REPOSITORY, require_tool

pytestmark = pytest.mark.oracle
CORPUS = REPOSITORY / "tests" / "corpus"
BY_NAME = {program.name: program for program in PROGRAMS}
# What the normal run looks at: each processor, a library, and each kind of known fault.
FEW = [
    BY_NAME[name]
    for name in (
        "x86_64-d5-O2",
        "x86_64-split-shared",
        "x86_64-clang-d4-O2-g1",
        "i686-marked-O2",
        "aarch64-marked-O2",
        "thumb-d5-O2",
        "riscv64-marked-O2",
    )
]
MANY = [program for program in PROGRAMS if program not in FEW]


@dataclass(frozen=True)
class Known:
    """A fault of ours that we know of; ``expected`` tells which programs have it."""

    reason: str
    categories: frozenset[str]
    verdict: Verdict
    expected: Callable[[Program], bool]

    def explains(self, program: Program, fault: Fault) -> bool:
        right_kind = fault.category in self.categories and fault.verdict is self.verdict
        return right_kind and self.expected(program)


def _has_only_lines(program: Program) -> bool:
    """Whether clang describes the lines of a unit but not all of its functions."""
    return any(unit.compiler == "clang" and "-g1" in unit.flags for unit in program.units)


KNOWN = (
    Known(
        "clang -g1 writes a DW_TAG_subprogram only for a function that has inlined calls. Others"
        " have rows in the line table and a symbol, and become PUBLIC: their lines are lost.",
        frozenset({"file", "line", "inlines"}),
        Verdict.MISSING,
        _has_only_lines,
    ),
)


def facts_of(program: Program) -> Facts:
    binary = compiled(program)
    for tool in needed_tools(program):
        require_tool(tool, {"llvm-symbolizer": "llvm"}.get(tool, ""))
    return read_facts(cached_facts(binary))


def judged(program: Program) -> Score:
    return score(SymbolFile(our_text(program)), facts_of(program))


def check_our_score(program: Program) -> None:
    faults = judged(program).faults
    for known in KNOWN:
        explained = [fault for fault in faults if known.explains(program, fault)]
        assert bool(explained) == known.expected(program), known.reason
        faults = [fault for fault in faults if fault not in explained]
    assert not faults, "\n".join([f"{len(faults)} faults; the first:", *map(str, faults[:8])])


@each_program(FEW)
def test_no_fact_is_wrong_or_missing_but_the_known_ones(program: Program) -> None:
    check_our_score(program)


@pytest.mark.slow
@each_program(MANY)
def test_no_fact_of_the_other_programs_is_wrong_or_missing(program: Program) -> None:
    check_our_score(program)


# Strict DWARF 2 does not say where a call was inlined. elfutils and gdb then show no inlined call,
# binutils and LLVM do: two against two, which is no fact.
DESCRIBED = {"x86_64-d2-O2": 0.84}


def check_facts_suffice(program: Program) -> None:
    facts = facts_of(program)
    symbols = SymbolFile(our_text(program))
    code = sum(function.size for function in symbols.functions)
    described = sum(fact.size for fact in facts.locations if fact.inlines is not None)
    least = DESCRIBED.get(program.name, 0.85)
    assert described > least * code, f"locations for {described} of {code} bytes of functions"
    if machine_name(program) in MACHINES:
        unwound = sum(block.size for block in symbols.blocks)
        ruled = sum(fact.size for fact in facts.unwinds if fact.return_address is not None)
        assert ruled > 0.6 * unwound, f"unwind rules for {ruled} of {unwound} bytes with rules"
        assert len(facts.samples) > 50 or program.shared
    contested = [fact for fact in facts.disputed if fact.category == "source"]
    # Elsewhere delay slots and scheduling put an instruction of a call next to the code around it.
    most = 0 if machine_name(program) in MACHINES else len(facts.sources) // 4
    assert len(contested) <= most, contested
    # Most marks that need code have it, in agreement.
    assert facts.module.unconfirmed.get("source", 0) <= len(facts.sources) // 4


@each_program(FEW)
def test_the_facts_cover_most_of_the_code(program: Program) -> None:
    check_facts_suffice(program)


@pytest.mark.slow
@each_program(MANY)
def test_the_facts_of_the_other_programs_cover_most_of_the_code(program: Program) -> None:
    check_facts_suffice(program)


def test_marks_are_judged_in_every_kind_of_file() -> None:
    for name in ("x86_64-d5-O2", "thumb-d5-O2", "aarch64-marked-O2"):
        marks = facts_of(BY_NAME[name]).sources
        assert len(marks) > 5, name
    inlined = [mark for mark in facts_of(BY_NAME["aarch64-marked-O2"]).sources if mark.caller]
    assert {mark.function for mark in inlined} == {"marked_inner", "marked_outer"}


def test_facts_on_disk_are_of_the_schema() -> None:
    program = BY_NAME["aarch64-marked-O2"]
    facts_of(program)
    schema = json.loads((CORPUS / "facts.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    kinds = set()
    for line in cached_facts(compiled(program)).read_text().splitlines():
        record = json.loads(line)
        validator.validate(record)
        kinds.add(record["fact"])
    assert kinds >= {"module", "location", "unwind", "sample", "source"}


def test_breakpads_known_faults_are_found() -> None:
    program = BY_NAME["x86_64-d5-O2"]
    binary = compiled(program)
    command = [str(breakpad_dump_syms()), "-d", str(binary.whole)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = score(SymbolFile(text), facts_of(program))
    # Functions with DW_AT_ranges are lost without a .debug_addr, and so are assembler units.
    places = {f.expected.rpartition("/")[2] for f in found.faults if f.category == "file"}
    assert places >= {"hotcold.c", "assembler.S"}
    # DW_CFA_undefined of the return address is left out: the stack does not end.
    ends = [f for f in found.faults if f.category == "return_address" and f.expected == "undefined"]
    assert ends
    # DW_TAG_lexical_block is not looked into: many inlined calls are lost, but none is made up.
    assert found.counts["inlines"][Verdict.MISSING] > 500


def test_any_dumper_can_be_run_and_a_failing_one_scores_nothing() -> None:
    facts_of(BY_NAME["aarch64-marked-O2"])
    ours = f"ours={sys.executable} -m crashsym dump {{file}}"
    command = [sys.executable, str(CORPUS / "run.py"), "--only", "aarch64-marked-O2"]
    done = subprocess.run(
        [*command, "--dumper", ours, "--dumper", "none=false {file}", "--faults", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 3, done.stderr
    rows = {row.split("|")[1].strip(): row for row in done.stdout.splitlines() if row[:1] == "|"}
    assert rows["ours"].count("100.00 % (0 / 0)") == len(CATEGORIES)
    assert rows["none"].count("0.00 % (0 / ") == len(CATEGORIES)
    assert "none gave no symbol file for aarch64-marked-O2: exit code 1." in done.stdout


def test_programs_and_facts_are_laid_out_for_other_projects(tmp_path: Path) -> None:
    facts_of(BY_NAME["x86_64-split-shared"])
    command = [sys.executable, str(CORPUS / "make.py"), "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--only", "x86_64-split-shared"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    (line,) = (tmp_path / "index.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry["program"] == "x86_64-split-shared"
    for name in ("file", "shipped", "debug", "facts"):
        assert (tmp_path / entry[name]).is_file(), name
    facts = read_facts(tmp_path / entry["facts"])
    shipped = dumped_text(tmp_path / entry["shipped"], tmp_path / entry["debug"])
    assert score(SymbolFile(shipped), facts).faults == []


def test_a_library_is_judged_whether_whole_or_split() -> None:
    program = BY_NAME["x86_64-split-shared"]
    whole = dumped_text(compiled(program).whole, None)
    assert score(SymbolFile(whole), facts_of(program)).faults == []
