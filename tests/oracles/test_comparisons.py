"""The comparisons notice what they are for: each is given a symbol file with one thing wrong.

A comparison that cannot fail proves nothing, so every kind of damage is tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from corpus.matrix import PROGRAMS, Program
from crashsym.breakpad.cpus import CPUS
from oracles.cases import compiled, elf_facts, our_text
from oracles.differences import view
from oracles.frames import read_fdes
from oracles.linetable import carried_over
from oracles.lookups import differing, open_elf, open_symbols
from oracles.rules import ExpressionError, Term, evaluate, saved_at
from oracles.symfile import SymbolFileError, parse, parse_rules
from oracles.test_peers import line_report
from oracles.test_unwind import kept
from oracles.unwind import compare

(PROGRAM,) = (program for program in PROGRAMS if program.name == "x86_64-d5-O2")
pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group(PROGRAM.name)]
Damage = Callable[[str], str]


def first(pattern: str, replacement: str) -> Damage:
    """Damage that changes the first match of ``pattern``, which there must be."""

    def damage(text: str) -> str:
        changed, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert count == 1, pattern
        return changed

    return damage


LINE_DAMAGE = {
    "a line is one off": first(r"^([0-9a-f]+ [0-9a-f]+) \d+ (\d+)$", r"\1 9999 \2"),
    "a line has another file": first(r"^FILE 0 .*$", "FILE 0 /elsewhere.c"),
    "a line is missing": first(r"^[0-9a-f]+ [0-9a-f]+ \d+ \d+\n", ""),
    "an inline is missing": first(r"^INLINE 1 .*\n", ""),
    "a call is one line off": first(r"^INLINE 0 \d+", "INLINE 0 9999"),
    "an inline is too short": first(r"^(INLINE 0 .*) [0-9a-f]+$", r"\1 1"),
    "a function is missing": first(r"^FUNC .*\n(?:[0-9a-fI].*\n)+", ""),
}
CFI_DAMAGE = {
    "the CFA is off": first(r"^(STACK CFI [0-9a-f]+ \.cfa: \S+) \d+", r"\1 4000"),
    "the CFA has another base": first(r"\.cfa: \$rsp", ".cfa: $rbx"),
    "a register is not restored": first(r"^STACK CFI [0-9a-f]+ .*\$rbx: \$rbx.*\n", ""),
    "a saved register is off": first(r"\$rbx: \.cfa -\d+", "$rbx: .cfa -4000"),
    "a row is missing": first(r"^STACK CFI [0-9a-f]+ .*\n", ""),
    "a row is late": first(r"^STACK CFI ([0-9a-f]+)[0-9a-f] ", r"STACK CFI \1f "),
    "a block is too short": first(
        r"^(STACK CFI INIT [0-9a-f]+) [0-9a-f]+( .*\nSTACK CFI INIT)", r"\1 1\2"
    ),
    "the end of the stack is missing": first(r"\.ra: 0\b", ".ra: .cfa -8 + ^"),
    "a made-up rule": first(r"^(STACK CFI INIT .*)$", r"\1 $r15: .cfa -80 + ^"),
}


@pytest.mark.parametrize("damage", LINE_DAMAGE)
def test_wrong_lines_and_inlines_are_noticed(damage: str) -> None:
    whole = compiled(PROGRAM).whole
    addresses = elf_facts(whole).code_addresses()
    text = LINE_DAMAGE[damage](our_text(PROGRAM))
    ours = open_symbols(text, PROGRAM.cpu).positions(addresses)
    assert differing(PROGRAM, ours, open_elf(whole).positions(addresses))


@pytest.mark.parametrize("damage", CFI_DAMAGE)
def test_wrong_unwind_rules_are_noticed(damage: str) -> None:
    whole = compiled(PROGRAM).whole
    symbols = parse(CFI_DAMAGE[damage](our_text(PROGRAM)))
    assert compare(PROGRAM.cpu, symbols, kept(read_fdes(whole)), elf_facts(whole).base)


@pytest.mark.parametrize("damage", ["a line is one off", "a line is missing"])
def test_wrong_lines_are_noticed_between_dumpers(damage: str) -> None:
    text = our_text(PROGRAM)
    assert line_report(view(parse(text)), view(parse(LINE_DAMAGE[damage](text))))


def test_a_row_goes_on_into_the_next_function() -> None:
    whole = compiled(PROGRAM).whole
    symbols = parse(our_text(PROGRAM))
    (func,) = (func for func in symbols.functions if func.name == "corpus_two")
    carried = carried_over(whole, elf_facts(whole).base, symbols)
    assert carried >= set(range(func.address, func.address + func.size))


def test_two_spellings_of_a_rule_mean_the_same() -> None:
    assert evaluate(".cfa -8 + ^") == evaluate(".cfa 8 - ^") == saved_at(".cfa", -8)
    assert evaluate("$rsp 8 +") == Term("$rsp", 8)
    assert evaluate("$ebp -8 + ^ 4 +") == Term("$ebp", 4, 1, -8)


@pytest.mark.parametrize("expression", ["$rsp 8", "$rsp $rbp +", "$rsp ^ ^", ""])
def test_an_expression_of_another_kind_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression)


@pytest.mark.parametrize(
    "text",
    [
        "FILE x /a.c",
        "1000 4 7 0",
        "FUNC 1000 4 0 f\n1000 4 7 3",
        "STACK WIN 4 1000 4",
        "LINE 1 2 3",
        "FUNC 1000 4 0 f\nINLINE 0 1 0 0 1000",
    ],
)
def test_a_line_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(SymbolFileError):
        parse(text)


def test_rules_without_an_expression_are_refused() -> None:
    with pytest.raises(SymbolFileError):
        parse_rules([".cfa:", ".ra:", "lr"])


def test_every_program_has_its_own_name() -> None:
    names = [program.name for program in PROGRAMS]
    assert len(names) == len(set(names))


def test_the_matrix_has_every_cpu_and_of_the_common_ones_every_value() -> None:
    by_arch: dict[str, list[Program]] = {}
    for program in PROGRAMS:
        by_arch.setdefault(program.cpu.arch, []).append(program)
    assert by_arch.keys() == {cpu.arch for cpu in CPUS.values()}
    for arch in ("x86_64", "x86", "arm64", "arm", "riscv"):
        programs = by_arch[arch]
        flags = {flag for program in programs for unit in program.units for flag in unit.flags}
        assert {"-O0", "-O2", "-g1", "-gdwarf-4", "-gdwarf-5"} <= flags
        assert {"gcc", "clang"} <= {name for program in programs for name in program.compilers}
        assert any(program.split for program in programs)
        assert any("-no-pie" in program.link for program in programs)
