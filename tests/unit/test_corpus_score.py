# SPDX-License-Identifier: MIT
"""The scorer of the conformance corpus: a symbol file with deliberate faults gets exactly these."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from corpus.build import Binary
from corpus.conformance.dumpers import (
    CommandError,
    Dumper,
    Output,
    Total,
    cell,
    named_commands,
    table,
)
from corpus.conformance.facts import (
    CATEGORIES,
    Disputed,
    Facts,
    FactsError,
    InlinedCall,
    Location,
    Module,
    Sample,
    SourceLine,
    Unwind,
    read_facts,
    write_facts,
)
from corpus.conformance.scoring import Verdict, score
from corpus.conformance.symbols import SymbolFile
from corpus.matrix import PROGRAMS
from support import REPOSITORY

CORPUS = REPOSITORY / "tests" / "corpus"
STACK = 0x7FFF0000
# rbx of the caller at CFA-16 and the return address at CFA-8; the CFA is STACK + 32.
MEMORY = ((STACK, bytes(16) + (77).to_bytes(8, "little") + (0xABCDE).to_bytes(8, "little")),)
REGISTERS = dict.fromkeys(("$rbp", "$r12", "$r13", "$r14", "$r15"), 5)
FACTS = Facts(
    Module("hand-made", "x86_64", "x86_64", "ab", {"by hand": "1"}),
    (
        Location(0x1000, 4, "a::f(int)", "/src/a.c", 10, ()),
        Location(0x1004, 4, "a::f(int)", "/src/b.h", 3, (InlinedCall("g(int)", "/src/a.c", 11),)),
        Location(0x1010, 2, "_start", None, None, None),
    ),
    (
        Unwind(0x1000, 4, "$rsp+8", "[cfa-8]", {}),
        Unwind(0x1004, 4, "$rsp+32", "[cfa-8]", {"$rbx": "[cfa-16]"}),
        Unwind(0x1010, 2, "$rsp+8", "undefined", {}),
    ),
    (
        Sample(
            0x1005,
            {**REGISTERS, "$rsp": STACK, "$rbx": 1, "$rip": 0x401005},
            MEMORY,
            STACK + 32,
            0xABCDE,
            {**REGISTERS, "$rbx": 77},
        ),
    ),
    (SourceLine("/src/b.h", 3, "g", "f", True), SourceLine("/src/c.h", 9, "h", None, False)),
    (Disputed("line", 0x1000, 2, {"one": "1", "other": "2"}),),
)
SYMBOLS = """\
MODULE Linux x86_64 000000AB0000000000000000000000000 hand-made
INFO CODE_ID AB
FILE 0 /src/./a.c
FILE 1 /src/b.h
INLINE_ORIGIN 0 int g(int)
FUNC 1000 8 0 a::f(int) [clone .isra.0]
INLINE 0 11 0 0 1004 4
1000 4 10 0
1004 4 3 1
PUBLIC 1010 0 _start
STACK CFI INIT 1000 8 .cfa: $rsp 8 + .ra: .cfa -8 + ^
STACK CFI 1004 .cfa: $rsp 32 + $rbx: .cfa 16 - ^
STACK CFI INIT 1010 2 .cfa: $rsp 8 + .ra: 0
"""
R, W, M = Verdict.RIGHT, Verdict.WRONG, Verdict.MISSING
# Name of the damage: pattern, replacement, and the faults: category, verdict, addresses.
DAMAGE: dict[str, tuple[str, str, set[tuple[str, Verdict, int]]]] = {
    "another function": (
        "f(.int. .clone)",
        r"e\1",
        {("function", W, a) for a in range(0x1000, 0x1008)} | {("source", W, 0x1004)},
    ),
    "another scope": (
        "a::f",
        "b::f",
        {("function", W, a) for a in range(0x1000, 0x1008)},
    ),
    "a public symbol is missing": (
        "PUBLIC.*\n",
        "",
        {("function", M, 0x1010), ("function", M, 0x1011)},
    ),
    "a public symbol covers too little": (
        "PUBLIC 1010",
        "PUBLIC 1011",
        {("function", M, 0x1010)},
    ),
    "a line is wrong": (
        "1000 4 10 0",
        "1000 2 10 0\n1002 2 12 0",
        {("line", W, 0x1002), ("line", W, 0x1003)},
    ),
    "a line is missing": (
        "1000 4 10 0",
        "1001 3 10 0",
        {("line", M, 0x1000), ("file", M, 0x1000), ("inlines", M, 0x1000)},
    ),
    "another file": (
        "/src/./a.c",
        "/src/x.c",
        {("file", W, a) for a in range(0x1000, 0x1004)}
        | {("inlines", W, a) for a in range(0x1004, 0x1008)},
    ),
    "an inlined call is missing": (
        "INLINE 0 .*\n",
        "",
        {("inlines", M, a) for a in range(0x1004, 0x1008)} | {("source", W, 0x1004)},
    ),
    "an inlined call is too short": (
        "1004 4\n1000",
        "1004 3\n1000",
        {("inlines", M, 0x1007), ("source", W, 0x1007)},
    ),
    "an inlined call too many": (
        "INLINE 0 .*\n",
        "INLINE 0 11 0 0 1003 5\n",
        {("inlines", W, 0x1003)},
    ),
    "a call is in another line": (
        "INLINE 0 11",
        "INLINE 0 12",
        {("inlines", W, a) for a in range(0x1004, 0x1008)},
    ),
    "the inner function has another name": (
        "int g",
        "int k",
        {("inlines", W, a) for a in range(0x1004, 0x1008)} | {("source", W, 0x1004)},
    ),
    "the CFA is wrong": (
        r"rsp 32",
        "rsp 24",
        {(c, W, a) for c in ("cfa", "return_address", "registers") for a in range(0x1004, 0x1008)},
    ),
    "the CFA is missing": (
        r"1004 .cfa: \$rsp 32 \+",
        "1004 .cfa: .undef",
        {("cfa", M, a) for a in range(0x1004, 0x1008)}
        | {(c, W, a) for c in ("return_address", "registers") for a in range(0x1004, 0x1008)},
    ),
    "the return address is wrong": (
        r"\.cfa -8 \+ \^",
        ".cfa -16 + ^",
        {("return_address", W, a) for a in range(0x1000, 0x1008)},
    ),
    "the return address is missing": (
        r" \.ra: \.cfa -8 \+ \^",
        "",
        {("return_address", M, a) for a in range(0x1000, 0x1008)},
    ),
    "the stack does not end": (
        r"\.ra: 0",
        ".ra: .cfa -8 + ^",
        {("return_address", W, 0x1010), ("return_address", W, 0x1011)},
    ),
    "a register is not restored": (
        r" \$rbx: .*",
        "",
        {("registers", W, a) for a in range(0x1004, 0x1008)},
    ),
    "a register is restored too early": (
        r"(.ra: .cfa -8 \+ \^)\n",
        r"\1 $rbx: .cfa -16 + ^" + "\n",
        {("registers", W, a) for a in range(0x1000, 0x1004)},
    ),
    "a rule is late": (
        "CFI 1004",
        "CFI 1006",
        {(c, W, a) for c in ("cfa", "return_address", "registers") for a in (0x1004, 0x1005)},
    ),
    "a block is too short": (
        "INIT 1000 8",
        "INIT 1000 7",
        {(c, M, 0x1007) for c in ("cfa", "return_address", "registers")},
    ),
    "the line of a mark is gone": (
        "1004 4 3 1",
        "1004 4 4 1",
        {("line", W, a) for a in range(0x1004, 0x1008)} | {("source", M, 0)},
    ),
}


def faults_of(text: str) -> set[tuple[str, Verdict, int]]:
    return {(f.category, f.verdict, f.address) for f in score(SymbolFile(text), FACTS).faults}


def test_a_right_symbol_file_has_no_fault_and_every_fact_is_judged() -> None:
    judged = score(SymbolFile(SYMBOLS), FACTS)
    assert judged.faults == []
    right = {category: counts[R] for category, counts in judged.counts.items()}
    assert right == {
        "function": 10,
        "file": 8,
        "line": 8,
        "inlines": 8,
        "cfa": 10,
        "return_address": 10,
        "registers": 10,
        "source": 1,  # the optional mark has no code
    }
    assert tuple(right) == CATEGORIES


@pytest.mark.parametrize("name", DAMAGE)
def test_a_deliberate_fault_is_found_and_no_other(name: str) -> None:
    pattern, replacement, expected = DAMAGE[name]
    damaged, count = re.subn(pattern, replacement, SYMBOLS, count=1)
    assert count == 1, pattern
    assert faults_of(damaged) == expected


def test_two_faults_at_one_address_are_two_faults() -> None:
    damaged = SYMBOLS.replace("1000 4 10 0", "1000 4 12 1")
    assert faults_of(damaged) == {
        (c, W, a) for c in ("file", "line") for a in range(0x1000, 0x1004)
    }


def test_without_a_symbol_file_everything_is_missing() -> None:
    judged = score(SymbolFile(""), FACTS)
    assert {fault.verdict for fault in judged.faults} == {M}
    # The optional mark alone has nothing to be missing.
    assert len(judged.faults) == 10 + 3 * 8 + 3 * 10 + 1
    assert all(counts[R] == 0 for counts in judged.counts.values())


def test_an_optional_mark_is_judged_where_there_is_code_for_it() -> None:
    text = SYMBOLS.replace("FUNC 1000", "FILE 2 /src/c.h\nFUNC 1000", 1)
    assert faults_of(text.replace("1000 4 10 0", "1000 2 10 0\n1002 2 9 2")) >= {
        ("source", W, 0x1002)
    }


def test_another_spelling_of_a_rule_is_as_right() -> None:
    text = SYMBOLS.replace("$rsp 32 +", "32 $rsp +").replace(".cfa -8 + ^", ".cfa 8 - ^")
    assert faults_of(text) == set()


def test_a_rule_over_another_register_counts_where_the_program_was_run() -> None:
    # rbp is 5 in the sample, and the CFA is STACK + 32: at 0x1005 the value is what counts.
    text = SYMBOLS.replace("$rsp 32 +", f"$rbp {STACK + 27} +")
    assert ("cfa", W, 0x1004) in faults_of(text)
    assert ("cfa", W, 0x1005) not in faults_of(text)


def test_the_true_value_of_a_run_counts_more_than_the_rule() -> None:
    (sample,) = FACTS.samples
    for changed, category in (
        (replace(sample, cfa=sample.cfa + 8), "cfa"),
        (replace(sample, return_address=1), "return_address"),
        (replace(sample, caller={**sample.caller, "$rbx": 1}), "registers"),
    ):
        judged = score(SymbolFile(SYMBOLS), replace(FACTS, samples=(changed,)))
        assert (category, 0x1005) in {(fault.category, fault.address) for fault in judged.faults}
        assert all(fault.address == 0x1005 for fault in judged.faults)


def test_of_overlapping_functions_the_first_stays() -> None:
    assert faults_of(SYMBOLS + "FUNC 1002 8 0 late\n1002 8 9 0\n") == set()


def test_a_public_ends_where_a_function_has_been() -> None:
    text = SYMBOLS.replace("PUBLIC 1010", "PUBLIC ff0")
    assert {fault for fault in faults_of(text) if fault[0] == "function"} == {
        ("function", M, 0x1010),
        ("function", M, 0x1011),
    }


def test_lines_that_are_no_record_are_counted() -> None:
    assert SymbolFile(SYMBOLS + "STACK WIN 4 1000\nnonsense\nFUNC x\n").unreadable == 3
    assert SymbolFile(SYMBOLS).unreadable == 0


def test_facts_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    write_facts(FACTS, path)
    assert read_facts(path) == FACTS
    validator = jsonschema.Draft202012Validator(schema())
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 11
    for record in records:
        validator.validate(record)
        assert not validator.is_valid({**record, "surprise": 1}), record


def schema() -> dict[str, object]:
    loaded: dict[str, object] = json.loads((CORPUS / "facts.schema.json").read_text())
    return loaded


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"fact": "location", "address": "0x10"}\n',
        '{"fact": "rumour"}\n',
        json.dumps({"fact": "module", "format": 2, **vars(FACTS.module)}) + "\n",
    ],
)
def test_a_file_that_holds_no_facts_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(text)
    with pytest.raises(FactsError, match=r"facts\.jsonl: "):
        read_facts(path)


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CORPUS / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run_score(folder: Path, symbols: str, *options: str) -> subprocess.CompletedProcess[str]:
    facts, file = folder / "facts.jsonl", folder / "it.sym"
    write_facts(FACTS, facts)
    file.write_text(symbols)
    return run_script("score.py", str(file), "--facts", str(facts), *options)


def test_the_script_needs_nothing_of_the_package_and_says_what_is_wrong(tmp_path: Path) -> None:
    done = run_score(tmp_path, SYMBOLS)
    assert (done.returncode, done.stderr) == (0, "")
    done = run_score(tmp_path, SYMBOLS.replace("1000 4 10 0", "1000 4 12 0"))
    assert done.returncode == 3
    assert re.search(r"^line +4 +4 +0 +2$", done.stdout, re.MULTILINE), done.stdout
    assert "line 0x1000: 12, expected 10" in done.stdout


def test_the_script_has_every_fault_as_json(tmp_path: Path) -> None:
    done = run_score(tmp_path, SYMBOLS.replace("$rsp 32", "$rsp 24"), "--json")
    found = json.loads(done.stdout)
    assert found["score"]["cfa"] == {"right": 6, "wrong": 4, "missing": 0, "disputed": 0}
    assert [fault["address"] for fault in found["faults"] if fault["category"] == "cfa"] == [
        "0x1004",
        "0x1005",
        "0x1006",
        "0x1007",
    ]


def test_the_script_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    done = run_score(tmp_path, SYMBOLS, "--facts", "/nowhere")
    assert done.returncode == 2
    assert "/nowhere" in done.stderr


@pytest.mark.parametrize(
    ("symbols", "why"),
    [
        ("\x7fELF", "it is no symbol file"),
        ("", "it is no symbol file"),
        (SYMBOLS.replace("AB0", "AC0", 1), "its id is 000000AC0000000000000000000000000"),
    ],
)
def test_the_script_refuses_what_is_not_the_programs_symbol_file(
    symbols: str, why: str, tmp_path: Path
) -> None:
    done = run_score(tmp_path, symbols)
    assert done.returncode == 2
    assert done.stderr.startswith(f"cannot score: {tmp_path}/it.sym: {why}")


def test_an_id_may_be_swapped_or_not() -> None:
    for debug_id in ("33221100554477668899AABBCCDDEEFF0", "00112233445566778899AABBCCDDEEFF0"):
        symbols = SymbolFile(f"MODULE Linux mips {debug_id} it\n")
        assert symbols.is_of("00112233445566778899aabbccddeeff01234567"), debug_id
        assert not symbols.is_of("00112233445566778899aabbccddeefe01234567")


def test_the_script_ends_in_peace_where_nobody_reads_on(tmp_path: Path) -> None:
    write_facts(FACTS, tmp_path / "facts.jsonl")
    (tmp_path / "it.sym").write_text(SYMBOLS)
    command = f"{sys.executable} {CORPUS}/score.py it.sym --facts facts.jsonl | true"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert done.stderr == b""


def test_no_program_of_that_name_is_an_error(tmp_path: Path) -> None:
    for name, option in (("make.py", f"--out={tmp_path}"), ("run.py", "--dumper=sh {file}")):
        done = run_script(name, option, "--only", "no-such-program")
        assert done.returncode == 2, name
        assert "no-such-program" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_script("make.py", "--out", str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (
        2,
        f"cannot make the folder: '{tmp_path}/file': File exists\n",
    )


def test_without_pyelftools_the_commands_say_what_to_install() -> None:
    for name in ("make.py", "run.py"):
        command = [sys.executable, "-S", str(CORPUS / name), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2, name
        assert "pip install pyelftools" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_share_is_rounded_down() -> None:
    assert cell({R: 99999, W: 1, M: 0}) == "99.99 % (1 / 0)"
    assert cell({R: 5, W: 0, M: 0}) == "100.00 % (0 / 0)"


def test_dumpers_are_compared_in_a_table() -> None:
    good, bad = Total(), Total()
    good.add("hand-made", Output(SYMBOLS), FACTS)
    bad.add("hand-made", Output("", "exit code 1"), FACTS)
    rows = table([("good", good), ("bad", bad)]).splitlines()
    assert rows[2].startswith("| good | 100.00 % (0 / 0) |")
    assert rows[3].startswith("| bad | 0.00 % (0 / 10) |")
    assert good.part({"another"}).counts["line"][R] == 0
    assert good.part({"hand-made"}).counts == good.counts
    assert (good.failures(), bad.failures()) == ([], ["no symbol file for hand-made: exit code 1"])


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/gone {file}", "it cannot be run: No such file or directory"),
        ("sh -c 'echo first >&2; echo last. >&2; exit 7' {file}", "exit code 7: last"),
        ("sh -c 'kill -11 $$' {file}", "signal 11"),
        ("echo {file}", "what it printed does not begin with MODULE"),
    ],
)
def test_a_dumper_that_fails_says_why(command: str, why: str, tmp_path: Path) -> None:
    binary = Binary(PROGRAMS[0], tmp_path / "whole", tmp_path / "shipped", None)
    assert Dumper("bad", command).dump(binary) == Output("", why)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/gone {file}", "there is no program '/nowhere/gone'"),
        ("sh dump.sh", "it is given no file"),
        ("sh dump.sh {foo}", "nothing is called {foo}"),
        ("sh dump.sh {file:x}", "nothing is called {file}"),
        ("sh dump.sh '{file}", "No closing quotation"),
        ("sh dump.sh {file", "expected '}'"),
    ],
)
def test_a_command_that_can_run_on_no_file_is_refused(command: str, why: str) -> None:
    with pytest.raises(CommandError, match=re.escape(why)) as caught:
        named_commands(["a=sh {file}", f"mine={command}"])
    assert str(caught.value).startswith(f"cannot run a dumper: {command!r}: ")
    done = run_script("run.py", "--dumper", command)
    assert (done.returncode, done.stderr) == (2, f"{caught.value}\n")


def test_a_dumper_is_named_after_its_program_or_as_told() -> None:
    assert named_commands(["/bin/sh -d {file}", "mine=sh --a=b {shipped}"]) == [
        Dumper("sh", "/bin/sh -d {file}"),
        Dumper("mine", "sh --a=b {shipped}"),
    ]
