"""Sentry's ``symbolic`` finds in our symbol files what it finds in the ELF files themselves.

Compared is every single address of every section with code: the file, the line and the whole chain
of inlined calls.
"""

from __future__ import annotations

from uuid import UUID

import pytest
from corpus.matrix import Cpu, Program
from oracles.cases import compiled, each_program, elf_facts, our_symbols, our_text
from oracles.linetable import carried_over
from oracles.lookups import (
    Position,
    differing,
    known_positions,
    open_elf,
    open_symbols,
    unqualified_name,
    without_innermost,
)

pytestmark = pytest.mark.oracle


@each_program()
def test_symbolic_opens_the_symbol_file(program: Program) -> None:
    ours = open_symbols(our_text(program), program.cpu)
    elf = open_elf(compiled(program).whole)
    assert ours.debug_id == in_breakpads_order(elf.debug_id, program.cpu)
    assert ours.code_id == elf.code_id
    assert ours.features >= {"debug", "unwind"}


@each_program()
def test_every_address_has_the_file_line_and_inlines_of_the_elf_file(program: Program) -> None:
    whole = compiled(program).whole
    addresses = elf_facts(whole).code_addresses()
    ours = open_symbols(our_text(program), program.cpu).positions(addresses)
    theirs = open_elf(whole).positions(addresses)
    carried = carried_over(whole, elf_facts(whole).base, our_symbols(program))
    assert all(ours[address] for address in carried)
    ours = without_innermost(ours, carried)
    wrong = differing(program, ours, known_positions(program, theirs, our_symbols(program)))
    assert not wrong, report(wrong)


@each_program()
def test_every_line_and_inline_lies_in_a_section_with_code(program: Program) -> None:
    # What is outside would escape the test above.
    code = set(elf_facts(compiled(program).whole).code_addresses())
    for func in our_symbols(program).functions:
        ranges = [(func.address, func.size), *((r.address, r.size) for r in func.lines)]
        ranges += [pair for inline in func.inlines for pair in inline.ranges]
        for address, size in ranges:
            assert size > 0, func
            assert func.address <= address, func
            assert address + size <= func.address + func.size, func
            assert {address, address + size - 1} <= code, func


@each_program()
def test_functions_are_named_as_in_the_symbol_table(program: Program) -> None:
    elf = open_elf(compiled(program).whole)
    for func in our_symbols(program).functions:
        theirs = elf.function_name(func.address)
        assert unqualified_name(func.name) == unqualified_name(theirs), f"{func.address:#x}"


def in_breakpads_order(debug_id: str, cpu: Cpu) -> str:
    """symbolic's debug id of an ELF file as Breakpad writes it.

    Of a big-endian file symbolic takes the bytes of the build id as they are
    (symbolic-debuginfo/src/elf.rs, compute_debug_id); Breakpad swaps them always
    (google/breakpad, src/common/linux/file_id.cc, ConvertIdentifierToUUIDString).
    """
    return str(UUID(bytes_le=UUID(debug_id).bytes)) if cpu.big_endian else debug_id


def report(wrong: list[tuple[int, tuple[Position, ...], tuple[Position, ...]]]) -> str:
    lines = [f"{len(wrong)} addresses differ; the first:"]
    for address, ours, theirs in wrong[:5]:
        lines.append(f"{address:#x}: ours {list(map(str, ours))}")
        lines.append(f"{' ' * len(hex(address))}  ELF  {list(map(str, theirs))}")
    return "\n".join(lines)
