"""Mozilla's and Breakpad's dump_syms agree with us on functions, lines and public symbols.

Except for the table in ``differences.py``, in which each entry is exact.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from corpus.build import Binary, run
from corpus.matrix import KNOWN_TO_SYMBOLIC, Cpu, Program
from oracles.cases import compiled, each_program, elf_facts, our_symbols
from oracles.differences import DIFFERENCES, Case, Difference, Peer, View, view
from oracles.linetable import carried_over
from oracles.peers import breakpad_dump_syms, mozilla_dump_syms
from oracles.repairs import with_debug_addr, without_thumb_bits
from oracles.symfile import parse

pytestmark = pytest.mark.oracle
PEERS: tuple[Peer, ...] = ("Breakpad", "Mozilla")


@pytest.mark.parametrize("peer", PEERS)
@each_program()
def test_functions_lines_and_publics_are_those_of_the_peer(
    peer: Peer, program: Program, tmp_path: Path
) -> None:
    if peer == "Breakpad" and not breakpad_reads(program.cpu):
        with pytest.raises(RuntimeError, match=r"exit (-11|1)\b"):
            run([str(breakpad_dump_syms()), str(compiled(program).whole)])
        return
    expected = expected_of(peer, program)
    theirs = peer_view(peer, compiled(program), tmp_path)
    assert sorted(expected.functions ^ theirs.functions) == [], "FUNC records differ"
    assert line_report(expected, theirs) == "", "line records differ"
    assert sorted(map(hex, expected.publics ^ theirs.publics)) == [], "PUBLIC records differ"


@each_program()
def test_the_arch_word_is_that_of_the_peers(program: Program) -> None:
    whole, arch = str(compiled(program).whole), program.cpu.arch
    assert our_symbols(program).arch == arch
    known = arch if arch in KNOWN_TO_SYMBOLIC else "unknown"
    assert run([str(mozilla_dump_syms()), whole]).split(" ", 3)[2] == known
    if breakpad_reads(program.cpu):
        assert run([str(breakpad_dump_syms()), "-i", whole]).split(" ", 3)[2] == arch


def breakpad_reads(cpu: Cpu) -> bool:
    """Whether Breakpad's dump_syms can read files of this CPU on an x86-64 machine.

    It takes the ELF headers in the byte order of the machine that it runs on, and crashes on the
    other one; it has no word for LoongArch (src/common/linux/dump_symbols.cc, ElfArchitecture).
    """
    return not cpu.big_endian and cpu.arch != "loongarch64"


def expected_of(peer: Peer, program: Program) -> View:
    """Our view with the peer's differences applied, each of them where it is expected."""
    ours = our_symbols(program)
    whole = compiled(program).whole
    facts = elf_facts(whole)
    case = Case(program, ours, facts, carried_over(whole, facts.base, ours))
    expected = view(ours)
    for difference in differences_of(peer):
        changed = difference.change(expected, case)
        assert (changed != expected) == difference.expected(case), difference.name
        expected = changed
    return expected


@cache
def differences_of(peer: Peer) -> tuple[Difference, ...]:
    return tuple(difference for difference in DIFFERENCES if difference.peer == peer)


def peer_view(peer: Peer, binary: Binary, folder: Path) -> View:
    if peer == "Breakpad":
        repaired = with_debug_addr(binary.whole, folder, binary.program.cpu)
        text = run([str(breakpad_dump_syms()), "-d", str(repaired)])
    else:
        repaired = without_thumb_bits(binary.whole, folder)
        text = run([str(mozilla_dump_syms()), "--inlines", str(repaired)])
    # Their unwind rules have known gaps; readelf is the oracle for ours.
    return view(parse("\n".join(row for row in text.split("\n") if not row.startswith("STACK"))))


def line_report(ours: View, theirs: View) -> str:
    wrong = [
        address
        for address in sorted(ours.lines.keys() | theirs.lines.keys())
        if ours.lines.get(address) != theirs.lines.get(address)
    ]
    rows = [
        f"{address:#x}: ours {sorted(ours.lines.get(address, ()))},"
        f" theirs {sorted(theirs.lines.get(address, ()))}"
        for address in wrong[:6]
    ]
    return "\n".join([f"{len(wrong)} addresses differ", *rows]) if wrong else ""
