# SPDX-License-Identifier: MIT
"""How the corpus makes facts: names, votes, rules, marks in the sources, the calls of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus.conformance import marks
from corpus.conformance.consensus import Tally, Vote, agree_on_locations, merged
from corpus.conformance.facts import Disputed, InlinedCall, Location, Sample, SourceLine
from corpus.conformance.locations import Frame
from corpus.conformance.machines import MACHINES, breakpad_name, numbered_name
from corpus.conformance.names import agree, normal_path, scopes
from corpus.conformance.rules import NoValueError, evaluate_postfix, evaluate_rule, made_up_state
from corpus.conformance.unwinding import agree_on_rules

X86_64 = MACHINES["x86_64"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("main", ("main",)),
        ("int a::b<int, c<2> >(int) const", ("a", "b")),
        ("a::b(int) [clone .isra.0]", ("a", "b")),
        ("split.part.0.cold", ("split",)),
        ("a::(anonymous namespace)::C::d(int)", ("a", "C", "d")),
        ("f(int)::{lambda(int)#1}::operator()(int) const", ("f", "operator call")),
        ("f::$_0::operator()(int) const", ("f", "operator call")),
        ("<lambda(int)>::operator()", ("operator call",)),
        ("a::operator<(a const&) const", ("a", "operator less")),
        ("a::operator int() const", ("a", "operator int")),
        ("twice<f(int)::<lambda(int)> >", ("twice",)),
        ("<name omitted>", ()),
    ],
)
def test_a_name_is_compared_by_its_scopes(name: str, expected: tuple[str, ...]) -> None:
    assert scopes(name) == expected


def test_a_missing_scope_is_no_error_and_a_wrong_one_is() -> None:
    assert agree(scopes("a::b::c"), scopes("c"))
    assert agree(scopes("c(int)"), scopes("b::c"))
    assert not agree(scopes("a::c"), scopes("b::c"))
    assert not agree((), ("c",))
    assert not agree((), ())


def test_a_path_is_compared_without_detours() -> None:
    assert normal_path("/a/./b/../c.h") == "/a/c.h"
    assert normal_path("") == ""


@pytest.mark.parametrize(
    ("answers", "winners", "disputed"),
    [
        ({}, [], False),
        ({"a": 1}, [], False),
        ({"a": 1, "b": 1}, ["a", "b"], False),
        ({"a": 1, "b": 2}, [], True),
        ({"a": 1, "b": 1, "c": 2}, [], True),
        ({"a": 1, "b": 1, "c": 2, "d": 1}, ["a", "b", "d"], False),
        ({"a": 1, "b": 1, "c": 2, "d": 2}, [], True),
        ({"a": 1, "b": 1, "c": 1, "d": 2, "e": 2}, [], True),
    ],
)
def test_two_tools_without_or_three_with_one_objection_make_a_fact(
    answers: dict[str, int], winners: list[str], disputed: bool
) -> None:
    vote = Vote(lambda left, right: left == right, answers)
    assert (vote.winners(), vote.disputed) == (winners, disputed)


def test_nothing_is_a_fact_against_a_veto() -> None:
    vote = Vote(lambda left, right: left == right, {"a": 1, "b": 1, "c": 1, "run": 2}, "run")
    assert vote.winners() == []
    assert vote.disputed


def answers(**frames: Frame | tuple[Frame, ...]) -> dict[str, dict[int, tuple[Frame, ...]]]:
    names = {"addr2line": "addr2line", "eu": "eu-addr2line", "gdb": "gdb-multiarch"}
    return {
        names[tool]: {0x10: given if isinstance(given, tuple) else (given,)}
        for tool, given in frames.items()
    }


def located(given: dict[str, dict[int, tuple[Frame, ...]]]) -> tuple[Location | None, Tally]:
    tally = Tally()
    found = agree_on_locations(given, [0x10], lambda _: True, 0, tally)
    return (found[0] if found else None), tally


def test_categories_are_settled_one_by_one() -> None:
    found, tally = located(answers(addr2line=Frame("f", "/a.c", 1), eu=Frame("n::f", "/a.c", 2)))
    assert found == Location(0x10, 1, "n::f", "/a.c", None, ())
    assert tally.disputed == [Disputed("line", 0x10, 1, {"addr2line": "1", "eu-addr2line": "2"})]


def test_gdb_is_not_asked_for_lines() -> None:
    found, tally = located(answers(addr2line=Frame("f", "/a.c", 1), gdb=Frame("f", "/a.c", 2)))
    assert found == Location(0x10, 1, "f", None, None, ())
    assert tally.unconfirmed == {"file": 1, "line": 1}


def test_the_place_of_an_inlined_call_needs_two_tools() -> None:
    inner, outer = Frame("g", "/b.h", 3), Frame("f", "/a.c", 1)
    unplaced = (Frame("g", "/b.h", 3), Frame("f", "", 0))
    found, _ = located(answers(addr2line=(inner, outer), gdb=unplaced))
    assert found
    assert found.inlines is None
    found, _ = located(answers(addr2line=(inner, outer), eu=(inner, outer), gdb=unplaced))
    assert found
    assert found.inlines == (InlinedCall("g", "/a.c", 1),)


def test_neighbours_with_one_fact_are_one_range() -> None:
    found = [Location(a, 1, "f", "/a.c", line, ()) for a, line in ((1, 5), (2, 5), (3, 6), (5, 6))]
    assert [(f.address, f.size) for f in merged(found)] == [(1, 2), (3, 1), (5, 1)]


def taken(cfa: int = 0x7010) -> Sample:
    registers = {**dict.fromkeys(X86_64.registers, 0), "$rsp": 0x7000}
    caller = dict.fromkeys(X86_64.saved, 0)
    memory = ((0x7000, (0).to_bytes(8, "little") + (0x99).to_bytes(8, "little")),)
    return Sample(4, registers, memory, cfa, 0x99, caller)


def rules(*cfas: str) -> dict[str, dict[int, list[dict[str, str]]]]:
    return {f"tool {n}": {4: [{".cfa": cfa, ".ra": "[cfa-8]"}]} for n, cfa in enumerate(cfas)}


def test_a_run_settles_between_two_readers() -> None:
    tables = rules("$rsp+16", "$rsp+16", "$rsp+8")
    tally = Tally()
    (unwind,), samples = agree_on_rules(tables, {4: taken()}, X86_64, 0, tally)
    assert (unwind.cfa, unwind.return_address, unwind.registers) == ("$rsp+16", "[cfa-8]", {})
    assert samples == [taken()]
    (unwind,), _ = agree_on_rules(tables, {}, X86_64, 0, Tally())
    assert unwind.cfa is None


def test_no_table_is_a_fact_against_the_run() -> None:
    tally = Tally()
    tables = rules("$rsp+16", "$rsp+16", "$rsp+16")
    (unwind,), samples = agree_on_rules(tables, {4: taken(0x7018)}, X86_64, 0, tally)
    assert unwind.cfa is None
    assert samples == []
    assert [fact.category for fact in tally.disputed] == ["cfa"]


def test_what_readelf_leaves_open_takes_the_side_of_the_others() -> None:
    arm = MACHINES["arm"]
    for other, expected in (("none", "lr+0"), ("undefined", "undefined")):
        tables = {
            "readelf": {4: [{".cfa": "sp+0", ".ra": "u"}]},
            "llvm": {4: [{".cfa": "sp+0", ".ra": other}]},
        }
        (unwind,), _ = agree_on_rules(tables, {}, arm, 0, Tally())
        assert unwind.return_address == expected


def test_rules_and_postfix_expressions_give_the_same_values() -> None:
    state = made_up_state(X86_64)
    cfa = state.register("$rsp") + 16
    assert evaluate_rule("$rsp+16", state) == evaluate_postfix("$rsp 16 +", state) == cfa
    assert evaluate_rule("[cfa-8]", state, cfa) == evaluate_postfix(".cfa -8 + ^", state, cfa)
    assert evaluate_rule("[$rbp-12]", state) == evaluate_postfix("$rbp 12 - ^", state)
    assert evaluate_postfix("1003 16 @ 10 / 3 * 7 %", state) == 1003 // 16 * 16 // 10 * 3 % 7
    # The word of the machine wraps.
    assert evaluate_postfix("8 16 -", state) == 2**64 - 8


@pytest.mark.parametrize("text", ["", "1 2", "+", "$rsp +", ".undef", "$nothing", "1 0 /"])
def test_a_damaged_expression_has_no_value(text: str) -> None:
    with pytest.raises(NoValueError):
        evaluate_postfix(text, made_up_state(X86_64))


def test_registers_are_known_by_every_name() -> None:
    assert numbered_name("x86_64", 1) == breakpad_name("x86_64", "RDX") == "$rdx"
    assert breakpad_name("aarch64", "W29") == breakpad_name("aarch64", "x29") == "x29"
    assert breakpad_name("aarch64", "WSP") == "sp"
    assert breakpad_name("arm", "r14") == breakpad_name("arm", "LR") == "lr"
    assert breakpad_name("riscv64", "X8") == breakpad_name("riscv64", "s0") == "s0"
    assert breakpad_name("arm", "d8") is None


def test_a_mark_says_what_holds_for_its_line(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text(
        "f(); /* FACT: function=f, optional */\n"
        '#line 7 "other.y"\n'
        "g(); // FACT: function=g, inlined-into=f\n"
    )
    first, second = marks._read(source, "/src")
    assert (first.file, first.line, first.required) == ("/src/a.c", 1, False)
    assert (second.file, second.line, second.caller) == ("/src/other.y", 7, "f")
    source.write_text("f(); // FACT: fuction=f\n")
    with pytest.raises(ValueError, match=r"/src/a\.c:1: no mark"):
        list(marks._read(source, "/src"))


def test_a_mark_that_the_tools_contradict_is_in_dispute() -> None:
    mark = next(iter(marks._read(Path(__file__).parents[1] / "corpus/sources/marked.h", "/s")))
    inner = InlinedCall("marked_inner", "/s/marked.h", 10)
    outer = InlinedCall("marked_outer", "/s/a.c", 2)
    right = Location(0, 1, "corpus_marked", mark.file, mark.line, (inner, outer))
    tally = Tally()
    assert marks.confirm([mark], [right], tally) == [mark]
    assert tally.disputed == []
    wrong = Location(0, 1, "corpus_marked", mark.file, mark.line, (outer,))
    assert marks.confirm([mark], [right, wrong], tally) == []
    assert [fact.category for fact in tally.disputed] == ["source"]


def test_a_mark_needs_code_that_the_tools_agree_on_unless_it_is_optional() -> None:
    required = SourceLine("/s/a.c", 4, "f", None, True)
    optional = SourceLine("/s/a.c", 5, "f", None, False)
    tally = Tally()
    assert marks.confirm([required, optional], [], tally) == [optional]
    assert (tally.unconfirmed, tally.disputed) == ({"source": 1}, [])
