# SPDX-License-Identifier: MIT
"""Call frame instructions: from a CIE and an FDE to rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.cfi.model import CfiRow, Rule, RuleKind

if TYPE_CHECKING:
    from crashsym.budget import Budget
    from crashsym.reader import Reader

# No CPU has DWARF numbers above these for registers that a symbol file can name.
_LARGEST_REGISTER = 511
_DEEPEST_STACK = 256  # compilers use one or two


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a CIE fixes for the instructions that follow it.

    ``window_word`` is the size in bytes of a register of SPARC, which saves them in windows; 0 for
    all other CPUs.
    """

    code_factor: int
    data_factor: int
    read_pointer: Callable[[Reader], int]
    window_word: int = 0


@dataclass(slots=True)
class State:
    """The row under construction."""

    cfa: Rule | None = None
    registers: dict[int, Rule] = field(default_factory=dict)

    def copy(self) -> State:
        """Return a state that changes on its own."""
        return State(self.cfa, dict(self.registers))


class Interpreter:
    """Executes call frame instructions. Source: DWARF 5 section 6.4.2 and 6.4.3.

    ``rows`` holds those that are complete; a row with no rule for the CFA has ``cfa`` None there.
    """

    def __init__(
        self, parameters: Parameters, initial: State, location: int, budget: Budget
    ) -> None:
        self._parameters = parameters
        self._initial = initial
        self._budget = budget
        self._stack: list[State] = []
        self.state = initial.copy()
        self.location = location
        self.rows: list[tuple[int, Rule | None, dict[int, Rule]]] = []

    def run(self, program: Reader) -> None:
        """Execute all instructions of ``program``.

        Raises:
            MalformedError: an instruction is unknown or truncated; `rows` are good up to there.
        """
        while program.left:
            opcode = program.unsigned(1)
            high, low = opcode & 0xC0, opcode & 0x3F
            if high == 0x40:  # DW_CFA_advance_loc
                self._advance(low * self._parameters.code_factor)
            elif high == 0x80:  # DW_CFA_offset
                self._set(low, self._factored(RuleKind.OFFSET, program.uleb()))
            elif high == 0xC0:  # DW_CFA_restore
                self._restore(low)
            elif opcode in _INSTRUCTIONS:
                _INSTRUCTIONS[opcode](self, program)
            elif opcode:  # 0 is DW_CFA_nop
                raise program.damage(f"unknown call frame instruction 0x{opcode:x}")

    def finish(self) -> None:
        """Complete the last row."""
        self._complete()

    def _complete(self) -> None:
        cfa, registers = self.state.cfa, self.state.registers
        if self.rows and self.rows[-1][1:] == (cfa, registers):
            return
        self._budget.spend(1 + len(registers), "call frame rows")
        self.rows.append((self.location, cfa, dict(registers)))

    def _advance(self, delta: int) -> None:
        if delta:
            self._complete()
            self.location += delta

    def _set(self, register: int, rule: Rule) -> None:
        if register <= _LARGEST_REGISTER:
            self.state.registers[register] = rule

    def _restore(self, register: int) -> None:
        rule = self._initial.registers.get(register)
        if rule is None:
            self.state.registers.pop(register, None)
        else:
            self.state.registers[register] = rule

    def _factored(self, kind: RuleKind, number: int) -> Rule:
        return Rule(kind, number * self._parameters.data_factor)

    # ---- one method for each instruction that takes operands

    def _set_loc(self, program: Reader) -> None:
        location = self._parameters.read_pointer(program)
        if location < self.location:
            raise program.damage(f"the rows go back to 0x{location:x}")
        self._advance(location - self.location)

    def _advance_loc1(self, program: Reader) -> None:
        self._advance(program.unsigned(1) * self._parameters.code_factor)

    def _advance_loc2(self, program: Reader) -> None:
        self._advance(program.unsigned(2) * self._parameters.code_factor)

    def _advance_loc8(self, program: Reader) -> None:
        self._advance(program.unsigned(8) * self._parameters.code_factor)

    def _advance_loc4(self, program: Reader) -> None:
        self._advance(program.unsigned(4) * self._parameters.code_factor)

    def _offset_extended(self, program: Reader) -> None:
        self._set(program.uleb(), self._factored(RuleKind.OFFSET, program.uleb()))

    def _offset_extended_sf(self, program: Reader) -> None:
        self._set(program.uleb(), self._factored(RuleKind.OFFSET, program.sleb()))

    def _negative_offset_extended(self, program: Reader) -> None:
        self._set(program.uleb(), self._factored(RuleKind.OFFSET, -program.uleb()))

    def _val_offset(self, program: Reader) -> None:
        self._set(program.uleb(), self._factored(RuleKind.VAL_OFFSET, program.uleb()))

    def _val_offset_sf(self, program: Reader) -> None:
        self._set(program.uleb(), self._factored(RuleKind.VAL_OFFSET, program.sleb()))

    def _restore_extended(self, program: Reader) -> None:
        self._restore(program.uleb())

    def _undefined(self, program: Reader) -> None:
        self._set(program.uleb(), Rule(RuleKind.UNDEFINED))

    def _same_value(self, program: Reader) -> None:
        self._set(program.uleb(), Rule(RuleKind.SAME_VALUE))

    def _register(self, program: Reader) -> None:
        self._set(program.uleb(), Rule(RuleKind.REGISTER, program.uleb()))

    def _expression(self, program: Reader) -> None:
        register = program.uleb()
        self._set(register, _expression_rule(RuleKind.EXPRESSION, program))

    def _val_expression(self, program: Reader) -> None:
        register = program.uleb()
        self._set(register, _expression_rule(RuleKind.VAL_EXPRESSION, program))

    def _remember_state(self, program: Reader) -> None:
        if len(self._stack) >= _DEEPEST_STACK:
            raise program.damage(f"more than {_DEEPEST_STACK} states are remembered")
        self._stack.append(self.state.copy())

    def _restore_state(self, program: Reader) -> None:
        if not self._stack:
            raise program.damage("a state is restored that was never remembered")
        self.state = self._stack.pop()

    def _def_cfa(self, program: Reader) -> None:
        self._define_cfa(program.uleb(), program.uleb())

    def _def_cfa_sf(self, program: Reader) -> None:
        register = program.uleb()
        self._define_cfa(register, program.sleb() * self._parameters.data_factor)

    def _def_cfa_register(self, program: Reader) -> None:
        self._define_cfa(program.uleb(), self._cfa_offset(program))

    def _def_cfa_offset(self, program: Reader) -> None:
        self._define_cfa(self._cfa_register(program), program.uleb())

    def _def_cfa_offset_sf(self, program: Reader) -> None:
        register = self._cfa_register(program)
        self._define_cfa(register, program.sleb() * self._parameters.data_factor)

    def _def_cfa_expression(self, program: Reader) -> None:
        self.state.cfa = _expression_rule(RuleKind.VAL_EXPRESSION, program)

    def _ignore(self, _program: Reader) -> None:
        """AArch64: the signed state of the return address. It changes no rule that we write.

        DW_CFA_AARCH64_negate_ra_state and its _with_pc variants; processors mask the signature
        bits off. Source: "DWARF for the Arm 64-bit Architecture" section 4.4.
        """

    def _set_ra_state(self, program: Reader) -> None:
        """AArch64: DW_CFA_AARCH64_set_ra_state, the same said outright (ABI of 2026, LLVM 23)."""
        program.uleb()  # the state
        program.sleb()  # where the signing instruction is

    def _save_window(self, program: Reader) -> None:
        """SPARC: DW_CFA_GNU_window_save, which has the number of AArch64's negate_ra_state.

        The outs are the ins of the caller's callee; locals and ins are at the CFA, one upon the
        other. Source: GDB gdb/sparc-tdep.c and gdb/dwarf2/frame.c.
        """
        word = self._parameters.window_word
        if not word:
            self._ignore(program)
            return
        for number in range(8, 16):
            self._set(number, Rule(RuleKind.REGISTER, number + 16))
        for number in range(16, 32):
            self._set(number, Rule(RuleKind.OFFSET, (number - 16) * word))

    def _ignore_number(self, program: Reader) -> None:
        program.uleb()  # DW_CFA_GNU_args_size

    def _define_cfa(self, register: int, offset: int) -> None:
        self.state.cfa = Rule(RuleKind.REGISTER_OFFSET, offset, register)

    def _cfa_offset(self, program: Reader) -> int:
        if self.state.cfa is None:
            return 0  # GNU as for RISC-V begins its CIE with DW_CFA_def_cfa_register alone
        if self.state.cfa.kind is not RuleKind.REGISTER_OFFSET:
            raise program.damage("the CFA has no offset that a new register could take over")
        return self.state.cfa.number

    def _cfa_register(self, program: Reader) -> int:
        if self.state.cfa is None or self.state.cfa.kind is not RuleKind.REGISTER_OFFSET:
            raise program.damage("the CFA has no register that a new offset could belong to")
        return self.state.cfa.register


def _expression_rule(kind: RuleKind, program: Reader) -> Rule:
    return Rule(kind, expression=program.take(program.uleb()))


# DWARF 5 section 7.24; 0x1d is MIPS', 0x2b to 0x2f are Arm's and GNU's.
_INSTRUCTIONS: dict[int, Callable[[Interpreter, Reader], None]] = {
    0x01: Interpreter._set_loc,
    0x02: Interpreter._advance_loc1,
    0x03: Interpreter._advance_loc2,
    0x04: Interpreter._advance_loc4,
    0x05: Interpreter._offset_extended,
    0x06: Interpreter._restore_extended,
    0x07: Interpreter._undefined,
    0x08: Interpreter._same_value,
    0x09: Interpreter._register,
    0x0A: Interpreter._remember_state,
    0x0B: Interpreter._restore_state,
    0x0C: Interpreter._def_cfa,
    0x0D: Interpreter._def_cfa_register,
    0x0E: Interpreter._def_cfa_offset,
    0x0F: Interpreter._def_cfa_expression,
    0x10: Interpreter._expression,
    0x11: Interpreter._offset_extended_sf,
    0x12: Interpreter._def_cfa_sf,
    0x13: Interpreter._def_cfa_offset_sf,
    0x14: Interpreter._val_offset,
    0x15: Interpreter._val_offset_sf,
    0x16: Interpreter._val_expression,
    0x1D: Interpreter._advance_loc8,
    0x2B: Interpreter._set_ra_state,
    0x2C: Interpreter._ignore,
    0x2D: Interpreter._save_window,
    0x2E: Interpreter._ignore_number,
    0x2F: Interpreter._negative_offset_extended,
}


def split_rows(
    rows: list[tuple[int, Rule | None, dict[int, Rule]]], end: int
) -> list[tuple[int, list[CfiRow]]]:
    """Cut rows into runs in which the CFA is known; return (end of run, rows) of each."""
    runs: list[tuple[int, list[CfiRow]]] = []
    run: list[CfiRow] = []
    for address, cfa, registers in rows:
        if cfa is None:
            if run:
                runs.append((address, run))
            run = []
        else:
            run.append(CfiRow(address, cfa, registers))
    return [*runs, (end, run)] if run else runs
