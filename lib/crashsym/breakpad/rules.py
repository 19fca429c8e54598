# SPDX-License-Identifier: MIT
"""Unwind rules → STACK CFI records.

Source: Breakpad docs/symbol_files.md "STACK CFI records"; what the processors make of the text was
read from Breakpad src/processor/cfi_frame_info.cc and rust-minidump breakpad-symbols walker.rs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from crashsym.breakpad.records import CfiRecord
from crashsym.cfi import RuleKind
from crashsym.errors import MalformedError
from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.cfi import CfiEntry, CfiRow, Rule

_LARGEST = (1 << 63) - 1  # processors compute with 64 bits
_LONGEST_WORD = 28  # a register and a number of 64 bits
_CFA, _RA = ".cfa", ".ra"
# DWARF 5 section 7.7.1
_OP_DEREF = 0x06
_OP_CONSTANTS = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True)}
_OP_CONSTANTS |= {0x0C: (4, False), 0x0D: (4, True), 0x0E: (8, False), 0x0F: (8, True)}
_OP_CONSTU, _OP_CONSTS = 0x10, 0x11
_OP_ARITHMETIC = {0x1C: "-", 0x1E: "*", 0x22: "+"}
_OP_PLUS_UCONST = 0x23
_OP_LIT0, _OP_LIT31 = 0x30, 0x4F
_OP_BREG0, _OP_BREG31, _OP_BREGX = 0x70, 0x8F, 0x92


class RuleWriter:
    """Writes the rules of one module."""

    def __init__(self, registers: dict[int, str], load_base: int, *, little_endian: bool) -> None:
        self._registers = registers
        self._load_base = load_base
        self._little_endian = little_endian
        self._texts: dict[str, str] = {}

    def records(self, entry: CfiEntry) -> list[CfiRecord]:
        """Return the records of one entry.

        Rows whose CFA has no Breakpad form (the stubs of the procedure linkage table) are left
        out: one record ends before them and another begins behind them.
        """
        records: list[CfiRecord] = []
        run: list[tuple[int, dict[str, str]]] = []
        for row in entry.rows:
            rules = self._rules(row, entry.return_column)
            if rules is None:
                records += self._close(run, row.address)
                run = []
            else:
                run.append((row.address, rules))
        return records + self._close(run, entry.address + entry.size)

    def _close(self, run: list[tuple[int, dict[str, str]]], end: int) -> list[CfiRecord]:
        if not run:
            return []
        start, rules = run[0]
        deltas = []
        for (_, before), (address, now) in pairwise(run):
            changes = [f"{name}: {text}" for name, text in now.items() if before.get(name) != text]
            # A register that has lost its rule holds the caller's value again.
            changes += [f"{name}: {name}" for name in before if name not in now]
            if changes:
                deltas.append((address - self._load_base, " ".join(changes)))
        text = " ".join(f"{name}: {rule}" for name, rule in rules.items())
        text = self._texts.setdefault(text, text)  # a few dozen texts serve most functions
        return [CfiRecord(start - self._load_base, end - start, text, tuple(deltas))]

    def _rules(self, row: CfiRow, return_column: int) -> dict[str, str] | None:
        """Return name → expression, ``.cfa`` and ``.ra`` first; None without a usable CFA."""
        cfa = self._expression(row.cfa, "")
        if cfa is None:
            return None
        rules = {_CFA: cfa, _RA: self._return_address(row, return_column)}
        for number, rule in sorted(row.registers.items()):
            name = self._registers.get(number)
            if name is None or number == return_column:
                continue
            text = self._expression(rule, name)
            rules[name] = text if text is not None else ".undef"
        return {name: text for name, text in rules.items() if text != name}

    def _return_address(self, row: CfiRow, column: int) -> str:
        """Return the rule of ``.ra``, which is never left out.

        No rule: it is still in its register. An undefined one marks the outermost frame (GNU as
        documentation, ``.cfi_undefined``); 0 ends the walk in both processors, while without a
        rule they go on to guess by scanning the stack.
        """
        register = self._registers.get(column, "")
        rule = row.registers.get(column)
        if rule is None or rule.kind is RuleKind.SAME_VALUE:
            return register or "0"
        return self._expression(rule, register) or "0"

    def _expression(self, rule: Rule, same: str) -> str | None:
        """Return the postfix form of one rule; None when Breakpad has none."""
        kind = rule.kind
        if not -_LARGEST <= rule.number <= _LARGEST:
            return None
        if kind is RuleKind.REGISTER_OFFSET:
            name = self._registers.get(rule.register)
            return f"{name} {rule.number} +" if name else None
        if kind is RuleKind.OFFSET:
            return f".cfa {rule.number} + ^"
        if kind is RuleKind.VAL_OFFSET:
            return f".cfa {rule.number} +"
        if kind is RuleKind.SAME_VALUE:
            return same
        if kind is RuleKind.REGISTER:
            return self._registers.get(rule.number)
        if kind is RuleKind.UNDEFINED:
            return None
        text = self._postfix(rule.expression)
        return f"{text} ^" if text and kind is RuleKind.EXPRESSION else text

    def _postfix(self, expression: bytes) -> str | None:
        """Translate a DWARF expression (DWARF 5 section 2.5), or return None.

        Frames that align the stack (DRAP: every ``main`` of i686) and signal frames need
        registers, constants, sums and loads; Breakpad has no comparisons and no stack operations.
        """
        reader = Reader(expression, little_endian=self._little_endian)
        words: list[str] = []
        try:
            while reader.left:
                word = self._operation(reader)
                if word is None or len(word) > _LONGEST_WORD:
                    return None
                words.append(word)
        except MalformedError:
            return None  # a broken expression is one that cannot be evaluated
        return " ".join(words) or None

    def _operation(self, reader: Reader) -> str | None:
        code = reader.unsigned(1)
        if _OP_BREG0 <= code <= _OP_BREG31 or code == _OP_BREGX:
            name = self._registers.get(reader.uleb() if code == _OP_BREGX else code - _OP_BREG0)
            offset = reader.sleb()
            return f"{name} {offset} +" if name else None
        if _OP_LIT0 <= code <= _OP_LIT31:
            return str(code - _OP_LIT0)
        if code in _OP_CONSTANTS:
            size, signed = _OP_CONSTANTS[code]
            return str(reader.signed(size) if signed else reader.unsigned(size))
        if code in (_OP_CONSTU, _OP_CONSTS):
            return str(reader.uleb() if code == _OP_CONSTU else reader.sleb())
        if code == _OP_PLUS_UCONST:
            return f"{reader.uleb()} +"
        return "^" if code == _OP_DEREF else _OP_ARITHMETIC.get(code)
