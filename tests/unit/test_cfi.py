# SPDX-License-Identifier: MIT
"""Call frame information → STACK CFI, on sections written by hand."""

from __future__ import annotations

import pytest
from crashsym.breakpad.cpus import CPUS
from crashsym.breakpad.records import CfiRecord
from crashsym.breakpad.rules import RuleWriter
from crashsym.budget import Budget
from crashsym.cfi.model import CfiEntry, CfiRow, Rule, RuleKind
from crashsym.cfi.program import Interpreter, Parameters, State, split_rows
from crashsym.errors import MalformedError
from crashsym.reader import Reader


def rows(
    cie: bytes, fde: bytes, *, code_factor: int = 1, data_factor: int = -8
) -> list[tuple[int, Rule | None, dict[int, Rule]]]:
    parameters = Parameters(code_factor, data_factor, lambda reader: reader.unsigned(8))
    budget = Budget(0)
    start = Interpreter(parameters, State(), 0, budget)
    start.run(Reader(cie, little_endian=True))
    interpreter = Interpreter(parameters, start.state, 0x1000, budget)
    interpreter.run(Reader(fde, little_endian=True))
    interpreter.finish()
    return interpreter.rows


def records(
    machine: str, cie: bytes, fde: bytes, size: int, column: int, **factors: int
) -> list[CfiRecord]:
    writer = RuleWriter(CPUS[machine].registers, 0, little_endian=True)
    found = []
    for end, run in split_rows(rows(cie, fde, **factors), 0x1000 + size):
        entry = CfiEntry(run[0].address, end - run[0].address, column, tuple(run))
        found += writer.records(entry)
    return found


# DW_CFA_def_cfa r7 (rsp) ofs 8; DW_CFA_offset r16 (rip) at cfa-8
X86_64_CIE = b"\x0c\x07\x08\x90\x01"


def test_x86_64_prologue() -> None:
    # advance 1; def_cfa_offset 16; offset r6 (rbp) at cfa-16
    assert records("EM_X86_64", X86_64_CIE, b"\x41\x0e\x10\x86\x02", 0x30, 16) == [
        CfiRecord(
            0x1000,
            0x30,
            ".cfa: $rsp 8 + .ra: .cfa -8 + ^",
            ((0x1001, ".cfa: $rsp 16 + $rbp: .cfa -16 + ^"),),
        )
    ]


def test_aarch64_with_a_signed_return_address_loses_no_row() -> None:
    # negate_ra_state after 4; def_cfa_offset 16 and saves after 8; all undone after 24 and 28
    fde = b"\x41\x2d\x41\x0e\x10\x9d\x02\x9e\x01\x44\xde\xdd\x0e\x00\x41\x2d"
    assert records("EM_AARCH64", b"\x0c\x1f\x00", fde, 0x20, 30, code_factor=4) == [
        CfiRecord(
            0x1000,
            0x20,
            ".cfa: sp 0 + .ra: x30",
            (
                (0x1008, ".cfa: sp 16 + .ra: .cfa -8 + ^ x29: .cfa -16 + ^"),
                (0x1018, ".cfa: sp 0 + .ra: x30 x29: x29"),
            ),
        )
    ]


def test_undefined_return_address_ends_the_walk() -> None:
    [record] = records("EM_X86_64", X86_64_CIE, b"\x07\x10", 0x10, 16)
    assert record.rules == ".cfa: $rsp 8 + .ra: 0"


def test_lost_register_is_said_to_be_lost_and_comes_back() -> None:
    # advance 1; DW_CFA_undefined r3 (rbx); advance 1; DW_CFA_restore r3
    [record] = records("EM_X86_64", X86_64_CIE, b"\x41\x07\x03\x41\xc3", 0x10, 16)
    assert record.deltas == ((0x1001, "$rbx: .undef"), (0x1002, "$rbx: $rbx"))


def test_rows_that_say_the_same_are_one() -> None:
    # advance 1; def_cfa_offset 8 again; advance 1; def_cfa_offset 16; advance 0; def_cfa_offset 24
    fde = b"\x41\x0e\x08\x41\x0e\x10\x40\x0e\x18"
    [record] = records("EM_X86_64", X86_64_CIE, fde, 0x10, 16)
    assert record.deltas == ((0x1002, ".cfa: $rsp 24 +"),)


def test_a_new_register_of_the_cfa_keeps_the_offset() -> None:
    # advance 1; def_cfa_offset 16; advance 3; def_cfa_register r6 (rbp)
    [record] = records("EM_X86_64", X86_64_CIE, b"\x41\x0e\x10\x43\x0d\x06", 0x10, 16)
    assert record.deltas == ((0x1001, ".cfa: $rsp 16 +"), (0x1004, ".cfa: $rbp 16 +"))


def test_remembered_state_comes_back_with_its_cfa() -> None:
    # remember; advance 4; def_cfa_offset 32; advance 4; restore
    [record] = records("EM_X86_64", X86_64_CIE, b"\x0a\x44\x0e\x20\x44\x0b", 0x10, 16)
    assert record.deltas == ((0x1004, ".cfa: $rsp 32 +"), (0x1008, ".cfa: $rsp 8 +"))


def test_frame_that_aligns_the_stack_has_expressions() -> None:
    # i686 main: CFA = *(ebp - 4); edi saved at ebp - 8; DW_CFA_val_expression esi = ebp + 16
    fde = b"\x41\x0f\x03\x75\x7c\x06\x10\x07\x02\x75\x78\x16\x06\x02\x75\x10"
    [record] = records("EM_386", b"\x0c\x04\x04\x88\x01", fde, 0x10, 8, data_factor=-4)
    assert record.deltas == ((0x1001, ".cfa: $ebp -4 + ^ $esi: $ebp 16 + $edi: $ebp -8 + ^"),)


def plt(expression: bytes) -> list[CfiRecord]:
    """A procedure linkage table of 64 bytes: from byte 16 on the CFA is an expression."""
    fde = b"\x46\x0e\x18\x4a\x0f" + bytes([len(expression)]) + expression
    return records("EM_X86_64", X86_64_CIE, fde, 0x40, 16)


def test_lazy_plt_has_an_expression() -> None:
    # rsp + 8 + ((rip & 15) >= 11) << 3
    [record] = plt(b"\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22")
    text = ".cfa: $rsp 8 + $rip 0 + 16 % 5 + 16 / 8 * +"
    assert record.deltas == ((0x1006, ".cfa: $rsp 24 +"), (0x1010, text))


def test_row_without_a_breakpad_form_ends_the_record() -> None:
    # rsp xor 8
    assert plt(b"\x77\x00\x38\x27") == [
        CfiRecord(0x1000, 0x10, ".cfa: $rsp 8 + .ra: .cfa -8 + ^", ((0x1006, ".cfa: $rsp 24 +"),))
    ]


def test_return_address_without_a_breakpad_form_ends_the_record() -> None:
    # advance 4; DW_CFA_val_expression r16 = rsp xor 8: not the outermost frame, but nothing to say
    fde = b"\x44\x16\x10\x04\x77\x00\x38\x27"
    assert records("EM_X86_64", X86_64_CIE, fde, 0x40, 16) == [
        CfiRecord(0x1000, 4, ".cfa: $rsp 8 + .ra: .cfa -8 + ^")
    ]


def test_cie_may_name_the_register_of_the_cfa_without_an_offset() -> None:
    # RISC-V: DW_CFA_def_cfa_register sp; advance 2; def_cfa_offset 16; ra at cfa-8
    [record] = records("EM_RISCV", b"\x0d\x02", b"\x42\x0e\x10\x81\x01", 0x10, 1)
    assert record.rules == ".cfa: sp 0 + .ra: ra"
    assert record.deltas == ((0x1002, ".cfa: sp 16 + .ra: .cfa -8 + ^"),)


def test_register_kept_in_another() -> None:
    # register r16 (rip) in r10
    [record] = records("EM_X86_64", X86_64_CIE, b"\x41\x09\x10\x0a", 0x10, 16)
    assert record.deltas == ((0x1001, ".ra: $r10"),)


def test_unknown_instruction_keeps_the_rows_before_it() -> None:
    parameters = Parameters(1, -8, lambda reader: reader.unsigned(8))
    interpreter = Interpreter(parameters, State(), 0x1000, Budget(0))
    with pytest.raises(MalformedError, match="unknown call frame instruction 0x3a"):
        interpreter.run(Reader(X86_64_CIE + b"\x44\x0e\x10\x44\x3a", little_endian=True))
    assert [row[0] for row in interpreter.rows] == [0x1000, 0x1004]


def test_clipped_entry_begins_with_the_row_in_force() -> None:
    cfa = Rule(RuleKind.REGISTER_OFFSET, 8, 7)
    entry = CfiEntry(0, 0x30, 16, tuple(CfiRow(a, cfa, {}) for a in (0, 0x10, 0x20)))
    part = entry.clipped(0x14, 0x20)
    assert (part.address, part.size) == (0x14, 0xC)
    assert [row.address for row in part.rows] == [0x14]
